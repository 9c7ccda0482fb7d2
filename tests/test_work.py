"""The learner's copies: filled, updated and reset without losing a word."""

import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from workbook.commands import copies
from workbook.course import Course

STEM = "01_first"


def exercise(name: str, task: str = "Do it.") -> list[tuple[str, str, str | None]]:
    return [
        ("markdown", f"## Exercise 1.1 · {name}\n\n{task}", None),
        ("code", f"def {name}(rows):\n    return ____", name),
        ("code", f"check({name})", None),
    ]


def publish(course: Course, *exercises: list[tuple[str, str, str | None]]) -> None:
    """Write the course's exercises notebook, as a release would."""
    cells = []
    for kind, source, name in [("code", "from workbook import ____, check", None), *itertools.chain(*exercises)]:
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        cells.append(make(source, id=f"{STEM}-{len(cells):03d}", metadata={"exercise": name} if name else {}))
    course.exercises(STEM).parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), course.exercises(STEM))


@pytest.fixture
def course(tmp_path: Path) -> Course:
    chapters = [{"file": f"chapters/{STEM}"}]
    toc = {"format": "jb-book", "root": "index", "parts": [{"caption": "Chapters", "chapters": chapters}]}
    (tmp_path / "_toc.yml").write_text(json.dumps(toc))
    made = Course(tmp_path)
    publish(made, exercise("one"), exercise("two"))
    copies.fill(made)
    return made


def answer(course: Course, name: str, body: str) -> None:
    """Do what a learner does: replace the blank."""
    notebook = nbformat.read(course.work(STEM), 4)
    for cell in notebook.cells:
        if cell.metadata.get("exercise") == name:
            cell.source = f"def {name}(rows):\n    return {body}"
    nbformat.write(notebook, course.work(STEM))


def add_after(course: Course, source: str, own: str) -> None:
    """Do what a learner does: add a cell behind the one with `source`."""
    notebook = nbformat.read(course.work(STEM), 4)
    at = next(index for index, cell in enumerate(notebook.cells) if cell.source == source)
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(own))
    nbformat.write(notebook, course.work(STEM))


def sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells]


def test_fill_never_overwrites(course: Course) -> None:
    answer(course, "one", "rows")
    before = course.work(STEM).read_bytes()
    assert copies.fill(course) == []
    assert course.work(STEM).read_bytes() == before


def test_update_without_a_change_touches_nothing(course: Course) -> None:
    answer(course, "one", "rows")
    add_after(course, "check(one)", "rows = 1")
    before = course.work(STEM).read_bytes()
    assert copies.update(course) == []
    assert course.work(STEM).read_bytes() == before


def test_a_changed_task_keeps_the_answer(course: Course) -> None:
    answer(course, "one", "rows")
    publish(course, exercise("one", "Do it better."), exercise("two"))
    [change] = copies.update(course)
    assert change.carried == ["one"]
    now = sources(course.work(STEM))
    assert now[1] == "## Exercise 1.1 · one\n\nDo it better."
    assert now[2] == "def one(rows):\n    return rows"
    assert now[5] == "def two(rows):\n    return ____"


def test_an_added_exercise_comes_in_and_is_named(course: Course) -> None:
    answer(course, "two", "[2]")
    publish(course, exercise("zero"), exercise("one"), exercise("two"))
    [change] = copies.update(course)
    assert change.added == ["zero"]
    assert sources(course.work(STEM))[8] == "def two(rows):\n    return [2]"


def test_a_removed_exercise_leaves_its_answer_at_the_end(course: Course) -> None:
    answer(course, "two", "[2]")
    publish(course, exercise("one"))
    [change] = copies.update(course)
    assert change.removed == ["two"]
    assert sources(course.work(STEM))[-2:] == [copies.GONE, "def two(rows):\n    return [2]"]
    assert copies.update(course) == []


def test_reordered_exercises_keep_their_answers_and_the_learners_own_cells(course: Course) -> None:
    answer(course, "one", "[1]")
    answer(course, "two", "[2]")
    add_after(course, "check(one)", "my_note = 'about one'")
    publish(course, exercise("two"), exercise("one"))
    copies.update(course)
    assert sources(course.work(STEM)) == [
        "from workbook import ____, check",
        "## Exercise 1.1 · two\n\nDo it.",
        "def two(rows):\n    return [2]",
        "check(two)",
        "## Exercise 1.1 · one\n\nDo it.",
        "def one(rows):\n    return [1]",
        "check(one)",
        "my_note = 'about one'",
    ]


def test_own_cells_of_a_removed_exercise_are_kept(course: Course) -> None:
    add_after(course, "check(two)", "my_note = 'about two'")
    publish(course, exercise("one"))
    copies.update(course)
    assert sources(course.work(STEM))[-2:] == [copies.OWN, "my_note = 'about two'"]
    publish(course, exercise("one", "Once more."))
    copies.update(course)
    assert sources(course.work(STEM))[-2:] == [copies.OWN, "my_note = 'about two'"]


def test_every_update_keeps_the_old_file(course: Course) -> None:
    answer(course, "one", "rows")
    before = course.work(STEM).read_bytes()
    publish(course, exercise("one", "Do it better."))
    [change] = copies.update(course)
    assert change.kept is not None and change.kept.read_bytes() == before


