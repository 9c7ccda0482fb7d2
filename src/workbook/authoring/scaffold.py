"""A new exercise in its three places, with all that the rules demand, to be filled in."""

import ast
import re
from pathlib import Path

from workbook.authored import HEADING, authored, first_line, subjects
from workbook.checking.exercise import FILL_IN
from workbook.course import Course
from workbook.errors import CourseError

HEAD_OF_TASKS = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: {title}
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.

# %%
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()
"""
TASK = '''
# %% [markdown]
# ## Exercise {number} · {title}
#
# {fill}: the task in a few sentences, and what matters of the input.
#
# `id, amount` → `id, amount`, {fill}: the columns and what one row is


# %%
def {name}(rows: DataFrame) -> DataFrame:
    """{fill}: what comes back, in one sentence; it stays in the learner's notebook."""
    # BEGIN SOLUTION
    return rows
    # END SOLUTION


# %%
check({name})
'''
HEAD_OF_CHECKS = '''"""Checks of the exercises on {topic}."""

from workbook.checking.case import Case
from workbook.checking.exercise import Answer, exercise
'''
CHECK = """

@exercise(
    objective="{fill}: one of {objectives}",
    hints=(
        "{fill}: a nudge, which is open at once: what to ask oneself.",
        "{fill}: the part of the API that does it.",
        "{fill}: a skeleton, with … for what is to be found.",
    ),
    docs="https://spark.apache.org/docs/latest/",
    why="{fill}: who gets this wrong, and what does it cost them?",
)
def {name}(answer: Answer, case: Case) -> None:
    shape = "id string, amount int"
    # {fill}: a few rows, each for one mistake that people make: NULL, tie, repeat, late, unmatched, zero, second run.
    rows = case.rows(shape, ("A", 1), ("B", None))
    case.equal(
        answer(rows),
        shape,
        ("A", 1),
        given=rows,
        when={{("B", ...): "{fill}: you gave {{got}}, and the idea that is missing."}},
    )
"""
HEAD_OF_ANSWERS = '''"""Wrong answers that people really give to the exercises on {topic}, and right ones."""

from pyspark.sql import Window
from pyspark.sql import functions as F

from workbook.authoring.proofs import right, wrong
'''
WRONG_ANSWER = '''

@wrong("{name}", says="{fill}: words of the message")
def {name}_wrong_{place}(rows):
    """{fill}: the idea that leads to it; then name the function after it."""
    return rows
'''
RIGHT_ANSWER = '''

@right("{name}")
def {name}_otherwise(rows):
    """{fill}: in another style than the solution, such as SQL."""
    return rows
'''
WRONG_ANSWERS = 3


def new(course: Course, number: str, name: str) -> list[Path]:
    """Write the exercise `number`, such as `4.7`, whose function is called `name`, and return the three files.

    It stands between its neighbours by number. Files that a chapter lacks are begun. Raises CourseError for a number
    or a name that is taken or is none, and for a chapter that is not in `_toc.yml`.
    """
    stem = _stem(course, number)
    others = _others(course, stem, number, name)
    objectives = ", ".join(course.objectives(stem)) if course.chapter_source(stem).is_file() else "the chapter's own"
    words = {"number": number, "name": name, "fill": FILL_IN, "title": name.replace("_", " ").capitalize()}
    words |= {"objectives": objectives, "topic": stem[3:].replace("_", " ")}
    answers = "".join(WRONG_ANSWER.replace("{place}", str(place + 1)) for place in range(WRONG_ANSWERS)) + RIGHT_ANSWER
    heading = {"title": stem[3:].replace("_", " ").capitalize(), "topic": words["topic"]}
    later = [item for at, item in others if at > _place(number)]
    paths = course.solution_source(stem), course.checks(stem), course.answers(stem)
    texts = (
        (HEAD_OF_TASKS.format(**heading), TASK.format(**words), _before_task),
        (HEAD_OF_CHECKS.format(**heading), CHECK.format(**words), _before_function),
        (HEAD_OF_ANSWERS.format(**heading), answers.format(**words), _before_function),
    )
    for path, (head, text, before) in zip(paths, texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        present = path.read_text(encoding="utf-8") if path.is_file() else head
        lines = present.rstrip("\n").splitlines()
        at = before(present, later)
        place = len(lines) if at is None else at
        # A blank line or two stand before the next part already.
        while place and not lines[place - 1].strip():
            place -= 1
        made = [*lines[:place], *text.rstrip("\n").splitlines(), *lines[place:]]
        path.write_text("\n".join(made) + "\n", encoding="utf-8")
    return list(paths)


def _stem(course: Course, number: str) -> str:
    if not re.fullmatch(r"\d+\.\d+", number):
        raise CourseError(f"{number!r} is no number of an exercise: write the chapter and its place, such as 4.7.")
    return course.stem(number.partition(".")[0])


def _others(course: Course, stem: str, number: str, name: str) -> list[tuple[tuple[int, ...], str]]:
    """The exercises that the chapter has, by their place."""
    if not name.isidentifier() or name != name.lower():
        raise CourseError(f"{name!r} cannot be the name of the function: use small letters and underscores.")
    there = [known for known in course.stems if course.solution_source(known).is_file()]
    for known in there:
        for item in authored(course, known):
            if name == item.name or number == item.number:
                raise CourseError(f"Exercise {item.number} of {known} is called `{item.name}`: choose what is free.")
    return [(_place(item.number), item.name) for item in authored(course, stem)] if stem in there else []


def _place(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def _before_task(text: str, later: list[str]) -> int | None:
    """The line at which the first of these exercises begins."""
    lines = text.splitlines()
    for name in later[:1]:
        answer = next(at for at, line in enumerate(lines) if line.startswith(f"def {name}("))
        heading = max(at for at in range(answer) if HEADING.match(lines[at].removeprefix("# ")))
        return max(at for at in range(heading) if lines[at].startswith("# %%"))
    return None


def _before_function(text: str, later: list[str]) -> int | None:
    """The line at which the first function about one of these exercises begins, or what is excused."""
    for node in ast.parse(text).body:
        if subjects(node) & set(later) or _is_last(node):
            return first_line(node) - 1
    return None


def _is_last(node: ast.stmt) -> bool:
    """Whether it is the table of excused mutants, which stands behind all answers."""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "excused"
