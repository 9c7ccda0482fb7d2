"""The Auto Loader pattern on Structured Streaming: new files only, a schema that is kept, and nothing lost in silence.

The checkpoint is the contract. It knows which files were seen, in which batch, and which schema they were read with;
the tables know, by the stream's id and the batch's number, which batches they hold. So a run that dies anywhere is run
again and ends in the same tables. A lost checkpoint is a new stream: everything that still lies there arrives again.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Literal, get_args

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from lakehouse import tables
from lakehouse.ingestion import audit as books
from lakehouse.ingestion.batches import write_once
from lakehouse.ingestion.formats import FORMATS, Records, merged, nothing
from lakehouse.ingestion.rescue import RESCUED, fitted
from lakehouse.ingestion.schemas import add_version, hinted, schema_versions

Evolution = Literal["add_columns", "rescue", "fail", "none"]
LISTING = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"
UNREADABLE = re.compile("FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|UNABLE_TO_INFER_SCHEMA")

UNREADABLE_FILE = "the file cannot be read to its end"


class NewColumns(Exception):
    """Files have columns that the schema lacks, and `evolution="fail"`."""


@dataclass(frozen=True)
class Ingested:
    """What one run took in: files, rows written, rows of these with something rescued, lines and files refused.

    `new_columns` were added to the schema that was there; `schema_version` is the last one, None where there is none.
    """

    files: int
    rows: int
    rescued: int
    refused: int
    new_columns: tuple[str, ...]
    schema_version: int | None


def ingest_new_files(
    spark: SparkSession,
    landing: str,
    target: str,
    checkpoint: str,
    *,
    file_format: str = "json",
    evolution: Evolution = "add_columns",
    schema_hints: str | None = None,
    options: Mapping[str, str] | None = None,
    files_per_batch: int = 1000,
    audit: str | None = None,
    source: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> Ingested:
    """Append the files that are new in a landing zone (with its folders) to the Delta table `target`, then stop.

    `file_format` is json (lines), csv (with a header) or parquet; hidden names (`.` or `_` first) and files of no bytes
    are passed over. The first run infers the schema and stores it with the checkpoint; `schema_hints` (DDL) gives
    types, and may add columns later; `options` are those of Spark's own reader. A value that does not fit its column's
    type is never cast to another: the column is NULL, and the value goes to `_rescued_data`. What happens to a
    **new column** is `evolution`:

    * `add_columns`: it gets a type from the batch, and the schema a version. (`addNewColumns` on Databricks fails the
      stream once with UnknownFieldException and goes on at the restart; here the same run goes on.)
    * `rescue`: the schema stays, the column goes to `_rescued_data`;
    * `fail` (`failOnNewColumns`): NewColumns is raised and nothing of the batch is written, at every run until the
      column is in `schema_hints` or the file is gone;
    * `none`: it is ignored, and there is **no** `_rescued_data`: what does not fit is lost.

    Columns added: `_rescued_data` (JSON, with `_file_path`), `_file_path`, `_file_modified_at`, `_file_size`,
    `_source`, `_row_hash` (of the row as JSON text), `_ingested_at`, `_batch_id`. Lines that are no rows, and files
    that cannot be read to their end, go to the table `<target>_refused` (record, reason, `_file_path`, `_ingested_at`,
    `_batch_id`). The table `audit`, or `<target>_audit`, gets one row a file; `source` is its name there, the landing
    zone's path unless told. `properties` are those that a new target table gets, such as `delta.enableChangeDataFeed`.
    Raises ValueError for an unknown format or mode, StreamingQueryException for what Spark finds wrong.
    """
    if file_format not in FORMATS or evolution not in get_args(Evolution):
        known = f"file_format is one of {', '.join(FORMATS)}, evolution one of {', '.join(get_args(Evolution))}"
        raise ValueError(f"{known}; {file_format!r} and {evolution!r} were given.")
    load = _Load(
        target,
        checkpoint,
        file_format,
        evolution,
        schema_hints,
        dict(options or {}),
        audit or f"{target}_audit",
        source or landing,
        dict(properties or {}),
    )
    before = schema_versions(spark, checkpoint)
    listing = spark.readStream.format("binaryFile").schema(LISTING)
    listing = listing.options(recursiveFileLookup=True, maxFilesPerTrigger=files_per_batch, ignoreMissingFiles=True)
    stream = listing.load(landing).drop("content").writeStream.foreachBatch(load.batch)
    query = stream.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        if found := re.search(rf"{NewColumns.__name__}: (.+)", str(error)):
            raise NewColumns(found[1]) from None
        raise
    return _result(spark, load, before)


def _result(spark: SparkSession, load: "_Load", before: list[StructType]) -> Ingested:
    """The sum of what the run's batches wrote into the books."""
    after = schema_versions(spark, load.checkpoint)
    old, new = (versions[-1].names if versions else [] for versions in (before, after))
    files, rows, rescued, refused = 0, 0, 0, 0
    if tables.exists(spark, load.audit):
        mine = spark.table(tables.identifier(load.audit)).where(F.col("run_id") == load.run_id)
        sums = (F.sum(name) for name in ("rows", "rescued", "refused"))
        [found] = mine.agg(F.count("*"), *sums).collect()
        files, rows, rescued, refused = (value or 0 for value in found)
    added = tuple(name for name in new if name not in old) if before else ()
    return Ingested(files, rows, rescued, refused, added, len(after) - 1 if after else None)


