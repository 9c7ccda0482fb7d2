"""The learner's own copies of the exercises, in `work/`. Nothing that a learner wrote is ever lost."""

import ast
import copy
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from workbook.authored import HEADING, first_line
from workbook.authoring.generate import read
from workbook.course import Course
from workbook.errors import CourseError
from workbook.spark.java import cannot_write

GONE = "## Your answers to exercises that the course no longer has"
OWN = "## Cells of your own, whose place is gone"
FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)


@dataclass
class Change:
    """What an update did to one notebook. `kept` is the copy of the old file; exercises are given by name."""

    stem: str
    kept: Path | None = None
    damaged: bool = False
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """The change in words, for the learner."""
        if self.kept is None:
            return [f"{self.stem}: new in your work folder."]
        kept = f"The old file is work/kept/{self.kept.name}."
        if self.damaged:
            return [f"{self.stem}: your notebook could not be read, so you have a fresh one. {kept}"]
        parts = (
            ("your answers kept", self.carried),
            ("more of yours kept beside the answer", self.beside),
            ("new", self.added),
            ("gone from the course", self.removed),
        )
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)
        return [f"{self.stem}: updated{'; ' + told if told else ''}. {kept}"]


def fill(course: Course) -> list[Path]:
    """Copy every exercises notebook that `work/` lacks, and return the copies. What is there stays as it is."""
    copied = []
    for stem in course.stems:
        if course.exercises(stem).is_file() and not course.work(stem).exists():
            _write(course.work(stem), course.exercises(stem).read_text(encoding="utf-8"))
            copied.append(course.work(stem))
    return copied


def reset(course: Course, stem: str) -> Path | None:
    """Put a fresh notebook in place, and return the copy that was kept of the old one, if there was one.

    Raises CourseError, before anything is touched, when the course has no such notebook.
    """
    if not course.exercises(stem).is_file():
        raise CourseError(f"{course.exercises(stem)} is missing: get the course again, or run `workbook sync`.")
    kept = _keep(course.work(stem)) if course.work(stem).exists() else None
    _write(course.work(stem), course.exercises(stem).read_text(encoding="utf-8"))
    return kept


def update(course: Course) -> list[Change]:
    """Bring `work/` to the course's present exercises, carrying the answers over by exercise.

    Only notebooks that differ are touched, each after a copy was kept.
    """
    changes = [Change(path.stem) for path in fill(course)]
    new = {change.stem for change in changes}
    for stem in course.stems:
        if stem not in new and course.exercises(stem).is_file():
            changes += _updated(course, stem)
    return changes


def _updated(course: Course, stem: str) -> list[Change]:
    path, fresh = course.work(stem), read(course.exercises(stem))
    try:
        old = read(path)
    except CourseError:
        kept = _keep(path)
        _write(path, nbformat.writes(fresh))
        return [Change(stem, kept, damaged=True)]
    now = list(_parts(fresh, ()))
    before = _parts(old, now)
    change = Change(
        stem,
        added=[name for name in now if name not in before],
        removed=[name for name in before if name not in now],
        carried=[name for name in now if _answer(before.get(name, []), name)],
        beside=[name for name in now if _beside(before.get(name, []), name)],
    )
    merged = _merged(fresh, old, now, before)
    if _sources(merged) == _sources(old):
        return []
    change.kept = _keep(path)
    _write(path, nbformat.writes(merged))
    return [change]


def _merged(
    fresh: NotebookNode, old: NotebookNode, known: list[str], parts: dict[str, list[NotebookNode]]
) -> NotebookNode:
    """The fresh notebook with the learner's answers, and the learner's own cells at the end of their sections.

    `known` are the exercises of the fresh one, `parts` what the learner wrote for each.
    """
    sources = {cell.source for cell in fresh.cells}
    own = {key: [cell for cell in cells if _is_own(cell, sources, known)] for key, cells in _sections(old, known)}
    cells: list[NotebookNode] = []
    for key, section in _sections(fresh, known):
        for cell in section:
            cells += _carried(parts.get(_exercise(cell, known) or "", []), cell)
        cells += own.pop(key, [])
    gone = [cell for name, written in parts.items() if name not in known for cell in written if _is_touched(cell)]
    for heading, extra in ((GONE, gone), (OWN, [cell for rest in own.values() for cell in rest])):
        if extra:
            cells += [nbformat.v4.new_markdown_cell(heading), *extra]
    fresh.cells = _with_ids_of_their_own(cells)
    return fresh


def _carried(parts: list[NotebookNode], cell: NotebookNode) -> list[NotebookNode]:
    """The fresh cell of an exercise with the learner's answer, among what else the learner wrote for it."""
    name = cell.metadata.get("exercise", "")
    answer = _answer(parts, name)
    if answer is None:
        return [cell, *_beside(parts, name)]
    cell.source, cell.outputs, cell.execution_count = answer.source, answer.outputs, answer.execution_count
    return [cell if part is answer else part for part in parts if _is_touched(part)]


