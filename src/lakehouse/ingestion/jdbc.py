"""A database over JDBC: in parallel by the ranges of a column, and what is new by a watermark column."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

Bound = int | date | datetime


def bounds(spark: SparkSession, url: str, properties: Mapping[str, str], table: str, column: str) -> tuple[Any, Any]:
    """The smallest and the largest value of a column, found by the database; (None, None) of an empty table."""
    question = f"(SELECT min({column}) AS lower, max({column}) AS upper FROM {table}) AS bounds"
    row = spark.read.jdbc(url, question, properties=dict(properties)).first()
    assert row is not None
    return row["lower"], row["upper"]


def read_partitioned(
    spark: SparkSession,
    url: str,
    properties: Mapping[str, str],
    table: str,
    column: str,
    lower: Bound,
    upper: Bound,
    partitions: int,
) -> DataFrame:
    """A table, or a subquery `(SELECT …) AS name`, read by `partitions` queries at once.

    `column` is a number, a date or a timestamp. The bounds only say where to cut: the range between them is cut into
    equal steps, the first query also takes what lies below and the NULLs, the last one what lies above. So wrong bounds
    lose no row; they put most rows into one query. Each query is a transaction of its own, so rows that change
    meanwhile may be seen twice or not at all.
    """
    reader = spark.read.format("jdbc").options(url=url, dbtable=table, **properties)
    cut = {"partitionColumn": column, "lowerBound": str(lower), "upperBound": str(upper)}
    return reader.options(numPartitions=partitions, **cut).load()


def read_since(
    spark: SparkSession,
    url: str,
    properties: Mapping[str, str],
    table: str,
    column: str,
    since: datetime | None,
    overlap: timedelta = timedelta(0),
) -> DataFrame:
    """The rows whose watermark `column` is not older than `since` less `overlap`; all of them where `since` is None.

    The database filters. A row gets its timestamp when it is written, and is visible when its transaction commits: a
    long transaction brings rows that are older than what was read before. `overlap` must be longer than the longest
    transaction, and what it reads again must be merged by key, not appended. Deleted rows never show.
    """
    rows = spark.read.jdbc(url, table, properties=dict(properties))
    return rows if since is None else rows.where(F.col(column) >= F.lit(since - overlap))
