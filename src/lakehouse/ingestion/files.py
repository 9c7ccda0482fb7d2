"""The Auto Loader pattern on Structured Streaming: new files only, a schema that is kept, and nothing lost in silence.

The checkpoint is the contract. It knows which files were seen, in which batch, and which schema they were read with;
the tables know, by the stream's id and the batch's number, which batches they hold. So a run that dies anywhere is run
again and ends in the same tables. A lost checkpoint is a new stream: everything that still lies there arrives again.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.ingestion.formats import FORMATS, RECORD, Records, nothing
from lakehouse.ingestion.loads import Evolution, Ingested, Item, Load, items_of

LISTING = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"
UNREADABLE = re.compile("FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|UNABLE_TO_INFER_SCHEMA")

UNREADABLE_FILE = "the file cannot be read to its end"
PLACE = "_file_path"


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

    `file_format` is json (lines), csv (with a header) or parquet; hidden names (`.` or `_` first), files of no bytes
    and blank lines are passed over. The first run infers the schema and stores it with the checkpoint; `schema_hints`
    (DDL) gives types, and may add columns later; `options` are those of Spark's own reader. A value that does not fit
    its column's type is never cast to another: the column is NULL, and the value goes to `_rescued_data`. So do values
    of fields that can be no column: the name begins with `_`, or a Delta table has none like it. What happens to a
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
    Raises ValueError for an unknown format or mode and for hints that name no column, StreamingQueryException for what
    Spark finds wrong.
    """
    if file_format not in FORMATS or evolution not in get_args(Evolution):
        known = f"file_format is one of {', '.join(FORMATS)}, evolution one of {', '.join(get_args(Evolution))}"
        raise ValueError(f"{known}; {file_format!r} and {evolution!r} were given.")
    load = Load(
        target,
        checkpoint,
        evolution,
        schema_hints,
        audit or f"{target}_audit",
        source or landing,
        dict(properties or {}),
        texts=file_format == "csv",
    )
    listing = spark.readStream.format("binaryFile").schema(LISTING)
    listing = listing.options(recursiveFileLookup=True, maxFilesPerTrigger=files_per_batch, ignoreMissingFiles=True)
    return load.take_in(listing.load(landing).drop("content"), _Files(load, file_format, dict(options or {})).batch)


@dataclass(frozen=True)
class _Files:
    """What a batch of files must know, in plain values: on Spark Connect it runs in another process."""

    load: Load
    file_format: str
    options: dict[str, str]

    def batch(self, listed: DataFrame, number: int) -> None:
        """Read the files that one batch lists, and write what they hold."""
        spark = listed.sparkSession
        arrived = dict(map(tuple, listed.select("path", "modificationTime").collect()))  # at most files_per_batch
        with contextlib.ExitStack() as until_written:
            records, found = self._read(spark, list(arrived), until_written)
            known = {item.place: item for item in found}
            items = [replace(known.get(path, Item(path)), arrived_at=at) for path, at in arrived.items()]
            self.load.write(records, items, F.col(PLACE), number)

    def _read(self, spark: SparkSession, files: list[str], kept: contextlib.ExitStack) -> tuple[Records, list[Item]]:
        """The records of the files. One that cannot be read to its end is a single record: NULL, and a reason."""
        try:
            return self._records(spark, files, kept)
        except Exception as error:
            if not UNREADABLE.search(str(error)):
                raise
        unreadable = [file for file in files if not self._is_readable(spark, file)]
        records, items = self._records(spark, [file for file in files if file not in unreadable], kept)
        refused = spark.createDataFrame([(None, file, None, None, UNREADABLE_FILE) for file in unreadable], RECORD)
        items += [Item(file, refused=1, reason=UNREADABLE_FILE) for file in unreadable]
        return Records(records.rows.unionByName(refused), records.schema), items

    def _records(self, spark: SparkSession, files: list[str], kept: contextlib.ExitStack) -> tuple[Records, list[Item]]:
        """The records of files and their items, read to their end and kept, because a batch looks at them twice."""
        if not files:
            return nothing(spark), []
        found = FORMATS[self.file_format](spark, files, self.options)
        rows = kept.enter_context(tables.kept(found.rows))
        return Records(rows, found.schema), items_of(rows, F.col(PLACE))

    def _is_readable(self, spark: SparkSession, file: str) -> bool:
        with contextlib.ExitStack() as for_now:
            try:
                self._records(spark, [file], for_now)
            except Exception as error:
                if not UNREADABLE.search(str(error)):
                    raise
                return False
        return True
