"""The picture of an SCD2 history: the versions of each key along a line of time, and which of them contradict."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbook.pictures import drawing
from workbook.pictures.drawing import Picture, counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

MOST_VERSIONS = 60
SPAN = ("valid_from", "valid_to", "is_current")


@dataclass(frozen=True, order=True)
class _Version:
    """One row of the history, as text; `end` is empty while the version is open."""

    key: str
    start: str
    end: str
    values: tuple[str, ...]
    marked_current: bool

    def is_valid_with(self, other: "_Version") -> bool:
        """Whether there is an instant at which both versions are valid."""
        return max(self.start, other.start) < min(self.end or "~", other.end or "~")


def scd2(history: "DataFrame | Sequence[Row | Mapping[str, Any]]") -> Picture:
    """Draw the history of a few keys: each version as a bar from valid_from to valid_to, the current one to the edge.

    `history` is a DataFrame, or rows, with the key as its first column, the columns valid_from, valid_to (exclusive,
    NULL while open) and is_current, and the tracked columns. A bar names the columns that differ among the versions
    of its key, or of others where none does; the text twin has all. Instants are evenly spaced. What cannot be true is
    marked in words: versions that overlap, that are never valid because they end before they begin, and an
    `is_current` that contradicts valid_to. Works on Spark Connect too.

    Raises ValueError where a column is missing, where valid_from is NULL, and for no versions or more than 60.
    """
    columns, rows = _rows(history)
    key, tracked = columns[0], [name for name in columns[1:] if name not in SPAN]
    versions = _versions(key, tracked, rows)
    states = _states(versions)
    keys = len({version.key for version in versions})
    current = sum(version.marked_current for version in versions)
    wrong = sum(state not in ("current", "closed") for state in states)
    title = f"SCD2 history: {counted(keys, 'key')}, {counted(len(versions), 'version')}, {current} current"
    title += f", {wrong} in contradiction" if wrong else ""
    text = _as_text(title, [key, *tracked, "valid_from", "valid_to", "state"], versions, states)
    labels = _labels(versions)
    description = " ".join(
        f"{version.key}: {label} from {version.start} {f'to {version.end}' if version.end else 'on'}, {state}."
        for version, label, state in zip(versions, labels, states, strict=True)
    )
    return drawing.drawn(title, description, text, *_drawn(key, versions, labels, states))


def _rows(history: Any) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the columns, and the rows as text; NULL is an empty text in valid_to and NULL elsewhere."""
    if hasattr(history, "columns"):
        from pyspark.sql import functions as F

        columns = list(history.columns)
        texts = history.select(*(F.col(f"`{name}`").cast("string").alias(name) for name in columns))
        found = [row.asDict() for row in texts.limit(MOST_VERSIONS + 1).collect()]
    else:
        found = [row.asDict() if hasattr(row, "asDict") else dict(row) for row in history]
        columns = list(found[0]) if found else list(SPAN)
    if missing := [name for name in SPAN if name not in columns]:
        raise ValueError(f"The history has no column {missing[0]}: give key, tracked columns and {', '.join(SPAN)}.")
    if not 1 <= len(found) <= MOST_VERSIONS:
        number = "no" if not found else f"more than {MOST_VERSIONS}"
        raise ValueError(f"The history has {number} versions, and one picture holds 1 to {MOST_VERSIONS}: choose keys.")
    return columns, [{name: _text(row[name]) for name in columns} for row in found]


def _text(value: Any) -> str:
    return "NULL" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _versions(key: str, tracked: list[str], rows: list[dict[str, str]]) -> list[_Version]:
    if wrong := [row[key] for row in rows if row["valid_from"] == "NULL"]:
        raise ValueError(f"A version of {wrong[0]} has no valid_from: every version begins at some instant.")
    times = [row[name] for row in rows for name in ("valid_from", "valid_to") if row[name] != "NULL"]
    end = next((cut for cut in (" 00:00:00", ":00") if all(time.endswith(cut) for time in times)), "")
    return sorted(
        _Version(
            row[key],
            row["valid_from"].removesuffix(end),
            "" if row["valid_to"] == "NULL" else row["valid_to"].removesuffix(end),
            tuple(row[name] for name in tracked),
            row["is_current"] == "true",
        )
        for row in rows
    )


def _states(versions: list[_Version]) -> list[str]:
    """What each version is: `current`, `closed`, or what about it cannot be true."""
    found = []
    for number, version in enumerate(versions):
        others = [other for at, other in enumerate(versions) if other.key == version.key and at != number]
        if version.end and version.end <= version.start:
            found.append("never valid")
        elif any(map(version.is_valid_with, others)):
            found.append("overlaps")
        elif version.marked_current == (not version.end):
            found.append("current" if version.marked_current else "closed")
        else:
            found.append("ended, yet current" if version.marked_current else "open, not current")
    return found


