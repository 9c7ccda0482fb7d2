"""Pictures say what a stream did, from its progress, its checkpoint and its state, the same on every run."""

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

from pictured import is_sound, texts
from servers import connect_server, finished, python
from workbook.pictures import Picture, checkpoint, state, watermark

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


Rows = Sequence[Sequence[tuple[str, str | None]]]


def in_windows(rows: DataFrame) -> DataFrame:
    return rows.groupBy(F.window("event_time", "10 minutes")).count().select("window.start", "window.end", "count")


def once(rows: DataFrame) -> DataFrame:
    return rows.dropDuplicatesWithinWatermark(["name"])


def run(
    spark: SparkSession,
    folder: Path,
    batches: Rows,
    query: Callable[[DataFrame], DataFrame] = in_windows,
    fails: bool = False,
) -> Run:
    """Run a stream over these files; where it fails, as a batch is written, draw its checkpoint and run it again."""
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
        windows.withColumn("batch_id", F.lit(batch)).write.format("delta").mode("append").save(table)

    stream = spark.readStream.schema("name STRING, event_time TIMESTAMP").option("maxFilesPerTrigger", 1)
    rows = stream.json(str(source)).withWatermark("event_time", "10 minutes")
    writer = query(rows).writeStream.foreachBatch(keep).option("checkpointLocation", str(notes))
    writer = writer.trigger(availableNow=True)
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
    return run(spark, tmp_path_factory.mktemp("again"), BATCHES)


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


WATERMARK = """\
Watermark: 6 batches, 12 events, 4 windows emitted, 1 event dropped

batch  new rows     watermark  batch before
0      2            none yet   none yet
1      2            11:54      none yet
2      2            12:04      11:54
3      3            12:21      12:04
4      3            12:21      12:21
5      no new rows  12:48      12:21

batch  events
0      a 12:01, b 12:04
1      d 12:07, c 12:14
2      f 12:08, e 12:31
3      g 12:05 (late, counted), h 12:22, i without event time (in no window)
4      k 12:09 (dropped), l 12:20:30 (late, counted), j 12:58
5

batch  windows out                               Spark counts
0                                                1 in state
1                                                2 in state
2                                                3 in state
3      12:00–12:10 count 5, 12:10–12:20 count 1  2 in state, 2 removed
4                                                3 in state, 1 dropped
5      12:20–12:30 count 2, 12:30–12:40 count 1  1 in state, 2 removed

The watermark of a batch: a window that has ended by it comes out.
The watermark of the batch before: a row is dropped where its window has ended by it.
All times are of 2026-03-01."""


@pytest.fixture(scope="module")
def late(counted: Run) -> Picture:
    return watermark(counted.progress, counted.events, counted.windows)


def test_a_watermark_tells_what_came_out_and_what_was_dropped_though_the_query_was_restarted(late: Picture) -> None:
    assert repr(late) == WATERMARK
    assert "Batch 4: watermark 12:21; takes k 12:09 (dropped), l 12:20:30 (late, counted), j 12:58." in late.description


def test_the_same_stream_gives_the_same_bytes_from_frames_and_from_lists(
    spark: SparkSession, late: Picture, again: Run
) -> None:
    events = [(batch, name, time and datetime.fromisoformat(time)) for batch, name, time in again.events]
    instants = spark.createDataFrame(again.events, "batch_id INT, name STRING, event_time STRING")
    kinds = ("timestamp", "timestamp_ntz")
    frames = [instants.withColumn("event_time", F.col("event_time").cast(kind)) for kind in kinds]
    progress = [json.dumps(dict(record), default=str) for record in again.progress]
    windows = [
        (row.batch_id, row.start, row.end, row["count"])
        for row in again.windows.withColumns({name: F.col(name).cast("string") for name in ("start", "end")}).collect()
    ]
    for taken in (events, *frames):
        assert watermark(progress, taken, reversed(windows))._repr_html_() == late._repr_html_()


def fates(drawn: Picture) -> dict[str, str]:
    """What became of each event that is not simply in time."""
    return dict(re.findall(r"(\w+) [\d:]+ \((.*?)\)", drawn.text))


