"""Checks of the exercises on streaming data."""

import contextlib
import copy
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.checking.case import Case, Failed, frame_of
from workbook.checking.exercise import Answer, exercise

SPARK = "https://spark.apache.org/docs/latest/"


def until_it_ends(case: Case, call: Callable[[], Any]) -> Any:
    """What `call` returns, once none of the streams that it has started runs any more."""
    given = call()
    left = len(case.streams())
    case.require(
        not left,
        f"{left} stream was still running when your function came back: `start` and `toTable` only begin it, and the "
        "caller believes that the rows are there. Wait for the end.",
        seen=left,
    )
    return given


STREAMS = "https://spark.apache.org/docs/latest/streaming/apis-on-dataframes-and-datasets.html"
Progress = list[dict[str, Any]]
"""What a query told of its batches, as `recentProgress` has it."""


TIME = re.compile(r"^(\d\d:\d\d)$")
MOST_BATCHES = 12
"""So many batches no stream of a check needs."""


def arriving(case: Case, schema: str, *batches: list[tuple[Any, ...]]) -> DataFrame:
    """A stream that brings these rows, a batch at a time; a time is written as "10:05" and is of 1 March 2026."""
    return further(case, schema, case.path("arriving"), *batches)


def further(case: Case, schema: str, folder: str, *batches: list[tuple[Any, ...]]) -> DataFrame:
    """A stream of all that is in `folder`, a file a batch, once these batches have been added."""
    kinds = case.rows(schema).dtypes
    path = Path(folder)
    path.mkdir(exist_ok=True)
    there = len(list(path.iterdir()))
    for number, batch in enumerate(batches, start=there):
        rows = [{name: _in_json(value, kind) for (name, kind), value in zip(kinds, row, strict=True)} for row in batch]
        file = path / f"{number}.json"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        os.utime(file, (1_772_000_000 + number, 1_772_000_000 + number))  # files are read in the order of their times
    return case.spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).json(folder)


def _in_json(value: Any, kind: str) -> Any:
    return TIME.sub(r"2026-03-01T\1:00Z", value) if kind == "timestamp" and value is not None else value


def drained(case: Case, result: object, mode: str = "append") -> tuple[DataFrame, Progress]:
    """All that a streaming DataFrame gives, and what its query told of each batch."""
    frame = frame_of(result)
    case.require(
        frame.isStreaming,
        f"Whether the DataFrame that you returned is a stream: {frame.isStreaming}. Return what you made of the stream "
        "that you were given; the check starts it.",
        seen=frame.isStreaming,
    )
    name = Path(case.path("result")).name.replace("-", "_")
    stream = frame.writeStream.format("memory").queryName(name).outputMode(mode)
    stream = stream.option("checkpointLocation", case.path("checkpoint")).trigger(availableNow=True)
    query = stream.start()
    try:
        while not query.awaitTermination(3):
            ran = query.lastProgress.batchId if query.lastProgress else 0
            case.require(
                ran < MOST_BATCHES,
                f"The query was at batch {ran} and found no end: timers by the clock of the machine always ask for "
                f"another batch. The time that counts here is that of the events.",
                seen=ran,
            )
    except Failed:
        query.stop()
        raise
    except Exception as raised:
        raise _of_the_stream(raised) from raised
    return case.spark.table(name), [json.loads(progress.json) for progress in query.recentProgress]


def _of_the_stream(raised: Exception) -> Exception:
    """The error that ended a stream: what Python or Spark said, without all that is around it."""
    found = re.search(r"terminated with exception: (.*?)(?: SQLSTATE|\n=== Streaming Query|\Z)", str(raised), re.DOTALL)
    if found is None:
        return raised
    lines = [line.strip() for line in found.group(1).splitlines() if line.strip()]
    said = (lines[-1] if "Traceback" in found.group(1) else lines[0])[:180]
    return Failed(f"The stream ended with an error: {said}", seen=[said])


def rows_in_state(progress: Progress) -> int:
    """The rows that the state of a query holds in the end."""
    return sum(operator["numRowsTotal"] for operator in progress[-1]["stateOperators"])


def watermark(progress: Progress) -> str:
    """Where the watermark of a query stands in the end, such as "2026-03-01T10:05"; empty where there is none."""
    return str(progress[-1].get("eventTime", {}).get("watermark", ""))[:16]


def at(frame: DataFrame, *columns: str) -> DataFrame:
    """The frame with its times as texts such as "10:05", in UTC."""
    for name, kind in frame.dtypes:
        if name in columns and kind != "timestamp":
            raise Failed(f"The column `{name}` is of type {kind}, and timestamp is asked for.", seen=[kind])
    there = [name for name in columns if name in frame.columns]
    return frame.withColumns({name: F.date_format(name, "HH:mm") for name in there})


@exercise(
    objective="4.1",
    hints=(
        "Who remembers which rows have been taken: the table, your code, or a stream in its checkpoint?",
        "`spark.readStream.table` reads a table as a stream, `writeStream` writes one. Its "
        "`option('checkpointLocation', …)` keeps what is done, `trigger(availableNow=True)` ends when nothing is left, "
        "`toTable` starts it, and `awaitTermination` waits.",
        "`spark.readStream.table(…).writeStream.option(…).trigger(…).toTable(…).awaitTermination()`.",
    ),
    docs=SPARK + "streaming/apis-on-dataframes-and-datasets.html#triggers",
    why="Who compares with the target, or with its newest row, gets this wrong: rows that a person had deleted for "
    "good reason come back, and a late one is never taken. The checkpoint counts the commits of the source instead, so "
    "an hour without news costs next to nothing. It is worth as much as the table: a new one begins at the first row.",
)
def append_new_rows(answer: Answer, case: Case) -> None:
    source, target, checkpoint = f"{case.schema}.orders", f"{case.schema}.all_orders", case.path("checkpoint")
    shape = "order_id string, amount double"

    def add(*rows: tuple[Any, ...]) -> None:
        case.rows(shape, *rows).coalesce(1).write.format("delta").mode("append").saveAsTable(source)

    def take() -> None:
        case.runs(lambda: until_it_ends(case, lambda: answer(case.spark, source, target, checkpoint)), NOT_APPENDED)
        there = case.spark.catalog.tableExists(target)
        case.require(
            there,
            f"After the call, whether the table `target` is there: {there}. Its name is an argument of yours, and "
            "`toTable` takes it as it is.",
            seen=there,
        )

    add(("O2", 2.0), ("O3", 3.0), ("O3", 3.0))
    take()
    case.equal(
        case.spark.table(target),
        shape,
        ("O2", 2.0),
        ("O3", 3.0),
        ("O3", 3.0),
        missing={
            ("O2", ...): "After the first call {got} is missing: a stream of a Delta table begins with all that the "
            "table holds, unless you tell it to begin later.",
            (
                "O3",
                ...,
            ): "After the first call {got} is missing once: it is there twice in `source`, and two equal rows "
            "are two orders.",
        },
    )
    case.runs(lambda: case.spark.sql(f"DELETE FROM {target} WHERE order_id = 'O2'"), NO_DELTA_TABLE)
    add(("O1", 1.0), ("O3", 3.0))
    take()
    history = case.spark.sql(f"DESCRIBE HISTORY {target}").collect()
    streamed = history[0].operation == "STREAMING UPDATE"
    replaced = "REPLACE" in history[0].operation or history[0].operationParameters.get("mode") == "Overwrite"
    case.equal(
        case.spark.table(target),
        shape,
        ("O1", 1.0),
        ("O3", 3.0),
        ("O3", 3.0),
        ("O3", 3.0),
        when={
            ("O2", ...): "{got} was taken by the first call and deleted from `target`, and the second call brought it "
            "again: "
            + (
                "a stream with another checkpoint knows nothing of the first, and begins at the beginning."
                if streamed
                else "an overwrite makes `target` a copy of `source`, whatever was done to it."
                if replaced
                else "what `target` holds does not tell what has been taken. Something else must remember."
            ),
        },
        missing={
            ("O1", ...): "{got} is missing, which arrived between the two calls: its `order_id` is before the others, "
            "and it is new all the same. A row is new when it arrives, whatever is in it.",
            ("O3", ...): "{got} is missing: `target` had it from the first call, and what came later was written in "
            "its place. An overwrite keeps only the newest batch."
            if replaced
            else "{got} is missing once: the table held two such rows, and a third arrived later. New is a row, not a "
            "value.",
        },
    )


NO_DELTA_TABLE = {
    "does not support DELETE": "Nobody can delete a row of your table ({error}): it was written as plain files, and a "
    "Delta table was asked for."
}
NOT_APPENDED = {
    "CALL_ON_STREAMING_DATASET_UNSUPPORTED": "Spark says {error}: what `readStream` gives has no end, so `write` "
    "cannot write it. `writeStream` does.",
    "Queries with streaming sources must": "Spark says `Queries with streaming sources must be executed with "
    "writeStream.start()`: a stream has no end at which it could be counted or shown.",
    "WRITE_STREAM_NOT_ALLOWED": "Spark says {error}: `writeStream` writes what `readStream` reads, and `read` reads a "
    "table once, as it is now.",
    "DELTA_UNSUPPORTED_OUTPUT_MODE": "Spark says {error}: a Delta table takes no stream in update mode. New rows are "
    "appended, so the mode is `append`, which is the default.",
    "output mode: complete": "Spark says {error}: complete mode writes the whole result each time, and only an "
    "aggregation has one. New rows are appended.",
    "checkpointLocation must be": "Spark says that `checkpointLocation must be` given: in the checkpoint it keeps what "
    "it has taken, and the next call reads it there.",
    "TABLE_OR_VIEW_ALREADY_EXISTS": "The second call raised {error}: by then `target` is there, and rows are added.",
}


@exercise(
    objective="4.1",
    hints=(
        "When can a row of the result change no more: if there is no aggregation, if there is one, if a watermark "
        "closes its window? Which modes need that, and which sink takes what is left?",
        "First the modes that the query allows, then those that the sink takes; the answer is what is in both. None is "
        "an answer, too.",
        "Without aggregates: append and update. With them: update and complete, and append where the watermark stands "
        "on the column of the windows. Then `[mode for mode in … if mode in …]`.",
    ),
    docs=SPARK + "streaming/apis-on-dataframes-and-datasets.html#output-modes",
    why="Append was refused, complete was not, and so the table is written anew with every batch and the state keeps "
    "every key for ever: that runs for months, and then the batches take hours. Where append is refused, a watermark "
    "is missing or stands on another column. For a Delta table that follows an aggregate, `foreachBatch` with MERGE in "
    "update mode.",
)
def output_modes(answer: Answer, case: Case) -> None:
    # Each of these queries was started with Spark 4.2 in all three modes.
    def modes(aggregates: bool, windows_of: str | None, watermark: str | None, sink: str) -> Any:
        return answer({"aggregates": aggregates, "windows_of": windows_of, "watermark": watermark, "sink": sink})

    def takes(mode: str) -> Callable[[object], bool]:
        return lambda got: isinstance(got, (list, tuple, set)) and mode in got

    case.value(
        modes(False, None, None, "foreachBatch"),
        ["append", "update"],
        call="output_modes of a query without aggregates into foreachBatch",
        when={
            (lambda got: not isinstance(got, list)): "You gave {got}: return a list of the modes.",
            ("update", "append"): "You gave {got}: the order append, update, complete was asked for.",
            takes("complete"): "Without an aggregation you gave {got}: complete would be every row that ever came, "
            "again with each batch, and Spark keeps no rows for that.",
            ("update",): "Without an aggregation you gave {got}: append needs no watermark where no row ever changes.",
            ("append",): "Without an aggregation, into `foreachBatch`, you gave {got}: update may be written as well. "
            "As no row ever changes, it is the same as append.",
        },
    )
    case.value(
        modes(False, None, None, "delta"),
        ["append"],
        call="output_modes of a query without aggregates into a Delta table",
        when={
            takes("update"): "Into a Delta table you gave {got}: it would have to find the rows that have changed, "
            "and its stream writer does not. DELTA_UNSUPPORTED_OUTPUT_MODE."
        },
    )
    case.value(
        modes(False, None, "event_time", "files"),
        ["append"],
        call="output_modes of a query with a watermark, without aggregates, into files",
        when={
            (): "Without an aggregation, into files, you gave {got}: no row ever changes, so each can be written once."
        },
    )
    case.value(
        modes(True, None, None, "foreachBatch"),
        ["update", "complete"],
        call="output_modes of a sum for each city into foreachBatch",
        when={
            takes("append"): "For a sum of each city you gave {got}: the next order changes it, so there is no moment "
            "at which a row is final.",
            ("update",): "For a sum of each city, into `foreachBatch`, you gave {got}: it is an aggregation, so its "
            "whole result can be written each time, too.",
            ("complete",): "For a sum of each city, into `foreachBatch`, you gave {got}: update writes the cities that "
            "have changed.",
        },
    )
    case.value(
        modes(True, None, "event_time", "foreachBatch"),
        ["update", "complete"],
        call="output_modes of a sum for each city, with a watermark, into foreachBatch",
        when={
            ("complete",): "For a sum of each city with a watermark, into `foreachBatch`, you gave {got}: a watermark "
            "takes no mode away.",
            takes("append"): "For a sum of each city with a watermark you gave {got}: a watermark closes windows of "
            "time, and a city never ends.",
        },
    )
    case.value(
        modes(True, "event_time", None, "foreachBatch"),
        ["update", "complete"],
        call="output_modes of a sum for each window, without a watermark, into foreachBatch",
        when={
            takes("append"): "For a sum of each window without a watermark you gave {got}: a late event may come at "
            "any time, so no window is ever closed."
        },
    )
    case.value(
        modes(True, "received_at", "event_time", "delta"),
        ["complete"],
        call="output_modes of windows of received_at, with a watermark on event_time, into a Delta table",
        when={
            (): "For windows without a watermark of theirs, into a Delta table, you gave {got}: such a table takes "
            "complete, and so does an aggregation.",
            takes("append"): "With windows of `received_at` and the watermark on `event_time` you gave {got}: it "
            "closes windows of its own column only.",
        },
    )
    case.value(
        modes(True, "event_time", "event_time", "foreachBatch"),
        ["append", "update", "complete"],
        call="output_modes of windows under a watermark into foreachBatch",
        when={
            ("append",): "For windows under a watermark, into `foreachBatch`, you gave {got}: they may also be "
            "written each time they change, or all of them."
        },
    )
    case.value(
        modes(True, "event_time", "event_time", "files"),
        ["append"],
        call="output_modes of windows under a watermark into files",
        when={
            takes("complete"): "Into files you gave {got}: a file that is written stays as it is, so they take only "
            "what is final."
        },
    )
    case.value(
        modes(True, "event_time", "event_time", "delta"),
        ["append", "complete"],
        call="output_modes of windows under a watermark into a Delta table",
    )
    case.value(
        modes(True, None, None, "delta"),
        ["complete"],
        call="output_modes of a sum for each city into a Delta table",
    )
    case.value(
        case.runs(
            lambda: modes(True, None, None, "files"),
            "For a sum of each city into files your code raised {error}: no mode is left, and that is the answer.",
        ),
        [],
        call="output_modes of a sum for each city into files",
        when={
            ("append",): "For a sum of each city into files you gave {got}: files take append, and the query does not "
            "allow it. No mode is left."
        },
    )


