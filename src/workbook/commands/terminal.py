"""What a learner asks for in a terminal: a notebook checked, where one stands, what to do now."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbook.authored import authored
from workbook.authoring.generate import read
from workbook.checking import engine
from workbook.checking.exercise import Exercise, ____, exercises_of
from workbook.checking.explain import explain
from workbook.checking.learner import open_hints, recorded
from workbook.checking.outcome import Result
from workbook.checking.panel import Panel
from workbook.checking.progress import Progress
from workbook.course import Course
from workbook.errors import CourseError
from workbook.spark.session import get_spark


def check_notebook(course: Course, stem: str, progress: Progress) -> list[Panel]:
    """Check every answer in the learner's notebook, in the order of the exercises, and record the outcomes.

    Only what defines something is run: imports, functions, classes and plain values. Raises CourseError when there is
    no such notebook, or none that can be read.
    """
    path = course.work(stem)
    if not path.is_file():
        raise CourseError(f"{path} is not there: run `workbook update`, which fills your work folder.")
    try:
        cells = read(path).cells
    except CourseError as error:
        raise CourseError(f"{error} `workbook update` gives you a fresh one and keeps this file.") from None
    names: dict[str, Any] = {"____": ____, "spark": get_spark()}
    broken: dict[str, str] = {}
    for cell in cells:
        if cell.cell_type == "code":
            _define(cell.source, cell.metadata.get("exercise", ""), names, broken)
    return [recorded(course, _result(exercise, names, broken), progress) for exercise in exercises_of(course, stem)]


def _define(source: str, exercise: str, names: dict[str, Any], broken: dict[str, str]) -> None:
    """Run what defines something in one cell; remember why an answer cell cannot be run."""
    try:
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if _defines(node)]
        exec(compile(tree, f"<{exercise or 'cell'}>", "exec"), names)
    except SyntaxError as error:
        if exercise:
            broken[exercise] = f"Python cannot read your cell, line {error.lineno}: {error.msg}."
    except Exception as error:  # whatever an import or a decorator raises
        if exercise:
            broken[exercise] = explain(error, lambda: None)


def _defines(node: ast.stmt) -> bool:
    """Whether the statement names something without doing anything: an assignment counts when it calls nothing."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


def _result(exercise: Exercise, names: dict[str, Any], broken: dict[str, str]) -> Result:
    if exercise.name in broken:
        return Result(exercise, "error", broken[exercise.name])
    answer: Callable[..., Any] | None = names.get(exercise.name)
    if answer is None:
        return Result(exercise, "not_attempted", f"Your notebook has no function `{exercise.name}`.")
    return engine.run(exercise, answer)


@dataclass(frozen=True)
class Standing:
    """One line of the progress table: a chapter, or one of its objectives. `left` names what is not passed yet."""

    number: str
    text: str
    passed: int
    left: list[str]
    is_chapter: bool = False

    @property
    def exercises(self) -> int:
        return self.passed + len(self.left)


def standing(course: Course, progress: Progress) -> Iterator[Standing]:
    """Where the learner stands, chapter by chapter, with the objectives of each."""
    passed = {name for name, outcome in progress.standing().items() if outcome == "passed"}
    for stem in course.stems:
        exercises = exercises_of(course, stem)
        yield _standing(stem[:2], course.title(stem), exercises, passed, is_chapter=True)
        for number, text in course.objectives(stem).items():
            of_objective = [item for item in exercises if item.objective == number]
            yield _standing(number, text, of_objective, passed)


def _standing(
    number: str, text: str, exercises: list[Exercise], passed: set[str], *, is_chapter: bool = False
) -> Standing:
    left = [item.name for item in exercises if item.name not in passed]
    return Standing(number, text, len(exercises) - len(left), left, is_chapter)


def what_now(course: Course, progress: Progress) -> str:
    """The first exercise that is not passed and what helps with it, or that all is done."""
    outcomes = progress.standing()
    for stem in course.stems:
        checked = {item.name: item for item in exercises_of(course, stem)}
        for item in authored(course, stem):
            if outcomes.get(item.name) != "passed":
                where = f"exercise {item.number}, {item.title} (`{item.name}`), in work/{stem}.ipynb."
                return _advice(where, checked[item.name], progress)
    return "You have passed every exercise of the course. The interview questions of the book are next."


def _advice(where: str, exercise: Exercise, progress: Progress) -> str:
    last = progress.last(exercise.name)
    if last is None or last[0] == "not_attempted":
        return f"Begin {where}"
    opened = len(open_hints(exercise, progress))
    return f"Go on with {where}\nIts last check said: {last[1]}\n`hint({exercise.name})` shows {opened} of 3 hints."