def test_a_row_is_dropped_where_its_window_ends_exactly_at_the_watermark_of_the_batch_before(
    spark: SparkSession, few_rows: None, tmp_path: Path
) -> None:
    batches = [[("a", "12:20")], [("b", "12:09:59")], [("c", "12:09:59"), ("d", "12:09:58"), ("e", "12:10")]]
    ran = run(spark, tmp_path, batches)
    drawn = watermark(ran.progress, ran.events, ran.windows)
    assert fates(drawn) == {"b": "late, counted", "c": "dropped", "d": "dropped"}
    assert [tuple(row) for row in ran.windows.select("batch_id", "count").collect()] == [(1, 1)]
    assert "1 dropped" in drawn.text, "Spark counts a row of the first aggregation, which stands for two events"


def test_without_windows_the_event_time_itself_decides(spark: SparkSession, few_rows: None, tmp_path: Path) -> None:
    batches = [[("a", "12:20")], [("b", "12:10")], [("c", "12:10"), ("d", "12:10:01"), ("e", None)]]
    ran = run(spark, tmp_path, batches, once)
    drawn = watermark(ran.progress, ran.events)
    assert fates(drawn) == {"c": "dropped"}
    assert {row.name for row in ran.windows.collect()} == {"a", "b", "d", "e"}
    assert "e without event time" in drawn.text
    assert drawn.title == "Watermark: 3 batches, 5 events, 1 event dropped"


def records(*times: str, dropped: int = 0) -> list[dict[str, Any]]:
    """Records of progress by hand, the last with rows that Spark dropped."""
    state = [{"numRowsTotal": 1, "numRowsRemoved": 0, "numRowsDroppedByWatermark": 0} for _ in times]
    state[-1]["numRowsDroppedByWatermark"] = dropped
    return [
        {"batchId": batch, "numInputRows": 1, "eventTime": {"watermark": time}, "stateOperators": [state[batch]]}
        for batch, time in enumerate(times)
    ]


NONE, NOON = "1970-01-01T00:00:00.000Z", "2026-03-01T12:00:00.000Z"


def test_a_late_row_may_be_counted_in_some_of_the_windows_that_overlap() -> None:
    events = [(2, "a", "2026-03-01 11:57:00"), (2, "b", "2026-03-01 11:49:00")]
    drawn = watermark(records(NONE, NOON, NOON, dropped=2), events, size="10 minutes", slide="5 minutes")
    assert fates(drawn) == {"a": "late, counted in 1 of 2", "b": "dropped"}
    assert "a row is dropped where its last window has ended by it" in drawn.text


def test_a_long_time_in_which_nothing_happens_is_left_out_and_hostile_names_stay_text() -> None:
    events = [(0, "<script>", "2026-03-01 12:00:00"), (1, "a", "2099-01-01 00:10:00.5"), (1, "b", date(2026, 3, 1))]
    windows = [{"batch_id": 1, "start": date(2026, 3, 1), "end": "2026-03-02", "shop": "<b>", "sum": 1.5}]
    drawn = watermark(records(NONE, NOON), events, windows)
    assert "a time that is left out" in texts(drawn)
    assert "2026-03-01 00:00–2026-03-02 00:00 <b> · 1.5" in drawn.text
    assert "a 2099-01-01 00:10:00.5" in drawn.text
    is_sound(drawn)


def test_a_query_that_waits_adds_no_batch() -> None:
    waits = {**records(NONE, NOON, NOON)[2], "durationMs": {"triggerExecution": 1}}
    assert watermark([*records(NONE, NOON), waits]).title == "Watermark: 2 batches"


