"""The COPY INTO pattern: a batch load of a folder that can be repeated, because the table knows which files it has.

Each load notes its files in the commit's `userMetadata`, in the same commit as their rows, so one is never without
the other. The note lives as long as the table's log (`delta.logRetentionDuration`, 30 days unless set).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import tables

NOTE = "copied_files"


@dataclass(frozen=True)
class Copied:
    """What one load did: files and rows that it loaded, and files that it passed over as loaded before."""

    files: int
    rows: int
    skipped: int


def copy_into(
    spark: SparkSession,
    folder: str,
    target: str,
    file_format: str,
    *,
    pattern: str | None = None,
    options: Mapping[str, str] | None = None,
    force: bool = False,
) -> Copied:
    """Append the files of a folder that the Delta table `target` has not loaded yet, in one commit; or all, by `force`.

    A file is known by its path: like COPY INTO on Databricks, a file that was changed after it was loaded is skipped.
    `pattern` is a glob for names, `options` are those of Spark's reader of `file_format`. Columns: those of the files,
    and `_file_path`; a new column is added, a changed type refused. Nothing new: no commit.
    """
    found = _files(spark, folder, pattern)
    known = set() if force else copied_files(spark, target)
    fresh = sorted(found - known)
    if not fresh:
        return Copied(0, 0, len(found))
    rows = spark.read.format(file_format).options(**(options or {})).load(fresh)
    rows = rows.select("*", F.col("_metadata.file_path").alias("_file_path"))
    tables.append(rows, target, mergeSchema=True, userMetadata=json.dumps({NOTE: fresh}))
    last = _noted(spark, target).orderBy(F.desc("version")).first()
    assert last is not None
    return Copied(len(fresh), int(last["operationMetrics"]["numOutputRows"]), len(found) - len(fresh))


def copied_files(spark: SparkSession, target: str) -> set[str]:
    """The paths of all files that the log of `target` says were loaded; none where there is no such table."""
    if not tables.exists(spark, target):
        return set()
    notes = _noted(spark, target).select("userMetadata").collect()
    return {path for (note,) in notes for path in json.loads(note)[NOTE]}


def _files(spark: SparkSession, folder: str, pattern: str | None) -> set[str]:
    """The files under a folder; hidden ones, whose names begin with a dot or an underscore, are left out by Spark."""
    listing = spark.read.format("binaryFile").option("recursiveFileLookup", True)
    if pattern:
        listing = listing.option("pathGlobFilter", pattern)
    return {path for (path,) in listing.load(folder).select("path").collect()}


def _noted(spark: SparkSession, target: str) -> DataFrame:
    """The commits of a table that noted files."""
    history = spark.sql(f"DESCRIBE HISTORY {tables.identifier(target)}")
    return history.where(F.col("userMetadata").contains(NOTE))