@exercise(
    objective="4.1",
    hints=(
        "What does `from_json` make of a text that is no JSON, of one whose amount is a word, and of none? Which of "
        "these look alike, and what else tells them apart?",
        "Cast the bytes to a string first. `from_json` with a column for malformed text (`columnNameOfCorruptRecord`) "
        "keeps what did not fit, and `try_parse_json` is NULL for what is no JSON at all.",
        "`F.when(<no value>, …).when(<no JSON>, …).when(<text in malformed>, …)` is the reason, NULL for a good one; "
        "then `where('reason IS NULL')` and `where('reason IS NOT NULL')`.",
    ),
    docs=SPARK + "streaming/structured-streaming-kafka-integration.html",
    why="One poison message stops a stream that insists, every night at the same offset; one that shrugs writes an "
    "order of NULLs, and nobody sees it before the month is closed. A place for what is refused costs a table. With "
    "topic, partition and offset, a refused message is found and sent again when the fault is mended.",
)
def split_messages(answer: Answer, case: Case) -> None:
    moment = datetime(2026, 3, 1, tzinfo=timezone.utc)
    messages = case.rows(
        "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp, timestampType int",
        *(
            (key, value, *place, moment, 0)
            for key, value, place in (
                (b"O1", b'{"order_id": "O1", "amount": 9.5}', ("orders", 0, 0)),
                (b"O2", b'{"order_id": "O2"}', ("orders", 0, 1)),
                (b"O3", b'{"order_id": "O3", "amount": "12 euro"}', ("orders", 0, 2)),
                (b"O4", b'{"order_id": "O4", "amo', ("orders", 0, 3)),
                (b"O1", None, ("orders", 0, 4)),
                (b"O1", b'{"order_id": "O1", "amount": 9.5}', ("orders", 0, 5)),
                (None, b'{"amount": 3, "order_id": "O5"}', ("orders", 1, 0)),
                (b"O6", b"\x00\x00\x00\x00\x07\x04O6", ("orders", 1, 1)),
                (b"O7", b"", ("orders", 1, 2)),
                (b"O8", b'{"order_id": "O8", "amount": null, "note": ""}', ("returns", 0, 0)),
                (b"O9", b'{"order_id": "O9", "amount": "12"}', ("returns", 0, 1)),
            )
        ),
    )
    both = case.runs(lambda: answer(messages), NOT_SPLIT)
    case.require(
        isinstance(both, (tuple, list)) and len(both) == 2,
        f"You gave a {type(both).__name__}: two DataFrames are asked for, the orders and what was refused.",
        seen=type(both).__name__,
    )
    case.runs(lambda: _are_split(case, messages, *both), NOT_SPLIT)


NOT_SPLIT = {
    'requires the "STRING" type': "Spark says {error}, as `from_json` reads `STRING`, and Kafka gives bytes: cast the "
    "value to a string.",
    "MALFORMED_RECORD": "Your code raised {error}: one message that is no JSON stops all the others, and it comes "
    "again at each start. Set it aside.",
    "CAST_INVALID_INPUT": "Your code raised {error} at the amount `12 euro`: one wrong amount stops all the others. "
    "Try, and set aside what fails.",
}


def _are_split(case: Case, messages: DataFrame, orders: object, refused: object) -> None:
    place = ("topic", "partition", "offset")
    for frame, names in ((frame_of(orders), ("order_id", "amount")), (frame_of(refused), ("reason", "value"))):
        columns = ", ".join(sorted(frame.columns))
        case.require(
            set(frame.columns) == {*names, *place},
            f"The frame that is to have {', '.join(names)} and the place has the columns {columns}.",
            seen=columns,
        )
    kind = dict(frame_of(refused).dtypes)["value"]
    case.require(
        kind == "binary",
        f"The refused `value` is of type {kind}: keep the bytes as they came. What cannot be read as text does not "
        f"become better by a cast.",
        seen=kind,
    )
    at = F.concat_ws("/", *place).alias("at")
    case.equal(
        frame_of(orders).select(at, "order_id", "amount"),
        "at string, order_id string, amount double",
        ("orders/0/0", "O1", 9.5),
        ("orders/0/1", "O2", None),
        ("orders/0/5", "O1", 9.5),
        ("orders/1/0", "O5", 3.0),
        ("returns/0/0", "O8", None),
        given=messages.select(at, F.col("value").cast("string")),
        when={
            (
                "returns/0/1",
                ...,
                12.0,
            ): "{got} is among the orders, and its amount is a text, `12` in quotes: a cast makes a "
            "number of it today, and something else of `1,200` tomorrow. The types are part of what was agreed.",
            ("orders/0/2", ...): "{got} is among the orders, and its amount was `12 euro`: `from_json` makes a NULL of "
            "it, as of an amount that is missing, and says nothing.",
            ("orders/0/3", ...): "{got} is among the orders, and its value is cut off: `from_json` makes NULLs of what "
            "it cannot read, and says nothing.",
            ("orders/0/4", ...): "{got} is among the orders: it has no value at all.",
            ("orders/1/2", ...): "{got} is among the orders, and its value is empty: of an empty text `from_json` "
            "makes NULL, and reports nothing malformed.",
        },
        missing={
            ("orders/0/1", ...): "{got} is missing among the orders: it has no amount, and that is allowed. What is "
            "missing is not wrong.",
            ("returns/0/0", ...): "{got} is missing among the orders: its offset is 0, as in other partitions and "
            "topics. A place is all three.",
            ("orders/0/5", ...): "{got} is missing among the orders: it is equal to the message at offset 0, and a "
            "message of its own. Repeats are dropped later, by those who know the key.",
            ("orders/1/0", ...): "{got} is missing among the orders: it has no key, and the order is in the value.",
        },
    )
    case.equal(
        frame_of(refused).select(at, "reason", F.col("value").cast("string")),
        "at string, reason string, value string",
        ("orders/0/2", "wrong type", '{"order_id": "O3", "amount": "12 euro"}'),
        ("orders/0/3", "not JSON", '{"order_id": "O4", "amo'),
        ("orders/0/4", "tombstone", None),
        ("orders/1/1", "not JSON", "\x00\x00\x00\x00\x07\x04O6"),
        ("orders/1/2", "not JSON", ""),
        ("returns/0/1", "wrong type", '{"order_id": "O9", "amount": "12"}'),
        given=messages.select(at, F.col("value").cast("string")),
        when={
            ("orders/1/2", "tombstone", ...): "{got} is no tombstone: its value is empty, not NULL. Of both "
            "`from_json` makes NULL, so ask the value itself.",
            ("orders/0/2", "not JSON", ...): "{got}: this is JSON, and only the amount does not fit. Whoever mends it "
            "looks at another place.",
            (
                "orders/0/3",
                "wrong type",
                ...,
            ): "{got}: this is cut off, so it is no JSON. That `from_json` kept its text as "
            "malformed does not tell why.",
            (
                "orders/0/4",
                "not JSON",
                ...,
            ): "{got}: this message has no value, which is no fault. It tells that the key is deleted.",
            (..., None, ...): "{got}: a message was refused without a reason.",
        },
        missing={
            ("orders/0/4", ...): "The tombstone {got} is in neither frame: a condition over NULL is not true, and its "
            "opposite is not true either.",
            ("orders/1/2", ...): "{got} is missing among the refused: its value is empty, and it came all the same.",
            ("orders/1/1", ...): "{got} is missing among the refused: bytes that are no text stand there, and they are "
            "a message too.",
        },
    )


@exercise(
    objective="4.2",
    hints=(
        "Which of the two folders says what was begun, and which says what was ended? Try it with a stream that was "
        "stopped in peace, and with one that died in its very first batch.",
        "`Path.iterdir` lists a folder, `str.isdigit` tells whether a name is a number, and `int` makes one of it: as "
        "a text, 9 is more than 10. `max` takes a `default` for nothing.",
        "The newest number in `offsets` and in `commits`, -1 where there is none. If more was planned than done, that "
        "batch again; otherwise the one after it.",
    ),
    docs=SPARK + "streaming/getting-started.html#fault-tolerance-semantics",
    why="Who takes rows in the sink for a finished batch deletes the wrong file at night, and loses or doubles a "
    "batch. A batch without its commit may be in the sink wholly, in part or not at all: it runs again, with the same "
    "rows, and only a sink that knows the number of a batch can tell. The state is no witness: it is written before "
    "the commit.",
)
def next_batch(answer: Answer, case: Case) -> None:
    rows = arriving(case, "order_id string", [("O1",)], [("O2",)], [("O3",)])
    real = Path(case.path("checkpoint"))
    stream = rows.groupBy("order_id").count().writeStream.format("noop").outputMode("update")
    stream.option("checkpointLocation", str(real)).trigger(availableNow=True).start().awaitTermination()

    def without(*files: str) -> Path:
        """A copy of the stream's checkpoint, as it was before these files were written or after they were removed."""
        copy = Path(case.path("checkpoint"))
        shutil.copytree(real, copy)
        for name in files:
            file = copy / name
            file.unlink()
            file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
        return copy

    died = without("commits/2")
    got = case.runs(
        lambda: answer(died),
        "Beside the numbers the folders hold hidden files such as `.2.crc`, and your code raised {error}: take only "
        "names that are a number.",
        error="crc",
    )
    case.value(
        got,
        (2, True),
        call="With offsets 0, 1, 2 and commits 0, 1, next_batch",
        when={
            (2, False): "Offsets 0, 1, 2 and commits 0, 1 gave {got}: batch 2 has been planned, so nothing is chosen "
            "anew. It runs with the very rows that its offsets name.",
            (3, False): "Offsets 0, 1, 2 and commits 0, 1 gave {got}: what batch 2 left behind, offsets or state, does "
            "not say that it has ended. Only its commit does.",
            (1, ...): "Offsets 0, 1, 2 and commits 0, 1 gave {got}: batch 1 is done, by its commit.",
        },
    )
    case.value(
        answer(real),
        (3, False),
        call="With offsets and commits 0, 1, 2, next_batch",
        when={
            (2, True): "Offsets and commits 0, 1, 2 gave {got}: batch 2 has its commit, so it does not run again.",
            (2, False): "Offsets and commits 0, 1, 2 gave {got}: batch 2 is the last that was run, and the next is "
            "asked for.",
        },
    )
    half = without()
    shutil.copy(half / "offsets" / "2", half / "offsets" / ".3.5d1f0c9e-8f0b-4c7d-9a55-0b1f3c2d4e5f.tmp")
    case.value(
        answer(half),
        (3, False),
        call="With a half-written `offsets/.3.….tmp` behind offsets and commits 0, 1, 2, next_batch",
        when={
            (3, True): "Behind offsets and commits 0, 1, 2 lies a half-written `offsets/.3.….tmp`, and you gave {got}: "
            "it has not got its name yet, so batch 3 was never planned."
        },
    )
    first = without("offsets/1", "offsets/2", "commits/0", "commits/1", "commits/2")
    case.value(
        case.runs(
            lambda: answer(first),
            "With `offsets/0` and no commit at all your code raised {error}: so it looks after "
            "a crash in the first batch.",
        ),
        (0, True),
        call="With offset 0 and no commit, next_batch",
        when={(0, False): "Offset 0 and no commit gave {got}: the first batch was planned, and its rows are fixed."},
    )
    new = without("offsets/0", "offsets/1", "offsets/2", "commits/0", "commits/1", "commits/2")
    case.value(
        case.runs(
            lambda: answer(new),
            "With two empty folders your code raised {error}: so it looks when a stream was "
            "started and no row had come.",
        ),
        (0, False),
        call="With neither offsets nor commits, next_batch",
        when={(0, True): "No offsets and no commits gave {got}: nothing is planned, so nothing can run again."},
    )
    ten = without("offsets/0", "commits/2")
    for before, after in (
        ("offsets/2", "offsets/10"),
        ("offsets/1", "offsets/9"),
        ("commits/1", "commits/9"),
        ("commits/0", "commits/8"),
    ):
        (ten / before).rename(ten / after)
    for copied_last in ("offsets/9", "commits/8"):
        os.utime(ten / copied_last, (2_000_000_000, 2_000_000_000))
    case.value(
        answer(ten),
        (10, True),
        call="With offsets 9, 10 and commits 8, 9, next_batch",
        when={
            (10, False): "Offsets 9, 10 and commits 8, 9 gave {got}, as if 9 were the greatest: names of files are "
            "texts, and as a text 9 comes after 10.",
            (9, ...): "Offsets 9, 10 and commits 8, 9 gave {got}, as commits/8 has the newest time, or offsets/9: this "
            "is a copy, and its times are of the copying.",
            (lambda got: got[0] in (1, 2, 3)): "Offsets 9, 10 and commits 8, 9 gave {got}: Spark has removed the files "
            "of old batches, so how many there are says nothing. The number is in the name.",
            (lambda got: got[0] == 8): "Offsets 9, 10 and commits 8, 9 gave {got}: that batch 8 has no offsets any "
            "more is because it is old. Only the newest counts.",
        },
    )


