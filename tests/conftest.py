"""What the tests share: the course itself, and one Spark session for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from workbook.course import Course
from workbook.session import get_spark

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this repository."""
    return Course(ROOT)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The course's own local session."""
    yield get_spark()
