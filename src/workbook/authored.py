"""The authored form of the exercises: `solutions/<stem>.py`, read into tasks, blanks and solutions."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jupytext
import nbformat

from workbook.course import Course
from workbook.errors import CourseError

HEADING = re.compile(r"^## Exercise (\d+\.\d+) · (.+)$", re.MULTILINE)
BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


@dataclass(frozen=True)
class Authored:
    """One exercise as its author wrote it. `number` is as in "Exercise 1.4", not that of an objective."""

    name: str
    number: str
    title: str
    solution: str
    blank: str


def read_source(path: Path) -> nbformat.NotebookNode:
    """The cells of an authored file. Raises CourseError when it is not there."""
    if not path.is_file():
        raise CourseError(f"{path} is missing: every stem of _toc.yml needs it.")
    return _read(path, path.stat().st_mtime_ns).copy()


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> nbformat.NotebookNode:
    return jupytext.read(path)


def authored(course: Course, stem: str) -> list[Authored]:
    """The exercises of one chapter, in order. Raises CourseError for one that is not in the agreed form."""
    path = course.solution_source(stem)
    found: list[Authored] = []
    heading: tuple[str, str] | None = None
    for cell in read_source(path).cells:
        if cell.cell_type == "markdown":
            heading = next(iter(HEADING.findall(cell.source)), heading)
        elif BEGIN in cell.source:
            if heading is None:
                raise CourseError(f"{path}: an answer cell stands before any '## Exercise 1.1 · Title'.")
            name = answer_name(cell.source, path)
            found.append(Authored(name, *heading, solution_of(cell.source), blank_of(cell.source)))
            heading = None
    return found


def answer_name(source: str, path: Path) -> str:
    """The name of the function in an answer cell."""
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or source.count(BEGIN) != 1 or source.count(END) != 1:
        raise CourseError(
            f"{path}: an answer cell needs one function with one '{BEGIN}' and one '{END}', "
            f"and this one has {functions or 'no function'}."
        )
    return functions[0]


def solution_of(source: str) -> str:
    """An answer cell as a solution: without its two marker lines."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))


def blank_of(source: str) -> str:
    """An answer cell as the learner gets it: what stands between the markers is `return ____`."""
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            lines.append(line.replace(BEGIN, "return ____"))
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)
