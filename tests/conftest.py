"""What the tests share: the course itself, and one Spark session for all of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pyspark.sql import SparkSession

from proven import Record
from workbook.checking.engine import FEW_ROWS
from workbook.course import Course
from workbook.spark.session import get_spark

ROOT = Path(__file__).resolve().parents[1]
COURSE = Course(ROOT)
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Each says what it is for. They decide over no proof.
pytest_plugins = ["running", "learners", "pytester"]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Record(COURSE))


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
