"""What a learner calls in a notebook: `check`, `hint` and `reveal`."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbook.authored import solution_text
from workbook.checking import engine, panel
from workbook.checking.exercise import Answer, Exercise, find_exercise
from workbook.checking.outcome import Result
from workbook.checking.progress import Progress
from workbook.course import Course
from workbook.errors import CourseError

FAILURES_BEFORE_SOLUTION = 3


class CheckFailed(AssertionError):
    """Raised by `check` with WORKBOOK_STRICT=1 when the answer does not pass."""


@dataclass(frozen=True)
class Note:
    """A short text in a notebook, such as the hints that are open."""

    text: str
    code: str = ""

    def __repr__(self) -> str:
        return "\n\n".join(part for part in (self.text, self.code) if part)

    def _repr_html_(self) -> str:
        code = panel.code_block(self.code) if self.code else ""
        return panel.framed(panel.announced(f"<p>{panel.rich(self.text)}</p>") + code, panel.NOTE_COLOUR)


def check(answer: Answer) -> None:
    """Check the learner's function, show what was found, and record it.

    Never raises, except with WORKBOOK_STRICT=1: then CheckFailed when the answer does not pass.
    """
    course = Course.here()
    try:
        exercise = find_exercise(course, getattr(answer, "__name__", str(answer)))
    except CourseError as error:
        print(error)
        return
    result = engine.run(exercise, answer)
    progress = progress_here(course)
    shown = recorded(course, result, progress)
    if progress.notice:
        print(progress.notice)
    panel.show(shown)
    if engine.strict() and result.outcome != "passed":
        raise CheckFailed(f"{exercise.name}: {result.outcome}: {result.message}")


def recorded(course: Course, result: Result, progress: Progress) -> panel.Panel:
    """Record the result, and return the panel that it gets now: the open hints, and the solution once it is open."""
    exercise = result.exercise
    progress.record(exercise.stem, exercise.name, result.outcome, result.message)
    hints = "" if result.outcome == "passed" else _ladder(exercise, progress)
    return panel.Panel(result, _next_hint(result, progress), _open_solution(course, exercise, progress), hints)


def hint(answer: Answer | str) -> Note:
    """The hints that are open: the first at once, the next after a failed check, the third after two."""
    course = Course.here()
    return Note(_ladder(find_exercise(course, _name(answer)), progress_here(course)))


def reveal(answer: Answer | str) -> Note:
    """The solution, whenever it is asked for; that it was is recorded."""
    course = Course.here()
    exercise = find_exercise(course, _name(answer))
    progress_here(course).record(exercise.stem, exercise.name, "revealed", "")
    return Note(
        f"One solution of `{exercise.name}`. {exercise.why}",
        solution_text(course.solution_source(exercise.stem), exercise.name),
    )


def open_hints(exercise: Exercise, progress: Progress) -> tuple[str, ...]:
    """The rungs of the ladder that are open to the learner."""
    return exercise.hints[: 1 + progress.failures(exercise.name)]


def _ladder(exercise: Exercise, progress: Progress) -> str:
    """The open hints in words, a line each, and how the next one opens."""
    opened = open_hints(exercise, progress)
    lines = [f"Hint {number}. {text}" for number, text in enumerate(opened, start=1)]
    if len(opened) > 1:
        lines.append(f"Documentation: {exercise.docs}")
    if len(opened) < len(exercise.hints):
        lines.append("The next hint opens after another check that does not pass.")
    return "\n".join(lines)


def progress_here(course: Course) -> Progress:
    """The learner's own progress in notebooks in `work/`; elsewhere one that ends with the process."""
    inside = course.progress.parent.resolve() in (Path.cwd(), *Path.cwd().parents)
    return Progress(course.progress) if inside else _passing_progress()


@lru_cache(maxsize=1)
def _passing_progress() -> Progress:
    return Progress(None)


def _name(answer: Answer | str) -> str:
    return answer if isinstance(answer, str) else getattr(answer, "__name__", str(answer))


def _next_hint(result: Result, progress: Progress) -> str:
    """The hint that goes with this failure: the first with the first one, and so on up the ladder."""
    if result.outcome not in ("failed", "error"):
        return ""
    hints = result.exercise.hints
    return hints[min(progress.failures(result.exercise.name), len(hints)) - 1]


def _open_solution(course: Course, exercise: Exercise, progress: Progress) -> str:
    opened = progress.passed(exercise.name) or progress.failures(exercise.name) >= FAILURES_BEFORE_SOLUTION
    return solution_text(course.solution_source(exercise.stem), exercise.name) if opened else ""