def _answer(parts: list[NotebookNode], name: str) -> NotebookNode | None:
    """The learner's answer: of several cells the last one that defines the function, or else the last one."""
    written = [part for part in parts if part.cell_type == "code" and _is_touched(part)]
    defining = [part for part in written if name in FUNCTION.findall(part.source)]
    return next(reversed(defining or written), None)


def _beside(parts: list[NotebookNode], name: str) -> list[NotebookNode]:
    """What else the learner wrote for an exercise: the rest of a cell that was split, or one that is no code now."""
    answer = _answer(parts, name)
    return [part for part in parts if part is not answer and _is_touched(part)]


def _with_ids_of_their_own(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells, once no two have the same id: a cell that was split, or moved, may have that of another."""
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            cell.id = uuid.uuid4().hex[:8]
        seen.add(cell.id)
    return cells


def _sections(notebook: NotebookNode, known: list[str]) -> list[tuple[str, list[NotebookNode]]]:
    """The cells by exercise, in order; what stands before the first exercise has the key ""."""
    sections: list[tuple[str, list[NotebookNode]]] = [("", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (HEADING.search(cell.source) or cell.source in (GONE, OWN)):
            sections.append((cell.source, []))
        key, cells = sections[-1]
        cells.append(cell)
        if (name := _exercise(cell, known)) and key not in ("", GONE, OWN):
            sections[-1] = (name, cells)
    return sections


def _is_own(cell: NotebookNode, sources: set[str], known: Sequence[str]) -> bool:
    """Whether the learner added the cell: the course's own cells carry an id made from the stem."""
    made = re.match(r"\d\d_\w+-\d{3}$", cell.id)
    is_part = _exercise(cell, known) is not None
    return bool(cell.source.strip()) and not made and not is_part and cell.source not in sources | {GONE, OWN}


def _parts(notebook: NotebookNode, known: Sequence[str]) -> dict[str, list[NotebookNode]]:
    """The cells that were written for each exercise; a cell that answers several is taken apart."""
    found: dict[str, list[NotebookNode]] = {}
    for cell in notebook.cells:
        if name := _exercise(cell, known):
            for own, part in _taken_apart(cell, name, known):
                found.setdefault(own, []).append(part)
    return found


def _exercise(cell: NotebookNode, known: Sequence[str]) -> str | None:
    """The exercise that the cell belongs to. A tool that drops metadata leaves the function's name."""
    if name := cell.metadata.get("exercise"):
        return str(name)
    is_task = cell.cell_type == "markdown" and HEADING.search(cell.source)
    return None if is_task else next((name for name in FUNCTION.findall(cell.source) if name in known), None)


def _taken_apart(cell: NotebookNode, name: str, known: Sequence[str]) -> Iterator[tuple[str, NotebookNode]]:
    """The cell, and of each other exercise whose function stands in it a cell of its own with that function."""
    lines = cell.source.splitlines()
    for node in reversed(_statements(cell) if cell.cell_type == "code" else []):
        if isinstance(node, ast.FunctionDef) and node.name in known and node.name != name:
            first = first_line(node) - 1
            function = "\n".join(lines[first : node.end_lineno])
            del lines[first : node.end_lineno]
            yield node.name, nbformat.v4.new_code_cell(function)
    rest = copy.deepcopy(cell)
    if len(lines) < len(cell.source.splitlines()):
        rest.source = "\n".join(lines).strip()
    yield name, rest


def _is_touched(cell: NotebookNode) -> bool:
    """Whether the learner wrote something here: a blank is a function that does nothing but return `____`."""
    match _statements(cell):
        case [ast.FunctionDef(body=[*_, ast.Return(ast.Name("____"))] as body)]:
            return len(body) > 2 or (len(body) == 2 and not _is_text(body[0])) or "#" in cell.source
    return bool(cell.source.strip())


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _statements(cell: NotebookNode) -> list[ast.stmt]:
    """The statements of a cell, or none where it is no Python."""
    try:
        return ast.parse(str(cell.source)).body
    except (SyntaxError, ValueError):
        return []


def _sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _keep(path: Path) -> Path:
    """Move nothing, copy everything: the file as it is now, under a name of its own in `work/kept/`."""
    folder = path.parent / "kept"
    moment = f"{datetime.now():%Y-%m-%dT%H-%M-%S}"
    names = (f"{path.stem}.{moment}{f'.{number}' if number else ''}{path.suffix}" for number in range(1_000))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = next(folder / name for name in names if not (folder / name).exists())
        shutil.copy2(path, kept)
    except OSError as error:
        raise cannot_write(folder, error) from None
    return kept


def _write(path: Path, text: str) -> None:
    """Write the whole file or nothing."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate, which UTF-8 cannot hold, becomes the escape that JSON has for it.
        scratch.write_text(text.rstrip("\n") + "\n", encoding="utf-8", errors="backslashreplace")
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise cannot_write(path, error) from None
