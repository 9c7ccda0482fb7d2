"""The picture of a watermark: which windows it lets out of a stream, and which rows it drops."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from workbook.pictures import drawing, timelines
from workbook.pictures.drawing import Picture, counted
from workbook.pictures.timelines import Bar, Column, Mark

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

MOST_BATCHES, MOST_EVENTS, MOST_WINDOWS = 20, 40, 40
EVENTS, WINDOWS = ("batch_id", "name", "event_time"), ("batch_id", "start", "end")
TIMES = ("event_time", "start", "end")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
UNITS = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6, "day": 86400 * 10**6, "week": 604800 * 10**6}
USUAL: tuple[timelines.Kind, str] = ("counted", "")
INTERVAL = re.compile(rf"(?:interval )?(\d+) ({'|'.join(UNITS)})s?", re.IGNORECASE)


@dataclass(frozen=True)
class _Batch:
    """The record of a batch: its new rows, its watermark (0 where there is none yet), and what Spark counted."""

    rows: int
    watermark: int
    kept: int
    removed: int
    dropped: int


def watermark(
    progress: "Iterable[Any]",
    events: "DataFrame | Iterable[Any]" = (),
    windows: "DataFrame | Iterable[Any] | None" = None,
    size: str = "",
    slide: str = "",
) -> Picture:
    """Draw what a watermark did: batches from left to right, event time upwards, and the watermark as a step line.

    `progress` is the `recentProgress` of the query, from batch 0 on; join the lists where it was restarted. `events`
    are the rows that went in, (batch_id, name, event_time). `windows` are those that came out, (batch_id, start, end)
    and what was counted in each. Both are DataFrames or lists, of at most 40 rows. `size` and `slide` are those of the
    windows, such as "10 minutes", needed where no window came out yet or where windows overlap; without any, a row's
    event time itself decides, as in a deduplication. Times are in UTC; a datetime without a zone is taken for UTC.

    A window comes out in the batch whose watermark has reached its end. A row is dropped where its window had ended by
    the watermark of the batch before; it is late, and counted all the same, where its event time is behind that of its
    own batch only or where its window is still open. Works on Spark Connect too.

    Raises ValueError where a column or a batch is missing, where there is too much for a picture, and where Spark
    counted dropped rows in a batch and these events say otherwise.
    """
    batches = _batches(progress)
    columns, out = ([], None) if windows is None else _table(windows, WINDOWS, "window", MOST_WINDOWS)
    _, taken = _table(events, EVENTS, "event", MOST_EVENTS)
    for row in [*taken, *(out or [])]:
        if row["batch_id"] not in range(len(batches)):
            raise ValueError(f"There is no progress of batch {row['batch_id']}: give the records of all batches.")
    length = _length(size, out or [])
    step = _interval(slide) if slide else length
    marks = _marks(batches, taken, length, step)
    _compare(batches, marks)
    bars = _bars(len(batches), columns, out or [])
    drawn_columns = [
        Column(
            number,
            batch.rows,
            batch.watermark,
            batches[number - 1].watermark if number else 0,
            marks[number],
            bars[number],
            _counts(batch),
        )
        for number, batch in enumerate(batches)
    ]
    dropped = sum(mark.kind == "dropped" for same in marks for mark in same)
    title = f"Watermark: {drawing.batches(len(batches))}"
    title += f", {counted(len(taken), 'event')}" if taken else ""
    title += f", {counted(len(out), 'window')} emitted" if out is not None else ""
    title += f", {counted(dropped, 'event')} dropped" if taken else ""
    instants = {batch.watermark for batch in batches if batch.watermark}
    instants |= {mark.time for same in marks for mark in same if mark.time is not None}
    instants |= {instant for same in bars for bar in same for instant in (bar.start, bar.end)}
    scale = timelines.Scale(instants, step)
    day, clock = drawing.moments({*instants, *scale.ticks})
    legend = _legend(drawn_columns, length, step, bool(scale.cuts))
    text = _as_text(title, drawn_columns, day, clock, legend)
    description = " ".join(_sentence(column, clock) for column in drawn_columns)
    return drawing.drawn(title, description, text, *timelines.drawn(drawn_columns, scale, day, clock, legend))


def _batches(progress: Iterable[Any]) -> list[_Batch]:
    records = {}
    for one in progress:
        record = json.loads(one) if isinstance(one, str) else one
        # A query that waits for rows reports too, and under the number of a batch that is still to come.
        if "addBatch" in record.get("durationMs", {"addBatch": 0}):
            records[record["batchId"]] = record
    if not records:
        raise ValueError("There is no progress of any batch: run the query, and give its recentProgress.")
    if len(records) > MOST_BATCHES:
        raise ValueError(f"There are {len(records)} batches, and one picture holds {MOST_BATCHES}: draw a shorter run.")
    if missing := [number for number in range(max(records)) if number not in records]:
        raise ValueError(
            f"The progress has no batch {missing[0]}, and what a batch drops depends on the one before: give all "
            "records from batch 0 on, those before a restart too."
        )
    if not any("watermark" in record.get("eventTime", {}) for record in records.values()):
        raise ValueError("The query has no watermark: give it one by withWatermark, before it groups or joins.")
    return [_batch(records[number]) for number in sorted(records)]


def _batch(record: Mapping[str, Any]) -> _Batch:
    def total(name: str) -> int:
        return sum(operator.get(name, 0) for operator in record.get("stateOperators", []))

    time = max(_micros(record.get("eventTime", {}).get("watermark")) or 0, 0)
    dropped = total("numRowsDroppedByWatermark")
    # On Spark Connect the record has it for each source only.
    rows = sum(source.get("numInputRows") or 0 for source in record.get("sources", []))
    return _Batch(record.get("numInputRows") or rows, time, total("numRowsTotal"), total("numRowsRemoved"), dropped)


def _table(found: Any, names: Sequence[str], what: str, most: int) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns and the rows, each by the names of its columns, its times in microseconds."""
    if hasattr(found, "columns"):
        columns = list(found.columns)
        _look_at(columns, names, what)
        rows = [row.asDict() for row in found.select(*map(_as_read(found), columns)).limit(most + 1).collect()]
    else:
        rows = [_by_name(row, names, what) for row in found]
        columns = list(rows[0]) if rows else list(names)
    if len(rows) > most:
        raise ValueError(f"There are more than {most} {what}s, and one picture holds {most}: choose a few.")
    for row in rows:
        row.update({name: _micros(row[name]) for name in TIMES if name in row})
    return columns, rows


