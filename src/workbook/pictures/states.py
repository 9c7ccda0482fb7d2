"""The picture of a stream's state: which keys each partition keeps after each batch, and with what value."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.pictures import drawing
from workbook.pictures.drawing import Picture, counted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row, SparkSession

MOST_BATCHES, MOST_KEYS = 12, 40
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# How Spark is asked to write an instant, and how it is found again.
ZONED, NO_ZONE = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSxxx", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'+00:00'"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d")
# Numbers that are instants: how many microseconds one is.
NUMBERS = {"expiresAtMicros": 1, "expiration_timestamp_ms": 1000}
TTL, TIMER = "ttlExpirationMs", "expiration_timestamp_ms"

SIGNS = {"": "", "new": "+", "changed": "±", "removed": "−"}
LOOKS = {"": "open", "new": "shape green", "changed": "shape blue", "removed": "open orange dashed"}
LEGEND = {"new": "new", "changed": "another value than before", "removed": "no longer kept"}


@dataclass(frozen=True)
class _Operator:
    """What the checkpoint tells of an operator with state."""

    name: str
    partitions: int
    first: int
    last: int
    stores: tuple[str, ...]
    variables: tuple[str, ...]
    by_the_clock: frozenset[str]
    """Fields that hold another time on every run."""


@dataclass(frozen=True)
class _Key:
    """What is followed from batch to batch; where a key has several values, each of them is followed for itself."""

    partition: int
    name: str
    value: str = ""
    copy: int = 0

    def order(self) -> tuple[Any, ...]:
        """By partition and key, numbers by their size."""
        parts = re.split(r"(\d+)", f"{self.name}\n{self.value}")
        return self.partition, [(int(part), "") if part.isdigit() else (-1, part) for part in parts], self.copy


@dataclass(frozen=True)
class _Cell:
    """A key after a batch: its value where it is kept, and whether it is new, changed or removed."""

    value: str
    change: str = ""

    def __str__(self) -> str:
        return f"{SIGNS[self.change]} {self.value or self.change}".strip()

    @property
    def words(self) -> str:
        return ", ".join(filter(None, (self.change, self.value)))


Table = dict[_Key, list[_Cell | None]]


def state(
    spark: "SparkSession",
    path: str | Path,
    batches: Iterable[int] = (),
    operator: int = 0,
    side: str = "",
    store: str = "",
    variable: str = "",
) -> Picture:
    """Draw the rows of a state store: a column a batch, a row a key, so that one sees what came, changed and went.

    `path` is the checkpoint of the query, and `batches` are those to draw, by default all that are committed. Where a
    query has several operators with state, `operator` is the number of one. A join needs a `side`, "left" or "right",
    or the name of a `store`; a processor of your own needs a `variable`, by its name, or "timers". Times are in UTC;
    when a value expires by the clock of the machine is not drawn. Works on Spark Connect too.

    Raises ValueError where there is no such state or batch, and where there is too much of it for a picture: more than
    12 batches or 40 keys.
    """
    location = str(path).rstrip("/")
    found = _operator(spark, location, operator)
    chosen = _batches(location, found, batches)
    options = {"operatorId": str(operator), **_part(found, operator, side, store, variable)}
    day, table = _table(location, chosen, _rows(spark, location, chosen, options), found)
    columns = list(zip(*table.values(), strict=True)) or [()] * len(chosen)
    kept = [sum(cell is not None and cell.change != "removed" for cell in column) for column in columns]
    keys = len({(key.partition, key.name) for key in table})
    title = f"State of {' '.join(filter(None, (found.name, side or store or variable)))}: {counted(keys, 'key')} in "
    title += f"{counted(found.partitions, 'partition')}, at most {counted(max(kept), 'row')}, "
    title += f"{kept[-1]} after batch {chosen[-1]}"
    text = _as_text(title, chosen, table, day)
    description = " ".join(
        _sentence(batch, column, table, kept[place])
        for place, (batch, column) in enumerate(zip(chosen, columns, strict=True))
    )
    return drawing.drawn(title, description, text, *_drawn(chosen, kept, table, found.partitions, day))


def _operator(spark: "SparkSession", location: str, number: int) -> _Operator:
    # A session that has run no query lacks what a state in RocksDB is read by; to ask for its queries makes it.
    _ = spark.streams.active
    rows = spark.read.format("state-metadata").load(location).collect()
    if max((row.maxBatchId for row in rows), default=-1) < 0:
        raise ValueError(
            f"There is no state in {location}: give the checkpoint of a query that groups, joins or deduplicates, and "
            "that has committed a batch."
        )
    if not (mine := [row for row in rows if row.operatorId == number]):
        there = sorted({f"{row.operatorId} ({row.operatorName})" for row in rows})
        raise ValueError(f"The query in {location} has no operator {number} with state: there are {', '.join(there)}.")
    first = mine[0]
    properties = json.loads(first.operatorProperties or "{}")
    names = [each["stateName"] for each in properties.get("stateVariables", [])]
    names = sorted("timers" if name.startswith("$") else name for name in names)
    clock = {TTL, TIMER} if properties.get("timeMode") == "ProcessingTime" else {TTL}
    stores = sorted(row.stateStoreName for row in mine)
    ends = (first.minBatchId, first.maxBatchId)
    return _Operator(first.operatorName, first.numPartitions, *ends, tuple(stores), tuple(names), frozenset(clock))


def _batches(location: str, found: _Operator, batches: Iterable[int]) -> list[int]:
    there = range(found.first, found.last + 1)
    chosen = sorted(set(batches)) or list(there)
    if wrong := [batch for batch in chosen if batch not in there]:
        raise ValueError(
            f"The checkpoint in {location} has no state of batch {wrong[0]}: it has those of {found.first} to "
            f"{found.last}."
        )
    if len(chosen) > MOST_BATCHES:
        raise ValueError(f"There are {len(chosen)} batches, and one picture holds {MOST_BATCHES}: choose some of them.")
    return chosen


def _part(found: _Operator, operator: int, side: str, store: str, variable: str) -> dict[str, str]:
    """The options by which Spark reads one part of what the operator keeps."""
    is_join = any(name.startswith("left") for name in found.stores)
    about = f"Operator {operator} ({found.name})"
    if is_join and not store and side not in ("left", "right"):
        raise ValueError(f'{about} keeps two sides: choose side="left" or side="right".')
    if side and not is_join:
        raise ValueError(f"{about} keeps no sides: leave out side.")
    if store and store not in found.stores:
        raise ValueError(f"{about} has no store {store!r}: it has {', '.join(found.stores)}.")
    if (variable or found.variables) and variable not in found.variables:
        has = f"choose one of {', '.join(found.variables)}" if found.variables else "leave out variable"
        raise ValueError(f"{about} keeps no variable {variable!r}: {has}.")
    timers = {"readRegisteredTimers": "true"} if variable == "timers" else {"stateVarName": variable}
    found_options = {"joinSide": side, "storeName": store, **(timers if variable else {})}
    return {name: value for name, value in found_options.items() if value}


def _rows(spark: "SparkSession", location: str, batches: Sequence[int], options: dict[str, str]) -> "list[Row]":
    """The rows of all batches, as (batch, partition, key, the rest), the last two as JSON."""

    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    written = {"ignoreNullFields": "false", "timestampFormat": ZONED, "timestampNTZFormat": NO_ZONE}

    def as_json(rows: "DataFrame", names: list[str]) -> "Column":
        """The columns as JSON. Fields are taken by name: a row of a join has one more than its schema says."""
        parts = [
            F.struct(*(F.col(f"{name}.`{field.replace('`', '``')}`").alias(field) for field in kind.names)).alias(name)
            if isinstance(kind := rows.schema[name].dataType, StructType)
            else F.col(name)
            for name in names
        ]
        return F.to_json(F.struct(*parts), written) if parts else F.lit("{}")

    def read(batch: int) -> "DataFrame":
        rows = spark.read.format("statestore").options(**options, batchId=batch).load(location)
        keys = [name for name in rows.columns if name in ("key", "user_map_key")]
        rest = [name for name in rows.columns if name not in (*keys, "partition_id")]
        return rows.select(F.lit(batch), "partition_id", as_json(rows, keys), as_json(rows, rest))

    frames = [read(batch) for batch in batches]
    return reduce(lambda one, other: one.union(other), frames).limit((MOST_KEYS + 1) * len(batches)).collect()


class _Instant(int):
    """Microseconds since 1970 in UTC."""


def _table(location: str, batches: Sequence[int], rows: "Iterable[Row]", found: _Operator) -> tuple[str, Table]:
    """The day that all instants share, and what becomes of each key from batch to batch."""
    read = [
        (batch, part, _parsed(key, found.by_the_clock), _parsed(rest, found.by_the_clock))
        for batch, part, key, rest in rows
    ]
    day, clock = drawing.moments(time for _, _, *values in read for value in values for time in _instants(value))
    told = Counter((batch, part, _key(key, clock), _value(rest, clock)) for batch, part, key, rest in read)
    several = any(number > 1 for number in Counter((*row[:3], "") for row in told.elements()).values())
    kept: dict[int, dict[_Key, str]] = {batch: {} for batch in batches}
    for (batch, part, name, value), copies in told.items():
        for copy in range(copies):
            kept[batch][_Key(part, name, value, copy) if several else _Key(part, name)] = value
    keys = sorted({key for same in kept.values() for key in same}, key=_Key.order)
    if len(keys) > MOST_KEYS:
        raise ValueError(
            f"The state in {location} has more than {MOST_KEYS} keys, and one picture holds {MOST_KEYS}: choose fewer "
            "batches, or run the query on less."
        )
    return day, {key: _life([kept[batch].get(key) for batch in batches], batches[0] == 0) for key in keys}


def _life(values: Sequence[str | None], from_the_start: bool) -> list[_Cell | None]:
    """What becomes of a key; in a first batch that is not that of the query, nobody knows what was before."""
    cells: list[_Cell | None] = []
    for place, value in enumerate(values):
        before = values[place - 1] if place else None if from_the_start else value
        if value is None:
            cells.append(None if before is None else _Cell("", "removed"))
        else:
            cells.append(_Cell(value, "new" if before is None else "" if before == value else "changed"))
    return cells


def _parsed(text: str, left_out: Collection[str]) -> Any:
    """Key or value, its instants as such, without the fields that are left out."""

    def known(fields: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: _read(name, value) for name, value in fields if name not in left_out}

    return json.loads(text, object_pairs_hook=known)


def _read(name: str, value: Any) -> Any:
    if name in NUMBERS and isinstance(value, int):
        return _Instant(value * NUMBERS[name])
    if isinstance(value, str) and INSTANT.fullmatch(value):
        return _Instant((datetime.fromisoformat(value) - EPOCH) // timedelta(microseconds=1))
    return value


def _instants(value: Any) -> Iterator[int]:
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _instants(part)
    if isinstance(value, _Instant):
        yield value


def _key(key: dict[str, Any], clock: Mapping[int, str]) -> str:
    """The values of the key, and that of a map below it."""
    return " → ".join(", ".join(_plain(each, clock) for each in part.values()) for part in key.values())


def _value(rest: dict[str, Any], clock: Mapping[int, str]) -> str:
    """The fields of the value with their names, where the name says anything."""
    fields = rest
    while len(fields) == 1 and isinstance(only := next(iter(fields.values())), dict):
        fields = only
    if list(fields) == ["value"]:
        return _plain(fields["value"], clock)
    if not fields:
        return "kept"
    return ", ".join(f"{'expires' if name in NUMBERS else name} {_plain(each, clock)}" for name, each in fields.items())


def _plain(value: Any, clock: Mapping[int, str]) -> str:
    if isinstance(value, _Instant):
        return clock[value]
    if isinstance(value, dict):
        if list(value) == ["start", "end"]:
            return "–".join(_plain(each, clock) for each in value.values())
        return f"({', '.join(f'{name} {_plain(each, clock)}' for name, each in value.items())})"
    if isinstance(value, list):
        return f"[{', '.join(_plain(each, clock) for each in value)}]"
    return value if isinstance(value, str) else "NULL" if value is None else json.dumps(value)


def _sentence(batch: int, cells: Sequence[_Cell | None], table: Table, rows: int) -> str:
    told = [
        f"{key.name} in partition {key.partition}: {cell.words}"
        for key, cell in zip(table, cells, strict=True)
        if cell is not None
    ]
    return f"After batch {batch}, {'; '.join([counted(rows, 'row'), *told])}."


def _as_text(title: str, batches: Sequence[int], table: Table, day: str) -> str:
    rows = [["partition", "key", *(f"batch {batch}" for batch in batches)]]
    for key, cells in table.items():
        rows.append([str(key.partition), key.name, *(str(cell or "") for cell in cells)])
    notes = ["", f"All times are of {day}."] if day else []
    return "\n".join([title, "", *drawing.table(rows), *notes])


TOP, LINE, BOX, GAP, HEAD = 52.0, 32, 26, 14.0, 26
WIDEST_KEY, NARROWEST, WIDEST = 260.0, 76.0, 240.0


def _drawn(
    batches: Sequence[int], kept: Sequence[int], table: Table, partitions: int, day: str
) -> tuple[float, float, list[str]]:
    """Width, height and parts: a column for each batch, the keys of each partition one below the other."""
    names = [drawing.shortened(key.name, WIDEST_KEY) for key in table]
    left = GAP + max(map(drawing.width_of, [*names, "Partition 10", day]))
    lefts, widths = [], []
    for place in range(len(batches)):
        told = [str(cells[place] or "") for cells in table.values()]
        lefts.append(left)
        widths.append(max(NARROWEST, min(WIDEST, max(map(drawing.width_of, told), default=0.0) * 1.1 + 16)))
        left += widths[-1] + GAP
    width = left - GAP + 2
    parts = [drawing.words(0, 18, "After batch", "quiet"), drawing.words(0, 36, day, "quiet")]
    for x, wide, batch, rows in zip(lefts, widths, batches, kept, strict=True):
        parts.append(drawing.words(x + wide / 2, 18, str(batch), "name", "middle"))
        parts.append(drawing.words(x + wide / 2, 36, counted(rows, "row"), "", "middle"))
    top = TOP - 8
    for partition in range(partitions):
        mine = [(key, name) for key, name in zip(table, names, strict=True) if key.partition == partition]
        top += 8
        parts.append(drawing.line([(0, top - 6), (width, top - 6)], "rule"))
        parts.append(drawing.words(0, top + 12, f"Partition {partition}{'' if mine else ': no rows'}", "name"))
        top += HEAD
        for key, name in mine:
            parts.append(drawing.words(0, top + 17, name))
            for x, wide, cell in zip(lefts, widths, table[key], strict=True):
                parts += _cell_drawn(cell, x, top, wide)
            top += LINE
    changes = {cell.change for cells in table.values() for cell in cells if cell is not None}
    for change, meaning in LEGEND.items():
        if change in changes:
            top += 18
            parts.append(drawing.words(0, top, f"{SIGNS[change]} {meaning}"))
    return max(width, 220.0), top + 12, parts


def _cell_drawn(cell: _Cell | None, x: float, top: float, width: float) -> Iterator[str]:
    if cell is not None:
        yield drawing.box(x, top, width, BOX, LOOKS[cell.change], 5)
        text = drawing.shortened(str(cell), width - 10)
        yield drawing.words(x + width / 2, top + 17, text, "strong" if cell.change else "", "middle")
