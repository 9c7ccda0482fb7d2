"""The picture of a Delta log: what each commit added and removed, and which files are live."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from workbook.pictures import drawing
from workbook.pictures.drawing import Picture, counted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST_COMMITS = 50
# From this many files on, files that were added together and removed together are drawn as one.
TOGETHER = 4

# The parameters of operations that say most.
PARAMETERS = ("mode", "outputMode", "predicate", "version", "properties", "columns", "zOrderBy", "clusterBy", "expr")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COMMIT = re.compile(r"(\d{20})\.json")
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*")


@dataclass(frozen=True)
class _Commit:
    """One commit. `others` are its actions besides adding and removing files, and its checkpoint."""

    version: int
    operation: str
    detail: str
    added: dict[str, "_Rows"]
    removed: frozenset[str]
    others: list[str]


@dataclass(frozen=True)
class _Rows:
    """The rows of a file as its statistics tell; `deleted` of them are marked in a deletion vector."""

    written: int | None
    deleted: int = 0

    @property
    def live(self) -> int | None:
        return None if self.written is None else self.written - self.deleted


@dataclass
class _Files:
    """One file, or several of the same life: what happened to them (added, changed, removed) at which version."""

    numbers: list[int]
    events: dict[int, str] = field(default_factory=dict)
    rows: dict[int, list[_Rows]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The letters of the files: `A`, `A, C`, `A–D, F`."""
        runs: list[list[int]] = []
        for number in self.numbers:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        sign = {1: "", 2: ", "}
        return ", ".join(sign.get(len(run), "–").join(map(_letter, sorted({run[0], run[-1]}))) for run in runs)

    def live_rows(self, version: int) -> list[_Rows] | None:
        """The rows of each file as a reader of that version sees them, or None where the files are not live."""
        past = [number for number in self.events if number <= version]
        if not past or self.events[max(past)] == "removed":
            return None
        return self.rows[max(past)]


def delta_log(spark: "SparkSession", path: str) -> Picture:
    """Draw the log of a Delta table: a row a commit, and each file as a line from its adding to its removal.

    `path` is the folder of the table, or the table's name. Files are called A, B, C in the order in which they
    appear; four or more that were added together and removed together share a line. Rows come from the statistics
    in the log. Works on Spark Connect too.

    Raises ValueError where there is no log, where its first commits were cleaned up, or where it has more than 50
    commits.
    """
    commits = _commits(spark, _location(spark, path))
    files = _lives(commits)
    now = commits[-1].version
    live = [rows for item in files if (rows := item.live_rows(now)) is not None]
    written = sum(len(item.numbers) for item in files)
    title = (
        f"Delta log: {counted(len(commits), 'commit')}, {counted(written, 'file')} written, "
        f"{sum(map(len, live)):,} live with {_total(live)}"
    )
    description = " ".join([*(_sentence(commit, files) for commit in commits), _live_sentence(files, now)])
    return drawing.drawn(title, description, _as_text(title, commits, files), *_drawn(commits, files))


def _location(spark: "SparkSession", path: str) -> str:
    if "/" in path or "\\" in path:
        return path.rstrip("/")
    return str(spark.sql(f"DESCRIBE DETAIL {path}").collect()[0].location)


def _commits(spark: "SparkSession", location: str) -> list[_Commit]:
    from pyspark.errors import AnalysisException

    log = f"{location}/_delta_log"
    try:
        names = _names(spark, log)
    except AnalysisException:
        names = []
    versions = sorted(int(match[1]) for name in names if (match := COMMIT.fullmatch(name)))
    if not versions:
        raise ValueError(f"There is no Delta log in {location}: give the folder or the name of a Delta table.")
    if versions[0] > 0:
        raise ValueError(
            f"The log in {location} begins at version {versions[0]}, the commits before it were cleaned up: "
            "draw a table whose log is whole."
        )
    if len(versions) > MOST_COMMITS:
        raise ValueError(
            f"The log in {location} has {len(versions)} commits, and one picture holds {MOST_COMMITS}: "
            "draw a table with a shorter log."
        )
    checkpoints = {int(match[1]) for name in names if (match := CHECKPOINT.fullmatch(name))}
    actions = _actions(spark, log)
    return [_commit(version, actions[version], version in checkpoints) for version in versions]


