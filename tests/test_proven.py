"""Slow proofs run again where something that decides over them has changed, and only what held as a whole is written.

The selection is tried as it is, by runs of pytest over a small course: each rule of it is broken once.
"""

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

from closure import closure, imports, modules
from conftest import COURSE, ROOT
from learners import FIXTURE_COURSE
from proven import Proofs, nothing_but, without

SELECTION = ROOT / "tests"
CONFTEST = """
import sys
from pathlib import Path
sys.path[:0] = [{selection!r}]
import pytest
from proven import Record
from workbook.course import Course

def pytest_configure(config):
    config.pluginmanager.register(Record(Course(config.rootpath)))
"""
EXERCISES = """
import pytest
import helper

@pytest.mark.slow_proof("exercises")
@pytest.mark.parametrize("rule", ["one", "two"])
@pytest.mark.parametrize("name", ["twice", "newest_per_customer"])
def test_rule(rule, name):
    assert helper.holds(name)
"""
QUESTIONS = """
import pytest

@pytest.mark.slow_proof("questions")
@pytest.mark.parametrize("stem", ["01_good"])
def test_proof(stem):
    pass

def test_that_is_quick():
    pass
"""
INI = "[pytest]\ntestpaths = tests\nmarkers = slow_proof(kind): slow\n"
PAGES = """
import pytest

@pytest.mark.slow_proof("pages")
@pytest.mark.parametrize("stem", ["01_good"])
def test_pages(stem):
    pass
"""
TWICE, NEWEST, QUESTIONED = "exercises/01_good/twice", "exercises/01_good/newest_per_customer", "questions/01_good"
PAGED = "pages/01_good"
EVERYTHING = {TWICE, NEWEST, QUESTIONED, PAGED}


@pytest.fixture
def small(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one chapter, with tests that prove its exercises and its questions."""
    for name in ("test_book", "test_exercises", "test_ml", "test_questions"):
        monkeypatch.delitem(sys.modules, name, raising=False)  # those of the course itself, which runs these tests
    root = Path(shutil.copytree(FIXTURE_COURSE, pytester.path, dirs_exist_ok=True))
    (root / "_toc.yml").write_text("parts:\n- chapters:\n  - file: chapters/01_good\n", encoding="utf-8")
    (root / "pytest.ini").write_text(
        "[pytest]\ntestpaths = tests\nmarkers = slow_proof(kind): slow\n", encoding="utf-8"
    )
    (root / "requirements.lock").write_text("spark==4\n", encoding="utf-8")
    for folder in ("src/workbook", "src/lakehouse", "book/questions"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "src/lakehouse/__init__.py").write_text("", encoding="utf-8")
    (root / "src/lakehouse/gold.py").write_text("", encoding="utf-8")
    (root / "book/questions/01_good.yml").write_text("- id: a\n  proof: from lakehouse import gold\n", encoding="utf-8")
    # What the checks import of the kit, as far as it is looked at: a template beside a module.
    (root / "src/workbook/checking").mkdir()
    for path in ("__init__.py", "checking/__init__.py", "checking/case.py", "checking/exercise.py"):
        (root / "src/workbook" / path).write_text("", encoding="utf-8")
    (root / "src/workbook/checking/panel.jinja").write_text("", encoding="utf-8")
    tests = root / "tests"
    (tests / "conftest.py").write_text(CONFTEST.format(selection=str(SELECTION)), encoding="utf-8")
    (tests / "test_exercises.py").write_text(EXERCISES, encoding="utf-8")
    (tests / "test_questions.py").write_text(QUESTIONS, encoding="utf-8")
    (tests / "test_book.py").write_text(PAGES, encoding="utf-8")
    (tests / "helper.py").write_text("def holds(name):\n    return True\n", encoding="utf-8")
    return root


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """What pytest says of a run in the course."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:nbval", "-rA", *arguments)


