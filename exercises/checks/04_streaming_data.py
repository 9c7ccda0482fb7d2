"""Checks of the exercises on streaming data."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.checking.case import Case, Failed, frame_of
from workbook.checking.exercise import Answer, exercise
from workbook.checking.explain import condition

SPARK = "https://spark.apache.org/docs/latest/"


def told(errors: Mapping[str, str], call: Callable[[], Any]) -> Any:
    """What `call` returns; an error that it raises fails with the message of the first text that the error contains.

    `{error}` in a message becomes the error's name.
    """
    try:
        return call()
    except Failed:
        raise
    except Exception as raised:
        for text, message in errors.items():
            if text in str(raised):
                name = condition(raised)
                raise Failed(message.replace("{error}", name), seen=[text, name]) from raised
        raise


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
        told(NOT_APPENDED, lambda: until_it_ends(case, lambda: answer(case.spark, source, target, checkpoint)))
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
    case.spark.sql(f"DELETE FROM {target} WHERE order_id = 'O2'")
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
            (
                "O3",
                ...,
            ): "{got} is missing once: the table held two such rows, and a third arrived later. New is a row, "
            "not a value.",
        },
    )


NOT_APPENDED = {
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
            )
        ),
    )
    both = told(NOT_SPLIT, lambda: answer(messages))
    case.require(
        isinstance(both, (tuple, list)) and len(both) == 2,
        f"You gave a {type(both).__name__}: two DataFrames are asked for, the orders and what was refused.",
        seen=type(both).__name__,
    )
    told(NOT_SPLIT, lambda: _are_split(case, messages, *both))


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
    case.value(
        answer(ten),
        (10, True),
        call="With offsets 9, 10 and commits 8, 9, next_batch",
        when={
            (10, False): "Offsets 9, 10 and commits 8, 9 gave {got}, as if 9 were the greatest: names of files are "
            "texts, and as a text 9 comes after 10.",
            (lambda got: got[0] in (1, 2, 3)): "Offsets 9, 10 and commits 8, 9 gave {got}: Spark has removed the files "
            "of old batches, so how many there are says nothing. The number is in the name.",
            (lambda got: got[0] == 8): "Offsets 9, 10 and commits 8, 9 gave {got}: that batch 8 has no offsets any "
            "more is because it is old. Only the newest counts.",
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
    counts = frame_of(told(NOT_COUNTED, lambda: answer(events)))
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
    watermark = told(NOT_COUNTED, lambda: written_in_append_mode(case, counts, "counts"))
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
    "output mode: "
    "append": "Spark says {error}: in append mode a window comes out when it is complete, and nothing says "
    "when that is. Group by a window of the column that has the watermark.",
    "Distinct aggregations are not supported": "Spark says `Distinct aggregations are not supported` of a stream, for "
    "it would keep all ids for ever. Drop the repeats first, and say how long an id is remembered.",
    "dropDuplicatesWithinWatermark is not": "Spark says `dropDuplicatesWithinWatermark is not supported` without a "
    "watermark: by that it forgets an id, so the watermark comes before.",
}


def arriving(case: Case, schema: str, *batches: list[tuple[str | None, ...]]) -> DataFrame:
    """A stream of these batches, one after the other; a time such as 10:01 is of March 1, 2026, in UTC."""
    names, folder = [part.split()[0] for part in schema.split(", ")], Path(case.path("arriving"))
    folder.mkdir()
    for number, batch in enumerate(batches):
        rows = [[TIME.sub(r"2026-03-01T\1:00Z", value) if value else value for value in row] for row in batch]
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        file = folder / f"{number}.json"
        file.write_text("\n".join(lines))
        os.utime(file, (1_772_000_000 + number, 1_772_000_000 + number))  # a stream takes the oldest file first
    return case.spark.readStream.schema(schema).option("maxFilesPerTrigger", 1).json(str(folder))


TIME = re.compile(r"^(\d\d:\d\d)$")


def written_in_append_mode(case: Case, frame: DataFrame, name: str) -> str:
    """Write a stream into the table `name` in memory, until nothing is left; the watermark after that."""
    stream = frame.writeStream.format("memory").queryName(name).outputMode("append")
    query = stream.option("checkpointLocation", case.path("checkpoint")).trigger(availableNow=True).start()
    query.awaitTermination()
    return str(query.lastProgress["eventTime"].get("watermark", ""))


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
            ((0, 2),): "For [[1], [8], [2], [30]], 0, 10 you gave {got}: minute 2 came behind the watermark, and its "
            "window is open until 10. Windows are closed, not minutes.",
        },
    )
    case.value(
        answer([[5], [6, 40, 7]], 10, 20),
        [(0, 3)],
        call="windows_given([[5], [6, 40, 7]], 10, 20)",
        when={
            (lambda got: got and got[0] in ((0, 1), (0, 2))): "For [[5], [6, 40, 7]], 10, 20 you gave {got}: the batch "
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
