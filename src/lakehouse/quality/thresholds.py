"""Limits from what was usual, in the place of constants that somebody once guessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

# With fewer values the median of the distances says little.
LEAST = 7
# Of normally distributed values, the standard deviation is so many median absolute deviations.
DEVIATIONS = 1.4826
# Further off than 3.5 is an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
WIDTH = 3.5
# No narrower than this share of the median, or a history that never moved would forbid any movement.
NARROWEST = 0.05

Verdict = Literal["pass", "fail", "no data"]


@dataclass(frozen=True)
class Limits:
    """What a measure may be, both ends included; None for no limit at that end."""

    low: float | None = None
    high: float | None = None

    def judge(self, value: float | None) -> Verdict:
        """pass or fail; no data where nothing was measured, which is not the same as zero."""
        if value is None:
            return "no data"
        too_low = self.low is not None and value < self.low
        return "fail" if too_low or (self.high is not None and value > self.high) else "pass"


def threshold(history: Sequence[float | None]) -> Limits | None:
    """What is usual by the history of a measure: the median, and so far around it as its values are apart.

    The distance is 3.5 standard deviations, which are taken from the median absolute deviation (MAD): unlike mean and
    standard deviation, it hardly moves for a few wild values. It is at least 5 % of the median. None, for no verdict,
    where fewer than seven values are known; days without a value do not count.
    """
    known = [value for value in history if value is not None]
    if len(known) < LEAST:
        return None
    middle = median(known)
    deviation = median(abs(value - middle) for value in known)
    width = max(WIDTH * DEVIATIONS * deviation, NARROWEST * abs(middle))
    return Limits(middle - width, middle + width)


def against_history(values: Iterable[float | None], days: int = 28) -> list[Verdict]:
    """Each value, the earliest first, judged by the threshold of the good ones among those before it.

    A value that failed is left out of the history, or a fault that lasts would become what is usual. So a lasting
    change that is none keeps failing until somebody begins the history anew. The history is the last `days` values.
    """
    good: list[float] = []
    found: list[Verdict] = []
    for value in values:
        limits = threshold(good[-days:])
        found.append(limits.judge(value) if limits else "no data")
        if value is not None and found[-1] != "fail":
            good.append(value)
    return found
