"""Checks of the exercises on streaming data."""

from collections.abc import Callable, Mapping
from typing import Any

from workbook.checking.case import Case, Failed
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
