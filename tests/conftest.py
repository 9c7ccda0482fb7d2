"""What the tests share: the course itself, and one Spark session for all of them."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pyspark.sql import SparkSession
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import proven
from workbook.authored import authored
from workbook.authoring import generate
from workbook.checking.engine import FEW_ROWS
from workbook.commands import copies, doctor
from workbook.course import Course
from workbook.spark.session import get_spark

ROOT = proven.ROOT
COURSE = Course(ROOT)
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FIXTURE_COURSE = ROOT / "tests" / "fixtures" / "course"
# A skipped test is a hole: these are all that may be skipped, each with its reason.
MAY_BE_SKIPPED = {
    "tests/test_repository.py::test_the_workflow_is_sound": "actionlint is packaged for Linux on x86-64 only.",
}
# The stems by the words that tests are named after: the stem itself, or one of its exercises.
STEMS = {word: stem for stem in COURSE.stems for word in (stem, *(item.name for item in authored(COURSE, stem)))}
# What takes minutes begins first, so that the workers end at about the same time.
LONGEST = (
    *("tests/test_platform.py", "tests/test_platform_faults.py", "tests/test_platform_anywhere.py"),
    *("chapters/", "tests/test_ml.py", "tests/test_ingestion.py", "tests/test_api.py", "tests/test_book.py"),
)
_reports: list[pytest.TestReport] = []


def stem_of(nodeid: str) -> str:
    """The stem that a test is about, where its file or its parameters name one, or an exercise of one."""
    return next((STEMS[word] for word in re.split(r"[][/.-]", nodeid) if word in STEMS), "")


class OneWorkerAStem(LoadScopeScheduling):  # type: ignore[misc]
    """Each file, and each stem in it, on one worker: it starts one Spark, and the cells of a lesson stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return f"{nodeid.partition('::')[0]} {stem_of(nodeid)}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneWorkerAStem:
    config.option.loadscopereorder = False  # it would begin with what has most tests
    return OneWorkerAStem(config, log)


@pytest.hookimpl(tryfirst=True)  # before `-m slow_proof` chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the slow proofs of stems that have not changed, and begin with what takes longest."""
    for item in items:
        if item.nodeid.startswith("chapters/"):  # a cell of a lesson, collected by nbval
            item.add_marker(pytest.mark.slow_proof)
    changed = proven.changed(COURSE)
    slow = [item for item in items if item.get_closest_marker("slow_proof")]
    known = [item for item in slow if stem_of(item.nodeid) not in changed]
    for item in slow:
        item.user_properties.append(("slow_proof", stem_of(item.nodeid)))
    if known:
        config.hook.pytest_deselected(items=known)
    items[:] = sorted((item for item in items if item not in known), key=place)


def place(item: pytest.Item) -> int:
    """Where a test stands in the order of the longest."""
    return next((number for number, one in enumerate(LONGEST) if item.nodeid.startswith(one)), len(LONGEST))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _reports.append(report)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail for a skipped test that may not be; after a full run, write what the status page shows."""
    if hasattr(session.config, "workerinput"):
        return
    holes = [report.nodeid for report in _reports if report.skipped and report.nodeid not in MAY_BE_SKIPPED]
    if holes:
        print(f"\nSkipped, and not on the list in tests/conftest.py: {', '.join(holes)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    proven.write(COURSE, proven.whole(COURSE, _reports))
    if proven.FULL:
        runs = [report for report in _reports if report.when == "call" and dict(report.user_properties).get("notebook")]
        write_status(runs)


def write_status(runs: list[pytest.TestReport]) -> None:
    """Write `book/status.json`: the versions, and the seconds and the result of each notebook."""
    notebooks = [
        {"path": dict(run.user_properties)["notebook"], "seconds": round(run.duration, 1), "result": run.outcome}
        for run in runs
    ]
    status = {
        "date": date.today().isoformat(),
        "versions": {version.name: version.installed for version in doctor.versions()},
        "notebooks": sorted(notebooks, key=lambda notebook: notebook["path"]),
    }
    (ROOT / "book" / "status.json").write_text(json.dumps(status, indent=2) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this repository."""
    return COURSE


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    """The course's own local session: one for all modules, unless one of them had to end it."""
    return get_spark()


@pytest.fixture(scope="module")
def few_rows(spark: SparkSession) -> Iterator[None]:
    """Queries are interpreted, as in a check: for tests of many small ones, whose plans do not matter."""
    before = {name: spark.conf.get(name) for name in FEW_ROWS}
    for name, value in FEW_ROWS.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser, with nothing in it yet."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert path, "These tests need Chromium: install it, or Google Chrome."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A copy of the fixture course with its good chapter only, as a learner has it who works in `work/`."""
    root = Path(shutil.copytree(FIXTURE_COURSE, tmp_path / "course"))
    contents = (root / "_toc.yml").read_text(encoding="utf-8").splitlines()
    (root / "_toc.yml").write_text("\n".join(line for line in contents if "/0" not in line or "/01" in line))
    made = Course(root)
    generate.write(generate.exercises_notebook(made, "01_good"), made.exercises("01_good"))
    copies.fill(made)
    monkeypatch.setenv("WORKBOOK_ROOT", str(root))
    monkeypatch.chdir(root / "work")
    return made
