"""What a learner asks for in a terminal: a notebook checked, where one stands, what to do now."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbook import engine
from workbook.authored import authored
from workbook.course import Course
from workbook.engine import Result
from workbook.errors import CourseError
from workbook.exercise import ____, Exercise, exercises_of
from workbook.explain import explain
from workbook.generate import read
from workbook.panel import Panel
from workbook.progress import Progress


def check_notebook(course: Course, stem: str) -> list[Panel]:
    """Check every answer in the learner's notebook, in the order of the exercises, and record the outcomes.

    Only imports and functions of the notebook are run, not its other cells. Raises CourseError when there is
    no such notebook.
    """
    path = course.work(stem)
    if not path.is_file():
        raise CourseError(f"{path} is not there: run `make start`, which fills your work folder.")
    names: dict[str, Any] = {"____": ____}
    broken: dict[str, str] = {}
    for cell in read(path).cells:
        if cell.cell_type == "code":
            _define(cell.source, cell.metadata.get("exercise", ""), names, broken)
    progress = Progress(course.progress)
    panels = []
    for exercise in exercises_of(course, stem):
        result = _result(exercise, names, broken)
        progress.record(stem, exercise.name, result.outcome, result.message)
        panels.append(Panel(result))
    return panels


def _define(source: str, exercise: str, names: dict[str, Any], broken: dict[str, str]) -> None:
    """Run the imports and the function definitions of one cell; remember why an answer cell cannot be run."""
    try:
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef))]
        exec(compile(tree, f"<{exercise or 'cell'}>", "exec"), names)
    except SyntaxError as error:
        if exercise:
            broken[exercise] = f"Python cannot read your cell, line {error.lineno}: {error.msg}."
    except Exception as error:  # whatever an import or a decorator raises
        if exercise:
            broken[exercise] = explain(error, lambda: None)


def _result(exercise: Exercise, names: dict[str, Any], broken: dict[str, str]) -> Result:
    if exercise.name in broken:
        return Result(exercise, "error", broken[exercise.name])
    answer: Callable[..., Any] | None = names.get(exercise.name)
    if answer is None:
        return Result(exercise, "not_attempted", f"Your notebook has no function `{exercise.name}`.")
    return engine.run(exercise, answer)


@dataclass(frozen=True)
class Standing:
    """One line of the progress table: a chapter in bold, or one of its objectives."""

    what: str
    passed: int
    exercises: int
    left: list[str]
    style: str = ""


def standing(course: Course) -> Iterator[Standing]:
    """Where the learner stands, chapter by chapter, with the objectives of each."""
    outcomes = Progress(course.progress).standing()
    for stem in course.stems:
        exercises = exercises_of(course, stem)
        yield _line(f"{stem[:2]} {course.title(stem)}", exercises, outcomes, "bold")
        for number, text in course.objectives(stem).items():
            of_objective = [item for item in exercises if item.objective == number]
            yield _line(f"   {number} {text}", of_objective, outcomes, "")


def _line(what: str, exercises: list[Exercise], outcomes: dict[str, str], style: str) -> Standing:
    left = [item.name for item in exercises if outcomes.get(item.name) != "passed"]
    return Standing(what, len(exercises) - len(left), len(exercises), [] if style else left, style)


def what_now(course: Course) -> str:
    """One sentence: the first exercise that is not passed, or that all is done."""
    outcomes = Progress(course.progress).standing()
    for stem in course.stems:
        for item in authored(course, stem):
            if outcomes.get(item.name) != "passed":
                tried = "Go on with" if item.name in outcomes else "Begin"
                return f"{tried} exercise {item.number}, {item.title} (`{item.name}`), in work/{stem}.ipynb."
    return "You have passed every exercise of the course. The interview questions of the book are next."
