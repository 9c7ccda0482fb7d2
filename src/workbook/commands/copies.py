"""The learner's own copies of the exercises, in `work/`. Nothing that a learner wrote is ever lost."""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from workbook.authored import HEADING
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

    def sentences(self) -> list[str]:
        """The change in words, for the learner."""
        if self.kept is None:
            return [f"{self.stem}: new in your work folder."]
        kept = f"The old file is work/kept/{self.kept.name}."
        if self.damaged:
            return [f"{self.stem}: your notebook could not be read, so you have a fresh one. {kept}"]
        parts = (("your answers kept", self.carried), ("new", self.added), ("gone from the course", self.removed))
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
    now = _answers(fresh)
    before = _answers(old, set(now))
    change = Change(
        stem,
        added=[name for name in now if name not in before],
        removed=[name for name in before if name not in now],
        carried=[name for name in now if name in before and _attempted(before[name])],
    )
    merged = _merged(fresh, old)
    if _sources(merged) == _sources(old):
        return []
    change.kept = _keep(path)
    _write(path, nbformat.writes(merged))
    return [change]


def _merged(fresh: NotebookNode, old: NotebookNode) -> NotebookNode:
    """The fresh notebook with the learner's answers, and the learner's own cells at the end of their sections."""
    known = set(_answers(fresh))
    answers = _answers(old, known)
    sources = {cell.source for cell in fresh.cells}
    own = {key: [cell for cell in cells if _is_own(cell, sources)] for key, cells in _sections(old, known)}
    cells: list[NotebookNode] = []
    for key, section in _sections(fresh, known):
        for cell in section:
            _carry(answers.get(_exercise(cell) or ""), cell)
        cells += [*section, *own.pop(key, [])]
    gone = {name: cell for name, cell in answers.items() if name not in known and _attempted(cell)}
    for name, cell in gone.items():
        cell.id = f"gone-{name}"[:64]
    for heading, extra in ((GONE, list(gone.values())), (OWN, [cell for rest in own.values() for cell in rest])):
        if extra:
            cells += [nbformat.v4.new_markdown_cell(heading), *extra]
    fresh.cells = cells
    return fresh


def _carry(own: NotebookNode | None, cell: NotebookNode) -> None:
    if own is not None and _attempted(own):
        cell.source, cell.outputs, cell.execution_count = own.source, own.outputs, own.execution_count


def _sections(notebook: NotebookNode, known: set[str]) -> list[tuple[str, list[NotebookNode]]]:
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


def _is_own(cell: NotebookNode, sources: set[str]) -> bool:
    """Whether the learner added the cell: the course's own cells carry an id made from the stem."""
    made = re.match(r"\d\d_\w+-\d{3}$|gone-", cell.id)
    return bool(cell.source.strip()) and not made and cell.source not in sources | {GONE, OWN}


def _answers(notebook: NotebookNode, known: Iterable[str] = ()) -> dict[str, NotebookNode]:
    """The answer cells by exercise; of several, the last one that is more than a blank."""
    found: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        name = _exercise(cell, known)
        if name and (name not in found or _attempted(cell)):
            found[name] = cell
    return found


def _exercise(cell: NotebookNode, known: Iterable[str] = ()) -> str | None:
    """The exercise that the cell answers. A tool that drops metadata leaves the function's name."""
    if cell.cell_type != "code":
        return None
    if name := cell.metadata.get("exercise"):
        return str(name)
    return next((name for name in FUNCTION.findall(cell.source) if name in known), None)


def _attempted(cell: NotebookNode) -> bool:
    return "____" not in cell.source


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
        scratch.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise cannot_write(path, error) from None
