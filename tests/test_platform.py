"""The platform from end to end: what it makes, that it makes it once, and that the order of days does not matter."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator
from lakehouse.orchestrator import PlatformResult
from platforms import SCALE, SEED, contents, versions

DAYS = 4


def run(spark: SparkSession, base: Path, days: int) -> PlatformResult:
    return DataPlatformOrchestrator(spark, base, scale=SCALE, seed=SEED).run_full_pipeline(days)


@pytest.fixture(scope="module")
def whole(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PlatformResult]:
    """A platform that got all days in one run."""
    base = tmp_path_factory.mktemp("whole")
    return base, run(spark, base, DAYS)


def test_a_day_at_a_time_makes_what_one_run_over_all_days_makes(
    spark: SparkSession, whole: tuple[Path, PlatformResult], tmp_path: Path
) -> None:
    for days in range(1, DAYS + 1):
        assert run(spark, tmp_path, days).balanced
    expected, found = contents(whole[0]), contents(tmp_path)
    assert found.keys() == expected.keys()
    for table in expected:
        assert found[table] == expected[table], table


def test_the_books_balance_and_every_row_has_gone_somewhere(whole: tuple[Path, PlatformResult]) -> None:
    result = whole[1]
    assert result.balanced and not result.nothing_new
    assert {book.source for book in result.books} == {
        *("customer_changes", "products", "payments_online", "payments_store"),
    }
    assert all(book.clean > 0 for book in result.books)
    assert sum(book.quarantined for book in result.books) > 0 < sum(book.duplicate for book in result.books)


def test_a_second_run_changes_no_table_and_says_so(spark: SparkSession, whole: tuple[Path, PlatformResult]) -> None:
    base = whole[0]
    before = versions(base)
    result = run(spark, base, DAYS)
    assert result.nothing_new
    assert versions(base) == before
