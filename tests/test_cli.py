"""The command `workbook`, as a learner calls it in a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from workbook.checking.progress import Progress
from workbook.commands import cli
from workbook.course import Course


@pytest.fixture
def workbook(small_course: Course, monkeypatch, capsys):
    """Calls the command, and returns its exit code with all that it says."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["workbook", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code, said = ended.value.code, capsys.readouterr()
        text = said.out + said.err
        # Python prints the text that a program exits with, and exits with 1.
        return (1, text + code) if isinstance(code, str) else (code or 0, text)

    return call


def write(course: Course, **answers: str) -> None:
    """Do what a learner does: put these functions in the place of the blanks."""
    notebook = nbformat.read(course.work("01_good"), 4)
    for cell in notebook.cells:
        if (name := cell.metadata.get("exercise")) in answers:
            cell.source = answers[name]
    nbformat.write(notebook, course.work("01_good"))


RIGHT = "def twice(amount):\n    return 2 * amount"
WRONG = "def twice(amount):\n    return amount + 4"
NEWEST = """
def newest_per_customer(changes):
    changes.createOrReplaceTempView("changes")
    newest = spark.sql("SELECT customer_id, max(struct(updated_at, change_id, city)) AS n FROM changes GROUP BY 1")
    return newest.select("customer_id", "n.*")
"""


def test_check_says_of_each_answer_what_is_wrong_and_exits_with_1(workbook, small_course) -> None:
    write(small_course, twice=WRONG)
    code, said = workbook("check", "01")
    assert code == 1
    assert said.splitlines() == [
        "✗ twice: not yet",
        "twice(3) gave 7, and 6 was expected. Follow that call through your code: which line makes it so?",
        "     input: twice(3)",
        "     yours: 7",
        "  expected: 6",
        "Hint: What does the function return?",
        "Documentation: https://docs.python.org/3/tutorial/controlflow.html",
        "",
        "0 of 2 passed.",
        "Not attempted: newest_per_customer.",
    ]


def test_check_exits_with_0_when_all_pass_also_with_the_notebooks_own_spark(workbook, small_course) -> None:
    write(small_course, twice=RIGHT, newest_per_customer=NEWEST)
    code, said = workbook("check", "1")
    assert said.splitlines()[-1] == "2 of 2 passed."
    assert code == 0


def test_check_runs_the_learners_own_constants_and_helpers_and_nothing_else(workbook, small_course) -> None:
    helpers = "FACTOR: int = 2\n\ndef times(amount):\n    return FACTOR * amount\n\nprint('shown')\n1 / 0\n\n"
    write(small_course, twice=helpers + "def twice(amount):\n    return times(amount)")
    assert "✓ twice: passed" in workbook("check", "01")[1]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def twice(amount):\n    return 2 *", "Python cannot read your cell, line 2: invalid syntax."),
        ("import no_such_module\ndef twice(amount):\n    return 2", "Your code raised ModuleNotFoundError: No module"),
    ],
)
def test_a_cell_that_cannot_run_is_an_error_of_its_exercise_alone(workbook, small_course, source, said) -> None:
    write(small_course, twice=source, newest_per_customer=NEWEST)
    code, text = workbook("check", "01")
    assert code == 1
    assert f"! twice: error\n{said}" in text
    assert "1 of 2 passed." in text


def test_a_function_that_was_renamed_is_missed(workbook, small_course) -> None:
    write(small_course, twice="def double(amount):\n    return 2 * amount")
    assert "Not attempted: twice, newest_per_customer." in workbook("check", "01")[1]


def test_progress_shows_chapters_objectives_and_what_is_left(workbook, small_course) -> None:
    Progress(small_course.progress).record("01_good", "twice", "passed", "Passed.")
    code, said = workbook("progress")
    assert code == 0
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if "│" in line]
    assert rows == [
        ["01", "A good chapter", "1 of 2", ""],
        ["1.1", "Keep one row a customer, always the same one.", "0 of 1", "newest_per_customer"],
        ["1.2", "Return a value rather than print it.", "✓ 1 of 1", ""],
    ]
    assert said.splitlines()[-1].startswith("Begin exercise 1.2, One row a customer")


def test_next_begins_goes_on_and_ends(workbook, small_course) -> None:
    assert workbook("next") == (0, "Begin exercise 1.1, Twice (`twice`), in work/01_good.ipynb.\n")
    write(small_course, twice=WRONG)
    workbook("check", "01")
    assert workbook("next")[1].splitlines() == [
        "Go on with exercise 1.1, Twice (`twice`), in work/01_good.ipynb.",
        "Its last check said: twice(3) gave 7, and 6 was expected. "
        "Follow that call through your code: which line makes it so?",
        "`hint(twice)` shows 2 of 3 hints.",
    ]
    write(small_course, twice=RIGHT)
    workbook("check", "01")
    begin = "Begin exercise 1.2, One row a customer (`newest_per_customer`), in work/01_good.ipynb.\n"
    assert workbook("next") == (0, begin)
    Progress(small_course.progress).record("01_good", "newest_per_customer", "passed", "Passed.")
    assert workbook("next")[1].startswith("You have passed every exercise of the course.")


