"""Checks of the exercises on environment setup."""

from collections.abc import Callable
from typing import Any

from workbook.case import Case
from workbook.exercise import exercise

Answer = Callable[..., Any]


@exercise(
    objective="1.2",
    hints=(
        "Which parts of a version decide whether two artifacts fit: all of it, or only the first two numbers?",
        "`str.split` and `str.join` cut a version: `'4.2.0'.split('.')[:2]` is `['4', '2']`.",
        "Build `<spark line>` and `<scala line>` first, then fill them into "
        "`io.delta:delta-spark_<spark line>_<scala line>:<delta version>`.",
    ),
    docs="https://docs.delta.io/latest/releases.html",
    why="Spark's internals may change from one line (4.1, 4.2) to the next, and Scala's byte code does so too. "
    "A patch release changes neither, so the name carries two numbers of each.",
)
def delta_artifact(answer: Answer, case: Case) -> None:
    call = 'delta_artifact("4.2.0", "2.13.16", "4.4.0")'
    case.value(
        answer("4.2.0", "2.13.16", "4.4.0"),
        "io.delta:delta-spark_4.2_2.13:4.4.0",
        call=call,
        when={
            "io.delta:delta-spark_2.13:4.4.0": "You gave {got}, the name without the Spark "
            "line: it was complete for one Spark only, and says nothing about 4.2.",
            "io.delta:delta-spark_4.2.0_2.13.16:4.4.0": "You gave {got} the name "
            "carries the lines 4.2 and 2.13, not whole versions. A patch release stays compatible.",
            "io.delta:delta-core_2.13:4.4.0": "You gave {got} the artifact has been called "
            "delta-spark since Delta 3.0.",
            "io.delta:delta-spark_2.13_4.2:4.4.0": "You gave {got} Spark's line comes "
            "first, then Scala's.",
        },
    )
    case.value(
        answer("4.10.1", "3.3.7", "5.0.0"),
        "io.delta:delta-spark_4.10_3.3:5.0.0",
        call='delta_artifact("4.10.1", "3.3.7", "5.0.0")',
        when={
            "io.delta:delta-spark_4.1_3.3:5.0.0": "For Spark 4.10.1 you gave {got}: a version is "
            "numbers between dots, not a text of fixed length.",
        },
    )
