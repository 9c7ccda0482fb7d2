"""The audit table: what arrived, when, from where, how many rows, and what was refused."""

from dataclasses import astuple, dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import tables

ENTRY = (
    "run_id STRING, source STRING, item STRING, rows BIGINT, rescued BIGINT, refused BIGINT, reason STRING, "
    "arrived_at TIMESTAMP"
)
TABLE = (
    "run_id STRING, source STRING, item STRING, arrived_at TIMESTAMP, ingested_at TIMESTAMP, rows BIGINT, "
    "rescued BIGINT, refused BIGINT, reason STRING"
)


@dataclass(frozen=True)
class Entry:
    """One thing that a run took in from a source: a file, or the range of a query such as `updated_at >= …`.

    `rows` were written, `rescued` of them with something in the rescued-data column; `refused` were set aside, and
    `reason` says why. `arrived_at` is when the source delivered it: the modification time of a file; NULL is now.
    """

    run_id: str
    source: str
    item: str
    rows: int
    rescued: int = 0
    refused: int = 0
    reason: str | None = None
    arrived_at: datetime | None = None


def as_entries(noted: DataFrame) -> DataFrame:
    """The columns of the audit table in their order, from a frame that has those of an Entry."""
    now = F.current_timestamp()
    return noted.select(
        "run_id",
        "source",
        "item",
        F.coalesce("arrived_at", now).alias("arrived_at"),
        now.alias("ingested_at"),
        "rows",
        "rescued",
        "refused",
        "reason",
    )


def record(spark: SparkSession, audit: str, entry: Entry) -> None:
    """Append one entry to the audit table, which the first one makes.

    Columns: run_id, source, item, arrived_at, ingested_at, rows, rescued, refused, reason. Grain: an item of a run;
    key: run_id, source and item.
    """
    tables.append(as_entries(spark.createDataFrame([astuple(entry)], ENTRY)), audit)


def arrivals(spark: SparkSession, audit: str) -> DataFrame:
    """What arrived, when, from where, how many, what was refused. One row a source and date of arrival, in that order.

    Columns: source, arrived_on, items, rows, rescued, refused, reasons (a sorted array), last_ingested_at.
    """
    return (
        spark.table(tables.identifier(audit))
        .groupBy("source", F.to_date("arrived_at").alias("arrived_on"))
        .agg(
            F.count_distinct("item").alias("items"),
            F.sum("rows").alias("rows"),
            F.sum("rescued").alias("rescued"),
            F.sum("refused").alias("refused"),
            F.sort_array(F.collect_set("reason")).alias("reasons"),
            F.max("ingested_at").alias("last_ingested_at"),
        )
        .orderBy("source", "arrived_on")
    )