def _names(spark: "SparkSession", log: str) -> list[str]:
    from pyspark.sql import functions as F

    files = spark.read.format("binaryFile").load(log)
    return [row[0] for row in files.select(F.element_at(F.split("path", "/"), -1)).collect()]


def _actions(spark: "SparkSession", log: str) -> dict[int, list[dict[str, Any]]]:
    """The actions of each version."""
    lines = spark.read.option("pathGlobFilter", "*.json").text(log).select("_metadata.file_name", "value")
    actions: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for name, value in lines.collect():
        if match := COMMIT.fullmatch(name):
            actions[int(match[1])].append(json.loads(value))
    return actions


def _commit(version: int, actions: list[dict[str, Any]], checkpoint: bool) -> _Commit:
    found = {name: [action[name] for action in actions if name in action] for name in ("commitInfo", "add", "remove")}
    info = (found["commitInfo"] or [{}])[0]
    kinds = sorted(name for action in actions for name in action if name not in found)
    others = [f"{kind} × {count}" if (count := len(list(same))) > 1 else kind for kind, same in groupby(kinds)]
    return _Commit(
        version,
        info.get("operation", "no commitInfo"),
        _detail(info.get("operationParameters", {})),
        {add["path"]: _rows(add) for add in sorted(found["add"], key=_place)},
        frozenset(remove["path"] for remove in found["remove"]),
        others + ["checkpoint"] * checkpoint,
    )


def _place(add: dict[str, Any]) -> tuple[str, str]:
    """What orders the files of one commit in the same way on every run: all but the random part of the name."""
    return UUID.sub("", add["path"]), add.get("stats") or ""


def _rows(add: dict[str, Any]) -> _Rows:
    statistics = json.loads(add.get("stats") or "{}")
    return _Rows(statistics.get("numRecords"), (add.get("deletionVector") or {}).get("cardinality", 0))


def _detail(parameters: dict[str, Any]) -> str:
    """What an operation was told, as one line: `Overwrite`, `(id = 1)`, `to version 3`."""
    found = []
    for name in PARAMETERS:
        value = str(parameters.get(name, "")).strip('"')
        if value not in ("", "[]", "{}", "None"):
            found.append(f"to version {value}" if name == "version" else _plain(value))
    return ", ".join(found)


def _plain(value: str) -> str:
    """A parameter as the log has it (text, or a list or an object as JSON), without Spark's numbers of expressions."""
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    if isinstance(found, dict):
        found = ", ".join(f"{name} = {setting}" for name, setting in found.items())
    if isinstance(found, list):
        found = ", ".join(item["column"]["name"] if isinstance(item, dict) else str(item) for item in found)
    return " ".join(re.sub(r"#\d+L?", "", str(found)).split())


def _lives(commits: list[_Commit]) -> list[_Files]:
    """The files in the order in which they appear, those of the same life as one where they are many."""
    files: dict[str, _Files] = {}
    live: set[str] = set()
    for commit in commits:
        for path, rows in commit.added.items():
            item = files.setdefault(path, _Files([len(files)]))
            item.events[commit.version] = "changed" if path in live else "added"
            item.rows[commit.version] = [rows]
        for path in commit.removed - commit.added.keys():
            if path in live:
                files[path].events[commit.version] = "removed"
        live = (live - commit.removed) | commit.added.keys()
    return _together(files.values())


