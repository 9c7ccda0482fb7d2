"""The picture of an executed physical plan: its operators, and what Spark measured in each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from workbook.pictures import drawing
from workbook.pictures.drawing import Picture, counted, size

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Kind = Literal["scan", "shuffle", "broadcast", "subquery", "other"]

# These wrap or convert; they do nothing to the data.
NOT_DRAWN = ("WholeStageCodegenExec", "InputAdapter", "ColumnarToRowExec")
# What differs from run to run (the numbers of expressions, plans and objects), and what says nothing.
NOISE = re.compile(
    r"#\d+L?|(, )?\[(plan_)?id=#?\d+\]|(?<=_gen_alias)_\d+|@[0-9a-f]+\b"
    r"|, (ENSURE_REQUIREMENTS|REPARTITION_BY_\w+|REBALANCE_\w+)|(, )?dynamicpruningexpression\(true\)"
)
FLAGS = re.compile(r"(, (true|false))+(, 0)?$")
PATH = re.compile(r"\b[a-z0-9]+:/[^\s,\]]*")


@dataclass(frozen=True)
class _Operator:
    """One operator of the plan: what it does, what was measured, and the operators whose rows it takes."""

    name: str
    detail: str
    measured: tuple[str, ...]
    kind: Kind
    inputs: tuple["_Operator", ...]
    metrics: dict[str, int]


def plan(frame: "DataFrame") -> Picture:
    """Execute a DataFrame and draw the physical plan as it ran, with the rows, bytes and files of each operator.

    Rows flow down: scans are at the top, the result is at the bottom. It is the final plan, after adaptive
    execution. A shuffle is a box with slanted sides, a broadcast one with round sides. The bytes of a shuffle are
    those before compression, which are the same on every run. Where a sort samples its input before it divides it,
    Spark counts the rows of that input twice: they are marked "in two passes". Every row is computed, and none is
    brought to Python.

    Classic Spark only: raises TypeError for a DataFrame of Spark Connect.
    """
    from pyspark.sql.classic.dataframe import DataFrame as ClassicDataFrame

    if not isinstance(frame, ClassicDataFrame):
        raise TypeError(
            "The executed plan of a Spark Connect DataFrame stays on the server: "
            "use classic Spark for this picture, or frame.explain() for the plan without its metrics."
        )
    # A DataFrame that ran before would add to its old metrics and skip its shuffles; its copy is fresh.
    execution = frame.select("*")._jdf.queryExecution()
    rows = execution.toRdd().count()
    root = _operator(execution.executedPlan())
    title = f"Executed plan: {_summary(root, rows)}"
    lines = [title, "", *_as_lines(root)]
    description = "From the result to the scans. " + ". ".join(line.strip(" └├│─") for line in _as_lines(root)) + "."
    return drawing.drawn(title, description, "\n".join(lines), *_drawn(root, rows))


def _operator(node: Any, passes: int = 1) -> _Operator:
    """The operator at this node of Spark's plan, or the one below it where it is none itself."""
    kind = node.getClass().getSimpleName()
    if kind == "AdaptiveSparkPlanExec":
        return _operator(node.executedPlan(), passes)
    if kind.endswith("QueryStageExec"):
        return _operator(node.plan(), passes)
    if kind in NOT_DRAWN:
        return _operator(node.child(), passes)
    if kind == "AQEShuffleReadExec":
        return _read_as(_metrics(node)["numPartitions"], _operator(node.child()))
    if exchange := kind.endswith("ExchangeExec"):
        passes = 2 if _samples_first(node) else 1
    inputs = [_operator(child, passes) for child in _sequence(node.children())]
    inputs += [_operator(child) for child in _sequence(node.subqueries()) if not child.nodeName().startswith("Reused")]
    return _described(node, kind, tuple(inputs), 1 if exchange else passes)


def _samples_first(exchange: Any) -> bool:
    """Whether the exchange goes through its input once before, to find where to divide it: those rows count twice."""
    by_range: bool = exchange.simpleString(0).startswith("Exchange rangepartitioning")
    return by_range and _metrics(exchange)["numPartitions"] > 1


def _read_as(partitions: int, exchange: _Operator) -> _Operator:
    """The exchange whose partitions adaptive execution put together, or split, for its reader."""
    if exchange.kind != "shuffle":
        return exchange
    return replace(exchange, measured=(*exchange.measured[:-1], f"{exchange.measured[-1]}, read as {partitions:,}"))


