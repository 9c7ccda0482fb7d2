"""A stream taken in batch by batch: rows in their columns, what is none, and the books, each written once.

What the batches are of is the business of the modules that use this one: files, or the events of a log.
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import Literal

from pyspark.errors import StreamingQueryException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from lakehouse import tables
from lakehouse.ingestion import audit as books
from lakehouse.ingestion.formats import RAW, Records, merged
from lakehouse.ingestion.rescue import RESCUED, fitted, origin
from lakehouse.ingestion.schemas import add_version, can_be_a_column, hinted, schema_versions

Evolution = Literal["add_columns", "rescue", "fail", "none"]


class NewColumns(Exception):
    """Records have columns that the schema lacks, and `evolution="fail"`."""


@dataclass(frozen=True)
class Ingested:
    """What one run took in: items such as files, rows written, rows of these with something rescued, records refused.

    `new_columns` were added to the schema that was there; `schema_version` is the last one, None where there is none.
    """

    files: int
    rows: int
    rescued: int
    refused: int
    new_columns: tuple[str, ...]
    schema_version: int | None


@dataclass(frozen=True)
class Item:
    """One thing of a batch, such as a file: its rows, its records that are none and why, and its rows' columns."""

    place: str
    rows: int = 0
    refused: int = 0
    reason: str | None = None
    names: frozenset[str] = frozenset()
    arrived_at: datetime | None = None


def items_of(records: DataFrame, place: Column) -> list[Item]:
    """The items that records belong to, by the place of each."""
    good = F.col("_reason").isNull()
    found = records.groupBy(place.alias("place")).agg(
        F.count_if(good).alias("rows"),
        F.count_if(~good).alias("refused"),
        F.max("_reason").alias("reason"),
        F.collect_set(F.when(good, F.sort_array(F.map_keys(F.from_json("_record", RAW))))).alias("names"),
    )
    return [
        Item(row["place"], row["rows"], row["refused"], row["reason"], frozenset().union(*row["names"]))
        for row in found.collect()
    ]