def test_two_updates_in_one_second_keep_two_files(course: Course) -> None:
    for task in ("First.", "Second."):
        publish(course, exercise("one", task))
        copies.update(course)
    assert len(list((course.root / "work" / "kept").iterdir())) == 2


def test_answers_survive_a_tool_that_drops_ids_and_metadata(course: Course) -> None:
    answer(course, "one", "rows")
    notebook = json.loads(course.work(STEM).read_text())
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    notebook["nbformat_minor"] = 4
    course.work(STEM).write_text(json.dumps(notebook))
    publish(course, exercise("one", "Do it better."), exercise("two"))
    copies.update(course)
    now = sources(course.work(STEM))
    assert now[2] == "def one(rows):\n    return rows"
    assert now[1] == "## Exercise 1.1 · one\n\nDo it better."


def edit(course: Course, change: Callable[[list[NotebookNode]], None]) -> None:
    """Do what a learner, or a tool, does to the cells of a notebook."""
    notebook = nbformat.read(course.work(STEM), 4)
    change(notebook.cells)
    nbformat.write(notebook, course.work(STEM))


def updated(course: Course) -> list[str]:
    """The sources of the notebook after an update of the course, between the first task and the second."""
    publish(course, exercise("one", "Do it better."), exercise("two", "Do it well."))
    copies.update(course)
    assert copies.update(course) == [], "once more changes nothing"
    return sources(course.work(STEM))


@pytest.mark.parametrize(
    "written",
    [
        "def one(rows):\n    # ____ was here\n    return rows",
        "def one(rows):\n    return '____'",
        "def one(rows):\n    rows = sorted(rows)\n    return ____",
        "def one(rows):\n    return (rows",
        "def one(rows):\n    # ask about ____ again\n    return ____",
    ],
)
def test_a_blank_that_is_named_in_a_comment_or_half_done_is_an_answer(course: Course, written: str) -> None:
    edit(course, lambda cells: cells[2].update(source=written))
    assert updated(course)[2] == written


def test_an_answer_in_a_cell_that_is_text_now_stays_beside_the_blank_and_is_told(course: Course) -> None:
    text = "def one(rows):\n    return rows"
    edit(course, lambda cells: cells[2].update(source=text, cell_type="markdown"))
    publish(course, exercise("one", "Do it better."), exercise("two"))
    [change] = copies.update(course)
    assert sources(course.work(STEM))[2:5] == ["def one(rows):\n    return ____", text, "check(one)"]
    assert change.carried == []
    assert "more of yours kept beside the answer: one" in change.sentences()[0]
    assert copies.update(course) == []


HELPER, ANSWER = "LIMIT = 3", "def one(rows):\n    return rows[:LIMIT]"


@pytest.mark.parametrize("parts", [(HELPER, ANSWER), (ANSWER, "one([1])"), ("def one(rows):", "    return rows")])
def test_the_parts_of_a_split_cell_stay_in_their_order(course: Course, parts: tuple[str, str]) -> None:
    def split(cells: list[NotebookNode]) -> None:
        second = copy.deepcopy(cells[2])
        cells[2].source, second.source = parts
        second.id = "new"
        cells.insert(3, second)

    edit(course, split)
    assert updated(course)[2:5] == [*parts, "check(one)"]


def test_an_output_with_a_lone_surrogate_is_kept(course: Course) -> None:
    answer(course, "one", "rows")
    notebook = json.loads(course.work(STEM).read_text())
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "\ud800"}]
    course.work(STEM).write_text(json.dumps(notebook))
    assert updated(course)[2] == "def one(rows):\n    return rows"
    assert json.loads(course.work(STEM).read_text())["cells"][2]["outputs"][0]["text"] == ["\ud800"]


def test_answers_that_were_merged_into_one_cell_are_taken_apart(course: Course) -> None:
    one, two = "LIMIT = 3\n\n\ndef one(rows):\n    return rows", "@cache\ndef two(rows):\n    return rows[:LIMIT]"

    def merge(cells: list[NotebookNode]) -> None:
        cells[2].source = f"{one}\n\n\n{two}"
        del cells[5]

    edit(course, merge)
    now = updated(course)
    assert (now[2], now[5]) == (one, two)


@pytest.mark.parametrize("damage", ["", "{", '{"cells": 1}', "\x00\x00"])
def test_a_damaged_notebook_is_kept_and_replaced(course: Course, damage: str) -> None:
    course.work(STEM).write_text(damage)
    [change] = copies.update(course)
    assert change.damaged
    assert change.kept is not None and change.kept.read_text() == damage
    assert sources(course.work(STEM))[2] == "def one(rows):\n    return ____"


def test_reset_gives_a_fresh_notebook_and_keeps_the_old_one(course: Course) -> None:
    answer(course, "one", "rows")
    before = course.work(STEM).read_bytes()
    kept = copies.reset(course, STEM)
    assert kept is not None and kept.read_bytes() == before
    assert course.work(STEM).read_text().rstrip("\n") == course.exercises(STEM).read_text().rstrip("\n")


def test_a_stem_that_is_new_in_the_course_is_filled(course: Course) -> None:
    course.work(STEM).unlink()
    [change] = copies.update(course)
    assert change.sentences() == [f"{STEM}: new in your work folder."]