PER_CITY: dict[str, Any] = {
    "sources": 1,
    "where": "amount > 0",
    "keys": [("city", "string")],
    "aggregates": [("sum(amount)", "double")],
    "table": "per_city",
    "shuffle_partitions": 2,
}


@exercise(
    objective="4.2",
    hints=(
        "Two questions: what does Spark find in the checkpoint to compare with? And what would be in the state, had "
        "the new query made it from the first row on?",
        "Compare the sources and the lists of types first, as lists: their order and their length count. Then ask "
        "whether the query has a state, and whether filter, keys and aggregates are the same.",
        "`[kind for _, kind in query['keys']]` are the types. Refused where these or the sources differ; wrong where "
        "there is a state and what went into it differs; otherwise right.",
    ),
    docs=SPARK + "streaming/additional-information.html#recovery-semantics-after-changes-in-a-streaming-query",
    why="A refused start costs an hour. The other outcome costs a quarter: `max` in the place of `sum` starts without "
    "a word, and every old city keeps its sum as its maximum. After a change to what is kept in the state, take a new "
    "checkpoint and a new table, and fill them from the first row.",
)
def after_restart(answer: Answer, case: Case) -> None:
    # Each of these was started with Spark 4.2, with the old query's checkpoint; the outcomes are what was seen.
    def outcome(before: dict[str, Any], after: dict[str, Any]) -> Any:
        return answer(copy.deepcopy({**PER_CITY, **before}), copy.deepcopy({**PER_CITY, **before, **after}))

    no_state: dict[str, Any] = {"keys": [], "aggregates": []}
    case.value(outcome({}, {}), "right", call="after_restart of a query that was not changed")
    case.value(
        outcome({}, {"where": "amount > 10"}),
        "wrong",
        call="after_restart with another filter before the sum",
        when={
            "right": "Another filter before the sum gave {got}: the sums in the state are of rows that the old filter "
            "let through, and go on growing by rows of the new one.",
            "refused": "Another filter before the sum gave {got}: nothing in the checkpoint tells what the filter was, "
            "so Spark cannot refuse.",
        },
    )
    case.value(
        outcome(no_state, {"where": "amount > 10"}),
        "right",
        call="after_restart with another filter, without aggregates",
        when={
            "wrong": "Another filter in a query without aggregates gave {got}: it keeps no state, so nothing of the "
            "old filter is left."
        },
    )
    case.value(
        outcome({}, {"shuffle_partitions": 7}),
        "right",
        call="after_restart with 7 shuffle partitions",
        when={
            "refused": "Another number of shuffle partitions gave {got}: the query goes on, with the number that the "
            "checkpoint holds. The setting has no effect.",
            "wrong": "Another number of shuffle partitions gave {got}: the query goes on with the number that the "
            "checkpoint holds, so each key finds its state.",
        },
    )
    case.value(
        outcome({}, {"table": "other"}),
        "right",
        call="after_restart with another table",
        when={
            "refused": "Another table gave {got}: the checkpoint says nothing of the sink. What arrives from now on "
            "goes into the other table.",
            "wrong": "Another table gave {got}: the state is of the same query, whatever table its results go into.",
        },
    )
    case.value(
        outcome({}, {"keys": [("country", "string")]}),
        "wrong",
        call="after_restart with the key country for city, both string",
        when={
            "refused": "The key `country` for `city`, both string, gave {got}: Spark compares types, not names, so it "
            "goes on, and cities stay in the state as if they were countries.",
            "right": "The key `country` for `city` gave {got}: the state holds cities, and goes on as if they were "
            "countries.",
        },
    )
    case.value(
        outcome({}, {"keys": [("store", "int")]}),
        "refused",
        call="after_restart with an int key for a string",
        when={"wrong": "An int key for a string gave {got}: Spark cannot read the old keys, so it does not start."},
    )
    case.value(
        outcome({}, {"keys": [("city", "string"), ("country", "string")]}),
        "refused",
        call="after_restart with a second key",
        when={"wrong": "A second key gave {got}: the state has one, and Spark compares how many there are, too."},
    )
    two = {"keys": [("city", "string"), ("store", "int")]}
    case.value(
        outcome(two, {"keys": [("store", "int"), ("city", "string")]}),
        "refused",
        call="after_restart with string and int keys in the other order",
        when={
            (lambda got: got in ("wrong", "right")): "A string and an int key in the other order gave {got}: types are "
            "compared one by one, in their order."
        },
    )
    case.value(
        outcome(
            {"keys": [("city", "string"), ("country", "string")]}, {"keys": [("country", "string"), ("city", "string")]}
        ),
        "wrong",
        call="after_restart with two string keys in the other order",
        when={"right": "Two string keys in the other order gave {got}: by place, a city is now taken for a country."},
    )
    case.value(
        outcome({}, {"aggregates": [("max(amount)", "double")]}),
        "wrong",
        call="after_restart with max for sum, both double",
        when={
            "refused": "`max` for `sum`, both double, gave {got}: Spark compares types, so it goes on, and an old sum "
            "stays as if it were a maximum.",
            "right": "`max` for `sum` gave {got}: an old sum stays in the state as if it were a maximum.",
        },
    )
    case.value(
        outcome({}, {"aggregates": [("sum(quantity)", "bigint")]}),
        "refused",
        call="after_restart with a bigint sum for a double one",
        when={"wrong": "A bigint aggregate for a double one gave {got}: Spark cannot read the old state."},
    )
    case.value(
        outcome({}, {"aggregates": [("sum(amount)", "double"), ("min(amount)", "double")]}),
        "refused",
        call="after_restart with a second aggregate",
        when={"wrong": "A second aggregate gave {got}: for the old keys there is none in the state, so Spark refuses."},
    )
    for before in ({}, no_state):
        case.value(
            outcome(before, {"sources": 2}),
            "refused",
            call=f"after_restart with a second source and {'no' if before else 'a'} state",
            when={
                (lambda got: got in ("right", "wrong")): f"A second source, with {'no' if before else 'a'} state, gave "
                "{got}: the offsets of the checkpoint are of one source, in the order of sources."
            },
        )
    case.value(
        outcome(no_state, {"keys": [("city", "string")], "aggregates": [("sum(amount)", "double")]}),
        "refused",
        call="after_restart with an aggregate where there was none",
    )
    case.value(
        outcome({"keys": []}, {"where": "amount > 10"}),
        "wrong",
        call="after_restart with another filter before a sum over everything",
        when={
            "right": "Another filter before a sum over all rows, without a key, gave {got}: one sum is a state, too."
        },
    )


@exercise(
    objective="4.3",
    hints=(
        "Which of the two tables knows that the batch has been there, when the process died between the writes? And "
        "can one of them know it for both?",
        "Delta skips a write whose `txnVersion` is not above the one that this `txnAppId` has left in this table. Both "
        "are options of the writer, and the number of the batch is such a version.",
        "For each of the two: `<rows>.write.mode('append').option('txnAppId', …).option('txnVersion', …)"
        ".saveAsTable(…)`.",
    ),
    docs="https://docs.delta.io/delta-streaming/#idempotent-table-writes-in-foreachbatch",
    why="Who asks one table whether the batch is done mails nobody whose order fell between the writes, and only these "
    "customers notice. Two tables have no common commit: each must know the batch itself. And mind that both writes "
    "compute the batch: with a random id or a clock in it, they differ. Keep such a value in the first table, and read "
    "it from there.",
)
def write_batch_and_mail(answer: Answer, case: Case) -> None:
    orders, mail, shape = f"{case.schema}.orders", f"{case.schema}.mail", "order_id string, amount double"
    for table in (orders, mail):
        case.spark.sql(f"CREATE TABLE {table} ({shape}) USING delta")
    first = case.rows(shape, ("O1", 1500.0), ("O1", 1500.0), ("O2", 1000.0), ("O3", None))
    second = case.rows(shape, ("O1", 1500.0), ("O4", 1000.5))
    with dies_before_the_second_write(case), contextlib.suppress(ProcessDied):
        answer(first, 0, orders, mail)
    answer(first, 0, orders, mail)
    answer(first, 0, orders, mail)
    answer(second, 1, orders, mail)
    found = {
        name: " ".join(sorted(row.order_id for row in case.spark.table(table).select("order_id").collect()))
        for name, table in (("orders", orders), ("mail", mail))
    }
    case.value(
        found,
        {"orders": "O1 O1 O1 O2 O3 O4", "mail": "O1 O1 O1 O4"},
        call="After batch 0, which came three times and the first time died between the writes, and batch 1, what the "
        "tables hold",
        when={
            _more_of_o1("orders", "mail"): "Batch 0 came again, and the tables hold {got}: an append does not know "
            "that the batch has been there.",
            _more_of_o1("mail"): "Batch 0 came again, and `mail` has it more than once, {got}: the write to `orders` "
            "is skipped and the one to `mail` is not. Each table must know the batch.",
            _more_of_o1("orders"): "Batch 0 came again, and `orders` has it more than once, {got}: the write to `mail` "
            "is skipped and the one to `orders` is not. Each table must know the batch.",
            _holding(
                "O1 O1 O1 O2 O3 O4", "O1 O4"
            ): "After a death between the writes the tables hold {got}: `orders` had batch 0, so it "
            "was taken for done, and nobody of it gets mail. Each table must know for itself.",
            _holding(
                "O1 O4", "O1 O1 O1 O4"
            ): "After a death between the writes the tables hold {got}: `mail` had batch 0, so it "
            "was taken for done, and its orders are lost. Each table must know for itself.",
            _holding(
                "O1 O1 O2 O3", "O1 O1"
            ): "The tables hold {got}, and O4 of batch 1 is missing: a version that does not rise "
            "makes every later batch a repeat.",
            _holding("", ""): "The tables hold {got}, so nothing went into them: `orders` and `mail` are names of "
            "tables, not of folders.",
            _holding(
                "O1 O4", "O1 O4"
            ): "The tables hold {got}, which is batch 1: it was written in the place of batch 0. Add to what is there.",
            (lambda got: not got["orders"] or not got["mail"]): "The tables hold {got}: each batch goes into both.",
            _lacks_o1: "The tables hold {got}, and O1 was ordered three times, twice in batch 0: two equal rows are "
            "two orders, not a repeat.",
            (lambda got: "O2" in got["mail"]): "The tables hold {got}: O2 costs 1,000 euro, and that is not more than "
            "1,000.",
            (lambda got: "O3" in got["mail"]): "The tables hold {got}: what O3 costs is not known, so nobody can say "
            "that it is more than 1,000 euro.",
            (lambda got: "O2" not in got["orders"] or "O3" not in got["orders"]): "The tables hold {got}: all orders "
            "go into `orders`, whatever they cost.",
        },
    )


def _more_of_o1(*names: str) -> Callable[[dict[str, str]], bool]:
    """Whether just these tables have more of O1 than was ordered: a pattern for `when`."""
    return lambda got: {name for name, ids in got.items() if ids.count("O1") > 3} == set(names)


def _holding(orders: str, mail: str) -> Callable[[dict[str, str]], bool]:
    return lambda got: got == {"orders": orders, "mail": mail}


def _lacks_o1(got: dict[str, str]) -> bool:
    return any(ids.count("O1") < 3 for ids in got.values())