def _look_at(columns: Iterable[str], names: Sequence[str], what: str) -> None:
    if missing := [name for name in names if name not in columns]:
        raise ValueError(f"The {what}s have no column {missing[0]}: give {', '.join(names)}.")


def _as_read(frame: "DataFrame") -> "Callable[[str], SparkColumn]":
    """How to read a column: an instant as a number, as a datetime of Python depends on the machine's time zone."""
    from pyspark.sql import functions as F

    def read(name: str) -> "SparkColumn":
        kind, column = frame.schema[name].dataType.typeName(), F.col(f"`{name}`")
        number = {"timestamp": F.unix_micros(column), "timestamp_ntz": column.cast("string")}
        return (number.get(kind, column) if name in TIMES else column).alias(name)

    return read


def _by_name(row: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """One row of a list: a Row or a mapping by its names, a tuple by its places."""
    if hasattr(row, "asDict") or isinstance(row, Mapping):
        values = row.asDict() if hasattr(row, "asDict") else dict(row)
        _look_at(values, names, what)
        return values
    places = [*names, "count"] if what == "window" else list(names)
    if len(row) != len(places):
        raise ValueError(f"Of the {what}s, {tuple(row)} is not {', '.join(places)}.")
    return dict(zip(places, row, strict=True))


def _micros(value: Any) -> int | None:
    """An instant in microseconds: a number as it is; a datetime, a day or a text, in UTC unless it says another."""
    if value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    time = value
    if not isinstance(time, datetime):
        plain = re.sub(r"\.(\d{1,6})\d*", lambda match: f".{match[1]:0<6}", str(value).replace("Z", "+00:00"))
        try:
            time = datetime.fromisoformat(plain)
        except ValueError:
            raise ValueError(f"{value!r} is no time: give it as 2026-03-01 12:04:00.") from None
    return ((time if time.tzinfo else time.replace(tzinfo=timezone.utc)) - EPOCH) // timedelta(microseconds=1)


def _interval(text: str) -> int:
    if not (match := INTERVAL.fullmatch(text.strip())) or not int(match[1]):
        raise ValueError(
            f"{text!r} is no size of a window: give it as 10 minutes, with seconds, minutes, hours or days."
        )
    return int(match[1]) * UNITS[match[2].lower()]


def _length(size: str, windows: Sequence[Mapping[str, Any]]) -> int:
    """How long a window is, in microseconds; 0 where there are none."""
    lengths = {window["end"] - window["start"] for window in windows} | ({_interval(size)} if size else set())
    if len(lengths) > 1:
        raise ValueError("The windows are not all of one size: draw those of one query, which has no session windows.")
    return max(lengths, default=0)


def _marks(batches: Sequence[_Batch], events: Sequence[Mapping[str, Any]], length: int, step: int) -> list[list[Mark]]:
    """The events of each batch, in the order of their times."""
    marks: list[list[Mark]] = [[] for _ in batches]
    for event in events:
        number, name, time = event["batch_id"], str(event["name"]), event["event_time"]
        before = batches[number - 1].watermark if number else 0
        marks[number].append(Mark(name, time, *_fate(time, length, step, batches[number].watermark, before)))
    return [sorted(same, key=lambda mark: (mark.time is None, mark.time or 0, mark.name)) for same in marks]


def _fate(time: int | None, length: int, step: int, own: int, before: int) -> tuple[timelines.Kind, str]:
    """What became of a row, by the watermark of its batch and that of the batch before."""
    if time is None:
        return "timeless", "in no window" if length else ""
    if not length:
        return ("dropped", "dropped") if before and time <= before else ("late", "late, kept") if time < own else USUAL
    last = time // step * step + length
    ends = range(last, time, -step)
    still_open = [end for end in ends if not before or end > before]
    if not still_open:
        return "dropped", "dropped"
    if time >= own:
        return USUAL
    some = f" in {len(still_open)} of {len(ends)}" if len(still_open) < len(ends) else ""
    return "late", f"late, counted{some}"


def _compare(batches: Sequence[_Batch], marks: Sequence[Sequence[Mark]]) -> None:
    """Refuse what Spark itself contradicts. It counts after a first aggregation: one row may stand for several."""
    for number, (batch, same) in enumerate(zip(batches, marks, strict=True)):
        ours = sum(mark.kind == "dropped" for mark in same)
        some = any(" of " in mark.words for mark in same)
        if (ours and not batch.dropped) or (batch.dropped and not ours and not some and len(same) >= batch.rows > 0):
            raise ValueError(
                f"In batch {number} Spark dropped {counted(batch.dropped, 'row')}, and of these events it would have "
                f"dropped {ours}: give progress, events and size of one query, and not of one in complete mode."
            )


def _bars(batches: int, columns: Sequence[str], windows: Iterable[Mapping[str, Any]]) -> list[list[Bar]]:
    """The windows that came out in each batch, each with what is told of it."""
    bars: list[list[Bar]] = [[] for _ in range(batches)]
    told = [name for name in columns if name not in WINDOWS]
    for window in windows:
        values = [str(window[name]) for name in told]
        label = f"{told[0]} {values[0]}" if len(told) == 1 else " · ".join(values)
        bars[window["batch_id"]].append(Bar(window["start"], window["end"], label))
    return [sorted(same, key=lambda bar: (bar.start, bar.end, bar.label)) for same in bars]


def _counts(batch: _Batch) -> list[str]:
    """What Spark says of the state in a batch."""
    found = [(batch.removed, "removed"), (batch.dropped, "dropped")]
    return [f"{batch.kept:,} in state", *(f"{number:,} {what}" for number, what in found if number)]


def _legend(columns: Sequence[Column], length: int, step: int, cut: bool) -> dict[str, str]:
    """What each sign in the picture means."""
    window = "window has" if step == length else "last window has"
    gone = f"is dropped where its {window} ended by it" if length else "of that time or before is dropped"
    out = any(column.bars for column in columns)
    meanings = {
        "watermark": f"the watermark of a batch{': a window that has ended by it comes out' if out else ''}",
        "before": f"the watermark of the batch before: a row {gone}",
        "window": "a window, in the batch in which it came out",
        "counted": "a row in time",
        "late": "a row behind the watermark of its batch, and not dropped",
        "dropped": "a row that is dropped",
        "timeless": "a row without an event time",
        "cut": "a time that is left out",
    }
    shown = {"watermark"} | {mark.kind for column in columns for mark in column.marks}
    shown |= {"window"} if out else set()
    shown |= {"before"} if any(column.drops for column in columns) else set()
    shown |= {"cut"} if cut else set()
    return {sign: meaning for sign, meaning in meanings.items() if sign in shown}


def _when(mark: Mark, clock: Mapping[int, str]) -> str:
    said = "without event time" if mark.time is None else clock[mark.time]
    return f"{mark.name} {said}" + (f" ({mark.words})" if mark.words else "")


def _out(bar: Bar, clock: Mapping[int, str]) -> str:
    return f"{clock[bar.start]}–{clock[bar.end]} {bar.label}".rstrip()


def _sentence(column: Column, clock: Mapping[int, str]) -> str:
    parts = [f"watermark {clock[column.watermark]}" if column.watermark else "no watermark yet"]
    parts += [f"takes {', '.join(_when(mark, clock) for mark in column.marks)}"] if column.marks else []
    parts += ["no new rows"] if not column.rows else []
    parts += [f"gives {', '.join(_out(bar, clock) for bar in column.bars)}"] if column.bars else []
    return f"Batch {column.number}: {'; '.join(parts)}."


def _as_text(
    title: str, columns: Sequence[Column], day: str, clock: Mapping[int, str], legend: Mapping[str, str]
) -> str:
    rows = [
        (
            str(column.number),
            f"{column.rows:,}" if column.rows else "no new rows",
            clock.get(column.watermark, "none yet"),
            clock.get(column.before, "none yet"),
            ", ".join(_when(mark, clock) for mark in column.marks),
            ", ".join(_out(bar, clock) for bar in column.bars),
            ", ".join(column.counts),
        )
        for column in columns
    ]
    heads = ("batch", "new rows", "watermark", "batch before", "events", "windows out", "Spark counts")
    lines = [title]
    for places in ((0, 1, 2, 3), (0, 4), (0, 5, 6)):
        shown = [place for place in places if place == 0 or any(row[place] for row in rows)]
        if len(shown) > 1:
            lines += ["", *drawing.table([[row[place] for place in shown] for row in (heads, *rows)])]
    notes = [legend[sign] for sign in ("watermark", "before") if ": " in legend.get(sign, "")]
    notes += [f"all times are of {day}"] if day else []
    return "\n".join([*lines, "", *(f"{note[0].upper()}{note[1:]}." for note in notes)]).rstrip()