def test_update_says_what_it_did_and_then_that_nothing_is_left(workbook, small_course) -> None:
    assert workbook("update") == (0, "Your notebooks are up to date.\n")
    write(small_course, twice=RIGHT)
    published = nbformat.read(small_course.exercises("01_good"), 4)
    published.cells[2].source += "\n\nA new sentence."
    nbformat.write(published, small_course.exercises("01_good"))
    code, said = workbook("update")
    assert code == 0
    assert said.startswith("01_good: updated; your answers kept: twice. The old file is work/kept/01_good.")
    assert workbook("update") == (0, "Your notebooks are up to date.\n")


def test_reset_gives_a_fresh_notebook_and_names_the_copy(workbook, small_course) -> None:
    write(small_course, twice=RIGHT)
    code, said = workbook("reset", "01")
    assert code == 0
    assert small_course.work("01_good").read_bytes() == small_course.exercises("01_good").read_bytes()
    [kept] = (small_course.root / "work" / "kept").iterdir()
    assert said == f"01_good is fresh again. The old file is work/kept/{kept.name}.\n"
    assert RIGHT in [cell.source for cell in nbformat.read(kept, 4).cells]


@pytest.mark.parametrize("command", ["check", "reset"])
def test_an_unknown_chapter_is_one_sentence_with_the_chapters_that_there_are(workbook, command) -> None:
    assert workbook(command, "07") == (1, "There is no chapter '07': the chapters are 01.")


def test_a_notebook_that_is_gone_is_one_sentence(workbook, small_course) -> None:
    path = small_course.work("01_good")
    path.unlink()
    cure = f"{path} is not there: run `workbook update`, which fills your work folder."
    assert workbook("check", "01") == (1, cure)
    workbook("update")
    assert "0 of 2 passed." in workbook("check", "01")[1]


def test_a_damaged_notebook_is_one_sentence_and_the_cure_works(workbook, small_course) -> None:
    small_course.work("01_good").write_text("{")
    code, said = workbook("check", "01")
    assert code == 1
    assert said.endswith("`workbook update` gives you a fresh one and keeps this file.")
    assert "could not be read, so you have a fresh one" in workbook("update")[1]
    assert "0 of 2 passed." in workbook("check", "01")[1]


@pytest.mark.parametrize("command", [("progress",), ("next",), ("check", "01")])
def test_a_damaged_progress_file_is_told_and_never_fatal(workbook, small_course, command) -> None:
    small_course.progress.write_bytes(b"no database at all " * 100)
    said = workbook(*command)[1]
    assert "Your progress file was damaged. It is kept as progress.sqlite.damaged-" in said


def test_a_reset_of_what_the_course_lacks_loses_nothing(workbook, small_course) -> None:
    write(small_course, twice=RIGHT)
    before = small_course.work("01_good").read_bytes()
    small_course.exercises("01_good").unlink()
    code, said = workbook("reset", "01")
    assert (code, said.count("\n")) == (1, 0)
    assert "01_good.ipynb is missing" in said
    assert small_course.work("01_good").read_bytes() == before


def test_a_root_that_is_no_course_is_one_sentence(workbook, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBOOK_ROOT", str(tmp_path))
    cure = f"WORKBOOK_ROOT is {tmp_path}, which holds no _toc.yml: set it to the course, or unset it."
    assert workbook("next") == (1, cure)


def test_the_installed_command_prints_its_error_without_a_traceback(small_course) -> None:
    command = [str(Path(sys.executable).with_name("workbook")), "check", "07"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "There is no chapter '07': the chapters are 01.\n"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_the_characters_gets_others(small_course, encoding: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from workbook.commands.cli import main; main()", "progress"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert "Your progress" in run.stdout.decode(encoding)
    said = "from workbook.commands import cli; cli.app = lambda: cli.say('✓ ✗ … ∑'); cli.main()"
    plain = subprocess.run(
        [sys.executable, "-c", said], env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True
    )
    assert plain.stdout == b"+ x ... ?\n"


def test_without_a_command_it_lists_them_with_what_they_do(workbook) -> None:
    said = workbook()[1]
    for name in ("start", "doctor", "check", "progress", "next", "update", "reset"):
        assert f" {name} " in said