class ProcessDied(BaseException):
    """What a check raises in an answer at the moment at which its process is to have died."""


@contextlib.contextmanager
def dies_before_the_second_write(case: Case) -> Iterator[None]:
    """Let the answer end with ProcessDied where it would write for a second time, by DataFrame or by SQL."""
    frame, written = case.spark.range(0), []

    def counted(owner: type, name: str) -> Any:
        original = getattr(owner, name)

        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            if name != "sql" or re.match(r"\s*(INSERT|MERGE)", arguments[0], re.IGNORECASE):
                written.append(name)
            if len(written) > 1:
                raise ProcessDied
            return original(self, *arguments, **named)

        return mock.patch.object(owner, name, call)

    ways = {
        type(frame.write): ("save", "saveAsTable", "insertInto"),
        type(frame.writeTo("orders")): ("append",),
        type(case.spark): ("sql",),
    }
    with contextlib.ExitStack() as stack:
        for owner, methods in ways.items():
            for name in methods:
                stack.enter_context(counted(owner, name))
        yield


@exercise(
    objective="4.3",
    hints=(
        "For each of the two rows: was it written before the crash? Does it come again? And what does the sink make of "
        "a row that comes again?",
        "A row of batch 4 comes again only without the old checkpoint, one of batch 5 in any case, and neither does "
        "from a source that forgets. A sink that goes by the number of the batch knows 5 or 4, and the new batch is 0.",
        "A function of `written` (0 or 1) and `again`: what does not come again stays as it is; for the rest ask the "
        "sink. Call it for batch 4 and for batch 5.",
    ),
    docs=SPARK + "streaming/getting-started.html#fault-tolerance-semantics",
    why="Who says that the checkpoint makes a stream exactly-once adds up sales twice, or loses them with a source "
    "that cannot go back. It is an agreement of three: the source gives the rows again, the checkpoint knows which, "
    "the sink takes them once. Delete the checkpoint, and a sink that goes by batch numbers even skips what is new.",
)
def times_in_table(answer: Answer, case: Case) -> None:
    # Streams were made to die so, with Spark 4.2: what was in their tables afterwards stands here.
    seen: tuple[tuple[str, str, str, str, tuple[int, int], dict[tuple[int, int], str]], ...] = (
        (
            "replays",
            "before write",
            "kept",
            "append",
            (1, 1),
            {
                (1, 0): "batch 5 was planned and not done, so it runs again.",
                (2, 1): "batch 4 is in the kept checkpoint as done, so it does not come again.",
            },
        ),
        (
            "replays",
            "after write",
            "kept",
            "append",
            (1, 2),
            {
                (
                    1,
                    1,
                ): "the checkpoint knows nothing of the write, for the commit was missing, so batch 5 runs again, and "
                "an append adds it again.",
            },
        ),
        (
            "replays",
            "after write",
            "kept",
            "by batch",
            (1, 1),
            {
                (1, 2): "batch 5 comes with the number 5 again, and the sink has written it.",
            },
        ),
        (
            "replays",
            "after write",
            "kept",
            "by key",
            (1, 1),
            {
                (1, 2): "batch 5 comes again, and the table has its rows.",
            },
        ),
        (
            "replays",
            "before write",
            "kept",
            "by batch",
            (1, 1),
            {
                (1, 0): "batch 5 was not written, so the last that the sink knows is 4.",
            },
        ),
        ("replays", "before write", "kept", "by key", (1, 1), {}),
        (
            "forgets",
            "before write",
            "kept",
            "append",
            (1, 0),
            {
                (1, 1): "batch 5 runs again by its offsets, and this source cannot give its rows again.",
            },
        ),
        (
            "forgets",
            "after write",
            "kept",
            "append",
            (1, 1),
            {
                (1, 2): "batch 5 was written, and this source cannot give its rows again.",
                (1, 0): "batch 5 was written before the crash.",
            },
        ),
        (
            "replays",
            "before write",
            "deleted",
            "append",
            (2, 1),
            {
                (1, 1): "a new checkpoint begins at the first row, not where the table ends.",
                (2, 2): "batch 5 was not written before the crash.",
            },
        ),
        (
            "replays",
            "after write",
            "deleted",
            "append",
            (2, 2),
            {
                (1, 2): "a new checkpoint begins at the first row, so batch 4 comes again, too.",
                (1, 1): "a new checkpoint begins at the first row, and an append does not look at what is there.",
            },
        ),
        (
            "replays",
            "after write",
            "deleted",
            "by key",
            (1, 1),
            {
                (2, 2): "everything comes again, and the sink leaves out what the table has, whatever batch it is in.",
            },
        ),
        (
            "replays",
            "after write",
            "deleted",
            "by batch",
            (1, 1),
            {
                (2, 2): "everything comes again as batch 0, and the sink has written up to 5.",
            },
        ),
        (
            "replays",
            "before write",
            "deleted",
            "by batch",
            (1, 0),
            {
                (
                    1,
                    1,
                ): "with the new checkpoint the rows of batch 5 come in batch 0, and the sink, which has written 4, "
                "skips them.",
                (2, 1): "the new batch has the number 0, and the sink, which has written 4, skips all of it.",
            },
        ),
        (
            "replays",
            "before write",
            "deleted",
            "by key",
            (1, 1),
            {
                (1, 0): "the rows of batch 5 come again, and the table does not have them.",
            },
        ),
        ("forgets", "before write", "kept", "by batch", (1, 0), {}),
        (
            "forgets",
            "before write",
            "kept",
            "by key",
            (1, 0),
            {
                (1, 1): "a careful sink does not bring back what the source cannot give again.",
            },
        ),
        ("forgets", "after write", "kept", "by batch", (1, 1), {}),
        ("forgets", "after write", "kept", "by key", (1, 1), {}),
        (
            "forgets",
            "before write",
            "deleted",
            "append",
            (1, 0),
            {
                (2, 1): "there is nothing to begin again with, as this source gives a row once.",
            },
        ),
        (
            "forgets",
            "after write",
            "deleted",
            "append",
            (1, 1),
            {
                (2, 2): "there is nothing to begin again with, as this source gives a row once.",
            },
        ),
        ("forgets", "before write", "deleted", "by batch", (1, 0), {}),
        ("forgets", "after write", "deleted", "by batch", (1, 1), {}),
        ("forgets", "before write", "deleted", "by key", (1, 0), {}),
        ("forgets", "after write", "deleted", "by key", (1, 1), {}),
    )
    for source, crash, checkpoint, sink, times, ideas in seen:
        case.value(
            answer(source, crash, checkpoint, sink),
            times,
            call=f'times_in_table("{source}", "{crash}", "{checkpoint}", "{sink}")',
            when={
                got: f"Source {source}, crash {crash}, checkpoint {checkpoint}, sink {sink}: you gave {{got}} for "
                f"batches 4 and 5. But {idea}"
                for got, idea in ideas.items()
            }
            | {
                (lambda got: isinstance(got, tuple) and len(got) == 2): f"Source {source}, crash {crash}, checkpoint "
                f"{checkpoint}, sink {sink}: you gave {{got}} for batches 4 and 5, and it was {times}. Ask of each: "
                f"was it written before, does it come again, and what does the sink make of it then?"
            },
        )


@exercise(
    objective="4.4",
    hints=(
        "Three questions in their order: when did an event happen, has it been here before, and into which window does "
        "it fall? How long must Spark remember for the second and the third?",
        "`withWatermark` says on which column and how late; `dropDuplicatesWithinWatermark` forgets an id when the "
        "watermark has passed it; `F.window` groups by time, and has `start` and `end` inside.",
        "`events.withColumn('moment', …).withWatermark('moment', …).dropDuplicatesWithinWatermark([…])`, then "
        "`.groupBy(F.window(…)).agg(…).select('window.start', …)`.",
    ),
    docs=SPARK + "streaming/apis-on-dataframes-and-datasets.html#handling-late-data-and-watermarking",
    why="Two things go wrong in silence here, and the dashboard shows a number all the same. A NULL time falls into no "
    "window, so its event counts nowhere; and an event without a time that is given the clock's moves the watermark "
    "for all the others, which are then too late. Decide about NULL before the watermark sees it.",
)
def events_per_window(answer: Answer, case: Case) -> None:
    events = arriving(
        case,
        "event_id string, event_time timestamp, received_at timestamp",
        [("E1", "10:01", "10:10"), ("E2", "10:04", "10:10"), ("E2", "10:04", "10:10"), ("N1", None, "10:09")],
        [("E3", "10:10", "10:11"), ("E1", "10:01", "10:11"), ("N2", None, "10:09"), ("E4", "10:19", "10:19")],
        [("N1", None, "10:19"), ("E6", "10:15", "10:19")],
        [("E5", "2026-03-01T10:09:30Z", "10:19"), ("E7", "10:29", "10:30"), ("E8", "10:40", "10:40")],
    )
    counts = frame_of(case.runs(lambda: answer(events), NOT_COUNTED))
    case.require(
        counts.isStreaming,
        f"Whether what you returned is still a stream: {counts.isStreaming}. The caller writes it; return the frame "
        "that the events go through.",
        seen=counts.isStreaming,
    )
    case.require(
        {"start", "end"} <= set(counts.columns),
        f"Yours has the columns {', '.join(counts.columns)}, and `start`, `end` and `events` are asked for: the struct "
        "that `F.window` makes holds the first two.",
        seen=", ".join(counts.columns),
    )
    watermark = case.runs(lambda: written_in_append_mode(case, counts, "counts"), NOT_COUNTED)
    case.require(
        watermark < "2026-03-02",
        f"After the last event, of 10:40, your watermark stands at {watermark[:16]}: an event without a time was given "
        "the clock's, and all others are too late for it. Take the time at which it was received.",
        seen=watermark[:16],
    )
    times = {name: F.date_format(name, "HH:mm") for name in ("start", "end")}
    case.equal(
        case.spark.table("counts").withColumns(times),
        "start string, end string, events bigint",
        ("10:00", "10:10", 5),
        ("10:10", "10:20", 3),
        ("10:20", "10:30", 1),
        when={
            (
                lambda row: row[0] == "09:55"
            ): "{got} came out: windows of ten minutes that begin every five overlap, and "
            "count each event twice. Let one begin where the other ends.",
            (lambda row: row[0] < "10:00"): "{got} came out, and nothing happened then: the two events without an "
            "`event_time` were received at 10:09.",
            ("10:05", "10:10", ...): "A window came out that lasts five minutes, {got}: ten were asked for.",
            ("10:05", ...): "A window came out that begins at 10:05, {got}: windows of ten minutes that begin every "
            "five count each event twice. Let one begin where the other ends.",
            ("10:40", ...): "{got} came out, and nobody knows yet what else will happen until 10:50: only the "
            "watermark closes a window.",
            ("10:00", ..., 7): "You gave {got}: E1 and E2 were delivered twice, and count twice.",
            ("10:00", ..., 6): "You gave {got}: E1 came again in a later batch, with another `received_at`, so its two "
            "rows are not equal in all columns. An event is known by its id.",
            ("10:00", ..., 4): "You gave {got}: E5 of 10:09:30 is lost. The newest event before it was of 10:19, and "
            "ten minutes late is in time.",
            ("10:00", ..., 3): "You gave {got}: N1 and N2 have no `event_time`, so they fall into no window and are "
            "not counted, and nobody is told. They were received at 10:09.",
            ("10:00", ..., 2): "You gave {got}: E1, E2 and E5 happened then and were received later. It counts when "
            "they happened.",
            ("10:10", ..., 4): "You gave {got}: N1, which has no `event_time`, was delivered at 10:09 and again at "
            "10:19, and counts in both windows. Its id is the same.",
        },
        missing={
            ("10:20", ...): "The window of 10:20 did not come out ({got} was expected), after an event of 10:40: ten "
            "minutes before that is 10:30, where it ends. Later than this, nothing is waited for.",
        },
    )


NOT_COUNTED = {
    "session window": "Spark says that with a `session window` it needs another key. A session ends with a pause, and "
    "windows of ten minutes were asked for.",
    "Queries with streaming sources must": "Spark says `Queries with streaming sources must be executed with "
    "writeStream.start()`: a stream has no end at which it could be counted. Return the frame.",
    "output mode: "
    "append": "Spark says {error}: in append mode a window comes out when it is complete, and nothing says "
    "when that is. Group by a window of the column that has the watermark.",
    "Distinct aggregations are not supported": "Spark says `Distinct aggregations are not supported` of a stream, for "
    "it would keep all ids for ever. Drop the repeats first, and say how long an id is remembered.",
    "dropDuplicatesWithinWatermark is not": "Spark says `dropDuplicatesWithinWatermark is not supported` without a "
    "watermark: by that it forgets an id, so the watermark comes before.",
}


def written_in_append_mode(case: Case, frame: DataFrame, name: str) -> str:
    """Write a stream into the table `name` in memory, until nothing is left; the watermark after that."""
    stream = frame.writeStream.format("memory").queryName(name).outputMode("append")
    query = stream.option("checkpointLocation", case.path("checkpoint")).trigger(availableNow=True).start()
    query.awaitTermination()
    return str(query.recentProgress[-1].eventTime.get("watermark", ""))


