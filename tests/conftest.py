"""What the tests share: the course itself, and one Spark session for all of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pyspark.sql import SparkSession

from workbook import generate, work
from workbook.course import Course
from workbook.session import get_spark

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FIXTURE_COURSE = ROOT / "tests" / "fixtures" / "course"


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this repository."""
    return Course(ROOT)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """The course's own local session."""
    return get_spark()


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
    work.fill(made)
    monkeypatch.setenv("WORKBOOK_ROOT", str(root))
    monkeypatch.chdir(root / "work")
    return made
