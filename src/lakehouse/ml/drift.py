"""Drift: whether the customers that the model is asked about are still like those it has learnt from.

The measure is the population stability index, PSI: sum of (now - then) * ln(now / then) over ten bins, where `then`
and `now` are the shares of the rows in a bin. By the usual rule of thumb below 0.1 nothing has moved, and from 0.25 on
it is another population (Siddiqi, Credit Risk Scorecards, 2006).
"""

from collections.abc import Mapping, Sequence
from functools import reduce

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
    counts = [
        F.count_if(_bin(name, known[name]["edges"]) == number).alias(f"{name} {number}")
        for name in known
        for number in range(len(known[name]["shares"]))
    ]
    [found] = rows.agg(F.count("*").alias("rows"), *counts).collect()
    total = max(found["rows"], 1)
    return {
        name: psi(known[name]["shares"], [found[f"{name} {n}"] / total for n in range(len(known[name]["shares"]))])
        for name in known
    }


def _bin(name: str, edges: Sequence[float]) -> Column:
    """The number of the bin: how many edges are not above the value."""
    return reduce(lambda sum, edge: sum + (F.col(name) >= edge).cast("INT"), edges, F.lit(0))