TWO = records(NONE, NOON)
EARLY = "2026-03-01 11:00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([],), "There is no progress of any batch: run the query, and give its recentProgress."),
        (
            (records(*[NOON] * 21),),
            "There are 21 batches, and one picture holds 20: draw a shorter run.",
        ),
        (
            (TWO[1:],),
            "The progress has no batch 0, and what a batch drops depends on the one before: give all records from "
            "batch 0 on, those before a restart too.",
        ),
        (
            ([{"batchId": 0, "numInputRows": 1, "eventTime": {}, "stateOperators": []}],),
            "The query has no watermark: give it one by withWatermark, before it groups or joins.",
        ),
        ((TWO, [(5, "a", EARLY)]), "There is no progress of batch 5: give the records of all batches."),
        ((TWO, [(0, "a")]), "Of the events, (0, 'a') is not batch_id, name, event_time."),
        ((TWO, [{"name": "a"}]), "The events have no column batch_id: give batch_id, name, event_time."),
        ((TWO, [(0, "a", EARLY)] * 41), "There are more than 40 events, and one picture holds 40: choose a few."),
        ((TWO, [(0, "a", "noon")]), "'noon' is no time: give it as 2026-03-01 12:04:00."),
        (
            (TWO, (), [(1, "2026-03-01", "2026-03-02", 1), (1, "2026-03-02", "2026-03-04", 1)]),
            "The windows are not all of one size: draw those of one query, which has no session windows.",
        ),
        (
            (TWO, (), (), "ten minutes"),
            "'ten minutes' is no size of a window: give it as 10 minutes, with seconds, minutes, hours or days.",
        ),
        (
            (records(NONE, NOON, NOON), [(2, "a", EARLY)]),
            "In batch 2 Spark dropped 0 rows, and of these events it would have dropped 1: give progress, events and "
            "size of one query, and not of one in complete mode.",
        ),
        (
            (records(NONE, NOON, NOON, dropped=1), [(2, "a", "2026-03-01 12:30:00")]),
            "In batch 2 Spark dropped 1 row, and of these events it would have dropped 0: give progress, events and "
            "size of one query, and not of one in complete mode.",
        ),
    ],
)
def test_a_watermark_that_cannot_be_drawn_is_refused_in_one_sentence(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        watermark(*given)


STATE = """\
State of stateStoreSave: 5 keys in 2 partitions, at most 3 rows, 1 after batch 5

partition  key          batch 0    batch 1    batch 2    batch 3    batch 4    batch 5
0          12:00–12:10  + count 2  ± count 3  ± count 4  − removed
0          12:30–12:40                        + count 1  count 1    count 1    − removed
1          12:10–12:20             + count 1  count 1    − removed
1          12:20–12:30                                   + count 1  ± count 2  − removed
1          12:50–13:00                                              + count 1  count 1

All times are of 2026-03-01."""


@pytest.fixture(scope="module")
def kept(spark: SparkSession, counted: Run) -> Picture:
    return state(spark, counted.checkpoint)


def test_a_state_tells_what_came_changed_and_went(kept: Picture) -> None:
    assert repr(kept) == STATE
    assert "After batch 5, 1 row; 12:30–12:40 in partition 0: removed;" in kept.description


def test_the_same_state_elsewhere_gives_the_same_bytes(spark: SparkSession, kept: Picture, again: Run) -> None:
    assert state(spark, f"{again.checkpoint}/")._repr_html_() == kept._repr_html_()


def test_of_two_batches_only_what_is_between_them_is_told(spark: SparkSession, counted: Run) -> None:
    assert [re.split("  +", line) for line in repr(state(spark, counted.checkpoint, (3, 1))).splitlines()[2:7]] == [
        ["partition", "key", "batch 1", "batch 3"],
        ["0", "12:00–12:10", "count 3", "− removed"],
        ["0", "12:30–12:40", "+ count 1"],
        ["1", "12:10–12:20", "count 1", "− removed"],
        ["1", "12:20–12:30", "+ count 1"],
    ]


@pytest.fixture(scope="module")
def joined(spark: SparkSession, few_rows: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Rows joined with themselves; "<b>" comes twice."""

    def pairs(rows: DataFrame) -> DataFrame:
        near = F.expr("l.name = r.name AND r.event_time BETWEEN l.event_time AND l.event_time + INTERVAL 5 MINUTES")
        return rows.alias("l").join(rows.alias("r"), near).select("l.name")

    batches = [[("<b>", "12:01"), ("<b>", "12:01"), ("c", "12:02")], [("<b>", "12:03")], [("d", "12:58")]]
    return run(spark, tmp_path_factory.mktemp("joined"), batches, pairs)


def test_a_join_keeps_rows_and_each_of_them_is_followed_and_hostile_names_stay_text(
    spark: SparkSession, joined: Run
) -> None:
    drawn = state(spark, joined.checkpoint, side="right")
    assert drawn.title == "State of symmetricHashJoin right: 3 keys in 2 partitions, at most 5 rows, 1 after batch 3"
    followed = [re.split("  +", line)[1:] for line in drawn.text.splitlines()[3:] if "<b>" in line]
    assert followed == [
        [
            "<b>",
            *["+ name <b>, event_time 12:01", "name <b>, event_time 12:01", "name <b>, event_time 12:01"],
            "− removed",
        ],
        [
            "<b>",
            *["+ name <b>, event_time 12:01", "name <b>, event_time 12:01", "name <b>, event_time 12:01"],
            "− removed",
        ],
        ["<b>", "+ name <b>, event_time 12:03", "name <b>, event_time 12:03", "− removed"],
    ]
    numbers = state(spark, joined.checkpoint, store="right-keyToNumValues")
    assert re.search(r"<b> +\+ 2 +± 3 +3 +− removed", numbers.text)
    is_sound(drawn)


def test_a_deduplication_tells_when_a_key_expires(spark: SparkSession, few_rows: None, tmp_path: Path) -> None:
    ran = run(spark, tmp_path, [[("a", "12:01"), ("b10", "12:02"), ("b9", "12:02:30")]], once)
    drawn = state(spark, ran.checkpoint, [0])
    assert re.findall(r"(\w+) +\+ expires ([\d:]+)", drawn.text) == [
        ("a", "12:11"),
        ("b9", "12:12:30"),
        ("b10", "12:12"),
    ]


def visits() -> StatefulProcessor:
    """Keeps of each name how often it came, when, and a timer. Made here, as a worker can't import a test."""

    class Visits(StatefulProcessor):
        def init(self, handle: StatefulProcessorHandle) -> None:
            self.handle = handle
            self.visits = handle.getValueState("visits", "number LONG")
            self.times = handle.getListState("times", "time STRING")
            self.of_minute = handle.getMapState("of_minute", "minute INT", "number INT")

        def handleInputRows(self, key: Any, rows: Any, timers: Any) -> Any:
            before = self.visits.get()[0] if self.visits.exists() else 0
            found = list(rows)
            for row in found:
                self.times.appendValue((f"{row.event_time:%H:%M}",))
                self.of_minute.updateValue((row.event_time.minute,), (1,))
            self.visits.update((before + len(found),))
            self.handle.registerTimer(int(max(row.event_time for row in found).timestamp() * 1000) + 60_000)
            return iter([])

        def close(self) -> None:
            pass

    return Visits()


def test_a_processor_of_ones_own_keeps_variables_and_timers(
    spark: SparkSession, few_rows: None, tmp_path: Path
) -> None:
    rocks = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    spark.conf.set("spark.sql.streaming.stateStore.providerClass", rocks)
    try:
        ran = run(
            spark,
            tmp_path,
            [[("a", "12:01")], [("a", "12:02")]],
            lambda rows: rows.groupBy("name").transformWithState(visits(), "name STRING", "Append", "EventTime"),
        )
    finally:
        spark.conf.unset("spark.sql.streaming.stateStore.providerClass")
    lines = {
        name: [
            re.split("  +", line)[1:]
            for line in state(spark, ran.checkpoint, (0, 1), variable=name).text.splitlines()[3:]
        ]
        for name in ("visits", "times", "of_minute")
    }
    assert lines["visits"] == [["a", "+ number 1", "± number 2"]]
    assert lines["times"] == [["a", "+ time 12:01", "time 12:01"], ["a", "+ time 12:02"]]
    assert lines["of_minute"] == [["a → 1", "+ number 1", "number 1"], ["a → 2", "+ number 1"]]
    timers = state(spark, ran.checkpoint, (0, 1), variable="timers")
    assert re.findall("expires 12:0[23]", timers.text) == ["expires 12:02", "expires 12:02", "expires 12:03"]
    with pytest.raises(ValueError, match="keeps no variable '': choose one of of_minute, timers, times, visits"):
        state(spark, ran.checkpoint)


def test_a_state_that_cannot_be_drawn_is_refused_in_one_sentence(
    spark: SparkSession, few_rows: None, counted: Run, joined: Run, tmp_path: Path
) -> None:
    def refused(path: Path, message: str, **choice: Any) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            state(spark, path, **choice)

    refused(
        tmp_path / "no",
        f"There is no state in {tmp_path}/no: give the checkpoint of a query that groups, joins or deduplicates, and "
        "that has committed a batch.",
    )
    notes = counted.checkpoint
    refused(notes, f"The checkpoint in {notes} has no state of batch 9: it has those of 0 to 5.", batches=[9])
    no_operator = f"The query in {notes} has no operator 2 with state: there are 0 (stateStoreSave)."
    refused(notes, no_operator, operator=2)
    refused(notes, "Operator 0 (stateStoreSave) keeps no sides: leave out side.", side="left")
    refused(notes, "Operator 0 (stateStoreSave) keeps no variable 'x': leave out variable.", variable="x")
    refused(notes, "Operator 0 (stateStoreSave) has no store 'x': it has default.", store="x")
    join = 'Operator 0 (symmetricHashJoin) keeps two sides: choose side="left" or side="right".'
    refused(joined.checkpoint, join)
    ran = run(spark, tmp_path / "many", [[(str(name), "12:01") for name in range(41)]], once)
    many = (
        f"The state in {ran.checkpoint} has more than 40 keys, and one picture holds 40: choose fewer batches, or run "
    )
    refused(ran.checkpoint, many + "the query on less.")
    for number in range(2, 13):
        for note in ("offsets", "commits"):
            shutil.copy(ran.checkpoint / note / "0", ran.checkpoint / note / str(number))
    refused(ran.checkpoint, "There are 13 batches, and one picture holds 12: choose some of them.")


CONNECT = """
from pyspark.sql import functions as F
from workbook import get_spark
from workbook.pictures import checkpoint, state, watermark
spark = get_spark()
spark.sql("SELECT 'a' AS name, TIMESTAMP'2026-03-01 12:01:00' AS event_time").write.format("delta").save(PATH + "/t")
rows = spark.readStream.format("delta").load(PATH + "/t").withWatermark("event_time", "10 minutes")
counts = rows.groupBy(F.window("event_time", "10 minutes")).count()
writer = counts.writeStream.option("checkpointLocation", PATH + "/notes").trigger(availableNow=True)
query = writer.toTable("counts")
query.awaitTermination()
events = spark.read.load(PATH + "/t").select(F.lit(0).alias("batch_id"), "name", "event_time")
drawn = watermark(query.recentProgress, events, size="10 minutes")
print(drawn.title)
print("new rows:", next(line.split()[1] for line in drawn.text.splitlines() if line.startswith("0 ")))
print(checkpoint(PATH + "/notes").title)
print(state(spark, PATH + "/notes").title)
"""


def test_on_spark_connect_all_of_them_are_drawn(tmp_path: Path) -> None:
    code = CONNECT.replace("PATH", repr(str(tmp_path)))
    with connect_server() as address:
        [(exit_code, out, error)] = finished([python(code, SPARK_REMOTE=address)])
    assert (exit_code, error) == (0, "")
    assert out == (
        "Watermark: 2 batches, 1 event, 0 events dropped\n"
        "new rows: 1\n"
        "Checkpoint: 2 batches, all committed\n"
        "State of stateStoreSave: 1 key in 2 partitions, at most 1 row, 1 after batch 1\n"
    )


@pytest.mark.parametrize("name", ["crashed", "late", "kept"])
def test_a_picture_of_a_stream_is_sound(name: str, request: pytest.FixtureRequest) -> None:
    drawn = request.getfixturevalue("counted").crashed if name == "crashed" else request.getfixturevalue(name)
    is_sound(drawn)
