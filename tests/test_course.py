"""The course is whole: every stem is everywhere, every objective is served, and nothing generated is stale."""

from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT
from workbook.authoring import generate
from workbook.checking.exercise import exercises_of
from workbook.course import Course
from workbook.questions import bank

COURSE = Course(ROOT)
FEWEST_EXERCISES, FEWEST_QUESTIONS = 1, 2

each_stem = pytest.mark.parametrize("stem", COURSE.stems)
OBJECTIVES = [(stem, number) for stem in COURSE.stems for number in COURSE.objectives(stem)]


def files_of(course: Course, stem: str) -> list[Path]:
    """Every file that a stem needs."""
    places = (
        *(course.chapter_source, course.chapter),
        *(course.solution_source, course.solution, course.exercises),
        *(course.checks, course.answers, course.questions),
    )
    return [place(stem) for place in places]


@each_stem
def test_a_stem_is_missing_nowhere(stem: str) -> None:
    assert [str(path.relative_to(ROOT)) for path in files_of(COURSE, stem) if not path.is_file()] == []


def test_no_two_exercises_share_a_name() -> None:
    """`check(f)` finds an exercise by the name of the function alone."""
    names = Counter(item.name for stem in COURSE.stems for item in exercises_of(COURSE, stem))
    assert [name for name, times in names.items() if times > 1] == []


@each_stem
def test_a_stem_is_in_the_contents_with_its_solutions_and_its_questions(stem: str) -> None:
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    pages = [f"solutions/{stem}", f"book/questions/{stem}"]
    assert [page for page in pages if f"file: {page}\n" not in contents] == []


def test_no_file_belongs_to_a_stem_that_the_contents_lack() -> None:
    folders = {path.parent for stem in COURSE.stems for path in files_of(COURSE, stem)}
    strangers = [path for folder in folders for path in folder.glob("[0-9][0-9]_*") if path.stem not in COURSE.stems]
    assert strangers == []


@each_stem
def test_a_chapter_has_objectives_that_carry_its_number(stem: str) -> None:
    numbers = list(COURSE.objectives(stem))
    assert numbers == [f"{int(stem[:2])}.{place}" for place in range(1, len(numbers) + 1)]
    assert numbers


@pytest.mark.parametrize(("stem", "number"), OBJECTIVES, ids=[number for _, number in OBJECTIVES])
def test_an_objective_has_an_exercise_and_two_questions(stem: str, number: str) -> None:
    exercises = [item.name for item in exercises_of(COURSE, stem) if item.objective == number]
    asked = [item.id for item in bank.load(COURSE, stem) if item.objective == number]
    assert len(exercises) >= FEWEST_EXERCISES, f"objective {number} has no exercise"
    assert len(asked) >= FEWEST_QUESTIONS, f"objective {number} has the questions {asked}"


@each_stem
def test_the_generated_notebooks_are_those_of_their_sources(stem: str) -> None:
    stale = [str(path.relative_to(ROOT)) for path in generate.stale(COURSE, stem)]
    assert stale == [], f"run `workbook sync {stem[:2]}`"


def test_environment_yml_is_the_conda_form_of_the_lock() -> None:
    written = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert written == generate.environment_text(COURSE), "run `make sync`"
