"""Data quality: what is wrong with a table, how much, since when, and who must know. It knows nothing of the platform.

`rules` are about rows, and `judge` measures a table by them; `sets` is about what no row shows, `thresholds` about
what is usual. `profile` says what is in a table, `drift` how that has moved, `alerts` when somebody must be woken.
`contract` compares what comes with what was agreed, `reconcile` one table with another.
"""

from lakehouse.quality.alerts import alerts
from lakehouse.quality.drift import Moved, moved, psi
from lakehouse.quality.judge import Judged, judge, shares
from lakehouse.quality.picture import pictured
from lakehouse.quality.profile import Profile, as_profile, edges_of, profile
from lakehouse.quality.reconcile import fingerprint_of, reconcile
from lakehouse.quality.rules import (
    KEPT_OUT,
    REASON,
    Kind,
    Rule,
    Severity,
    as_frame,
    broken,
    fingerprint,
    reasons,
    rules_from,
)
from lakehouse.quality.sets import SetRule, freshness, repeated, sums, unmatched, volume
from lakehouse.quality.thresholds import Limits, Verdict, against_history, threshold

__all__ = [
    "KEPT_OUT",
    "REASON",
    "Judged",
    "Kind",
    "Limits",
    "Moved",
    "Profile",
    "Rule",
    "SetRule",
    "Severity",
    "Verdict",
    "against_history",
    "alerts",
    "as_frame",
    "as_profile",
    "broken",
    "edges_of",
    "fingerprint",
    "fingerprint_of",
    "freshness",
    "judge",
    "moved",
    "pictured",
    "profile",
    "psi",
    "reasons",
    "reconcile",
    "repeated",
    "rules_from",
    "shares",
    "sums",
    "threshold",
    "unmatched",
    "volume",
]
