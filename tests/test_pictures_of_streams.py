"""Pictures say what a stream did, from its progress, its checkpoint and its state, the same on every run."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pictured import is_sound
from workbook.pictures import Picture, checkpoint

# One file a batch. The watermark is ten minutes behind the newest row, and windows are of ten minutes.
BATCHES = (
    [("a", "12:01"), ("b", "12:04")],
    [("c", "12:14"), ("d", "12:07")],
    [("e", "12:31"), ("f", "12:08")],
    [("g", "12:05"), ("h", "12:22"), ("i", None)],
    [("j", "12:58"), ("k", "12:09"), ("l", "12:20:30")],
)
FAILS_IN = 3


@dataclass
class Run:
    """A stream of windows that ran: its checkpoint, the records of its progress, what it took and what came out."""

    checkpoint: Path
    progress: list[Any]
    events: list[tuple[int, str, str | None]]
    windows: DataFrame
    crashed: Picture | None = None


def run(spark: SparkSession, folder: Path, batches: Sequence[Sequence[tuple[str, str | None]]], fails: bool) -> Run:
    """Run the stream over these files; where it fails, as a batch is written, draw its checkpoint and run it again."""
    events = [
        (batch, name, None if clock is None else f"2026-03-01 {clock}{':00' * (clock.count(':') < 2)}")
        for batch, rows in enumerate(batches)
        for name, clock in rows
    ]
    source, notes, table = folder / "landing", folder / "checkpoint", str(folder / "windows")
    source.mkdir(parents=True)
    for number in range(len(batches)):
        file = source / f"{number}.json"
        rows = [{"name": name, "event_time": time} for batch, name, time in events if batch == number]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(file, (number, number))  # files are taken in the order of their age

    def keep(windows: DataFrame, batch: int) -> None:
        if fails and batch == FAILS_IN and not crashed:
            raise RuntimeError("The sink is away.")
        rows = windows.select(F.lit(batch).alias("batch_id"), "window.start", "window.end", "count")
        rows.write.format("delta").mode("append").save(table)

    stream = spark.readStream.schema("name STRING, event_time TIMESTAMP").option("maxFilesPerTrigger", 1)
    rows = stream.json(str(source)).withWatermark("event_time", "10 minutes")
    windows = rows.groupBy(F.window("event_time", "10 minutes")).count()
    writer = windows.writeStream.foreachBatch(keep).option("checkpointLocation", str(notes)).trigger(availableNow=True)
    crashed: Picture | None = None
    progress: list[Any] = []
    if fails:
        query = writer.start()
        with pytest.raises(StreamingQueryException, match="The sink is away"):
            query.awaitTermination()
        crashed, progress = checkpoint(notes), list(query.recentProgress)
    query = writer.start()
    query.awaitTermination()
    return Run(notes, [*progress, *query.recentProgress], events, spark.read.load(table), crashed)


@pytest.fixture(scope="module")
def counted(spark: SparkSession, few_rows: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The stream, which fails in batch 3 and runs on."""
    return run(spark, tmp_path_factory.mktemp("counted"), BATCHES, fails=True)


