"""The platform from end to end: what it makes, that it makes it once, and that the order of days does not matter."""

import gzip
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator
from lakehouse.orchestrator import PlatformResult
from platforms import SCALE, SEED, contents, versions

DAYS = 3
WALK = Path(__file__).parents[1] / "book" / "platform.md"


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


def test_the_walk_of_one_row_in_the_book_is_that_of_a_real_run(whole: tuple[Path, PlatformResult]) -> None:
    shown = re.findall(r"```json (\S+)\n(.+)\n```", WALK.read_text(encoding="utf-8"))
    assert [place for place, _ in shown] == [
        *("source", "bronze/payments_online", "silver/transactions", "gold/daily_sales"),
    ]
    (_, source), *tables = shown
    delivered = [
        gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
        for path in (whole[0] / "landing" / "_archive" / "payments" / "online").iterdir()
    ]
    assert sum(text.splitlines().count(source) for text in delivered) == 1
    for place, text in tables:
        row = json.loads(text)
        stored = DeltaTable(str(whole[0] / place)).to_pyarrow_table().to_pylist()
        same = [one for one in stored if {name: as_shown(one[name]) for name in row} == row]
        assert len(same) == 1, place


def as_shown(value: object) -> object:
    """A value as the book writes it in JSON."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