@dataclass(frozen=True)
class _Load:
    """What a batch must know, in plain values: on Spark Connect it runs in another process."""

    target: str
    checkpoint: str
    file_format: str
    evolution: Evolution
    hints: str | None
    options: dict[str, str]
    audit: str
    source: str
    properties: dict[str, str]
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def batch(self, listed: DataFrame, number: int) -> None:
        """Read the files that one batch lists; write their rows, what was refused, and the books, each table once."""
        spark = listed.sparkSession
        files = listed.select("path", "modificationTime").collect()  # at most files_per_batch
        records, facts, unreadable = self._read(spark, [path for path, _ in files])
        schema = self._schema(spark, records, _names(facts))
        rows = fitted(records.rows, schema, self.file_format == "csv", self.evolution != "none")
        rows = rows.withColumns(
            {
                "_source": F.lit(self.source),
                "_row_hash": F.xxhash64("record"),
                "_ingested_at": F.current_timestamp(),
                "_batch_id": F.lit(number).cast("BIGINT"),
            }
        )
        stream = _stream_id(spark, self.checkpoint)
        if schema.names:
            good = rows.where("reason IS NULL").drop("record", "reason")
            write_once(good, self.target, stream, number, mergeSchema=True, **self.properties)
        if unreadable or any(fact["refused"] for fact in facts):
            write_once(_refused(rows, unreadable, number), f"{self.target}_refused", stream, number)
        write_once(self._entries(spark, files, facts, unreadable, number), self.audit, stream, number)
        records.rows.unpersist()

    def _read(self, spark: SparkSession, files: list[str]) -> tuple[Records, list[Row], list[str]]:
        """The records of the files, the facts about each file, and those that cannot be read to their end, left out."""
        try:
            return *self._records(spark, files), []
        except Exception as error:
            if not UNREADABLE.search(str(error)):
                raise
        refused = [file for file in files if not self._is_readable(spark, file)]
        return *self._records(spark, [file for file in files if file not in refused]), refused

    def _records(self, spark: SparkSession, files: list[str]) -> tuple[Records, list[Row]]:
        """The records, read to their end and kept, because a batch looks at them twice; and the facts about each file.

        A fact is _file_path, rows, refused, reason, and names: the different lists of columns that its rows have.
        """
        if not files:
            return nothing(spark), []
        found = FORMATS[self.file_format](spark, files, self.options)
        kept = found.rows.persist()
        good = F.col("reason").isNull()
        facts = kept.groupBy("_file_path").agg(
            F.count_if(good).alias("rows"),
            F.count_if(~good).alias("refused"),
            F.max("reason").alias("reason"),
            F.collect_set(F.when(good, F.sort_array(F.json_object_keys("record")))).alias("names"),
        )
        return Records(kept, found.schema), facts.collect()

    def _is_readable(self, spark: SparkSession, file: str) -> bool:
        try:
            self._records(spark, [file])[0].rows.unpersist()
        except Exception as error:
            if not UNREADABLE.search(str(error)):
                raise
            return False
        return True

    def _schema(self, spark: SparkSession, records: Records, names: dict[str, str]) -> StructType:
        """The schema to read the batch with, stored as a new version where it differs from the last one."""
        versions = schema_versions(spark, self.checkpoint)
        last = versions[-1] if versions else StructType([])
        hints = hinted(StructType([]), self.hints)
        hinted_all = bool(names) and {name.lower() for name in names} <= {name.lower() for name in hints.names}
        schema = merged([last, hints]) if versions or hinted_all else hinted(merged([records.schema()]), self.hints)
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

    def _entries(
        self, spark: SparkSession, files: list[Row], facts: list[Row], unreadable: list[str], number: int
    ) -> DataFrame:
        """The rows of the audit table: one for each file of the batch."""
        known, rescued = {fact["_file_path"]: fact for fact in facts}, self._rescued(spark, number)
        entries = []
        for path, arrived_at in files:
            rows, refused, reason = 0, 0, None
            if path in unreadable:
                refused, reason = 1, UNREADABLE_FILE
            elif path in known:
                rows, refused, reason = (known[path][name] for name in ("rows", "refused", "reason"))
            entry = books.Entry(self.run_id, self.source, path, rows, rescued.get(path, 0), refused, reason, arrived_at)
            entries.append(astuple(entry))
        return books.as_entries(spark.createDataFrame(entries, books.ENTRY))

    def _rescued(self, spark: SparkSession, number: int) -> dict[str, int]:
        """How many rows of each file of the batch have something rescued, as the target has them now.

        Another stream may have written the same files, under the same number: of each file the newest writing counts.
        """
        if not tables.exists(spark, self.target):
            return {}
        target = spark.table(tables.identifier(self.target))
        if RESCUED not in target.columns:
            return {}
        mine = target.where(F.col("_batch_id") == number)
        written = mine.groupBy("_file_path", "_ingested_at").agg(F.count(RESCUED).alias("rescued"))
        newest = written.groupBy("_file_path").agg(F.max_by("rescued", "_ingested_at").alias("rescued"))
        return {row["_file_path"]: row["rescued"] for row in newest.where("rescued > 0").collect()}