@exercise(
    objective="4.4",
    hints=(
        "Take paper: a line for each batch, with its watermark, that of the batch before, what is counted, and what "
        "comes out. Which of these numbers does a batch not know yet while it runs?",
        "Keep four things from batch to batch: the newest event, the watermark, the one before it, and a dictionary of "
        "the open windows. `event // size * size` is the start of a window; `-math.inf` is before everything.",
        "`for batch in [*batches, []]:` move the two watermarks on; count each event whose window ends behind the "
        "older one; take out the windows that end at or before the newer one; then look for the newest event.",
    ),
    docs=SPARK + "streaming/apis-on-dataframes-and-datasets.html#handling-late-data-and-watermarking",
    why="The dashboard lacks its last hour, and somebody restarts the stream, adds a timer or blames the clock: "
    "nothing is wrong, the last windows wait for an event that is late enough. The other way round, a row long past "
    "the watermark may still count. Spark promises to keep what is in time; when it drops the rest, it does not "
    "promise.",
)
def windows_given(answer: Answer, case: Case) -> None:
    # What comes out was read off a real run of such a query over each of these inputs.
    case.value(
        answer([[1], [8], [2], [30]], 0, 10),
        [(0, 3)],
        call="windows_given([[1], [8], [2], [30]], 0, 10)",
        when={
            ((0, 3), (30, 1)): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: the watermark ends at 30, and the "
            "window from 30 is open until 40. The end of a run flushes nothing.",
            (): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: behind the last batch the watermark goes on to 30, "
            "and one more batch runs by it.",
            ((10, 3),): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: a window is named by its start, 0, not by "
            "its end.",
            ((1, 3),): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: windows begin at 0, 10, 20, whenever the "
            "first event happens.",
            ((0, 2),): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: minute 2 came behind the watermark, and its "
            "window is open until 10. Windows are closed, not minutes.",
        },
    )
    case.value(
        answer([[5, 5, 5], [6, 40, 7]], 10, 20),
        [(0, 5)],
        call="windows_given([[5, 5, 5], [6, 40, 7]], 10, 20)",
        when={
            ((0, 3),): "For [[5, 5, 5], [6, 40, 7]], 10, 20 you gave {got}: three events in one minute are three "
            "events.",
            ((0, 4),): "For [[5, 5, 5], [6, 40, 7]], 10, 20 you gave {got}: the batch "
            "that brings minute 40 does not know it yet. Its watermark is that of the batches before.",
        },
    )
    batches: list[list[int | None]] = [[1, 4, 2], [10, 12], [8, 25], [3, None, 31]]
    got = case.runs(
        lambda: answer([list(batch) for batch in batches], 10, 10),
        "One event is None, and your code raised {error}: its time is not known, so it is in no window and moves no "
        "watermark.",
        error="NoneType",
    )
    case.value(
        got,
        [(0, 5), (10, 2)],
        call="windows_given([[1, 4, 2], [10, 12], [8, 25], [3, None, 31]], 10, 10)",
        when={
            ((0, 4), (10, 2)): "The event of minute 3 is missing, {got}: it came in the batch whose watermark is 15, "
            "but only what the watermark before that, 2, had closed is dropped.",
            ((0, 5),): "After events of up to 31 you gave {got}: ten minutes behind, the watermark has passed 20, "
            "where the window from 10 ends.",
            ((0, 6), (10, 2)): "You gave {got}: a None is counted as if it were minute 0. Its time is not known.",
            (lambda got: got[2:3] == [(20, 1)]): "After events of up to 31 you gave {got}: the watermark stands "
            "`delay` minutes behind, at 21, and the window from 20 ends at 30.",
        },
    )
    case.value(
        answer([[0], [15]], 5, 10),
        [(0, 1)],
        call="windows_given([[0], [15]], 5, 10)",
        when={
            (): "For [[0], [15]] with a delay of 5 and windows of 10 you gave {got}: the watermark has reached 10, the "
            "end of the first window, and that closes it."
        },
    )
    case.value(
        answer([[0], [12]], 5, 10),
        [],
        call="windows_given([[0], [12]], 5, 10)",
    )
    case.value(
        answer([[1], [15], [16], [2]], 5, 10),
        [(0, 1)],
        call="windows_given([[1], [15], [16], [2]], 5, 10)",
        when={
            ((0, 2),): "For [[1], [15], [16], [2]], 5, 10 you gave {got}: when minute 2 came, the watermark of the "
            "batch before had reached 10, which closes the window. It is too late.",
            ((0, 1), (0, 1)): "For [[1], [15], [16], [2]], 5, 10 you gave {got}: the window came out twice, as minute "
            "2 arrived after it was closed. In append mode a window comes out once.",
        },
    )
    case.value(
        answer([[20], [3], [4], [5], [40]], 5, 10),
        [(0, 1), (20, 1)],
        call="windows_given([[20], [3], [4], [5], [40]], 5, 10)",
        when={
            ((0, 1), (0, 1), (20, 1)): "For [[20], [3], [4], [5], [40]], 5, 10 you gave {got}: after minute 20 came "
            "only old ones, and the watermark went back with them. It never does.",
            ((20, 1),): "For [[20], [3], [4], [5], [40]], 5, 10 you gave {got}, without minute 3: the watermark of the "
            "first batch had closed nothing, so it was counted, and came out at once.",
        },
    )
    case.value(answer([], 5, 10), [], call="windows_given([], 5, 10)")


@exercise(
    objective="4.5",
    hints=(
        "By which columns do you recognise a payment that comes again? And how long must the stream remember it?",
        "`dropDuplicates` remembers for ever, unless the time is one of its columns, and then it tells repeats apart "
        "by it. `dropDuplicatesWithinWatermark` takes the columns of the key, and remembers for the delay of the "
        "watermark.",
        "`messages.withWatermark('sent_at', …).dropDuplicatesWithinWatermark([…])`.",
    ),
    docs=STREAMS + "#streaming-deduplication",
    why="Whoever takes `sent_at` into the key charges customers twice. Whoever takes the key alone does not, until "
    "after some months the state has eaten the memory. And the delay is a promise in both directions: a repeat within "
    "it is dropped, a later one may be dropped or not. What must never be paid twice needs a MERGE on the key besides.",
)
def payments_once(answer: Answer, case: Case) -> None:
    messages = arriving(
        case,
        "shop string, payment_id int, amount int, sent_at timestamp",
        [
            ("Oslo", 1, 50, "10:00"),
            ("Oslo", 1, 50, "10:00"),
            ("Bergen", 1, 50, "10:01"),
            ("Oslo", 3, 5, "10:03"),
        ],
        [("Oslo", 2, 20, "10:24"), ("Oslo", 1, 50, "10:05")],
        [("Oslo", 7, 20, "10:26")],
        [("Bergen", 2, 30, "10:10"), ("Bergen", 1, 50, "10:28"), ("Oslo", 4, 60, "10:58")],
        [("Oslo", 4, 60, "11:03"), ("Oslo", 5, 50, "11:02")],
        [("Oslo", 6, 80, "14:00")],
    )
    paid, progress = case.runs(
        lambda: drained(case, answer(messages)),
        "Spark says that this is not supported `without watermark`: it could not know when a payment may be forgotten.",
        error="without watermark",
    )
    case.equal(
        at(paid, "sent_at"),
        "shop string, payment_id int, amount int, sent_at string",
        ("Oslo", 1, 50, "10:00"),
        ("Bergen", 1, 50, "10:01"),
        ("Oslo", 3, 5, "10:03"),
        ("Oslo", 2, 20, "10:24"),
        ("Oslo", 7, 20, "10:26"),
        ("Bergen", 2, 30, "10:10"),
        ("Oslo", 4, 60, "10:58"),
        ("Oslo", 5, 50, "11:02"),
        ("Oslo", 6, 80, "14:00"),
        when={
            ("Oslo", 1, 50, "10:00"): "{got} came through twice: the same message was there twice in one batch, and "
            "nothing looked for repeats.",
            ("Oslo", 1, 50, "10:05"): "{got} came through, and it is the message of 10:00 again: a repeat brings a "
            "`sent_at` of its own, so the time cannot be part of the key.",
            ("Oslo", 4, 60, "11:03"): "{got} came through, and it is the message of 10:58 again: a new hour has begun "
            "in between, and 30 minutes do not end at a full hour.",
            ("Bergen", 1, 50, "10:28"): "{got} came through, and it is the message of 10:01 again: yours had forgotten "
            "it after less than 30 minutes.",
        },
        missing={
            ("Bergen", 1, ...): "{got} is missing: Oslo has a payment 1 too, and it is another one. What makes a "
            "payment unique?",
            ("Bergen", 2, ...): "{got} is missing: it came after a message of 10:26, 16 minutes late, and the "
            "watermark had passed it.",
            ("Oslo", 6, ...): "{got} is missing when the stream ends: it waits in the state until its window is over. "
            "The first message of a payment goes through as soon as it comes.",
            ("Oslo", lambda number: number in (2, 5, 7), ...): "{got} is missing: another payment has the same amount, "
            "and it is another one.",
        },
    )
    kept = rows_in_state(progress)
    reached = watermark(progress)
    case.require(
        kept < 9 or reached >= "2026-03-01" or not reached,
        f"At 14:00 the watermark stands at {reached}, and all {kept} payments are still remembered: none of the "
        "morning can come again. How late may a message be?",
        seen=reached,
    )
    case.require(
        kept < 3,
        f"At 14:00 the state holds {kept} payments, from 10:00 on: yours forgets none, and in some years that is all "
        "there ever were. The watermark tells what may be forgotten, if the operator asks it.",
        seen=kept,
    )


@exercise(
    objective="4.5",
    hints=(
        "When is a table that a stream is joined to read: once, at the start, or anew in each batch? And what have you "
        "done to it before?",
        "`spark.read.format('delta').load(path)` is a plan, not rows: each batch of a stream runs it again, and sees "
        "the table as it is then. Aggregations and windows are allowed on this side. `F.max_by` takes the value of "
        "the newest.",
        "`orders.join(<newest category of each product>, 'product_id', …)`.",
    ),
    docs=STREAMS + "#stream-static-joins",
    why="`cache()` on the small side is the usual advice for batches; in a stream that runs for weeks it freezes the "
    "products of the first day, and new ones come out as unknown, without an error. A stream joined to a table looks "
    "each order up once, when it comes: what was unknown then stays so until somebody repairs it. Keep such rows, and "
    "count them.",
)
def with_category(answer: Answer, case: Case) -> None:
    products, landing = case.path("products"), case.path("orders")
    shape = "order_id string, product_id string"
    _add_products(
        products, ("P1", "tea", date(2026, 1, 1)), ("P2", "cups", date(2026, 2, 1)), ("P2", "mugs", date(2026, 1, 1))
    )
    orders = further(case, shape, landing, [("O1", "P1"), ("O2", "P2"), ("O3", "P9"), ("O4", None)])
    result = frame_of(answer(orders, products))
    case.require(
        result.isStreaming,
        f"Whether the DataFrame that you returned is a stream: {result.isStreaming}. Return what you made of the "
        f"stream that you were given; the check starts it.",
        seen=result.isStreaming,
    )
    stream = result.writeStream.format("memory").queryName("with_category")
    query = stream.option("checkpointLocation", case.path("checkpoint")).start()
    try:
        query.processAllAvailable()
        _add_products(products, ("P9", "pots", date(2026, 3, 1)), ("P1", "coffee", date(2026, 3, 1)))
        further(case, shape, landing, [("O5", "P9"), ("O6", "P1"), ("O7", "P2")])
        query.processAllAvailable()
    except Exception as raised:
        raise _of_the_stream(raised) from raised
    finally:
        query.stop()
    came = case.spark.table("with_category")
    twice = came.where("order_id = 'O2'").count()
    case.require(
        twice < 2,
        f"O2 came out {twice} times: the table has a row for each change of a product, and each finds the order. The "
        "newest holds, so it must be chosen before the join.",
        seen=twice,
    )
    plan = ""
    with contextlib.suppress(Exception):  # of a view that is a stream there is none
        plan = case.plan(result)
    frozen = (
        "it is the newest of P1. The rows of a table have no order, so say which one holds."
        if came.where("order_id = 'O5' AND category = 'pots'").count()
        else "`cache()` keeps the rows of the first batch."
        if "InMemory" in plan
        else "yours was fixed when the stream began, by a version that is pinned or a value that was read then."
        if "FileScan" in plan
        else "rows that were collected are no table any more, and no batch reads them anew."
    )
    case.equal(
        came,
        "order_id string, product_id string, category string",
        ("O1", "P1", "tea"),
        ("O2", "P2", "cups"),
        ("O3", "P9", None),
        ("O4", None, None),
        ("O5", "P9", "pots"),
        ("O6", "P1", "coffee"),
        ("O7", "P2", "cups"),
        when={
            ("O2", "P2", "mugs"): "You gave {got}, and P2 is called cups since February: the table has a row for each "
            "change of a product, and the newest holds.",
            ("O6", "P1", "tea"): f"You gave {{got}}, and coffee was in the table when O6 came: {frozen}",
            ("O5", "P9", None): f"You gave {{got}}, and P9 was in the table when O5 came: {frozen}",
            ("O4", None, lambda category: category is not None): "You gave {got}: its product is not known.",
        },
        missing={
            ("O3", ...): "{got} is missing: its product is not in the table yet, and an inner join drops the order. "
            "Nobody will ever miss it.",
            ("O4", ...): "{got} is missing: it names no product, and it is an order all the same.",
            ("O5", ...): "{got} is missing: P9 was not in the table when the stream began, and it was there when O5 "
            "came.",
        },
    )