def _described(node: Any, kind: str, inputs: tuple[_Operator, ...], passes: int) -> _Operator:
    name, metrics = node.nodeName().strip(), _metrics(node)
    shown, detail = PATH.sub("…", name), _detail(node.simpleString(20), name)
    match kind:
        case "ShuffleExchangeExec":
            return _Operator(f"{shown} (shuffle)", detail, _shuffled(metrics), "shuffle", inputs, metrics)
        case "BroadcastExchangeExec":
            return _Operator(shown, "", _rows(metrics), "broadcast", inputs, metrics)
        case "ReusedExchangeExec":
            return _Operator(shown, "the same exchange is drawn elsewhere", (), "other", inputs, {})
        case "SubqueryExec" | "SubqueryBroadcastExec":
            return _Operator(shown, "", (), "subquery", inputs, {})
    measured = (*_files(metrics), *_rows(metrics, passes), *_spilled(metrics))
    return _Operator(shown, detail, measured, "other" if inputs else "scan", inputs, metrics)


def _detail(simple: str, name: str) -> str:
    """What Spark says of an operator after its name, without what changes from run to run."""
    if file_scan := re.match(
        r"FileScan \w+ \S*?\[(.*?)\] .*PartitionFilters: \[(.*?)\], PushedFilters: \[(.*?)\]", simple
    ):
        columns, partitions, pushed = (NOISE.sub("", part) for part in file_scan.groups())
        found = [f"[{columns}]", partitions and f"partitions {partitions}", pushed and f"pushed {pushed}"]
        return ", ".join(filter(None, found))
    plain = PATH.sub("…", NOISE.sub("", simple.removeprefix(name).removeprefix(name.split()[0])))
    return re.sub(r"^\((.*)\)$", r"\1", FLAGS.sub("", plain.strip())).strip(" ,")


def _rows(metrics: dict[str, int], passes: int = 1) -> tuple[str, ...]:
    if "numOutputRows" not in metrics:
        return ()
    return (counted(metrics["numOutputRows"], "row") + (" in two passes" if passes == 2 else ""),)


def _files(metrics: dict[str, int]) -> tuple[str, ...]:
    if "numFiles" not in metrics:
        return ()
    partitions = (counted(metrics["numPartitions"], "partition"),) if "numPartitions" in metrics else ()
    return (f"{counted(metrics['numFiles'], 'file')}, {size(metrics['filesSize'])}", *partitions)


def _shuffled(metrics: dict[str, int]) -> tuple[str, ...]:
    rows = f"{counted(metrics['shuffleRecordsWritten'], 'row')}, {size(metrics['dataSize'])}"
    return (rows, counted(metrics["numPartitions"], "partition"))


def _spilled(metrics: dict[str, int]) -> tuple[str, ...]:
    """A spill varies a little from run to run: it is rounded down to a power of two."""
    spilled = metrics.get("spillSize", 0)
    return (f"spilled about {size(1 << (spilled.bit_length() - 1))}",) if spilled > 0 else ()


def _metrics(node: Any) -> dict[str, int]:
    iterator, found = node.metrics().iterator(), {}
    while iterator.hasNext():
        entry = iterator.next()
        found[entry._1()] = entry._2().value()
    return found


def _sequence(scala: Any) -> list[Any]:
    return [scala.apply(number) for number in range(scala.size())]


def _all(root: _Operator) -> Iterator[_Operator]:
    yield root
    for below in root.inputs:
        yield from _all(below)


def _summary(root: _Operator, rows: int) -> str:
    """What the plan cost in one line: files and bytes read, shuffles, broadcasts, and the rows that came out."""

    def total(name: str, kind: Kind) -> int:
        return sum(item.metrics.get(name, 0) for item in _all(root) if item.kind == kind)

    def number(kind: Kind) -> int:
        return sum(item.kind == kind for item in _all(root))

    parts = [
        total("numFiles", "scan")
        and f"{counted(total('numFiles', 'scan'), 'file')} ({size(total('filesSize', 'scan'))}) read",
        number("shuffle") and f"{counted(number('shuffle'), 'shuffle')} ({size(total('dataSize', 'shuffle'))})",
        number("broadcast") and counted(number("broadcast"), "broadcast"),
        f"{counted(rows, 'row')} out",
    ]
    return ", ".join(str(part) for part in parts if part)