def _names(facts: list[Row]) -> dict[str, str]:
    """Every name of a column in the records, with a file that has it."""
    files = sorted(facts, key=lambda fact: str(fact["_file_path"]), reverse=True)
    return {name: fact["_file_path"] for fact in files for names in fact["names"] for name in names}


def _refused(rows: DataFrame, unreadable: list[str], number: int) -> DataFrame:
    """The lines that are no rows, and the files that cannot be read, whose record is NULL."""
    lines = rows.where("reason IS NOT NULL").select("record", "reason", "_file_path", "_ingested_at", "_batch_id")
    files = rows.sparkSession.createDataFrame([(file,) for file in unreadable], "_file_path STRING").select(
        F.lit(None).cast("STRING").alias("record"),
        F.lit(UNREADABLE_FILE).alias("reason"),
        "_file_path",
        F.current_timestamp().alias("_ingested_at"),
        F.lit(number).cast("BIGINT").alias("_batch_id"),
    )
    return lines.unionByName(files)


def _stream_id(spark: SparkSession, checkpoint: str) -> str:
    """The id that Spark gave the stream and keeps in its checkpoint: a new checkpoint is a new stream."""
    [(found,)] = spark.read.schema("id STRING").json(f"{checkpoint}/metadata").collect()
    return str(found)