def _add_products(path: str, *rows: tuple[str, str, date]) -> None:
    """Append to the Delta table of the products, as a job does that is no Spark."""
    names = ("product_id", "category", "since")
    write_deltalake(path, pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), mode="append")


@exercise(
    objective="4.5",
    hints=(
        "When can you know that an order will not be paid any more? What tells Spark so?",
        "An outer join of two streams needs a watermark on both and a condition on both times: from when and until "
        "when a payment can belong to an order. `join(other, condition, 'left')` takes the whole condition as one.",
        "`orders.withWatermark(…).join(payments.withWatermark(…), F.expr('… = … AND paid_at >= … AND paid_at <= …'), "
        "'left')`; the two `order_id` need different names.",
    ),
    docs=STREAMS + "#stream-stream-joins",
    why="The inner join finds every payment and no debtor, and nobody misses a row that never came. Without a bound "
    "it runs, and keeps every order and every payment for ever. And an unpaid order comes out late by design: an "
    "hour, the delay of the watermark, and one more row in both streams. Where one falls silent, nothing comes out.",
)
def payments_of_orders(answer: Answer, case: Case) -> None:
    orders = arriving(
        case,
        "order_id string, ordered_at timestamp",
        [("O1", "10:00"), ("O2", "10:01"), ("O5", "10:02"), ("O8", "10:03")],
        [("O3", "10:05"), ("O4", "11:00")],
        [("O6", "11:01")],
        [("O7", "14:00")],
    )
    payments = arriving(
        case,
        "order_id string, amount int, paid_at timestamp",
        [("O1", 50, "10:20"), ("O5", 20, "10:02")],
        [("O3", 70, "11:05"), ("O4", 10, "10:55"), ("O9", 10, "10:26"), ("O5", 30, "10:12"), (None, 5, "10:30")],
        [("O2", 40, "11:02")],
        [("O8", 90, "10:57"), ("O9", 10, "14:00")],
    )
    try:
        joined, progress = drained(case, answer(orders, payments))
    except Exception as raised:
        if "appropriate range condition" not in str(raised):
            raise
        raise _of_the_join(str(raised)) from raised
    kept, reached = rows_in_state(progress), watermark(progress)[11:]
    shown = at(joined, "ordered_at", "paid_at")
    if kept > 4 and "paid_at" in shown.columns and shown.where("paid_at IS NULL").count() == 0:
        why = (
            "If only one of the two streams has a watermark, nobody knows how late the other is."
            if progress[-1]["numInputRows"]
            else f"The watermark has only reached {reached}: a delay longer than rows are late keeps more, for nothing."
        )
        raise Failed(
            f"After a row of 14:00 in both streams the state holds {kept} rows, and no unpaid order has come out. "
            f"{why}",
            seen=[kept],
        )
    late = (
        f"You gave {{got}}, and O8 was paid at 10:57. Its payment was eight minutes late, and the watermark, which "
        f"ends at {reached}, leaves no room for that."
        if reached > "13:50"
        else "You gave {got}, and O8 was paid at 10:57, in time: Spark gave the order up when the watermark had not "
        "yet reached 11:03. It works out how long to wait from the two event-time columns in the condition, and from "
        "no column made of them."
    )
    case.equal(
        shown,
        "order_id string, ordered_at string, paid_at string, amount int",
        ("O1", "10:00", "10:20", 50),
        ("O2", "10:01", None, None),
        ("O3", "10:05", "11:05", 70),
        ("O4", "11:00", None, None),
        ("O5", "10:02", "10:02", 20),
        ("O5", "10:02", "10:12", 30),
        ("O6", "11:01", None, None),
        ("O8", "10:03", "10:57", 90),
        when={
            ("O1", "10:00", None, None): "You gave {got}, and O1 was paid at 10:20: is the condition on the times the "
            "wrong way round? The order comes first, the payment after it.",
            (None, lambda time: time is not None, None, None): "A row came back as {got}: an order that nobody has "
            "paid has no `order_id` on the side of the payments.",
            ("O9", ...): "{got} came back, a payment that belongs to no order: every order is to be kept, and which "
            "side of the join is that?",
            (None, None, ...): "{got} came back, a payment that belongs to no order: every order is to be kept, and "
            "which side of the join is that?",
            ("O4", "11:00", "10:55", ...): "You gave {got}: that was paid before the order was there. Without the "
            "earliest time, payments wait in the state for ever for an order that may still come.",
            ("O2", "10:01", "11:02", ...): "You gave {got}, and an hour after the order it was 11:01.",
            ("O3", "10:05", None, None): "You gave {got}, and O3 was paid at 11:05: up to an hour later, both ends "
            "included.",
            ("O8", "10:03", None, None): late,
            ("O7", ...): "You gave {got}, and O7 is of 14:00: its hour is not over, it may still be paid.",
        },
        missing={
            ("O2", ...): "{got} is missing: nobody has paid O2, and an inner join drops what finds no match, as does "
            "a filter on `paid_at` behind the join.",
            ("O5", "10:02", "10:02", ...): "{got} is missing: O5 was paid in the moment of the order, and both ends "
            "are included.",
            ("O5", ...): "{got} is missing: O5 was paid in two parts, and each is a row.",
            ("O8", ...): "{got} is missing: its payment came eight minutes late.",
        },
    )
    case.require(
        kept < 5,
        f"The rows are right, and after a row of 14:00 in both streams the state holds {kept} of them. Which rows of "
        "the morning can still find a partner?",
        seen=kept,
    )


def _of_the_join(text: str) -> Failed:
    """Why Spark refuses an outer join of two streams: its message has the plan of the query."""
    joined = next((line for line in text.splitlines() if "Join" in line), "")
    watermarks = text.count("EventTimeWatermark")
    missing = (
        "neither stream has a watermark, so no moment ever comes when an order is known to be unpaid."
        if not watermarks
        else "the condition does not say until when a payment may belong to an order, so every order waits for ever."
        if "paid_at" not in joined
        else "the payments have none. What must be known to be over is the payments of an hour."
        if watermarks < 2
        else "yours says from when a payment counts, and not until when: every order would wait for ever."
    )
    return Failed(
        f"Spark asks for a watermark and an `appropriate range condition`: {missing}",
        seen=["appropriate range condition"],
    )


@exercise(
    objective="4.6",
    hints=(
        "How many operators of the query have a state? Which one does Spark show you when you do not ask for one?",
        "`spark.read.format('state-metadata').load(checkpoint)` lists the operators; "
        "`spark.read.format('statestore').option('operatorId', …).load(checkpoint)` has a row for each key of one: "
        "`key`, `value` and `partition_id`, of which the first two are structs.",
        "`….where(\"operatorName = '…'\").first()['operatorId']`, then `….select('key.window.start', 'key.city', …)`.",
    ),
    docs="https://spark.apache.org/docs/latest/streaming/structured-streaming-state-data-source.html",
    why="Who deletes a checkpoint to start afresh deletes these windows with it, and no table ever had them. "
    "Operators are numbered from the end of the query, so a step that is added at the end moves all numbers: a script "
    "with a 0 in it then reads the wrong state, without an error. On Databricks the same readers are SQL functions, "
    "`read_statestore` and `read_state_metadata`.",
)
def waiting_windows(answer: Answer, case: Case) -> None:
    orders = (
        case,
        "order_id string, city string, ordered_at timestamp",
        [("O1", "Oslo", "10:01"), ("O2", "Rome", "10:02")],
        [
            ("O3", "Oslo", "10:21"),
            ("O3", "Oslo", "10:21"),
            ("O4", "Oslo", "10:31"),
            ("O5", "Oslo", "10:38"),
            ("O6", None, "10:31"),
        ],
    )
    size = F.window("ordered_at", "10 minutes")
    once = arriving(*orders).withWatermark("ordered_at", "10 minutes").dropDuplicatesWithinWatermark(["order_id"])
    counted = once.groupBy(size, "city").count()
    case.runs(
        lambda: _waiting_are_right(case, answer(case.spark, _run_to_the_end(case, counted))),
        "Spark says FIELD_NOT_FOUND of the state that you read. This query removes repeats before it counts, and the "
        "state of that is another one: which number has the operator that counts?",
        error="FIELD_NOT_FOUND",
    )
    every = arriving(*orders).withWatermark("ordered_at", "10 minutes").groupBy(size, "city").count()
    last = every.dropDuplicates(["window", "city"])
    case.runs(
        lambda: case.equal(
            at(answer(case.spark, _run_to_the_end(case, last)), "start"),
            "start string, city string, orders bigint",
            ("10:20", "Oslo", 2),
            ("10:30", "Oslo", 2),
            ("10:30", None, 1),
        ),
        "Spark says FIELD_NOT_FOUND in a query that has a step more, behind the counting: operators are numbered from "
        "the end of a query, so the one that counts has another number there.",
        error="FIELD_NOT_FOUND",
    )


def _waiting_are_right(case: Case, waiting: object) -> None:
    names = {
        "window": "Yours has a column `window`, a struct: the start of the window is a field of it.",
        "partition_id": "Yours has `partition_id`: that is where a row of the state lies, and was not asked for.",
    }
    for name, message in names.items():
        case.require(name not in frame_of(waiting).columns, message, seen=name)
    case.equal(
        at(frame_of(waiting), "start"),
        "start string, city string, orders bigint",
        ("10:20", "Oslo", 1),
        ("10:30", "Oslo", 2),
        ("10:30", None, 1),
        when={
            ("10:00", ...): "{got} came back, a window that the query has closed: that is the state as it was after "
            "the first batch, and the newest is asked for.",
            ("10:30", "Oslo", 1): "You gave {got}, and two orders are counted there: the state has one row for each "
            "key, and the count is in its `value`.",
            ("10:20", "Oslo", 2): "You gave {got}: one order came twice, and the query had removed the repeat.",
        },
        missing={
            ("10:30", None, ...): "{got} is missing: an order whose city is not known is counted, too.",
            ("10:20", ...): "{got} is missing: the state lies in several partitions, and all belong to it.",
            ("10:30", ...): "{got} is missing: each city has a window of its own, in any of the partitions.",
        },
    )


def _run_to_the_end(case: Case, frame: DataFrame) -> str:
    """The checkpoint of a query that has written all that a streaming DataFrame gives."""
    checkpoint = case.path("checkpoint")
    stream = frame.writeStream.format("noop").option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).start().awaitTermination()
    return checkpoint