@pytest.fixture(scope="module")
def again(spark: SparkSession, few_rows: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same stream, which does not fail, in another folder."""
    return run(spark, tmp_path_factory.mktemp("again"), BATCHES, fails=False)


CRASHED = """\
Checkpoint: 4 batches, 3 committed, batch 3 will run again

batch  sources/0  offsets                                 state/0 (stateStoreSave)   commits
0      0: 1 file  0: files up to log 0, no watermark yet  1.delta: 2 partitions      0: next watermark 11:54
1      1: 1 file  1: files up to log 1, watermark 11:54   2.delta: 2 partitions      1: next watermark 12:04
2      2: 1 file  2: files up to log 2, watermark 12:04   3.delta: 2 partitions      2: next watermark 12:21
3      3: 1 file  3: files up to log 3, watermark 12:21   no version 4: not written  no commits/3: will run again

The watermarks are of 2026-03-01."""


def test_a_checkpoint_tells_what_is_planned_kept_and_committed(counted: Run) -> None:
    assert counted.crashed is not None
    assert repr(counted.crashed) == CRASHED
    assert counted.crashed.description.endswith(
        "state/0: no version 4: not written; commits: no commits/3: will run again."
    )


def test_a_crash_leaves_no_trace_in_the_checkpoint_and_its_picture_is_the_same_anywhere(
    counted: Run, again: Run
) -> None:
    recovered, never_failed = checkpoint(counted.checkpoint), checkpoint(f"file://{again.checkpoint}")
    assert recovered.title == "Checkpoint: 6 batches, all committed"
    assert recovered._repr_html_() == never_failed._repr_html_()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A checkpoint of two batches, written by hand: of a Delta table and of Kafka, and with state in RocksDB."""
    first, second = (
        {"sourceVersion": 1, "reservoirId": "9162f9ad-0ccb-4cb7-b31d-7a9fa1a1e201", "reservoirVersion": 4, **end}
        for end in ({"index": 1, "isStartingVersion": True}, {"index": -1, "isStartingVersion": False})
    )
    kafka = {"<b>": {"10": 7, "2": 5}}
    for number, ends in enumerate(((first, kafka), (second, "-"))):
        lines = ["v1", '{"batchWatermarkMs":0,"batchTimestampMs":1}', *(e if e == "-" else json.dumps(e) for e in ends)]
        for name, text in (("offsets", "\n".join(lines)), ("commits", 'v1\n{"nextBatchWatermarkMs":0}')):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / str(number)).write_text(text)
    for part in ("0", "1"):
        for store in ("left", "right"):
            (tmp_path / "state" / "0" / part / store).mkdir(parents=True)
            for file in ("1.changelog", "1.zip", "2_5f0c.changelog", "2.zip"):
                (tmp_path / "state" / "0" / part / store / file).touch()
    return tmp_path


def test_the_offsets_of_any_source_are_told_in_words_and_hostile_names_stay_text(notes: Path) -> None:
    drawn = checkpoint(notes)
    assert [re.split("  +", line) for line in repr(drawn).splitlines()[2:]] == [
        ["batch", "offsets", "state/0", "commits"],
        [
            *("0", "0: source 0: snapshot 4 up to file 1, source 1: <b> 2 → 5, 10 → 7"),
            *("1.changelog: 4 stores in 2 partitions", "0"),
        ],
        [
            *("1", "1: source 0: table before version 4, source 1: nothing yet"),
            *("2.changelog: 4 stores in 2 partitions", "1"),
        ],
    ]
    is_sound(drawn)


def test_a_note_or_a_version_that_is_not_there_is_told(notes: Path) -> None:
    (notes / "commits" / "0").unlink()
    (notes / "commits" / "1").unlink()
    (notes / "offsets" / "2").write_text("v1\n{}\n7")
    for part in ("0", "1"):
        for file in ("1.changelog", "1.zip"):
            (notes / "state" / "0" / part / "left" / file).unlink()
            (notes / "state" / "0" / "1" / "right" / file).unlink(missing_ok=True)
    first, second, third = repr(checkpoint(notes)).splitlines()[3:]
    assert first.endswith("1.changelog: only 1 of 4 stores in 2 partitions  no commits/0: never committed")
    assert second.endswith("2.changelog: 4 stores in 2 partitions            no commits/1: never committed")
    assert re.split("  +", third) == ["2", "2: offset 7", "no version 3: not written", "no commits/2: will run again"]


def test_a_checkpoint_that_cannot_be_drawn_is_refused_in_one_sentence(tmp_path: Path, notes: Path) -> None:
    def refused(path: Path, message: str) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            checkpoint(path)

    nothing = f"There is no checkpoint in {tmp_path}/no: give the folder of a query's checkpointLocation."
    refused(tmp_path / "no", nothing)
    for number in range(2, 41):
        shutil.copy(notes / "offsets" / "0", notes / "offsets" / str(number))
    refused(notes, f"The checkpoint in {notes} has 41 batches, and one picture holds 40: draw that of a shorter run.")
    shutil.rmtree(notes / "offsets")
    (notes / "offsets").mkdir()
    refused(notes, f"The checkpoint in {notes} has no batch yet: run its query first.")


@pytest.mark.parametrize("name", ["crashed"])
def test_a_picture_of_a_stream_is_sound(name: str, counted: Run) -> None:
    draw = {"crashed": lambda: counted.crashed}
    drawn = draw[name]()
    assert drawn
    is_sound(drawn)