def _as_lines(operator: _Operator, first: str = "", rest: str = "") -> list[str]:
    """The plan as an indented tree, the result first, as `explain` has it."""
    said = " · ".join(part for part in (drawing.cut(operator.detail, 100), *operator.measured) if part)
    lines = [f"{first}{operator.name}{': ' if said else ''}{said}"]
    for number, below in enumerate(operator.inputs, start=1):
        last = number == len(operator.inputs)
        lines += _as_lines(below, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
    return lines


WIDTH, GAP, DROP, INSET, LINE = 228, 28, 30, 16, 17
# The sides of a shuffle are slanted, those of a broadcast are round.
LOOKS: dict[Kind, str] = {
    "scan": "shape green",
    "shuffle": "shape orange",
    "broadcast": "shape blue",
    "subquery": "open dashed",
    "other": "shape",
}


@dataclass(frozen=True)
class _Box:
    """Where an operator is drawn: the middle of its box, its top, its bottom, and the boxes above it."""

    operator: _Operator
    middle: float
    top: float
    bottom: float
    above: tuple["_Box", ...]


def _drawn(root: _Operator, rows: int) -> tuple[float, float, list[str]]:
    """Width, height and parts: a column for each scan, the operators one below the other, the result last."""
    width, height = _columns(root) * (WIDTH + GAP) - GAP + 4, _depth(root) + DROP + 28
    box = _placed(root, 2, height - DROP - 24)
    end = height - 22
    parts = [*_box_drawn(box), drawing.arrow([(box.middle, box.bottom), (box.middle, end)])]
    return (
        width,
        height,
        [*parts, drawing.words(box.middle, height - 6, f"{counted(rows, 'row')} out", "name", "middle")],
    )


def _columns(operator: _Operator) -> int:
    return sum(map(_columns, operator.inputs)) or 1


def _depth(operator: _Operator) -> float:
    return _height(operator) + max((DROP + _depth(above) for above in operator.inputs), default=0)


def _placed(operator: _Operator, left: float, bottom: float) -> _Box:
    top = bottom - _height(operator)
    above = []
    start = left
    for source in operator.inputs:
        above.append(_placed(source, start, top - DROP))
        start += _columns(source) * (WIDTH + GAP)
    middle = (above[0].middle + above[-1].middle) / 2 if above else left + WIDTH / 2
    return _Box(operator, middle, top, bottom, tuple(above))


def _box_drawn(box: _Box) -> list[str]:
    """The box, its lines of text, and all that is above it with the arrows that lead here."""
    parts = []
    turn = box.top - DROP / 2
    for above in box.above:
        parts += _box_drawn(above)
        bend = [] if above.middle == box.middle else [(above.middle, turn), (box.middle, turn)]
        parts.append(drawing.arrow([(above.middle, above.bottom), *bend, (box.middle, box.top)]))
    parts.append(_outline(box))
    lines = _lines_of(box.operator)
    return parts + [
        drawing.words(box.middle, box.top + 21 + LINE * number, text, look, "middle")
        for number, (text, look) in enumerate(lines)
    ]


def _outline(box: _Box) -> str:
    left, right, look = box.middle - WIDTH / 2, box.middle + WIDTH / 2, LOOKS[box.operator.kind]
    if box.operator.kind == "shuffle":
        between = (box.top + box.bottom) / 2
        corners = [(left + 12, box.top), (right - 12, box.top), (right, between)]
        corners += [(right - 12, box.bottom), (left + 12, box.bottom), (left, between)]
        return drawing.polygon(corners, look)
    return drawing.box(left, box.top, WIDTH, box.bottom - box.top, look, 20 if box.operator.kind == "broadcast" else 5)


def _lines_of(operator: _Operator) -> list[tuple[str, str]]:
    """The lines inside an operator's box, each with its look."""
    room = WIDTH - 2 * INSET
    lines = [(drawing.shortened(operator.name, room, drawing.NORMAL), "name")]
    lines += [(text, "quiet") for text in drawing.wrapped(operator.detail, room, 2)]
    return lines + [(text, "strong") for text in operator.measured]


def _height(operator: _Operator) -> float:
    return LINE * len(_lines_of(operator)) + 16