def _labels(versions: list[_Version]) -> list[str]:
    """The values that tell the versions of a key apart; where none differs, that of a column that differs elsewhere."""
    values = defaultdict(list)
    for version in versions:
        values[version.key].append(version.values)
    differ = {
        key: [place for place, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1]
        for key, rows in values.items()
    }
    elsewhere = min((place for places in differ.values() for place in places), default=0)
    return [
        " · ".join(version.values[place] for place in differ[version.key])
        or "".join(version.values[elsewhere : elsewhere + 1])
        for version in versions
    ]


def _as_text(title: str, head: list[str], versions: list[_Version], states: list[str]) -> str:
    rows = [
        (version.key, *version.values, version.start, version.end or "NULL", state)
        for version, state in zip(versions, states, strict=True)
    ]
    return "\n".join([title, "", *drawing.table([head, *rows])])


LEFT, STEP, TOP, LANE, BAR, NOW = 84.0, 94, 56, 50, 40, 110
LOOKS = {"current": "shape green", "closed": "shape", "never valid": "open orange dashed"}


def _drawn(key: str, versions: list[_Version], labels: list[str], states: list[str]) -> tuple[float, float, list[str]]:
    """Width, height and parts: the instants as columns, a band for each key, its versions in lanes."""
    times = sorted({time for version in versions for time in (version.start, version.end) if time})
    at = {time: LEFT + STEP * number for number, time in enumerate(times)}
    edge = LEFT + STEP * (len(times) - 1) + NOW
    width, lanes = edge + 16, _lanes(versions)
    height = TOP + LANE * sum(_lanes_of(lanes, versions).values()) + 4
    parts = [drawing.words(0, 34, key, "quiet"), *_axis(at, height), drawing.words(edge, 20, "now", "quiet", "end")]
    top: float = TOP
    for name, number in _lanes_of(lanes, versions).items():
        parts += [
            drawing.line([(0, top), (width, top)], "rule"),
            drawing.words(0, top + 30, drawing.shortened(name, LEFT - 8, drawing.NORMAL), "name"),
        ]
        mine = [place for place, version in enumerate(versions) if version.key == name]
        for place in mine:
            y = top + LANE * lanes[place] + 5
            parts += _bar(versions[place], labels[place], states[place], at, edge, y)
        if all(versions[place].end for place in mine):
            last = max(at[versions[place].end] for place in mine)
            parts.append(drawing.words(last + 8, top + 30, "ended", "quiet"))
        top += LANE * number
    return width, height, parts


def _axis(at: dict[str, float], height: float) -> Iterable[str]:
    """A line for each instant, with its date and, where there is one, its time."""
    for time, x in at.items():
        day, _, clock = time.partition(" ")
        yield drawing.words(x, 20, day, "quiet")
        yield drawing.words(x, 36, clock, "quiet")
        yield drawing.line([(x, 42), (x, height)], "rule")


def _lanes(versions: list[_Version]) -> list[int]:
    """The lane of each version: below those of its key that are drawn at the same place."""
    lanes: list[int] = []
    for number, version in enumerate(versions):
        taken = {
            lanes[place]
            for place, other in enumerate(versions[:number])
            if other.key == version.key and _drawn_over(version, other)
        }
        lanes.append(next(lane for lane in range(len(versions)) if lane not in taken))
    return lanes


def _drawn_over(one: _Version, other: _Version) -> bool:
    (start, end), (begin, stop) = (sorted((item.start, item.end or "~")) for item in (one, other))
    return start == begin or max(start, begin) < min(end, stop)


def _lanes_of(lanes: list[int], versions: list[_Version]) -> dict[str, int]:
    """How many lanes each key has."""
    numbers: dict[str, int] = {}
    for lane, version in zip(lanes, versions, strict=True):
        numbers[version.key] = max(numbers.get(version.key, 0), lane + 1)
    return numbers


def _bar(version: _Version, label: str, state: str, at: dict[str, float], edge: float, y: float) -> list[str]:
    """A version: its values above, what it is below; an open one ends in an arrow head at the edge."""
    start, end = sorted((at[version.start], at[version.end] if version.end else edge))
    left, right = start + 2, max(end, start + STEP / 2) - 2
    parts = [
        drawing.box(left, y, right - left, BAR, LOOKS.get(state, "shape orange"), 5),
        drawing.words(left + 8, y + 17, drawing.shortened(label, right - left - 14), "strong"),
        drawing.words(left + 8, y + 33, drawing.shortened(state, right - left - 14)),
    ]
    if not version.end:
        middle = y + BAR / 2
        parts.append(drawing.polygon([(right, middle - 8), (right + 12, middle), (right, middle + 8)], "head"))
    return parts
