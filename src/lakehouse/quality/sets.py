"""What no single row can show: uniqueness, references, sums, freshness and volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.quality.rules import BEGINNING
from lakehouse.quality.thresholds import Limits

SetKind = Literal["uniqueness", "reference", "sum", "freshness", "volume"]


@dataclass(frozen=True)
class SetRule:
    """Something that must hold of many rows together: one number, in `unit`, which is within `limits`.

    Without limits the rule's own history gives them. There is no row to drop: a `warn` is told, a `fail` ends the run.
    """

    name: str
    kind: SetKind
    table: str
    severity: Literal["warn", "fail"]
    owner: str
    meaning: str
    unit: str
    limits: Limits | None
    since: date = BEGINNING


def repeated(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """The keys that more than one row has. Give it the rows of all batches: each batch alone may be without a repeat.

    A NULL in a key is equal to a NULL, as in GROUP BY. Columns: those of the key, copies. Grain: a key.
    """
    return rows.groupBy(*key).agg(F.count(F.lit(1)).alias("copies")).where("copies > 1")


def unmatched(
    rows: DataFrame, key: str, known: DataFrame, *, arrived: str, now: datetime, grace: timedelta
) -> DataFrame:
    """The values of `key` that the column of that name of `known` lacks, and whether they may still come.

    A parent may come later than its child: `late` is true while no row with the value arrived, by its column
    `arrived`, more than `grace` before `now`. A NULL refers to nothing and is left out. Columns: key, rows,
    first_arrived, late. Grain: a value.
    """
    orphans = rows.where(F.col(key).isNotNull()).join(known.select(key), key, "left_anti")
    found = orphans.groupBy(key).agg(F.count(F.lit(1)).alias("rows"), F.min(arrived).alias("first_arrived"))
    return found.withColumn("late", F.coalesce(F.col("first_arrived") >= F.lit(now - grace), F.lit(False)))


def sums(rows: DataFrame, totals: DataFrame, by: Sequence[str], column: str) -> DataFrame:
    """The sums of a column, beside the control totals that the sender gave in the column of that name of `totals`.

    `by` names at least one column, and `totals` has one row a group. Columns: those of `by`, found, announced,
    difference (found - announced). A group that only one side has, has NULL on the other side and in `difference`: it
    is missing, and not zero. The column should be a DECIMAL: sums of floating-point numbers depend on the order of the
    rows. Grain: a group.
    """
    same = reduce(Column.__and__, (F.col(f"one.{name}").eqNullSafe(F.col(f"other.{name}")) for name in by))
    found = rows.groupBy(*by).agg(F.sum(column).alias("found"), F.lit(True).alias("_there"))
    announced = totals.select(*by, F.col(column).alias("announced"), F.lit(True).alias("_there"))
    joined = found.alias("one").join(announced.alias("other"), same, "full")
    groups = [F.when(F.col("one._there"), F.col(f"one.{name}")).otherwise(F.col(f"other.{name}")) for name in by]
    return joined.select(
        *(group.alias(name) for group, name in zip(groups, by, strict=True)),
        "found",
        "announced",
        (F.col("found") - F.col("announced")).alias("difference"),
    )


def freshness(rows: DataFrame, at: str, now: datetime, by: Sequence[str] = ()) -> DataFrame:
    """How old the newest row is, of all or of each group. Columns: those of `by`, rows, newest, hours. Grain: a group.

    Without groups there is one row, and where there are no rows at all its `newest` and `hours` are NULL. `at` should
    be when something happened, and not when a file was written: old rows may come in a new file.
    """
    newest = rows.groupBy(*by).agg(F.count(F.lit(1)).alias("rows"), F.max(at).alias("newest"))
    seconds = F.unix_micros(F.lit(now)) - F.unix_micros("newest")
    return newest.withColumn("hours", seconds / F.lit(3_600_000_000))


def volume(rows: DataFrame, on: str, days: DataFrame) -> DataFrame:
    """How many rows each day has; 0 for a day of `days` that has none.

    `days` has the days that were due, in a column of the name `on`, one row a day: a day without rows is in no row.
    Columns: the day, rows. Grain: a day.
    """
    counted = rows.groupBy(on).agg(F.count(F.lit(1)).alias("rows"))
    return days.select(on).join(counted, on, "left").select(on, F.coalesce("rows", F.lit(0)).alias("rows"))
