"""The gate: what a new model must show, on the newest quarter's rows, before anything is decided by it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CALIBRATION_BINS = 5
CALIBRATED_WITHIN = 0.05
CHANCE = 2.0  # standard errors


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be the champion; `reasons` has a sentence for each thing that speaks against it."""

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing does."""
        return not self.reasons


def judge(rows: pd.DataFrame) -> Verdict:
    """Judge the candidate by rows that it has not seen: churned, segment, probability, baseline and, if any, champion.

    It must have a smaller Brier score (the mean squared error of a probability) than the baseline and than the
    champion, on the same rows; be calibrated in each fifth of its probabilities; and be worse in no segment than the
    champion, or than the baseline where there is no champion. What chance explains, two standard errors, is allowed.
    """
    rivals = [name for name in ("baseline", "champion") if name in rows]
    found = [better_than(rows, name) for name in rivals]
    found += [calibrated(rows), *worse_segments(rows, rivals[-1])]
    return Verdict(tuple(reason for reason in found if reason))


def better_than(rows: pd.DataFrame, rival: str) -> str | None:
    """Why the candidate is not better than a rival; None where it is."""
    own, other = (float(_errors(rows, name).mean()) for name in ("probability", rival))
    if own < other:
        return None
    return f"it is not better than the {rival}: its Brier score is {own:.4f}, that of the {rival} {other:.4f}"


def calibrated(rows: pd.DataFrame) -> str | None:
    """Where the candidate says something else than what happens, by more than 5 points and what chance explains."""
    for _, part in rows.groupby(fifths(rows["probability"])):
        said, happened = part["probability"].mean(), part["churned"].mean()
        allowed = CALIBRATED_WITHIN + CHANCE * np.sqrt(said * (1 - said) / len(part))
        if abs(said - happened) > allowed:
            return (
                f"it is not calibrated: of {len(part)} members to whom it gives {said:.0%} on average, "
                f"{happened:.0%} left"
            )
    return None


def fifths(probability: "pd.Series[float]") -> NDArray[np.int64]:
    """The fifth that each probability is in, 0 the lowest; equal ones are in the same, so there may be fewer."""
    edges = np.unique(np.quantile(probability, np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS))
    return np.digitize(probability, edges, right=True)


def worse_segments(rows: pd.DataFrame, rival: str) -> list[str]:
    """A sentence for each segment in which the candidate's errors are larger than a rival's, beyond chance."""
    found = []
    for segment, part in rows.groupby("segment"):
        worse = _errors(part, "probability") - _errors(part, rival)
        if len(part) > 1 and worse.mean() > CHANCE * worse.std() / np.sqrt(len(part)):
            found.append(f"it is worse than the {rival} for the {len(part)} members of the segment {segment}")
    return found


def _errors(rows: pd.DataFrame, name: str) -> "pd.Series[float]":
    return (rows[name] - rows["churned"]) ** 2