@exercise(
    objective="4.6",
    hints=(
        "What must you remember of a customer between two batches? When does a visit end that no further event ends?",
        "A `StatefulProcessor` has `init(handle)`, `handleInputRows(key, rows, timerValues)` and "
        "`handleExpiredTimer(key, timerValues, expiredTimerInfo)`. From the handle come `getValueState`, "
        "`registerTimer`, `listTimers` and `deleteTimer`; what the two methods yield are rows with names. Times are "
        "milliseconds: `F.unix_millis`.",
        "In `handleInputRows`: get the state; for each row in the order of time, end the visit or continue it; delete "
        "the old timer; update the state and register a timer, or clear it. At the end "
        "`.groupBy('customer_id').transformWithState(Visits(), '<columns>', 'append', 'eventTime')`.",
    ),
    docs="https://spark.apache.org/docs/latest/streaming/structured-streaming-transform-with-state.html",
    why="An old timer that nobody deleted ends a visit in its middle, and the visits of a shop get shorter and more. "
    "A state without a timer or a time to live is never left: one row for each customer that ever came. Keep out of "
    "the class what must survive: its attributes are gone with the task, and after a crash. Where `session_window` "
    "can say it, take that.",
)
def visits(answer: Answer, case: Case) -> None:
    provider = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    case.spark.conf.set("spark.sql.streaming.stateStore.providerClass", provider)
    events = arriving(
        case,
        "customer_id string, kind string, happened_at timestamp",
        [
            ("C1", "view", "10:00"),
            ("C1", "view", "10:25"),
            ("C2", "order", "10:06"),
            ("C2", "view", "10:00"),
            ("C3", "view", "09:59"),
            ("C3", "view", "10:29"),
        ],
        [("C1", "basket", "10:50"), ("C2", "view", "10:42")],
        [("C2", "view", "10:58"), ("C4", "view", "11:07")],
        [("C1", "view", "11:10"), ("C2", "order", "11:08")],
        [("C1", "view", "11:30"), ("C2", "view", "11:20")],
        [("C5", "view", "14:00"), ("C3", "view", "14:05")],
    )
    try:
        ended, progress = drained(case, answer(events))
    except Failed as failure:
        if "CANNOT_CONVERT_TYPE" not in str(failure):
            raise
        raise Failed(
            "Python says CANNOT_CONVERT_TYPE of a row that you yield: its values need names, as in `Row(customer_id=…, "
            "started=…, …)`.",
            seen=["CANNOT_CONVERT_TYPE"],
        ) from failure
    case.require(
        watermark(progress) != "",
        "The query told of no `watermark`: without one the time of the events never goes on, and no timer fires.",
        seen="watermark",
    )
    case.equal(
        at(ended, "started"),
        "customer_id string, started string, events int, ordered boolean",
        ("C1", "10:00", 5, False),
        ("C2", "10:00", 2, True),
        ("C2", "10:42", 3, True),
        ("C2", "11:20", 1, False),
        ("C3", "09:59", 1, False),
        ("C3", "10:29", 1, False),
        ("C4", "11:07", 1, False),
        when={
            ("C2", "10:06", ...): "You gave {got}, and C2 was there from 10:00 on: the order stands first in its "
            "batch, and is later. The rows of a batch come in any order.",
            ("C1", "10:00", 4, ...): "You gave {got}, and C1 came again at 11:30, after 20 minutes: a timer ended the "
            "visit that an earlier batch had set for 10:55. Delete what no longer holds.",
            ("C1", "10:00", 2, ...): "You gave {got}, and C1 came again at 10:50, 25 minutes after the last event: "
            "the 30 minutes begin anew with each event.",
            ("C2", "11:08", ...): "You gave {got}: what C2 did at 10:42 and 10:58 is forgotten. An attribute of the "
            "object lives no longer than a task, and a batch later only the state is left.",
            ("C2", "10:42", 4, True): "You gave {got}: C2 ordered at 11:08, and what came at 11:20 is another visit. A "
            "session window ends by silence alone.",
            ("C2", "10:42", 4, False): "You gave {got}: C2 ordered at 11:08, and an order ends the visit.",
            ("C3", "09:59", 2, ...): "You gave {got}, and 30 minutes lie between 09:59 and 10:29. Both came in one "
            "batch, so no timer could end the first visit.",
            ("C2", "10:00", 1, True): "You gave {got}: the order is one of the events of its visit.",
            ("C3", "10:29", 1, False): "{got} came out twice: a timer had ended that visit, and it was still in the "
            "state when C3 came again.",
            ("C3", "10:29", 2, ...): "You gave {got}: a timer had ended that visit, and it was still in the state "
            "when C3 came again.",
            ("C3", "14:05", ...): "You gave {got}, and 30 minutes later it is 14:35: no watermark has said so yet.",
            ("C5", ...): "You gave {got}, and 30 minutes later it is 14:30: no watermark has said so yet.",
        },
        missing={
            ("C1", ...): "{got} is missing: C1 never came again, so no event ends the visit. A timer does.",
            ("C3", ...): "{got} is missing: C3 came twice, with 30 minutes in between, and never again.",
        },
    )


@exercise(
    objective="4.7",
    hints=(
        "What does your MERGE do when the same batch comes again? And when a batch holds two changes of one customer?",
        "`foreachBatch` takes a function of a batch and its number. In it, keep the newest change of each customer, "
        "make a temporary view of these, and run MERGE by `batch.sparkSession.sql`: the view is known there and "
        "nowhere else.",
        "`batch.groupBy('customer_id').agg(F.max(F.struct('changed_at', 'change_id', …)))`, then `MERGE INTO … WHEN "
        "MATCHED AND <newer> THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *`.",
    ),
    docs=STREAMS + "#foreachbatch",
    why="`foreachBatch` runs at least once: a crash between the MERGE and the note in the checkpoint brings the batch "
    "again. Who counts on exactly once has each customer of that batch twice, and finds out from a complaint. A MERGE "
    "that compares times gives the same table however often it runs. The marks can go after as long as a change may "
    "be late.",
)
def follow_customers(answer: Answer, case: Case) -> None:
    table, checkpoint, landing = f"{case.schema}.customers", case.path("checkpoint"), case.path("changes")
    known = [
        ("C1", "Oslo", "10:00", 1, False),
        ("C2", "Pisa", "10:05", 3, False),
        ("C3", "Bonn", "10:00", 4, False),
        ("C4", "Turin", "10:40", 21, False),
        ("C6", "Kiel", "10:30", 15, False),
        ("C7", "Ghent", "10:00", 7, False),
        ("C9", None, "10:05", 13, True),
        ("C10", None, "10:10", 20, True),
    ]
    columns = "customer_id string, city string, changed_at string, change_id int, deleted boolean"
    time = F.to_timestamp(F.concat(F.lit("2026-03-01 "), "changed_at"))
    case.rows(columns, *known).withColumn("changed_at", time).write.saveAsTable(table)

    def follow(*batches: list[tuple[Any, ...]]) -> None:
        shape = "change_id int, customer_id string, op string, city string, changed_at timestamp"
        try:
            answer(further(case, shape, landing, *batches), table, checkpoint)
        except Exception as raised:
            raise _of_the_merge(raised) from raised
        left = len(case.streams())
        case.require(
            not left,
            f"{left} stream was still running when your function came back: the caller believes that the rows are "
            "there. Wait for the end.",
            seen=left,
        )

    follow(
        [
            (6, "C1", "U", None, "10:10"),
            (11, "C2", "U", "Bari", "10:03"),
            (5, "C3", "D", "Bonn", "10:10"),
            (0, "C4", "U", "Parma", "10:35"),
            (8, "C5", "I", "Nice", "10:20"),
            (9, "C5", "U", "Lyon", "10:20"),
            (2, "C6", "U", "Jena", "10:30"),
            (12, "C7", "U", "Gent", "10:00"),
            (16, "C8", "D", None, "10:15"),
            (22, "C9", "I", "Wien", "10:30"),
            (17, "C10", "U", "Graz", "10:07"),
            (19, "C11", "U", "Kyoto", "10:20"),
            (18, "C11", "I", "Osaka", "10:20"),
            (25, "C12", "I", "Ulm", "10:25"),
            (24, "C12", "U", "Metz", "10:28"),
        ]
    )
    there = {row.customer_id for row in case.spark.table(table).collect()}
    gone = [row[0] for row in known if row[0] not in there]
    case.require(
        not gone,
        f"After the first run {' and '.join(gone[:2])} {'is' if len(gone) == 1 else 'are'} not in the table any more: "
        "with the row goes the time of the change, and an older one brings the customer back. A delete is a mark.",
        seen=" and ".join(gone[:2]),
    )
    noted = Path(checkpoint, "commits", "0")
    case.require(
        noted.is_file(),
        f"After the first run, whether the folder `checkpoint` has a note of its batch: {noted.is_file()}. Without it "
        "the next run reads everything again.",
        seen=noted.is_file(),
    )
    noted.unlink()  # as if the run had died after its MERGE: the batch comes again
    follow()
    case.equal(
        at(case.spark.table(table), "changed_at"),
        "customer_id string, city string, changed_at string, change_id int, deleted boolean",
        ("C1", None, "10:10", 6, False),
        ("C2", "Pisa", "10:05", 3, False),
        ("C3", None, "10:10", 5, True),
        ("C4", "Turin", "10:40", 21, False),
        ("C5", "Lyon", "10:20", 9, False),
        ("C6", "Kiel", "10:30", 15, False),
        ("C7", "Gent", "10:00", 12, False),
        ("C8", None, "10:15", 16, True),
        ("C9", "Wien", "10:30", 22, False),
        ("C10", None, "10:10", 20, True),
        ("C11", "Kyoto", "10:20", 19, False),
        ("C12", "Metz", "10:28", 24, False),
        when={
            ("C1", None, ...): "{got} is in the table twice: the run died before it had noted its batch, and a batch "
            "of `foreachBatch` runs again. Written twice, it must give the same table.",
            ("C12", "Ulm", ...): "You have {got}, and Metz of 10:28 was in the same batch: the table has one row a "
            "customer, of the newest change. MERGE never compares two rows of the batch with each other.",
            ("C4", "Parma", ...): "You have {got}, and the table knew of 10:40: an older change came later and won. A "
            "MERGE without a condition updates whatever matches.",
            ("C2", "Bari", ...): "You have {got}, and the table knew of 10:05: the change with the larger number is "
            "older. The newest wins by `changed_at`, and the number decides between equals only.",
            ("C6", "Jena", ...): "You have {got}, and the table had 15 of 10:30: the smaller `change_id` of the same "
            "instant came later, and won.",
            ("C7", "Ghent", ...): "You have {got}, and change 12 is of 10:00 too. A tie is decided by the larger "
            "`change_id`, also against the table.",
            ("C5", "Nice", ...): "You have {got}, and change 9 is of the same instant: a tie within the batch is "
            "decided by the larger `change_id`.",
            ("C11", "Osaka", ...): "You have {got}, and change 19 is of the same instant: a tie within the batch is "
            "decided by the larger `change_id`, not by which one stands first.",
            ("C1", "Oslo", "10:10", ...): "You have {got}, and change 6 took the city away: a NULL that was sent is a "
            "value, too.",
            ("C3", "Bonn", "10:10", 5, ...): "You have {got}: a delete tells the city that was, and what was deleted "
            "has none.",
            ("C10", "Graz", ...): "You have {got}, and C10 was deleted at 10:10: an older change brought the customer "
            "back.",
            ("C9", None, "10:05", ...): "You have {got}, and C9 came back at 10:30: a newer change counts after a "
            "delete, too.",
        },
        missing={
            ("C8", ...): "C8 is missing ({got} was expected): a delete was the first that the table heard of C8. It "
            "must leave a mark, or an older change that is still to come makes a customer of it.",
            ("C5", ...): "C5 is missing ({got} was expected), of whom the table knew nothing: who is new is inserted.",
        },
    )


def _of_the_merge(raised: Exception) -> Exception:
    """The error of a run with `foreachBatch`; where it is a known one, what is missing."""
    known = {
        "TABLE_OR_VIEW_NOT_FOUND": "Spark says TABLE_OR_VIEW_NOT_FOUND of your view: a stream works in a session of "
        "its own, and what its batch makes known is known there. A batch has that session as `batch.sparkSession`.",
        "STREAMING_CONNECT_SERIALIZATION_ERROR": "Spark says STREAMING_CONNECT_SERIALIZATION_ERROR: the function of "
        "`foreachBatch` goes to the server, and no session or stream from outside can go with it. A batch has its own.",
        "MULTIPLE_SOURCE_ROW": "Spark says MULTIPLE_SOURCE_ROW_MATCHING: the batch has several changes of one "
        "customer, and MERGE takes one at most for a row. Which one?",
    }
    for words, message in known.items():
        if words in str(raised):
            return Failed(message, seen=[words])
    return _of_the_stream(raised)


@exercise(
    objective="4.7",
    hints=(
        "What does each kind of change add to the total of its city, and what does it take away?",
        "`F.when(…).otherwise(…)` makes a sign, +1 or -1. Totals and signed changes are rows of one kind: "
        "`unionByName`, then `groupBy`, which takes NULL for a city of its own.",
        "`totals.unionByName(changes.select('city', sign…, (sign * amount)…)).groupBy('city').agg(…).where(…)`.",
    ),
    docs="https://docs.delta.io/latest/delta-change-data-feed.html",
    why="A report that adds the new rows and forgets the old ones grows with every correction, and nobody looks at "
    "old days again. What can be taken back can be corrected so: counts and sums, and means made of both. A maximum "
    "cannot: when it goes, somebody must read the group again. And the correction itself must count once: see the "
    "MERGE and the number of the batch.",
)
def corrected_totals(answer: Answer, case: Case) -> None:
    totals = case.rows(
        "city string, orders bigint, amount bigint",
        ("Oslo", 3, 100),
        ("Rome", 2, 50),
        ("Bonn", 1, 20),
        ("Kiel", 2, 15),
        ("Nice", 4, 40),
        ("Bern", 2, 60),
        (None, 1, 7),
    )
    changes = case.rows(
        "order_id string, city string, amount int, _change_type string, _commit_version bigint",
        ("O1", "Oslo", 50, "update_preimage", 5),
        ("O1", "Oslo", 60, "update_postimage", 5),
        ("O2", "Rome", 30, "update_preimage", 5),
        ("O2", "Pisa", 30, "update_postimage", 5),
        ("O3", "Bonn", 20, "delete", 5),
        ("O4", "Oslo", 5, "insert", 5),
        ("O10", "Oslo", 5, "insert", 5),
        ("O5", "Kiel", 15, "update_preimage", 6),
        ("O5", "Kiel", 0, "update_postimage", 6),
        ("O6", None, 3, "insert", 6),
        ("O7", "Graz", 9, "insert", 6),
        ("O7", "Graz", 9, "delete", 7),
        ("O8", "Rome", 20, "update_preimage", 6),
        ("O8", "Rome", 25, "update_postimage", 6),
        ("O8", "Rome", 25, "update_preimage", 7),
        ("O8", "Rome", 22, "update_postimage", 7),
        ("O9", "Bern", 25, "delete", 7),
    )
    case.equal(
        answer(totals, changes),
        "city string, orders bigint, amount bigint",
        ("Oslo", 5, 120),
        ("Rome", 1, 22),
        ("Pisa", 1, 30),
        ("Kiel", 2, 0),
        ("Nice", 4, 40),
        ("Bern", 1, 35),
        (None, 2, 10),
        given=changes,
        when={
            ("Oslo", 2, 20): "You gave {got}, which is what the changes alone make of Oslo: the totals before them are "
            "to be corrected, not replaced.",
            ("Oslo", 3, 70): "You gave {got}, the sum of the new rows: the orders that did not change are in the old "
            "total and nowhere else.",
            ("Oslo", 4, 115): "You gave {got}: two new orders there have the same amount, and equal ones count each.",
            ("Bonn", 0, ...): "You gave {got}: its last order was deleted, and a city without orders has no row.",
            ("Oslo", ..., 170): "You gave {got}: O1 was corrected from 50 to 60, and both are in the sum. An "
            "`update_preimage` is what no longer holds, and must be taken away.",
            ("Bern", ..., 85): "You gave {got}: an order of 25 was deleted there, and it is in the sum once more. The "
            "row of a `delete` is as it was, so its amount is positive.",
            ("Bern", 2, 60): "You gave {got}: an order of 25 was deleted there, and is still in the sum.",
            ("Rome", 2, 22): "You gave {got}: O2 has moved to Pisa, so Rome has an order less. An update takes a row "
            "away and brings another.",
            ("Pisa", 0, ...): "You gave {got}: to Pisa an update counts as a new order, and to Rome as one less. Which "
            "city it belongs to may change.",
            ("Rome", ..., lambda amount: amount in (17, 20, 25, 45, 47, 70, 72)): "You gave {got}: O8 was updated "
            "twice, 20 to 25 and 25 to 22, and only a part of that came in. Each version has an old and a new row, "
            "and all count.",
            (None, 1, ...): "NULL has several rows or the old total, {got}: NULL is not equal to NULL in a join, and "
            "`groupBy` takes it for a value.",
            (None, 2, lambda amount: amount != 10): "You gave {got} for the orders of which no city is known, and 7 "
            "and 3 were expected in it.",
        },
        missing={
            ("Pisa", ...): "Pisa is missing ({got} was expected): it had no total before, and an order has moved "
            "there.",
            ("Kiel", ...): "Kiel is missing ({got} was expected): its sum is 0, and it has two orders. Which of the "
            "two says that nothing is left?",
            ("Nice", ...): "Nice is missing ({got} was expected): nothing changed there, so its total is as it was.",
            (None, ...): "The orders without a city are missing ({got} was expected): their city is NULL, and they "
            "have a total as well.",
        },
    )


