"""The picture of a stream's checkpoint: what is planned, kept and committed for each batch."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbook.pictures import drawing
from workbook.pictures.drawing import Picture, counted

MOST_BATCHES = 40

STATE_FILE = re.compile(r"(\d+)(?:_[\w-]+)?\.(delta|changelog|zip|snapshot)")
# Which file of a version is told where there are several: the one that every batch writes.
KINDS = ("delta", "changelog", "zip", "snapshot")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class _Version:
    """One version of an operator's state: the ending of its files, and how many of its stores have it."""

    kind: str
    stores: int


@dataclass(frozen=True)
class _State:
    """The state of one operator: the folders that hold it, each for a partition, and the versions in them."""

    operator: str
    partitions: int
    stores: int
    versions: Mapping[int, _Version]


@dataclass
class _Batch:
    """What the checkpoint has of one batch; a watermark is in milliseconds, and 0 where there is none yet."""

    number: int
    planned: bool = False
    committed: bool = False
    offsets: list[str] = field(default_factory=list)
    found: dict[int, tuple[str, str]] = field(default_factory=dict)
    watermark: int = 0
    next_watermark: int = 0


def checkpoint(path: str | Path) -> Picture:
    """Draw the folder of a checkpoint: a column a batch, and for each what was planned, kept and committed.

    From top to bottom, as they are written: what a file source found (`sources`), the plan of the batch (`offsets`),
    the version of the state that it left (`state`, a row an operator) and the note that all is done (`commits`). A
    last batch without this note is marked in words, "will run again". Watermarks are event times, in UTC. It reads
    files of this machine, and works while the query runs.

    Raises ValueError where there is no checkpoint, where no batch is planned in it yet, and where it has more than 40
    batches.
    """
    folder = Path(re.sub("^file:(//)?", "", str(path)))
    batches, states = _batches(folder), _states(folder)
    last = batches[-1]
    committed = sum(batch.committed for batch in batches)
    title = (
        f"Checkpoint: {drawing.batches(len(batches))}, {'all' if committed == len(batches) else committed} committed"
    )
    title += "" if last.committed else f", batch {last.number} will run again"
    rows, day = _rows(batches, states)
    description = " ".join(_sentence(number, batch, rows) for number, batch in enumerate(batches))
    text = _as_text(title, batches, rows, day)
    return drawing.drawn(title, description, text, *_drawn(batches, rows, day))


def _batches(folder: Path) -> list[_Batch]:
    if not (folder / "offsets").is_dir():
        raise ValueError(f"There is no checkpoint in {folder}: give the folder of a query's checkpointLocation.")
    plans, commits = _numbered(folder / "offsets"), _numbered(folder / "commits")
    if not plans:
        raise ValueError(f"The checkpoint in {folder} has no batch yet: run its query first.")
    if len(plans.keys() | commits.keys()) > MOST_BATCHES:
        raise ValueError(
            f"The checkpoint in {folder} has {len(plans.keys() | commits.keys())} batches, and one picture holds "
            f"{MOST_BATCHES}: draw that of a shorter run."
        )
    batches = []
    for number in sorted(plans.keys() | commits.keys()):
        batch = _Batch(number, number in plans, number in commits)
        if batch.planned:
            settings, *offsets = _lines(plans[number]) or [""]
            batch.watermark = _object(settings).get("batchWatermarkMs", 0)
            batch.offsets = [line for line in offsets if line]
        if batch.committed:
            batch.next_watermark = _object("".join(_lines(commits[number]))).get("nextBatchWatermarkMs", 0)
        batches.append(batch)
    _look_at_sources(folder, batches)
    return batches


def _numbered(folder: Path) -> dict[int, Path]:
    """The files of a folder that are named by a number."""
    return {int(path.name): path for path in folder.glob("*") if path.name.isdigit()}


def _lines(path: Path) -> list[str]:
    """The lines of a note after the first, which is its version."""
    return path.read_text(encoding="utf-8").splitlines()[1:]


def _look_at_sources(folder: Path, batches: list[_Batch]) -> None:
    """Add to each batch what the log of a file source says of the files that are new in it."""
    for place in sorted(map(int, _numbered(folder / "sources"))):
        files: dict[int, set[str]] = {}
        for note in (folder / "sources" / str(place)).glob("[0-9]*"):
            for line in _lines(note):
                entry = _object(line)
                if "path" in entry and "batchId" in entry:
                    files.setdefault(entry["batchId"], set()).add(entry["path"])
        before = -1
        for batch in batches:
            until = _object(batch.offsets[place] if place < len(batch.offsets) else "").get("logOffset", before)
            new = range(before + 1, until + 1)
            if new and (number := sum(len(files.get(log, ())) for log in new)):
                name = f"sources/{place}/{new[0]}" if len(new) == 1 else f"sources/{place}/{new[0]} to {new[-1]}"
                batch.found[place] = (name, counted(number, "file"))
            before = until


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _states(folder: Path) -> dict[int, _State]:
    """The state of each operator."""
    return {number: _state(path) for number, path in sorted(_numbered(folder / "state").items())}