@dataclass(frozen=True)
class Load:
    """What a batch must know, in plain values: on Spark Connect it runs in another process.

    `texts` says that all values are texts, as in CSV. The others are as `ingest_new_files` explains them.
    """

    target: str
    checkpoint: str
    evolution: Evolution
    hints: str | None
    audit: str
    source: str
    properties: dict[str, str]
    texts: bool
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def take_in(self, stream: DataFrame, batch: Callable[[DataFrame, int], None]) -> Ingested:
        """Run `batch`, which calls `write`, on what is new in the stream, and stop.

        Raises ValueError for hints with a name that no column can have.
        """
        if wrong := [name for name in hinted(StructType([]), self.hints).names if not can_be_a_column(name)]:
            raise ValueError(
                f"schema_hints gives a type to {', '.join(map(repr, wrong))}, which cannot be a column: "
                "choose a name that does not begin with _ and has no blank and none of , ; { } ( ) = . and `."
            )
        spark = stream.sparkSession
        before = schema_versions(spark, self.checkpoint)
        writer = stream.writeStream.foreachBatch(batch).option("checkpointLocation", self.checkpoint)
        query = writer.trigger(availableNow=True).start()
        try:
            query.awaitTermination()
        except StreamingQueryException as error:
            if found := re.search(rf"{NewColumns.__name__}: (.+)", str(error)):
                raise NewColumns(found[1]) from None
            raise
        return self._result(spark, before)

    def write(self, records: Records, items: Sequence[Item], place: Column, number: int) -> None:
        """Write a batch: its rows, what was refused, and the books, each table once.

        `place` gives the item of each record, and of each row of the target.
        """
        spark = records.rows.sparkSession
        schema = self._schema(spark, records, _names(items))
        stream = _stream_id(spark, self.checkpoint)
        now = {"_ingested_at": F.current_timestamp(), "_batch_id": F.lit(number).cast("BIGINT")}
        if schema.names or any(item.rows for item in items):
            good = records.rows.where("_reason IS NULL")
            rows = fitted(good, schema, self.texts, self.evolution != "none")
            rows = rows.withColumns({"_source": F.lit(self.source), "_row_hash": F.xxhash64("_record"), **now})
            rows = rows.drop("_record", "_reason")
            tables.write_once(rows, self.target, stream, number, mergeSchema=True, **self.properties)
        if any(item.refused for item in items):
            refused = records.rows.where("_reason IS NOT NULL").withColumns(now)
            record, reason = F.col("_record").alias("record"), F.col("_reason").alias("reason")
            refused = refused.select(record, reason, origin(records.rows), *now)
            tables.write_once(refused, f"{self.target}_refused", stream, number)
        tables.write_once(self._entries(spark, items, place, number), self.audit, stream, number)

    def _schema(self, spark: SparkSession, records: Records, names: dict[str, str]) -> StructType:
        """The schema to read the batch with, stored as a new version where it differs from the last one."""
        versions = schema_versions(spark, self.checkpoint)
        last = versions[-1] if versions else StructType([])
        hints = hinted(StructType([]), self.hints)
        hinted_all = bool(names) and {name.lower() for name in names} <= {name.lower() for name in hints.names}
        schema = merged([last, hints]) if versions or hinted_all else hinted(merged([records.schema()]), self.hints)
        schema = StructType([field for field in schema if can_be_a_column(field.name)])
        known = {name.lower() for name in schema.names}
        new = sorted(name for name in names if name.lower() not in known)
        if new and self.evolution == "fail":
            raise NewColumns(
                f"{names[new[0]].rpartition('/')[2]} has columns that the schema lacks: {', '.join(new)}. Nothing of "
                "its batch was written: give them a type in schema_hints, or take the file away."
            )
        if new and self.evolution == "add_columns":
            schema = merged([schema, StructType([f for f in records.schema() if f.name in new])])
        if schema != last and names:
            add_version(spark, self.checkpoint, len(versions), schema)
        return schema

    def _entries(self, spark: SparkSession, items: Sequence[Item], place: Column, number: int) -> DataFrame:
        """The rows of the audit table: one for each item of the batch."""
        rescued = self._rescued(spark, place, number)
        entries = [
            books.Entry(
                *(self.run_id, self.source, item.place, item.rows, rescued.get(item.place, 0)),
                *(item.refused, item.reason, item.arrived_at),
            )
            for item in items
        ]
        return books.as_entries(spark.createDataFrame([astuple(entry) for entry in entries], books.ENTRY))

    def _rescued(self, spark: SparkSession, place: Column, number: int) -> dict[str, int]:
        """How many rows of each item of the batch have something rescued, as the target has them now.

        Another stream may have written the same items, under the same number: of each the newest writing counts.
        """
        if not tables.exists(spark, self.target):
            return {}
        target = spark.table(tables.identifier(self.target))
        if RESCUED not in target.columns:
            return {}
        mine = target.where(F.col("_batch_id") == number)
        written = mine.groupBy(place.alias("place"), "_ingested_at").agg(F.count(RESCUED).alias("rescued"))
        newest = written.groupBy("place").agg(F.max_by("rescued", "_ingested_at").alias("rescued"))
        return {row["place"]: row["rescued"] for row in newest.where("rescued > 0").collect()}

    def _result(self, spark: SparkSession, before: list[StructType]) -> Ingested:
        """The sum of what the run's batches wrote into the books."""
        after = schema_versions(spark, self.checkpoint)
        old, new = (versions[-1].names if versions else [] for versions in (before, after))
        files, rows, rescued, refused = 0, 0, 0, 0
        if tables.exists(spark, self.audit):
            mine = spark.table(tables.identifier(self.audit)).where(F.col("run_id") == self.run_id)
            sums = (F.sum(name) for name in ("rows", "rescued", "refused"))
            [found] = mine.agg(F.count("*"), *sums).collect()
            files, rows, rescued, refused = (value or 0 for value in found)
        added = tuple(name for name in new if name not in old) if before else ()
        return Ingested(files, rows, rescued, refused, added, len(after) - 1 if after else None)


def _names(items: Sequence[Item]) -> dict[str, str]:
    """Every name in the records that can be a column's, with the first item that has it."""
    in_reverse = sorted(items, key=lambda item: item.place, reverse=True)
    return {name: item.place for item in in_reverse for name in item.names if can_be_a_column(name)}


def _stream_id(spark: SparkSession, checkpoint: str) -> str:
    """The id that Spark gave the stream and keeps in its checkpoint: a new checkpoint is a new stream."""
    [(found,)] = spark.read.schema("id STRING").json(f"{checkpoint}/metadata").collect()
    return str(found)