@exercise(
    objective="4.8",
    hints=(
        "Which numbers are milliseconds of the clock, and which are added up over tasks that ran at the same time?",
        "Everything is in the records: `sources[0]['metrics']` has texts, `stateOperators` is empty where there is no "
        "state, and a trigger that found nothing has no `addBatch`. A dictionary of four sums, and `max(…, key=…)`.",
        "`if float(<last backlog>) <= float(<first>): return 'keeps up'`; then for each record with rows: `state = "
        "sum((… + … + …) / min(cores, …) for … in …)`, and `sink` gets what is left of `addBatch`.",
    ),
    docs=STREAMS + "#monitoring-streaming-queries",
    why="Two rates that are equal look healthy, and they are equal in every stream whose batches are limited, while "
    "the backlog grows for days. Then people add cores, which helps the state, the sink sometimes, and a slow "
    "source not at all. Where bookkeeping is the largest, batches are too small: a shorter trigger "
    "makes it worse.",
)
def bottleneck(answer: Answer, case: Case) -> None:
    idle = {"latestOffset": 12000, "triggerExecution": 12001}
    lean = {"latestOffset": 20, "getBatch": 5, "queryPlanning": 40, "walCommit": 30, "commitOffsets": 30}
    writing, computing = {**lean, "addBatch": 5000}, {**lean, "addBatch": 5200}
    keeps_up = [_record(900, "120.0", writing, rates=(90.0, 60.0)), _record(950, "120.0", writing, rates=(95.0, 70.0))]
    catches_up = [_record(900, "1000.5", writing), _record(950, "980.0", writing), _record(0, "980.0", idle)]
    falls_behind = [_record(900, "980.0", writing), _record(900, "1000.5", writing)]
    listing = {**lean, "latestOffset": 2500, "getBatch": 2400, "addBatch": 4000}
    counted = [_state(4000, 3000, 2000, 200), _state(1000, 1000, 3000, 200)]
    small = {**lean, "addBatch": 350, "queryPlanning": 200, "walCommit": 150, "commitOffsets": 120}
    turned = [
        _record(900, "10.0", {**lean, "addBatch": 9000}),
        _record(900, "20.0", {**lean, "addBatch": 8000}),
        _record(100, "30.0", {**lean, "latestOffset": 6000, "addBatch": 300}),
    ]
    waited = [_record(900, "10.0", writing), _record(0, "20.0", idle), _record(900, "30.0", writing)]
    case.value(
        answer(keeps_up, 4),
        "keeps up",
        call="bottleneck of a backlog that stays at 120.0",
        when={
            (lambda got: got in ("sink", "state", "source", "bookkeeping")): "You said {got} of a stream whose "
            "backlog stays at 120.0: in its last batch more rows came a second than were worked off, and one burst is "
            "no trend.",
        },
    )
    case.value(
        answer(catches_up, 4),
        "keeps up",
        call="bottleneck of a backlog that goes from 1000.5 to 980.0",
        when={
            (lambda got: got in ("sink", "source")): "You said {got} of a backlog that goes from 1000.5 to 980.0: the "
            "metrics are texts, and as texts '9…' comes after '1…'.",
        },
    )
    case.value(
        answer(falls_behind, 4),
        "sink",
        call="bottleneck where the backlog grows and addBatch takes 5,000 ms without any state",
        when={
            "keeps up": "You said {got} of a backlog that goes from 980.0 to 1000.5. The two rates of a batch are "
            "equal there, as they are wherever batches are limited: what waits is not among the rows that were read.",
            "state": "You said {got} of a stream that has no stateful operator.",
        },
    )
    case.value(
        answer([_record(900, "1.0", listing), _record(900, "2.0", listing)], 4),
        "source",
        call="bottleneck where latestOffset takes 2,500 ms, getBatch 2,400 and addBatch 4,000",
        when={
            "sink": "You said {got} of latestOffset 2,500, getBatch 2,400 and addBatch 4,000: to find what is new has "
            "two parts, and together they are the largest.",
        },
    )
    case.value(
        answer([_record(900, "1.0", computing, *counted), _record(900, "2.0", computing, *counted)], 4),
        "state",
        call="bottleneck where two operators spend 9,000 and 5,000 ms on 4 cores, and addBatch takes 5,200",
        when={
            "sink": "You said {got}: addBatch takes 5,200 ms, and of these the state takes (9,000 + 5,000) / 4. "
            "Updates, removals and commits of every operator count.",
        },
    )
    case.value(
        answer([_record(900, "1.0", writing, _state(5000, 0, 1000, 200)), _record(900, "2.0", writing)], 4),
        "sink",
        call="bottleneck where the state spends 6,000 ms on 4 cores, and addBatch takes 5,000 twice",
        when={
            "state": "You said {got}: its 6,000 ms are added up over tasks that ran side by side on 4 cores, which is "
            "1,500 ms of the clock.",
        },
    )
    case.value(
        answer([_record(900, backlog, writing, _state(5000, 0, 1000, 2)) for backlog in ("1.0", "2.0")], 8),
        "state",
        call="bottleneck where the state takes 6,000 ms in 2 partitions on 8 cores, and addBatch 5,000",
        when={
            "sink": "You said {got}: with 2 partitions only two of the 8 cores ever work on the state, so its 6,000 ms "
            "took 3,000 of the clock.",
        },
    )
    case.value(
        answer([_record(9, "1.0", small), _record(9, "2.0", small)], 4),
        "bookkeeping",
        call="bottleneck where planning takes 200 ms, the log 150, the commit 120, and addBatch 350",
        when={
            "sink": "You said {got}: addBatch takes 350 ms, and to plan and to note each batch takes 470. Such batches "
            "are too small.",
        },
    )
    case.value(
        answer(turned, 4),
        "sink",
        call="bottleneck of three batches with addBatch 9,000, 8,000 and 300",
        when={
            "source": "You said {got}: that is the last batch of three. In the others the time went elsewhere, so "
            "add up."
        },
    )
    case.value(
        answer(waited, 4),
        "sink",
        call="bottleneck of two batches and a trigger between them that found nothing",
        when={
            "source": "You said {got}: one trigger found nothing and waited 12,000 ms for it. It read no rows, so it "
            "does not count.",
        },
    )


def _record(
    rows: int, backlog: str, took: dict[str, int], *operators: dict[str, Any], rates: tuple[float, float] = (90.0, 90.0)
) -> dict[str, Any]:
    """What a query that reads from Kafka tells of one trigger."""
    metrics = {"avgOffsetsBehindLatest": backlog, "maxOffsetsBehindLatest": "9999", "minOffsetsBehindLatest": "0"}
    source = {"description": "KafkaV2[Subscribe[orders]]", "numInputRows": rows, "metrics": metrics}
    return {
        "batchId": 7,
        "numInputRows": rows,
        "inputRowsPerSecond": rates[0],
        "processedRowsPerSecond": rates[1],
        "durationMs": {"triggerExecution": sum(took.values()), **took},
        "stateOperators": list(operators),
        "sources": [source],
        "sink": {"description": "DeltaSink[/orders]", "numOutputRows": -1},
    }


def _state(updates: int, removals: int, commit: int, partitions: int) -> dict[str, Any]:
    return {
        "operatorName": "stateStoreSave",
        "numRowsTotal": 400_000,
        "allUpdatesTimeMs": updates,
        "allRemovalsTimeMs": removals,
        "commitTimeMs": commit,
        "numShufflePartitions": partitions,
    }


@exercise(
    objective="4.8",
    hints=(
        "Whose clock decides that a window is over? And which rows does Spark look at to read that clock?",
        "Each `withWatermark` keeps a clock of its own; of several, the slowest counts. A filter on the kind, "
        "wherever you write it, is moved to the source, and the watermark never sees the heartbeats. A condition "
        "within an aggregate, such as `F.count_if`, stays where it is.",
        "`north.withWatermark(…).unionByName(south.withWatermark(…)).groupBy(F.window(…)).agg(F.count_if(…))`, then "
        "leave out windows without a sale.",
    ),
    docs=STREAMS + "#policy-for-handling-multiple-watermarks",
    why="One partner without sales on a Sunday, and no window of any shop comes out. The policy `max` cures "
    "that and drops the rows of whoever is behind, without an error; so does one watermark over the union. "
    "Whether a heartbeat arrives is a question of the plan: look for `EventTimeWatermark` in `explain()`, and for the "
    "filter below it.",
)
def sales_of_both(answer: Answer, case: Case) -> None:
    shape = "kind string, sold_at timestamp"
    north = arriving(
        case,
        shape,
        [("sale", "10:01"), ("sale", "10:12")],
        [("sale", "10:40")],
        [("heartbeat", "10:45")],
        [("heartbeat", "10:46")],
        [("sale", "11:00")],
    )
    south = arriving(
        case,
        shape,
        [("heartbeat", "10:00")],
        [("sale", "10:04"), ("sale", "10:04"), ("heartbeat", "10:12")],
        [("heartbeat", "10:12")],
        [("sale", "10:08")],
        [("heartbeat", "10:25"), ("heartbeat", "10:36")],
    )
    counted, progress = drained(case, answer(north, south))
    reached = watermark(progress)
    if counted.count() == 0:
        why = (
            "The south sells last at 10:08, as if it had sent no heartbeat since: Spark moves a filter on the kind "
            "below the watermark, wherever you write it."
            if reached == "2026-03-01T10:03"
            else "Both shops have told that it is 10:36: one delay for both is too long for one shop, and too short "
            "for one that is hours behind."
            if reached < "2026-03-01T10:03"
            else "The window of 10:00 is over then for both shops."
        )
        raise Failed(f"No window has come out, and the watermark ends at {reached}. {why}", seen=[reached])
    lost = (
        "the fastest shop drives the watermark, and the other is behind."
        if case.spark.conf.get("spark.sql.streaming.multipleWatermarkPolicy") == "max"
        else "under one watermark for both, the north drives it, and the south is behind."
        if reached > "2026-03-01T10:36"
        else "it was 4 minutes late by the clock of the south, and 5 are to be waited for."
        if reached == "2026-03-01T10:36"
        else ""
    )
    case.equal(
        at(counted, "start"),
        "start string, sales bigint",
        ("10:00", 4),
        ("10:10", 1),
        when={
            (
                "10:00",
                3,
            ): f"You gave {{got}}: the sale of 10:08 in the south is lost, though nobody got an error: {lost}"
            if lost
            else "You gave {got}, and there were four: two sales in the same minute are two sales.",
            (
                lambda row: str(row[0]).endswith("5")
            ): "You gave {got}: a window begins every 10 minutes, and none slides.",
            (
                "10:00",
                lambda sales: sales > 4,
            ): "You gave {got}: heartbeats are no sales, they only tell how late it is.",
            ("10:20", 0): "{got} came out, a window in which there was only a heartbeat.",
            ("10:40", ...): "{got} came out, and the south is not further than 10:36: it may still sell something "
            "then.",
        },
        missing={("10:10", ...): "{got} is missing: both shops have told that it is 10:36."},
    )