def _state(folder: Path) -> _State:
    stores = [place for part in _numbered(folder).values() for place in (part, *part.iterdir()) if place.is_dir()]
    kept: dict[Path, dict[int, str]] = {}
    for store in stores:
        files = sorted(filter(None, (STATE_FILE.fullmatch(path.name) for path in store.iterdir())), key=_rank)
        if files:
            kept[store] = {int(match[1]): match[2] for match in reversed(files)}
    versions = {
        version: _Version(
            min((kinds[version] for kinds in kept.values() if version in kinds), key=KINDS.index),
            sum(version in kinds for kinds in kept.values()),
        )
        for version in sorted({version for kinds in kept.values() for version in kinds})
    }
    return _State(_operator(folder), len(_numbered(folder)), len(kept), versions)


def _rank(match: "re.Match[str]") -> int:
    return KINDS.index(match[2])


def _operator(folder: Path) -> str:
    """What Spark calls the operator, as far as the notes on its state tell."""
    notes = [folder / "_metadata" / "metadata", *sorted((folder / "_metadata" / "v2").glob("[0-9]*"))]
    for note in notes:
        if note.is_file():
            name = _object("".join(_lines(note))).get("operatorInfo", {}).get("operatorName")
            return str(name or "")
    return ""


def _offset(line: str) -> str:
    """How far a source is read, as its line in the plan has it, without what changes from run to run."""
    found = _object(line)
    if line == "-":
        return "nothing yet"
    if "logOffset" in found:
        return f"files up to log {found['logOffset']}"
    if "reservoirVersion" in found:
        version, index = found["reservoirVersion"], found.get("index", -1)
        if index < 0:
            return f"table before version {version}"
        return f"{'snapshot' if found.get('isStartingVersion') else 'table'} {version} up to file {index}"
    if found and all(
        isinstance(partitions, dict) and all(map(str.isdigit, partitions)) for partitions in found.values()
    ):
        ends = {
            topic: [f"{number} → {ends[number]}" for number in sorted(ends, key=int)] for topic, ends in found.items()
        }
        return "; ".join(f"{topic} {', '.join(parts)}" for topic, parts in ends.items())
    return drawing.cut(UUID.sub("…", line if found or not line.isdigit() else f"offset {line}"), 80)


@dataclass(frozen=True)
class _Cell:
    """One note of one batch: its lines, the first of which is its name, and whether it is there."""

    lines: tuple[str, ...]
    there: bool = True


@dataclass(frozen=True)
class _Row:
    """All notes of one kind: the folder they are in, what it is for, and a cell for each batch."""

    folder: str
    purpose: str
    cells: tuple[_Cell, ...]

    @property
    def is_of_an_operator(self) -> bool:
        return self.folder.startswith("state/") and bool(self.purpose)


def _rows(batches: list[_Batch], states: Mapping[int, _State]) -> tuple[list[_Row], str]:
    """The notes, and the day of all watermarks where they are of one."""
    times = {time * 1000 for batch in batches for time in (batch.watermark, batch.next_watermark) if time > 0}
    day, clock = drawing.moments(times)

    def said(name: str, time: int) -> list[str]:
        """A watermark in words, where the stream has any."""
        return [f"{name} {clock[time * 1000]}" if time > 0 else f"no {name} yet"] if times else []

    places = sorted({place for batch in batches for place in batch.found})
    found = [
        _Row(f"sources/{place}", "what is new", tuple(_found(batch, place) for batch in batches)) for place in places
    ]
    plans = [_plan(batch, said("watermark", batch.watermark)) for batch in batches]
    kept = [
        _Row(f"state/{number}", state.operator, tuple(_kept(batch, state) for batch in batches))
        for number, state in states.items()
    ]
    done = [_done(batch, said("next watermark", batch.next_watermark), batch is batches[-1]) for batch in batches]
    return [*found, _Row("offsets", "the plan", tuple(plans)), *kept, _Row("commits", "all is done", tuple(done))], day


def _found(batch: _Batch, place: int) -> _Cell:
    return _Cell(batch.found.get(place, ()))


def _plan(batch: _Batch, watermark: list[str]) -> _Cell:
    if not batch.planned:
        return _Cell((f"no offsets/{batch.number}", "cleaned up"), False)
    several = len(batch.offsets) > 1
    offsets = [f"{f'source {place}: ' if several else ''}{_offset(line)}" for place, line in enumerate(batch.offsets)]
    return _Cell((f"offsets/{batch.number}", *offsets, *watermark))


