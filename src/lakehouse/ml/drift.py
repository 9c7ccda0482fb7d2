"""Drift: whether the customers that the model is asked about are still like those it has learnt from.

The measure is the population stability index, PSI: sum of (now - then) * ln(now / then) over ten bins, where `then`
and `now` are the shares of the rows in a bin. By the usual rule of thumb below 0.1 nothing has moved, and from 0.25 on
it is another population (Siddiqi, Credit Risk Scorecards, 2006).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

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
