"""An independent implementation, by DuckDB, makes the same tables of bronze, silver and gold, row for row."""

from pathlib import Path

import pytest
from benchmarks import duck
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator
from lakehouse.sources import SourceSystems
from platforms import REFERENCE, differing

SCALE, SEED, DAYS = 0.02, 11, (0, 3)


@pytest.fixture(scope="module")
def both(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The platform after some days, each taken in by itself, and DuckDB's tables from the same sources."""
    platform, other = tmp_path_factory.mktemp("platform"), tmp_path_factory.mktemp("duckdb")
    with SourceSystems(platform / "landing", SCALE, SEED) as systems:
        for day in DAYS:
            systems.deliver(day)
            duck.catalogue(systems.addresses.catalogue_url, other / "catalogue.jsonl")
            DataPlatformOrchestrator(spark, platform, addresses=systems.addresses).run_full_pipeline()
        duck.run(systems.addresses, other)
    return platform, other


@pytest.mark.parametrize("table", REFERENCE)
def test_the_tables_agree(both: tuple[Path, Path], table: str) -> None:
    assert differing(*both, table) == []
