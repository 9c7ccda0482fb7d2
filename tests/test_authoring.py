"""Writing an exercise: begun by `workbook new`, looked at by `workbook prove`, in notebooks by `workbook sync`."""

import ast
import os
import re
import shutil
import sys
from itertools import takewhile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest import ROOT
from learners import FIXTURE_COURSE
from workbook.authored import authored
from workbook.authoring import generate, scaffold, trial
from workbook.checking.exercise import exercises_of
from workbook.commands import cli
from workbook.course import Course
from workbook.errors import CourseError

STEM = "01_good"
TOC = "parts:\n- chapters:\n  - file: chapters/01_good\n  - file: chapters/02_fresh\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of the fixture course: a good chapter, and one that has nothing yet."""
    root = Path(shutil.copytree(FIXTURE_COURSE, tmp_path / "course"))
    (root / "_toc.yml").write_text(TOC, encoding="utf-8")
    return Course(root)


def edit(path: Path, old: str, new: str) -> None:
    """Change a file as an author does: its time is another one, also within one tick of the clock."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    before = path.stat().st_mtime_ns
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def said_of(course: Course, what: str) -> tuple[bool, str]:
    lines: list[str] = []
    return trial.prove(course, what, lines.append), "\n".join(lines)


# Begun.


def test_a_new_exercise_has_its_three_places_and_is_not_proven_before_it_is_filled_in(course: Course, spark) -> None:
    scaffold.new(course, "1.3", "total")
    [*_, made] = authored(course, STEM)
    assert (made.number, made.title, made.name) == ("1.3", "Total", "total")
    proven, said = said_of(course, "total")
    assert not proven
    assert "blank: not attempted" in said
    for rule in ("everything is filled in", "an exercise serves an objective", "solution passes"):
        assert f"✗ {rule}: total" in said
    assert "none of the chapter's objectives: 1.1 " in " ".join(said.split())


WRONG = (
    ("    return rows", "NULL is no amount"),
    ("    return rows.limit(0)", "A is gone"),
    ('    return rows.selectExpr("id", "amount * 2 AS amount").dropna()', "`amount` is 2"),
)


def test_a_new_exercise_that_is_filled_in_is_proven(course: Course, spark) -> None:
    """Each place that asks for something gets it, and nothing else is needed."""
    task, check, answers = scaffold.new(course, "1.3", "total")
    edit(task, "    return rows", '    return rows.where("amount IS NOT NULL")')
    edit(check, "FILL IN: one of 1.1, 1.2", "1.1")
    edit(check, "FILL IN: you gave {got}, and the idea that is missing.", "You gave {got}: NULL is no amount.")
    edit(check, "        when=", '        missing={("A", ...): "A is gone, and {got} was expected."},\n        when=')
    edit(check, 'when={("B"', 'when={("A", 2): "You gave {got}: `amount` is 2, and 1 went in.", ("B"')
    for place, (body, words) in enumerate(WRONG, start=1):
        old = f'@wrong("total", says="FILL IN: words of the message")\ndef total_wrong_{place}(rows):\n'
        edit(answers, old, f'@wrong("total", says="{words}")\ndef total_wrong_{place}(rows):\n{body}\n')
    edit(answers, "def total_otherwise(rows):\n", "def total_otherwise(rows):\n    return rows.dropna()\n")
    for path in (task, check, answers):
        edit(path, "FILL IN: ", "")
    proven, said = said_of(course, "total")
    assert proven, said


def test_an_exercise_stands_between_its_neighbours_in_all_three_files(course: Course) -> None:
    edit(course.solution_source(STEM), "Exercise 1.2 ·", "Exercise 1.10 ·")
    scaffold.new(course, "1.9", "total")
    assert [item.name for item in authored(course, STEM)] == ["twice", "total", "newest_per_customer"]
    checks = [
        item.name for item in ast.parse(course.checks(STEM).read_text()).body if isinstance(item, ast.FunctionDef)
    ]
    assert checks == ["twice", "total", "newest_per_customer"]
    answers = course.answers(STEM).read_text(encoding="utf-8")
    places = [answers.index(f'("{name}"') for name in ("twice", "total", "newest_per_customer")]
    assert places == sorted(places)


def test_the_first_exercise_of_a_chapter_begins_its_files(course: Course) -> None:
    made = scaffold.new(course, "2.1", "total")
    assert made == [course.solution_source("02_fresh"), course.checks("02_fresh"), course.answers("02_fresh")]
    assert [item.name for item in authored(course, "02_fresh")] == ["total"]
    assert [item.name for item in exercises_of(course, "02_fresh")] == ["total"]
    scaffold.new(course, "2.2", "other")
    assert [item.name for item in authored(course, "02_fresh")] == ["total", "other"]


@pytest.mark.parametrize(
    ("number", "name", "said"),
    [
        ("1.1", "total", r"Exercise 1\.1 of 01_good is called `twice`: choose what is free"),
        ("2.1", "twice", r"Exercise 1\.1 of 01_good is called `twice`: choose what is free"),
        ("1", "total", "'1' is no number of an exercise: write the chapter and its place, such as 4.7"),
        ("9.1", "total", "There is no chapter '9': the chapters are 01, 02"),
        ("1.3", "My Total", "'My Total' cannot be the name of the function"),
    ],
)
def test_what_cannot_be_begun_is_one_sentence(course: Course, number: str, name: str, said: str) -> None:
    before = course.solution_source(STEM).read_bytes()
    with pytest.raises(CourseError, match=said):
        scaffold.new(course, number, name)
    assert course.solution_source(STEM).read_bytes() == before


# Seen.


def test_a_proven_exercise_shows_what_each_answer_is_told(course: Course, spark) -> None:
    proven, said = said_of(course, "twice")
    assert proven
    assert "twice · exercise 1.1, Twice · 01_good" in said
    assert "prints: failed: twice(3) gave None: printing shows a value and returns nothing." in said
    assert "adds: passed" in said
    assert said.endswith("  Proven.\n")


def test_a_chapter_is_proven_exercise_by_exercise(course: Course, spark) -> None:
    proven, said = said_of(course, "1")
    assert proven
    assert said.count("Proven.") == 2
    assert said.endswith("2 of 2 exercises are proven.")


def test_a_mutant_that_lives_is_shown_with_its_source_and_a_saved_change_counts_at_once(course: Course, spark) -> None:
    assert said_of(course, "twice")[0]
    edit(course.solution_source(STEM), "    return 2 * amount", "    return 2 * amount if amount > 0 else amount")
    proven, said = said_of(course, "twice")
    assert not proven
    assert "✗ mutants fail: twice: " in said
    assert "    lives: amount > 0 → amount >= 0\n      def twice(amount: int) -> int:" in said
    edit(course.checks(STEM), "answer(3),\n        6,", "answer(3),\n        7,")
    assert "solution: failed: twice(3) gave 6, and 7 was expected." in said_of(course, "twice")[1]


def test_files_that_cannot_be_read_are_one_sentence(course: Course) -> None:
    edit(course.checks(STEM), "@exercise(", "@exercise((")
    proven, said = said_of(course, "twice")
    assert not proven
    assert said.startswith("✗ exercises/checks/01_good.py cannot be read: SyntaxError: ")


def test_a_name_that_is_none_is_one_sentence(course: Course) -> None:
    with pytest.raises(CourseError, match="There is no exercise and no chapter 'thrice': `workbook new"):
        said_of(course, "thrice")


def test_it_is_proven_again_after_each_change_until_ctrl_c(course: Course, spark) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("Waiting"):
            if sum(line.startswith("Waiting") for line in said) == 2:
                raise KeyboardInterrupt
            edit(course.checks(STEM), "answer(3),\n        6,", "answer(3),\n        7,")

    with pytest.raises(KeyboardInterrupt):
        trial.keep_proving(course, "twice", say)
    assert [line for line in said if "Proven." in line or "Not proven." in line] == ["  Proven.\n", "  Not proven.\n"]


def test_after_a_change_in_the_packages_it_begins_anew(
    course: Course, spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "packages" / "module.py"
    module.parent.mkdir()
    module.write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(trial, "PACKAGES", module.parent)
    begun: list[list[str]] = []

    def begin(command: str, arguments: list[str]) -> None:
        begun.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "execv", begin)
    monkeypatch.setattr(sys, "argv", ["workbook", "prove", "twice"])
    with pytest.raises(KeyboardInterrupt):
        trial.keep_proving(course, "twice", lambda line: edit(module, "1", "2") if line.startswith("Wait") else None)
    assert begun == [[sys.executable, "workbook", "prove", "twice"]]


# Made.


def test_only_what_is_stale_is_made_again(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []

    def execute(notebook, folder):
        run.append(folder.name)
        return EXECUTE(notebook, folder)

    EXECUTE = generate.execute
    monkeypatch.setattr(generate, "execute", execute)
    monkeypatch.setenv("WORKBOOK_ROOT", str(course.root))
    (course.root / "requirements.lock").write_text("spark==4 \\\n", encoding="utf-8")

    def made(everything: bool = False) -> list[str]:
        run.clear()
        return [str(path.relative_to(course.root)) for path in generate.sync(course, [STEM], everything)]

    notebooks = [f"exercises/{STEM}.ipynb", f"solutions/{STEM}.ipynb", f"chapters/{STEM}.ipynb"]
    assert made() == ["environment.yml", *notebooks]
    assert made() == [] and run == []
    edit(course.chapter_source(STEM), "One chapter is enough.", "Two are more.")
    assert made() == [notebooks[2]] and run == ["chapters"]
    edit(course.checks(STEM), "one that prints cannot.", "one that prints can't.")
    assert made() == [notebooks[1]] and run == ["solutions"], "the solution shows the sentence"
    edit(course.solution_source(STEM), "    return 2 * amount", "    return amount * 2")
    assert made() == [notebooks[1]], "the learner sees nothing of it"
    (course.root / "requirements.lock").write_text("spark==5 \\\n", encoding="utf-8")
    assert made() == ["environment.yml"]
    assert made(everything=True) == ["environment.yml", *notebooks]


# Read.


def test_the_page_on_contributing_leads_to_a_proven_exercise(
    course: Course, tmp_path: Path, monkeypatch, spark
) -> None:
    """Its commands say what stands there, and its three pieces of code are enough."""
    page = (ROOT / "book" / "contributing.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```console\n\$ workbook (.+?)\n(.+?)\n```$", page, re.MULTILINE | re.DOTALL)
    written = re.findall(r"^```python\n(.+?)\n```$", page, re.MULTILINE | re.DOTALL)
    (begin, begun), (look, seen) = shown
    stem = "03_data_transformations"
    copy = _copy_of(ROOT, stem, tmp_path / "copy")
    monkeypatch.setenv("WORKBOOK_ROOT", str(copy.root))
    runner = CliRunner()
    assert runner.invoke(cli.app, begin.split()).output.strip() == begun
    places = (copy.solution_source(stem), copy.checks(stem), copy.answers(stem))
    for path, code in zip(places, written, strict=True):
        before = (ROOT / path.relative_to(copy.root)).read_text(encoding="utf-8").splitlines()
        pairs = zip(before, path.read_text(encoding="utf-8").splitlines(), strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        path.write_text("\n".join([*before[:shared], code, "\n", *before[shared:]]) + "\n", encoding="utf-8")
    found = runner.invoke(cli.app, look.split())
    assert found.output.strip() == seen
    assert found.exit_code == 0


def _copy_of(root: Path, stem: str, to: Path) -> Course:
    """A course of one chapter, with its texts."""
    course, copy = Course(root), Course(to)
    for place in ("chapter_source", "solution_source", "checks", "answers"):
        path = getattr(copy, place)(stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(getattr(course, place)(stem), path)
    (to / "_toc.yml").write_text(f"parts:\n- chapters:\n  - file: chapters/{stem}\n", encoding="utf-8")
    return copy
