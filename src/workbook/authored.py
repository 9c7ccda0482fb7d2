"""The authored form of the exercises: `solutions/<stem>.py`, read into tasks, blanks and solutions."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from workbook.course import Course
from workbook.errors import CourseError

if TYPE_CHECKING:
    from nbformat import NotebookNode

HEADING = re.compile(r"^## Exercise (\d+\.\d+) · (.+)$", re.MULTILINE)
BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


@dataclass(frozen=True)
class Authored:
    """One exercise as its author wrote it. `number` is as in "Exercise 1.4", not that of an objective.

    `task` is the text of its instruction, `blank` the function that the learner gets.
    """

    name: str
    number: str
    title: str
    task: str
    solution: str
    blank: str


def read_source(path: Path) -> "NotebookNode":
    """The cells of an authored file. Raises CourseError when it is not there."""
    if not path.is_file():
        raise CourseError(f"{path} is missing: every stem of _toc.yml needs it.")
    copied: NotebookNode = _read(path, path.stat().st_mtime_ns).copy()
    return copied


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> "NotebookNode":
    import jupytext  # takes a second, and most notebooks only want Spark

    notebook: NotebookNode = jupytext.read(path)
    return notebook


def authored(course: Course, stem: str) -> list[Authored]:
    """The exercises of one chapter, in order. Raises CourseError for one that is not in the agreed form."""
    path = course.solution_source(stem)
    found: list[Authored] = []
    heading: tuple[str, str, str] | None = None
    for cell in read_source(path).cells:
        if cell.cell_type == "markdown":
            if title := HEADING.search(cell.source):
                heading = (title[1], title[2], cell.source)
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


def solution_text(path: Path, name: str) -> str:
    """The solution of one exercise, straight from the Python of the authored file.

    A notebook shows it after a pass, and reading the cells would take the second that a check may take.
    """
    text = path.read_text(encoding="utf-8")
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    found = next(node for node in functions if node.name == name)
    return solution_of("\n".join(text.splitlines()[found.lineno - 1 : found.end_lineno]))


def subjects(node: ast.stmt) -> set[str]:
    """The exercises that a part of the checks or the answers is about, as `def`, `@wrong("…")` or `@right("…")` say."""
    if not isinstance(node, ast.FunctionDef):
        return set()
    calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    named = {str(first.value) for call in calls for first in call.args[:1] if isinstance(first, ast.Constant)}
    return {node.name} | named


def first_line(node: ast.stmt) -> int:
    """The number of the line at which a statement begins, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


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
