"""Reconciling two tables that should say the same: first by numbers that cost little, then key by key."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import tables


def reconcile(one: DataFrame, other: DataFrame, key: Sequence[str]) -> DataFrame:
    """The keys that are not the same in both: `missing` from the other, `extra` there, or `changed`, and in what.

    A column that only one of them has is not compared. NULL equals NULL, in a key too. A key that several rows have is
    changed where these are not the same rows, equally often. Columns: those of the key, difference, columns (the names
    of those that differ; none where only the number of rows does; NULL unless changed). Grain: a key; empty where both
    are the same.
    """
    shared = [name for name in one.columns if name in other.columns and name not in key]
    rows = F.sort_array(F.collect_list(F.struct(*key, *shared))).alias("rows")
    before, after = (frame.groupBy(*key).agg(rows, F.lit(True).alias("there")) for frame in (one, other))
    same = reduce(Column.__and__, (F.col(f"one.{name}").eqNullSafe(F.col(f"other.{name}")) for name in key))
    both = before.alias("one").join(after.alias("other"), same, "full")
    missing, extra = F.col("other.there").isNull(), F.col("one.there").isNull()
    differ = [
        F.when(~F.col("one.rows")[0][name].eqNullSafe(F.col("other.rows")[0][name]), F.lit(name)) for name in shared
    ]
    columns = F.array_compact(F.array(*differ)) if differ else F.array().cast("ARRAY<STRING>")
    return both.where(~F.col("one.rows").eqNullSafe(F.col("other.rows"))).select(
        *(F.when(extra, F.col(f"other.{name}")).otherwise(F.col(f"one.{name}")).alias(name) for name in key),
        F.when(missing, "missing").when(extra, "extra").otherwise("changed").alias("difference"),
        F.when(~missing & ~extra, columns).alias("columns"),
    )


def fingerprint_of(frame: DataFrame) -> DataFrame:
    """A number for all rows of a table, whatever their order, in one aggregation. Columns: rows, hash. One row.

    `hash` is the sum of the rows' hashes: unlike an exclusive or, it counts a row that comes twice. Tables with the
    same columns in the same order and equal numbers have the same rows, but for a chance of about 1 in 10^19. It finds
    mistakes, and does not keep out somebody who means to deceive: the hash is not a cryptographic one.
    """
    each = F.expr(tables.content_hash(frame.columns)).cast("DECIMAL(38,0)")
    return frame.agg(F.count(F.lit(1)).alias("rows"), F.coalesce(F.sum(each), F.lit(0)).alias("hash"))
