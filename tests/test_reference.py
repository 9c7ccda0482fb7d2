"""An independent implementation, by DuckDB, makes the same tables of bronze, silver and gold, row for row."""

from pathlib import Path

import duckdb
import pytest
from benchmarks import duck
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator
from lakehouse.sources import SourceSystems

SCALE, SEED, DAYS = 0.02, 11, 4
TABLES = (
    *("bronze/customer_changes", "bronze/products", "bronze/payments_online", "bronze/payments_store"),
    *("silver/customer_changes", "silver/product_versions", "silver/transactions", "silver/customers"),
    *("silver/products", "silver/quarantine", "silver/duplicates"),
    *("gold/daily_sales", "gold/product_performance", "gold/customer_360"),
)


def differing(platform: Path, other: Path, table: str) -> list[tuple[object, ...]]:
    """The rows that one side has and the other has not, in the columns that both have."""
    mine, theirs = (DeltaTable(str(base / table)).to_pyarrow_table() for base in (platform, other))
    columns = [name for name in theirs.column_names if name in mine.column_names and name != "rules"]
    assert len(columns) >= 2
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("mine", mine)
        db.register("theirs", theirs)
        if table == "silver/quarantine":
            one, two = (
                f"SELECT source, split_part(key, '|', 1) AS key, list_sort({rules}) AS rules FROM {side}"
                for side, rules in (("mine", "[reason.rule for reason in reasons]"), ("theirs", "rules"))
            )
        elif table == "silver/duplicates":
            one, two = (f"SELECT source, split_part(key, '|', 1) FROM {side}" for side in ("mine", "theirs"))
        else:
            one, two = (f"SELECT {', '.join(columns)} FROM {side}" for side in ("mine", "theirs"))
        mine_only, theirs_only = f"({one} EXCEPT ALL {two})", f"({two} EXCEPT ALL {one})"
        return db.execute(
            f"SELECT 'platform', * FROM {mine_only} UNION ALL SELECT 'DuckDB', * FROM {theirs_only}"
        ).fetchall()


@pytest.fixture(scope="module")
def both(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The platform after some days, each taken in by itself, and DuckDB's tables from the same sources."""
    platform, other = tmp_path_factory.mktemp("platform"), tmp_path_factory.mktemp("duckdb")
    with SourceSystems(platform / "landing", SCALE, SEED) as systems:
        for day in (0, 1, DAYS - 1):
            systems.deliver(day)
            duck.catalogue(systems.addresses.catalogue_url, other / "catalogue.jsonl")
            DataPlatformOrchestrator(spark, platform, addresses=systems.addresses).run_full_pipeline()
        duck.run(systems.addresses, other)
    return platform, other


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_agree(both: tuple[Path, Path], table: str) -> None:
    assert differing(*both, table) == []