def _together(files: Iterable[_Files]) -> list[_Files]:
    same: dict[tuple[tuple[int, str], ...], list[_Files]] = defaultdict(list)
    for item in files:
        same[tuple(item.events.items())].append(item)
    found: list[_Files] = []
    for group in same.values():
        if len(group) < TOGETHER:
            found += group
            continue
        rows = {version: [item.rows[version][0] for item in group] for version in group[0].rows}
        found.append(_Files([item.numbers[0] for item in group], group[0].events, rows))
    return sorted(found, key=lambda item: item.numbers[0])


def _letter(number: int) -> str:
    """A, B … Z, AA, AB …"""
    return ("" if number < 26 else _letter(number // 26 - 1)) + chr(ord("A") + number % 26)


def _total(rows: Iterable[list[_Rows]]) -> str:
    """The live rows of files in words, as far as the statistics know them."""
    known = [item.live for group in rows for item in group]
    return "rows unknown" if None in known else counted(sum(filter(None, known)), "row")


def _chip(item: _Files, version: int) -> str:
    """The rows of files at a version: `3 rows`, or `2 of 3 rows` where some are marked as deleted."""
    rows = item.rows[version]
    if not any(one.deleted for one in rows):
        return _total([rows])
    live, written = sum(one.live or 0 for one in rows), sum(one.written or 0 for one in rows)
    return f"{live:,} of {counted(written, 'row')}"


def _happened(event: str, version: int, files: list[_Files]) -> list[_Files]:
    return [item for item in files if item.events.get(version) == event]


def _listed(event: str, version: int, files: list[_Files]) -> str:
    found = _happened(event, version, files)
    if event == "removed":
        return ", ".join(item.name for item in found)
    now = "now " if event == "changed" else ""
    return ", ".join(f"{item.name} {now}{_chip(item, version)}" for item in found)


def _live_at(version: int, files: list[_Files]) -> tuple[str, str]:
    live = [item for item in files if item.live_rows(version) is not None]
    rows = [item.live_rows(version) or [] for item in live]
    return ", ".join(item.name for item in live) or "none", _total(rows)


def _sentence(commit: _Commit, files: list[_Files]) -> str:
    parts = [
        f"{verb} {listed}"
        for verb, event in (("adds", "added"), ("changes", "changed"), ("removes", "removed"))
        if (listed := _listed(event, commit.version, files))
    ]
    return f"Version {commit.version}, {commit.operation}: {'; '.join([*parts, *commit.others]) or 'no files'}."


def _live_sentence(files: list[_Files], now: int) -> str:
    names, rows = _live_at(now, files)
    return f"Live at the end: {names}, {rows}."


def _as_text(title: str, commits: list[_Commit], files: list[_Files]) -> str:
    rows = [("version", "operation", "adds", "removes", "live after it", "", "also")]
    for commit in commits:
        version = commit.version
        adds = ", ".join(filter(None, (_listed("added", version, files), _listed("changed", version, files))))
        operation = f"{commit.operation} {drawing.cut(commit.detail, 40)}".rstrip()
        removes = _listed("removed", version, files)
        rows.append((str(version), operation, adds, removes, *_live_at(version, files), ", ".join(commit.others)))
    return "\n".join([title, "", *drawing.table(rows)])


RAIL, WORDS, WORDS_WIDTH, LANES, LANE, CHIP = 24, 52, 196, 256, 88, 80
TOP, ROW, CHIP_HEIGHT, SEEN_WIDTH = 36, 84, 38, 112
LOOKS = {
    "added": ("+", "shape green"),
    "changed": ("±", "shape blue"),
    "removed": ("−", "open orange dashed"),
    "live": ("", "shape"),
}


def _drawn(commits: list[_Commit], files: list[_Files]) -> tuple[float, float, list[str]]:
    """Width, height and parts: a rail of versions, the files in lanes, and what a reader of each version sees."""
    lanes = _lanes(files)
    seen = LANES + LANE * (max(lanes, default=0) + 1) + 16
    width, height = seen + SEEN_WIDTH, TOP + ROW * (len(commits) + 1)
    heads = ((RAIL - 16, "Version"), (LANES, "Files"), (seen, "A reader sees"))
    parts = [drawing.words(x, 20, head, "quiet") for x, head in heads]
    parts.append(drawing.line([(RAIL, TOP + ROW / 2), (RAIL, height - ROW * 1.5)]))
    for number, commit in enumerate(commits):
        top = TOP + ROW * number
        names, rows = _live_at(commit.version, files)
        parts += [
            drawing.line([(0, top), (width, top)], "rule"),
            *_commit_drawn(commit, top + ROW / 2),
            drawing.words(seen, top + 38, rows, "strong"),
            drawing.words(seen, top + 56, drawing.shortened(names, SEEN_WIDTH - 8), "quiet"),
        ]
    top = TOP + ROW * len(commits)
    parts.append(drawing.line([(0, top), (width, top)], "rule"))
    parts.append(drawing.words(WORDS, top + ROW / 2 + 5, "Live now", "name"))
    for item, lane in zip(files, lanes, strict=True):
        parts += _life_drawn(item, commits, LANES + LANE * lane)
    return width, height, parts


def _lanes(files: list[_Files]) -> list[int]:
    """The lane of each file: the first that is free from the version on that adds it."""
    free_after: list[float] = []
    lanes = []
    for item in files:
        first, last = min(item.events), max(item.events)
        lane = next((lane for lane, end in enumerate(free_after) if end < first), len(free_after))
        end = last if item.events[last] == "removed" else float("inf")
        free_after[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def _commit_drawn(commit: _Commit, middle: float) -> list[str]:
    lines = [(drawing.shortened(commit.operation, WORDS_WIDTH, drawing.NORMAL), "name")]
    lines += [(text, "") for text in drawing.wrapped(commit.detail, WORDS_WIDTH, 2)]
    lines += [(text, "quiet") for text in drawing.wrapped(" · ".join(commit.others), WORDS_WIDTH, 1)]
    first = middle + 5 - 9 * (len(lines) - 1)
    return [
        f'<circle cx="{RAIL}" cy="{middle:g}" r="16" class="open"/>',
        drawing.words(RAIL, middle + 5, str(commit.version), "name", "middle"),
        *(drawing.words(WORDS, first + 18 * number, text, look) for number, (text, look) in enumerate(lines)),
    ]


def _life_drawn(item: _Files, commits: list[_Commit], left: float) -> list[str]:
    """The chips of a file, each at its commit, and the lines along which it is live."""
    rows = {commit.version: TOP + ROW * (number + 0.5) for number, commit in enumerate(commits)}
    stops = [(rows[version], event, version) for version, event in item.events.items()]
    if stops[-1][1] != "removed":
        stops.append((TOP + ROW * (len(commits) + 0.5), "live", max(item.rows)))
    middle = left + CHIP / 2
    lines = [
        drawing.line([(middle, start), (middle, end)], "line life")
        for (start, event, _), (end, _, _) in pairwise(stops)
        if event != "removed"
    ]
    chips = [part for y, event, version in stops for part in _chip_drawn(item, event, version, left, y)]
    return [*lines, *chips]


def _chip_drawn(item: _Files, event: str, version: int, left: float, y: float) -> list[str]:
    sign, look = LOOKS[event]
    name = drawing.shortened(f"{sign} {item.name}".strip(), CHIP - 10, drawing.NORMAL)
    middle = left + CHIP / 2
    outline = drawing.box(left, y - CHIP_HEIGHT / 2, CHIP, CHIP_HEIGHT, look)
    if event == "removed":
        return [outline, drawing.words(middle, y + 5, name, "name", "middle")]
    rows = drawing.words(middle, y + 13, _chip(item, version), "", "middle")
    return [outline, drawing.words(middle, y - 2, name, "name", "middle"), rows]
