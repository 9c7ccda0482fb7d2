"""The journal of the platform: what a layer noted is what its next batch begins with."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.batch import Batch, Refreshed
from lakehouse.journal import TABLE, Journal
from lakehouse.lake import Lake
from lakehouse.places import Places

pytestmark = pytest.mark.usefixtures("few_rows")

# A journal as it was before marks had a column of their own: the mark of what is done is its message.
OLD = (
    "layer STRING, batch BIGINT, status STRING, versions MAP<STRING, BIGINT>, rows BIGINT, seconds DOUBLE, "
    "message STRING, run_id STRING, at TIMESTAMP"
)
ROWS = (
    ("bronze", 0, "done", {"day": 0}, 700, 9.0, '"tag of day 0"', 1),
    ("silver", 0, "planned", {"products": 0}, 0, 0.0, None, 2),
    ("silver", 0, "done", {"products": 0}, 690, 9.0, "the rules of then", 3),
    ("gold", 0, "done", {"products": 0}, 90, 3.0, None, 4),
    ("ml", 0, "done", {"customers": 0, "champion": 0}, 50, 3.0, "too few quarters", 5),
    ("bronze", 1, "done", {"day": 1}, 20, 2.0, '"tag of day 1"', 6),
    ("silver", 1, "planned", {"products": 1}, 0, 0.0, None, 7),
    ("silver", 1, "failed", {}, 0, 0.0, "The layer silver failed: the disk is full.", 8),
)


@pytest.fixture(params=[None, "the_journal"], ids=["by path", "by name"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    if request.param:
        spark.sql(f"DROP SCHEMA IF EXISTS {request.param} CASCADE")
        spark.sql(f"CREATE SCHEMA {request.param}")
    return Lake(spark, Places(str(tmp_path), schema=request.param))


def test_a_batch_begins_where_the_last_one_ended(lake: Lake) -> None:
    journal = Journal(lake, "first run")
    first = journal.batch("bronze", {"day": 0})
    assert first == Batch(0, {}, {"day": 0}, None, "first run")
    journal.planned("bronze", first)
    assert Journal(lake, "").unfinished("bronze") == Batch(0, {}, {"day": 0})
    journal.failed("bronze", "no answer")
    journal.done("bronze", first, Refreshed(7, "a tag"), 1.5)
    again = Journal(lake, "second run")
    assert again.unfinished("bronze") is None
    assert again.batch("bronze", {"day": 1}) == Batch(1, {"day": 0}, {"day": 1}, "a tag", "second run")
    done, failed = again.last("bronze"), again.last("bronze", "failed")
    assert done is not None and (done.rows, done.seconds, done.message, done.run_id) == (7, 1.5, None, "first run")
    assert failed is not None and (failed.batch, failed.message, failed.mark) == (0, "no answer", None)


def test_a_journal_without_marks_is_read_and_appended_to(lake: Lake) -> None:
    rows = [(*row[:7], "a run", datetime(2026, 1, 2, 12, row[7], tzinfo=timezone.utc)) for row in ROWS]
    lake.append(lake.spark.createDataFrame(rows, OLD).coalesce(1), TABLE)

    journal = Journal(lake, "now")
    batch = journal.batch("bronze", {"day": 2})
    assert batch == Batch(2, {"day": 1}, {"day": 2}, '"tag of day 1"', "now")
    assert journal.unfinished("silver") == Batch(1, {"products": 0}, {"products": 1}, "the rules of then", "now")
    journal.done("bronze", batch, Refreshed(30, '"tag of day 2"'), 2.0)

    assert lake.read(TABLE).count() == len(ROWS) + 1
    again = Journal(lake, "later")
    notes = {layer: again.last(layer) for layer in ("bronze", "silver", "gold", "ml")}
    assert {layer: note and (note.batch, note.mark, note.message) for layer, note in notes.items()} == {
        "bronze": (2, '"tag of day 2"', None),
        "silver": (0, "the rules of then", None),
        "gold": (0, None, None),
        "ml": (0, "too few quarters", None),
    }
    failed = again.last("silver", "failed")
    assert failed is not None and (failed.mark, failed.message) == (None, "The layer silver failed: the disk is full.")
