"""How the batches of a stream are drawn along event time: marks for rows, bars for windows, a step for a watermark."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Literal

from workbook.pictures import drawing

Kind = Literal["counted", "late", "dropped", "timeless"]

# Distances of the lines across the picture in seconds, where there are no windows that give one.
STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800, 2419200, 31449600)
MOST_LINES = 24


@dataclass(frozen=True)
class Mark:
    """A row: its name, its event time in microseconds, and what became of it, also in words where it is not usual."""

    name: str
    time: int | None
    kind: Kind
    words: str = ""


@dataclass(frozen=True)
class Bar:
    """A window that came out, in microseconds."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Column:
    """A batch: its watermark and that of the batch before (0 where there is none yet), what it took and gave."""

    number: int
    rows: int
    watermark: int
    before: int
    marks: Sequence[Mark]
    bars: Sequence[Bar]
    counts: Sequence[str]

    @property
    def drops(self) -> bool:
        """Whether the watermark of the batch before decides over rows that are drawn."""
        return self.before != 0 and any(mark.time is not None for mark in self.marks)


class Scale:
    """Where an instant is between the bottom, 0, and the top, 1. A long time in which nothing happens is cut short."""

    def __init__(self, instants: Iterable[int], step: int) -> None:
        known = set(instants) or {0}
        if step:
            known |= {min(known) // step * step, -(-max(known) // step) * step}
        self.at = {min(known): 0.0}
        gaps = [(one, other) for one, other in pairwise(sorted(known))]
        usual = 3 * step or 8 * int(median(other - one for one, other in gaps)) if gaps else 0
        self.cuts = [gap for gap in gaps if gap[1] - gap[0] > usual]
        for one, other in gaps:
            self.at[other] = self.at[one] + (usual / 3 if other - one > usual else other - one)
        self.length = max(self.at.values())
        steps = [step * times for times in (1, 2, 4, 8, 16, 32)] if step else [10**6 * seconds for seconds in STEPS]
        self.ticks = self._ticks(
            next((one for one in steps if self.length / one < (MOST_LINES if step else 10)), steps[-1])
        )
        # A window is high enough for two lines of text, unless there are many of them.
        windows = self.length / step if step else 0.0
        self.height = max(240.0, min(windows * 64, 720.0), windows * 22) if step else 360.0

    def _ticks(self, step: int) -> list[int]:
        """Even times for lines across the picture, none in a time that is cut short."""
        uncut = (gap for gap in pairwise(sorted(self.at)) if gap not in self.cuts)
        return sorted({tick for one, other in uncut for tick in range(-(-one // step) * step, other + 1, step)})

    def place(self, instant: int) -> float:
        """The height of an instant in pixels."""
        length = self.length or 1
        if instant in self.at:
            return self.height * self.at[instant] / length
        one, other = next((one, other) for one, other in pairwise(sorted(self.at)) if one < instant < other)
        part = (instant - one) / (other - one)
        return self.height * ((1 - part) * self.at[one] + part * self.at[other]) / length


TOP, GAP, LINE = 92.0, 12.0, 17
NARROWEST, WIDEST, BAR = 76.0, 150.0, 84.0
# Words are readable on the lines that pass behind them.
READABLE = '<g style="paint-order:stroke;stroke:var(--wb-page);stroke-width:4px;stroke-linejoin:round">'


@dataclass
class _Sheet:
    """The parts of a picture in layers, the lowest first."""

    ground: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def parts(self) -> list[str]:
        return [*self.ground, *self.bars, *self.lines, *self.drops, *self.marks, READABLE, *self.words, "</g>"]


def drawn(
    columns: Sequence[Column], scale: Scale, day: str, clock: Mapping[int, str], legend: Mapping[str, str]
) -> tuple[float, float, list[str]]:
    """Width, height and parts: a column for each batch, event time upwards, and what each sign means below.

    `legend` says what is meant by `watermark`, `before`, and the kinds of marks.
    """
    timeless = max(sum(mark.time is None for mark in column.marks) for column in columns)
    floor = TOP + scale.height
    foot = floor + 2 * GAP + 2 * LINE * timeless
    counts = foot + LINE * max(len(column.counts) for column in columns) + GAP / 2
    heads = [(18, "Batch"), (35, "New rows"), (52, "Watermark"), (72, day), (foot + LINE, "Spark counts")]
    heads += [(floor + LINE + 6, "No event time")] * bool(timeless)
    heads += [(floor - scale.place(tick) + 4, clock[tick]) for tick in scale.ticks]
    left = max(drawing.width_of(text) for _, text in heads) + GAP
    sheet = _Sheet(words=[drawing.words(0, y, text, "quiet") for y, text in heads])
    x = left
    watermark: list[tuple[float, float]] = []
    for column in columns:
        room = _Room(column, scale, floor, clock.get(column.watermark, "none yet"))
        sheet.ground.append(drawing.line([(x, 6), (x, counts)], "rule"))
        _fill(sheet, room, x, floor, foot, clock)
        if column.watermark:
            y = floor - scale.place(column.watermark)
            watermark += [(x, y), (x + room.width, y)]
        x += room.width
    sheet.ground += [drawing.line([(left, floor - y), (x, floor - y)], "rule") for y in map(scale.place, scale.ticks)]
    sheet.ground += [drawing.line([(0, y), (x, y)], "rule") for y in (60, foot)]
    if watermark:
        sheet.lines.append(drawing.line(watermark, "line blue"))
    for one, other in scale.cuts:
        y = floor - (scale.place(one) + scale.place(other)) / 2
        sheet.words.append(drawing.words(0, y + 4, "⋮", "name"))
    for number, (sign, meaning) in enumerate(legend.items()):
        y = counts + GAP + LINE * (number + 1)
        sheet.marks += _sign(sign, 10, y - 4)
        sheet.words.append(drawing.words(34, y, meaning))
    width = max(x, *(34 + drawing.width_of(meaning) for meaning in legend.values())) + 2
    return width, counts + GAP + LINE * len(legend) + 8, sheet.parts()


class _Room:
    """What a batch takes of the picture: marks in lanes at its left, bars in lanes at its right."""

    def __init__(self, column: Column, scale: Scale, floor: float, watermark: str) -> None:
        self.column, self.watermark = column, watermark
        self.marks = [(floor - scale.place(mark.time), mark) for mark in column.marks if mark.time is not None]
        self.bars = [(floor - scale.place(bar.end), floor - scale.place(bar.start), bar) for bar in column.bars]
        self.before = floor - scale.place(column.before) if column.before else 0.0
        self.mark_lanes = _lanes([(y - 10, y + (23 if mark.words else 9)) for y, mark in self.marks])
        self.bar_lanes = _lanes([(top, bottom) for top, bottom, _ in self.bars])
        widest = [max(map(_width, same)) for same in _by_lane(self.mark_lanes, [mark for _, mark in self.marks])]
        self.mark_lefts = [GAP + sum(widest[:lane]) for lane in range(len(widest) + 1)]
        self.bar_width = max([BAR, *(drawing.width_of(bar.label) + 12 for bar in column.bars)])
        self.bar_width = min(self.bar_width, WIDEST)
        bars = (max(self.bar_lanes, default=-1) + 1) * (self.bar_width + 4)
        untimed = max((_width(mark) for mark in column.marks if mark.time is None), default=0.0) + GAP
        words = max(map(drawing.width_of, (*column.counts, "no new rows"))) + GAP
        words = max(words, 1.1 * drawing.width_of(watermark) + GAP)
        self.marks_end = max(self.mark_lefts[-1], GAP)
        self.width = max(NARROWEST, untimed, words, self.marks_end + bars + 4)


def _width(mark: Mark) -> float:
    return min(WIDEST, max(drawing.width_of(mark.name), drawing.width_of(mark.words))) + 26


def _by_lane(lanes: Sequence[int], items: Sequence[Mark]) -> list[list[Mark]]:
    return [
        [item for place, item in zip(lanes, items, strict=True) if place == lane]
        for lane in range(max(lanes, default=-1) + 1)
    ]


def _lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The lane of each span: the first in which it overlaps none."""
    ends: list[float] = []
    lanes = [0] * len(spans)
    for number in sorted(range(len(spans)), key=lambda number: spans[number]):
        start, end = spans[number]
        lanes[number] = next((lane for lane, last in enumerate(ends) if last <= start + 0.01), len(ends))
        ends[lanes[number] : lanes[number] + 1] = [end]
    return lanes


def _fill(sheet: _Sheet, room: _Room, x: float, floor: float, foot: float, clock: Mapping[int, str]) -> None:
    """Add what a batch shows to the sheet."""
    column, middle = room.column, x + room.width / 2
    rows = f"{column.rows:,}" if column.rows else "no new rows"
    heads = (str(column.number), rows, room.watermark)
    for top, text, look in zip((18.0, 35.0, 52.0), heads, ("name", "", "strong"), strict=True):
        sheet.words.append(drawing.words(middle, top, text, look, "middle"))
    sheet.words += [
        drawing.words(middle, foot + LINE * (number + 1), text, "", "middle")
        for number, text in enumerate(column.counts)
    ]
    if column.drops:
        sheet.drops.append(drawing.line([(x, room.before), (x + room.marks_end, room.before)], "line orange dashed"))
    for (top, bottom, bar), lane in zip(room.bars, room.bar_lanes, strict=True):
        left = x + room.marks_end + (room.bar_width + 4) * lane
        sheet.bars += _bar(bar, left, top, room.bar_width, bottom - top, clock)
    for (y, mark), lane in zip(room.marks, room.mark_lanes, strict=True):
        _put(sheet, mark, x + room.mark_lefts[lane], y)
    for number, mark in enumerate(mark for mark in column.marks if mark.time is None):
        _put(sheet, mark, x + GAP, floor + LINE + 2 + 2 * LINE * number)


def _put(sheet: _Sheet, mark: Mark, x: float, y: float) -> None:
    """A mark, its name to the right and what became of it below."""
    sheet.marks += _sign(mark.kind, x, y)
    sheet.words.append(drawing.words(x + 10, y + 4, drawing.shortened(mark.name, WIDEST), "strong"))
    if mark.words:
        sheet.words.append(drawing.words(x + 10, y + 18, mark.words))


def _sign(kind: str, x: float, y: float) -> Iterator[str]:
    match kind:
        case "cut":
            yield drawing.words(x, y + 4, "⋮", "name", "middle")
        case "watermark":
            yield drawing.line([(x - 10, y), (x + 14, y)], "line blue")
        case "before":
            yield drawing.line([(x - 10, y), (x + 14, y)], "line orange dashed")
        case "window":
            yield drawing.box(x - 8, y - 6, 20, 12, "shape green", 3)
        case "late":
            yield drawing.polygon([(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)], "shape blue")
        case "dropped":
            yield drawing.line([(x - 5, y - 5), (x + 5, y + 5)], "line orange")
            yield drawing.line([(x - 5, y + 5), (x + 5, y - 5)], "line orange")
        case "timeless":
            yield drawing.box(x - 5, y - 5, 10, 10, "open dashed", 0)
        case _:
            yield f'<circle cx="{x:g}" cy="{y:g}" r="5" class="open"/>'


def _bar(bar: Bar, left: float, top: float, width: float, height: float, clock: Mapping[int, str]) -> Iterator[str]:
    yield drawing.box(left, top + 1, width, height - 2, "shape green", 4)
    span = f"{clock[bar.start]}–{clock[bar.end]}"
    lines = [(drawing.shortened(bar.label, width - 8), "strong"), (span, "")]
    if height < 2 * LINE + 4 or drawing.width_of(span) > width - 4:
        lines = lines[:1]
    first = top + height / 2 + 4 - LINE / 2 * (len(lines) - 1)
    for number, (text, look) in enumerate(lines):
        yield drawing.words(left + width / 2, first + LINE * number, text, look, "middle")
