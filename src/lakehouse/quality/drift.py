"""Drift: whether the rows of today are still like those of before, such as those that a model has learnt from.

The measure is the population stability index, PSI: sum of (now - then) * ln(now / then) over ten bins, where `then`
and `now` are the shares of the rows in a bin. By the usual rule of thumb below 0.1 nothing has moved, and from 0.25 on
it is another population (Siddiqi, Credit Risk Scorecards, 2006).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.quality.profile import Profile

BINS = 10
MODERATE, LARGE = 0.1, 0.25
LEAST_SHARE = 0.0001  # an empty bin would make the logarithm infinite

Reference = Mapping[str, Mapping[str, Sequence[float]]]
"""By column: `edges`, ascending, and `shares`, one more than edges: those below the first edge, and so on."""


def reference(rows: pd.DataFrame, columns: Sequence[str]) -> Reference:
    """The bins of each column, with as many of the rows in each as ties allow, and their shares."""
    found = {}
    for name in columns:
        edges = np.unique(np.quantile(rows[name], np.arange(1, BINS) / BINS))
        shares = np.bincount(np.digitize(rows[name], edges), minlength=len(edges) + 1) / len(rows)
        found[name] = {"edges": edges.tolist(), "shares": shares.tolist()}
    return found


def psi(then: Sequence[float], now: Sequence[float]) -> float:
    """The population stability index of two rows of shares, bin by bin."""
    before, after = (np.maximum(shares, LEAST_SHARE) for shares in (then, now))
    return float(np.sum((after - before) * np.log(after / before)))


def verdict(index: float) -> str:
    """stable, moderate or large."""
    return "large" if index >= LARGE else "moderate" if index >= MODERATE else "stable"


def drift(rows: DataFrame, known: Reference) -> dict[str, float]:
    """The PSI of each column of the reference, between the rows that it was made from and these. One query."""
    binned = rows.select(F.inline(F.array(*(_bin(name, known[name]["edges"]) for name in known))))
    counts = {(row["column"], row["bin"]): row["count"] for row in binned.groupBy("column", "bin").count().collect()}
    found = {}
    for name, reference in known.items():
        now = [counts.get((name, number), 0) for number in range(len(reference["shares"]))]
        found[name] = psi(reference["shares"], [count / max(sum(now), 1) for count in now])
    return found


def _bin(name: str, edges: Sequence[float]) -> Column:
    """The column's name, and the number of the bin that its value is in: how many edges are not above it."""
    # As one text: thousands of calls into Java take longer than the query.
    numbers = ", ".join(f"{edge!r}D" for edge in edges)
    return F.expr(f"struct('{name}' AS column, size(filter(array({numbers}), edge -> edge <= {name})) AS bin)")


@dataclass(frozen=True)
class Moved:
    """One measure of a table, on two days. `value` is how far it moved, None where there is nothing to compare.

    `measure` is rows (today's in parts of those before), nulls (the share today less that before), new (the share of
    today's values that were not there before), or psi; `column` is "" for the table itself.
    """

    column: str
    measure: str
    value: float | None

    @property
    def name(self) -> str:
        """Such as `nulls of email`."""
        return f"{self.measure} of {self.column}" if self.column else self.measure


def moved(before: Profile, after: Profile) -> list[Moved]:
    """How far a table has moved from one profile to another, each measure of each column that both have.

    PSI is taken over the commonest values of texts, and over the bins of numbers: both profiles need the same edges,
    such as `edges_of(before)`.
    """
    found = [Moved("", "rows", _part(_rows(after), _rows(before)))]
    for name in (name for name in before if name in after):
        then, now = before[name], after[name]
        shares = _null_share(then), _null_share(now)
        found.append(Moved(name, "nulls", None if None in shares else shares[1] - shares[0]))  # type: ignore[operator]
        if "top" in then and "top" in now:
            new = sum(number for value, number in now["top"].items() if value not in then["top"])
            found.append(Moved(name, "new", _part(new, sum(now["top"].values()))))
        for measure in ("top", "bin"):
            if measure in then and measure in now:
                found.append(Moved(name, "psi", _psi(then[measure], now[measure])))
    return found


def _rows(profile: Profile) -> float:
    return next((measures["rows"][""] for measures in profile.values()), 0.0)


def _null_share(measures: Mapping[str, Mapping[str, float]]) -> float | None:
    return _part(measures["nulls"][""], measures["rows"][""])


def _part(number: float, whole: float) -> float | None:
    return number / whole if whole else None


def _psi(then: Mapping[str, float], now: Mapping[str, float]) -> float | None:
    """The index over the values, or the bins, that either day has; None where one of them has no rows."""
    values, (before, after) = sorted({*then, *now}), (sum(then.values()), sum(now.values()))
    if not before or not after:
        return None
    return psi([then.get(value, 0) / before for value in values], [now.get(value, 0) / after for value in values])