def proven(root: Path) -> set[str]:
    """The keys that are written down as proven."""
    path = root / "tests" / "proven.json"
    return set(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else set()


def runs_again(pytester: pytest.Pytester) -> set[str]:
    """The keys whose proofs a run does not leave out."""
    said = [line for line in run(pytester).outlines if line.startswith("PASSED")]
    words = {"twice": TWICE, "newest_per_customer": NEWEST, "test_proof": QUESTIONED, "test_pages": PAGED}
    return {key for word, key in words.items() if any(word in line for line in said)}


def test_what_held_is_written_down_and_not_run_again(
    small: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pytester).assert_outcomes(passed=7)
    assert proven(small) == EVERYTHING
    run(pytester).assert_outcomes(passed=1, deselected=6)
    monkeypatch.setenv("WORKBOOK_FULL", "1")
    run(pytester).assert_outcomes(passed=7)


CHANGES = {
    # what changes: (file, what is put at its end, whose proofs run again)
    "an exercise's check": ("exercises/checks/01_good.py", "", {TWICE}),
    "what all checks share": ("exercises/checks/01_good.py", "\nSHARED = 1\n", {TWICE, NEWEST}),
    "a wrong answer": (
        "tests/answers/01_good.py",
        "\n\n@wrong('twice', says='x')\ndef other(amount):\n    return 1\n",
        {TWICE},
    ),
    "an objective": ("chapters/01_good.md", "\n* **1.9** Something new.\n", EVERYTHING - {PAGED}),
    "a sentence of the lesson": ("chapters/01_good.md", "\nOne more sentence.\n", set()),
    "the questions": ("book/questions/01_good.yml", "- id: b\n", {QUESTIONED}),
    "the code that proves": ("tests/test_exercises.py", "\n# More.\n", {TWICE, NEWEST}),
    "what it imports": ("tests/helper.py", "\n# More.\n", {TWICE, NEWEST}),
    "what all tests share": ("tests/conftest.py", "\n# More.\n", EVERYTHING),
    "the lock": ("requirements.lock", "\ndelta==4\n", EVERYTHING),
    "a module that a check imports": (
        "src/workbook/checking/exercise.py",
        "\n# More.\n",
        {TWICE, NEWEST},
    ),
    "a template beside it": ("src/workbook/checking/panel.jinja", "More", {TWICE, NEWEST}),
    "a module that only a question imports": ("src/lakehouse/gold.py", "\n# More.\n", {QUESTIONED}),
    "a module that nothing imports": ("src/lakehouse/silver.py", "\n# More.\n", set()),
    "the table of contents": ("_toc.yml", "# More.\n", {PAGED}),
    "a picture of a page": ("book/images/one.svg", "<svg/>", {PAGED}),
    "a style sheet": ("book/_static/workbook.css", "p {}", {PAGED}),
    "the settings of the book": ("_config.yml", "title: More\n", {PAGED}),
    "a page around the lessons": ("book/preface.md", "\nMore.\n", set()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_runs_the_proofs_that_it_decides_over_and_no_others(
    small: Path, pytester: pytest.Pytester, what: str
) -> None:
    name, added, again = CHANGES[what]
    run(pytester)
    path = small / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    changed = text + added if added else text.replace("nothing.", "nothing at all.", 1)
    path.write_text(changed, encoding="utf-8")
    assert runs_again(pytester) == again
    assert runs_again(pytester) == set(), "they held, so they are written down"


def test_a_key_with_a_failed_proof_is_not_written_down(small: Path, pytester: pytest.Pytester) -> None:
    (small / "tests/helper.py").write_text("def holds(name):\n    return name == 'twice'\n", encoding="utf-8")
    run(pytester)
    assert proven(small) == EVERYTHING - {NEWEST}


@pytest.mark.parametrize("part", [("-k", "one"), ("tests/test_exercises.py::test_rule[twice-one]",)])
def test_a_part_of_the_proofs_proves_nothing(small: Path, pytester: pytest.Pytester, part: tuple[str, ...]) -> None:
    assert run(pytester, *part).ret == 0
    assert not proven(small) & {TWICE, NEWEST}


def test_a_file_that_holds_a_whole_kind_is_enough(small: Path, pytester: pytest.Pytester) -> None:
    run(pytester, "tests/test_exercises.py")
    assert proven(small) == {TWICE, NEWEST}


def test_workers_prove_what_one_process_proves(small: Path, pytester: pytest.Pytester) -> None:
    run(pytester, "-n", "2").assert_outcomes(passed=7)
    assert proven(small) == EVERYTHING


def test_what_is_edited_while_the_tests_run_is_not_proven(small: Path, pytester: pytest.Pytester) -> None:
    edits = "\n\ndef test_edit():\n    open('exercises/checks/01_good.py', 'a').write('\\nEDITED = 1\\n')\n"
    (small / "tests" / "test_zz.py").write_text(edits, encoding="utf-8")
    run(pytester).assert_outcomes(passed=8)
    assert proven(small) == {QUESTIONED, PAGED}


UNNAMED = """
import pytest

@pytest.mark.slow_proof({})
def test_nameless():
    pass
"""


@pytest.mark.parametrize(("mark", "full"), [('"questions"', "0"), ('"questions"', "1"), ("", "0"), ('"x"', "0")])
def test_a_slow_proof_that_would_never_run_is_an_error(
    small: Path, pytester: pytest.Pytester, mark: str, full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small / "tests" / "test_questions.py").write_text(UNNAMED.format(mark), encoding="utf-8")
    monkeypatch.setenv("WORKBOOK_FULL", full)
    found = run(pytester)
    assert "test_nameless: a slow proof has one of the kinds" in str(found.errlines)
    found.assert_outcomes()


def test_a_proof_that_imports_what_no_import_leads_to_is_refused(small: Path, pytester: pytest.Pytester) -> None:
    import_module("lakehouse.gold")  # as where another test was before on the same worker
    sneaking = "\n\ndef holds(name):\n    return bool(__import__('.'.join(['lakehouse', 'gold'])))\n"
    (small / "tests/helper.py").write_text(sneaking, encoding="utf-8")
    assert "This proof imports lakehouse" in run(pytester).stdout.str()
    assert proven(small) == {QUESTIONED, PAGED}


def test_a_proof_that_reads_what_does_not_decide_is_refused(small: Path, pytester: pytest.Pytester) -> None:
    (small / "README.md").write_text("Read me.\n", encoding="utf-8")
    reading = "\n\ndef holds(name):\n    return bool(open('README.md').read())\n"
    (small / "tests/helper.py").write_text(reading, encoding="utf-8")
    assert "This proof reads README.md" in run(pytester).stdout.str()
    assert proven(small) == {QUESTIONED, PAGED}


def test_the_platform_is_proven_by_the_file_of_its_tests(small: Path, pytester: pytest.Pytester) -> None:
    test = "import pytest\nfrom lakehouse import gold\npytestmark = pytest.mark.slow_proof('platform')\n"
    (small / "tests/test_ml.py").write_text(f"import sys\nsys.path.append('src')\n{test}\ndef test_it(): pass\n")
    run(pytester)
    assert proven(small) == {*EVERYTHING, "platform/test_ml"}
    (small / "src/lakehouse/silver.py").write_text("", encoding="utf-8")
    run(pytester).assert_outcomes(passed=1, deselected=7)
    (small / "src/lakehouse/gold.py").write_text("# More.\n", encoding="utf-8")
    run(pytester).assert_outcomes(passed=3, deselected=5)


# The parts of it.


def test_imports_are_found_wherever_they_stand() -> None:
    code = """
from typing import TYPE_CHECKING
import a.b
if TYPE_CHECKING:
    import unseen
def f():
    from c import d
command = ["-m", "workbook.spark.warm_up"]
def __getattr__(name):
    import only_when_asked
"""
    found = {module for module, _ in imports(code)}
    assert found == {"typing", "a.b", "c", "workbook.spark.warm_up"}


def test_what_a_package_imports_lazily_counts_where_it_is_asked_for() -> None:
    orchestrator = ROOT / "src/lakehouse/orchestrator.py"
    assert orchestrator in closure(ROOT, ["from lakehouse import DataPlatformOrchestrator"])
    assert orchestrator not in closure(ROOT, ["from lakehouse import tables"])


def test_modules_are_named_as_they_are_imported() -> None:
    files = [ROOT / "src/lakehouse/__init__.py", ROOT / "src/workbook/course.py", ROOT / "tests/closure.py"]
    assert modules(ROOT, files) == {"lakehouse", "workbook.course"}


def test_modules_are_hidden_for_a_while_and_come_back() -> None:
    bank = import_module("workbook.questions.bank")
    with nothing_but({"workbook", "workbook.course"}):
        import_module("workbook.course")
        with pytest.raises(AssertionError, match=r"imports workbook\.questions"):
            import_module("workbook.questions.bank")
    assert import_module("workbook.questions.bank") is bank


OTHERS = """A = 1

@wrong("one", says="x")
def bad():
    pass

@right("two")
def good():
    pass

def one():
    pass
"""


def test_what_belongs_to_other_exercises_does_not_count() -> None:
    assert without(OTHERS, frozenset({"one"})) == 'A = 1\n@right("two")\ndef good():\n    pass'


def test_the_exercises_of_the_first_chapters_know_nothing_of_the_platform() -> None:
    """So a change in it does not prove them again."""
    proofs = Proofs(COURSE)
    for key in proofs.keys:
        if key.startswith(("exercises/01", "exercises/02", "exercises/03")):
            reached = modules(ROOT, proofs.imported(key))
            assert {name for name in reached if name.startswith("lakehouse")} == set(), key
