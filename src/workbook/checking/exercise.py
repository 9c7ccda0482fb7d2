"""What an exercise is: a check function with its hints, found by the name of the learner's function."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from workbook.course import Course
from workbook.errors import CourseError

if TYPE_CHECKING:
    from workbook.checking.case import Case

Answer = Callable[..., Any]
Check = Callable[[Answer, "Case"], None]
FILL_IN = "FILL IN"
"""What a new exercise has wherever its author has still to write something."""


class Blank:
    """What the learner replaces. A function that still holds it counts as not attempted."""

    def __repr__(self) -> str:
        return "____"


____ = Blank()


@dataclass(frozen=True)
class Exercise:
    """One exercise. `name` is the name of the learner's function, unique in the course."""

    name: str
    objective: str
    hints: tuple[str, str, str]
    docs: str
    why: str
    check: Check
    stem: str = ""


def exercise(*, objective: str, hints: tuple[str, str, str], docs: str, why: str) -> Callable[[Check], Check]:
    """Make a check function `name(answer, case)` the check of the exercise `name`.

    `objective` is the number of one of the chapter's objectives. `hints` are three rungs: a nudge, the API,
    a skeleton. `docs` is the address of the documentation that the second rung points at. `why` is shown after a
    pass: what experienced people would add. Raises CourseError when one of these is missing.
    """
    described = all(hints) and docs.startswith("https://") and why.strip()

    def register(check: Check) -> Check:
        if len(hints) != 3 or not described:
            raise CourseError(f"The exercise {check.__name__} needs three hints, a documentation link and a why.")
        check.exercise = Exercise(check.__name__, objective, hints, docs, why.strip(), check)  # type: ignore[attr-defined]
        return check

    return register


def exercises_of(course: Course, stem: str) -> list[Exercise]:
    """The exercises of one chapter, in the order of its checks file; empty when it has none."""
    path = course.checks(stem)
    if not path.is_file():
        return []
    module = _checks_module(path, path.stat().st_mtime_ns)
    found = [getattr(value, "exercise", None) for value in vars(module).values()]
    return [replace(item, stem=stem) for item in found if isinstance(item, Exercise)]


@lru_cache(maxsize=64)
def _checks_module(path: Path, _changed: int) -> ModuleType:
    return load_module(path, f"checks_{path.stem}")


def load_module(path: Path, name: str) -> ModuleType:
    """The Python file `path` as a module. A stem begins with a digit, so it cannot be imported by name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_exercise(course: Course, name: str) -> Exercise:
    """The exercise whose function is called `name`. Raises CourseError when there is none."""
    for stem in course.stems:
        for found in exercises_of(course, stem):
            if found.name == name:
                return found
    raise CourseError(f"There is no exercise called {name!r}: keep the name that the function has in the exercise.")