def _kept(batch: _Batch, state: _State) -> _Cell:
    version = batch.number + 1
    if version not in state.versions:
        gone = version < max(state.versions, default=0)
        return _Cell((f"no version {version}", "cleaned up" if gone else "not written"), False)
    found = state.versions[version]
    where = counted(state.partitions, "partition")
    if state.stores != state.partitions:
        where = f"{counted(state.stores, 'store')} in {where}"
    if found.stores < state.stores:
        where = f"only {found.stores} of {where}"
    return _Cell((f"{version}.{found.kind}", where))


def _done(batch: _Batch, watermark: list[str], is_last: bool) -> _Cell:
    if batch.committed:
        return _Cell((f"commits/{batch.number}", *watermark))
    return _Cell((f"no commits/{batch.number}", "will run again" if is_last else "never committed"), False)


def _sentence(number: int, batch: _Batch, rows: list[_Row]) -> str:
    cells = [(row, row.cells[number]) for row in rows]
    return (
        f"Batch {batch.number}: {'; '.join(f'{row.folder}: {_said(row, cell)}' for row, cell in cells if cell.lines)}."
    )


def _said(row: _Row, cell: _Cell) -> str:
    """A note as one line, without the folder that the row names."""
    name, *rest = cell.lines or ("",)
    return name.removeprefix(f"{row.folder}/") + (f": {', '.join(rest)}" if rest else "")


def _as_text(title: str, batches: list[_Batch], rows: list[_Row], day: str) -> str:
    lines = [
        [str(batch.number), *(_said(row, row.cells[number]) for row in rows)] for number, batch in enumerate(batches)
    ]
    head = [f"{row.folder} ({row.purpose})" if row.is_of_an_operator else row.folder for row in rows]
    note = ["", f"The watermarks are of {day}."] if day else []
    return "\n".join([title, "", *drawing.table([["batch", *head], *lines]), *note])


TOP, LINE, PADDING, GAP, DROP = 40.0, 17, 10, 16, 22
NARROWEST, WIDEST = 96.0, 230.0


def _drawn(batches: list[_Batch], rows: list[_Row], day: str) -> tuple[float, float, list[str]]:
    """Width, height and parts: a column for each batch, a row for each kind of note, arrows in the order of writing."""
    about = [_about(row, day) for row in rows]
    left = GAP + max(drawing.width_of(text, drawing.NORMAL) for lines in about for text, _ in lines)
    lefts, widths = [], []
    for number in range(len(batches)):
        lefts.append(left)
        widths.append(max(NARROWEST, *(_width(row.cells[number]) for row in rows)))
        left += widths[-1] + GAP
    tops, heights, top = [], [], TOP
    for row, lines in zip(rows, about, strict=True):
        tops.append(top)
        heights.append(LINE * max(len(lines), *(len(cell.lines) for cell in row.cells)) + PADDING)
        top += heights[-1] + DROP
    width, height = left - GAP + 2, top - DROP + 2
    parts = [drawing.words(0, 18, "Batch", "quiet"), drawing.line([(0, 28), (width, 28)], "rule")]
    for lines, top in zip(about, tops, strict=True):
        parts += [drawing.words(0, top + 19 + LINE * place, text, look) for place, (text, look) in enumerate(lines)]
    for number, batch in enumerate(batches):
        parts.append(drawing.words(lefts[number] + widths[number] / 2, 18, str(batch.number), "name", "middle"))
        cells = [row.cells[number] for row in rows]
        parts += _column_drawn(cells, lefts[number], widths[number], tops, heights)
    return width, height, parts


def _about(row: _Row, day: str) -> list[tuple[str, str]]:
    """What stands to the left of a row, each line with its look."""
    lines = [(row.folder, "name"), (row.purpose, "quiet")]
    return [*lines, (f"({day})", "quiet")] if day and row.folder == "offsets" else lines


def _width(cell: _Cell) -> float:
    return min(WIDEST, max(map(drawing.width_of, cell.lines), default=0.0) + 2 * PADDING)


def _column_drawn(
    cells: list[_Cell], left: float, width: float, tops: Sequence[float], heights: Sequence[float]
) -> Iterator[str]:
    """The notes of a batch, solid where they are there and dashed where not, with arrows from one to the next."""
    middle, above = left + width / 2, 0.0
    for cell, top, height in zip(cells, tops, heights, strict=True):
        if not cell.lines:
            continue
        if above:
            yield drawing.arrow([(middle, above), (middle, top)], "line" if cell.there else "line dashed")
        yield drawing.box(left, top, width, height, "shape" if cell.there else "open orange dashed", 5)
        for number, text in enumerate(cell.lines):
            look = "strong" if number == 0 or not cell.there else ""
            yield drawing.words(middle, top + 18 + LINE * number, drawing.shortened(text, width - 12), look, "middle")
        above = top + height
