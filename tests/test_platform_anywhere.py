"""The same platform makes the same tables on local Spark, on Spark Connect, and on a cluster that loses a worker."""

import os
import signal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse import DataPlatformOrchestrator
from platforms import SCALE, SEED, contents, start
from servers import cluster, connect_server


@pytest.fixture(scope="module")
def locally(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("locally")
    DataPlatformOrchestrator(spark, base, scale=SCALE, seed=SEED).run_full_pipeline()
    return base


def assert_same(found: Path, expected: Path) -> None:
    one, other = contents(found), contents(expected)
    assert one.keys() == other.keys()
    for table in other:
        assert one[table] == other[table], table


def test_on_spark_connect(locally: Path, tmp_path: Path) -> None:
    with connect_server() as address:
        process = start(tmp_path, 1, SPARK_REMOTE=address)
        process.communicate()
    assert process.returncode == 0
    assert_same(tmp_path, locally)


def test_on_a_cluster_of_two_workers_of_which_one_is_killed(locally: Path, tmp_path: Path) -> None:
    with cluster(workers=2) as (address, workers):
        process = start(tmp_path, 1, SPARK_MASTER=address)
        assert process.stdout is not None
        assert "silver begins\n" in process.stdout
        os.killpg(workers[0].pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == 0
    assert_same(tmp_path, locally)


def test_with_names_in_a_catalog_that_must_be_quoted(spark: SparkSession, locally: Path, tmp_path: Path) -> None:
    schema = "the shop's gold-mine"
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}`")
    platform = DataPlatformOrchestrator(spark, tmp_path, catalog="spark_catalog", schema=schema, scale=SCALE, seed=SEED)
    assert platform.run_full_pipeline().balanced
    names = {row["tableName"] for row in spark.sql(f"SHOW TABLES IN `{schema}`").collect()}
    assert {"bronze_products", "silver_customers", "gold_customer_360", "serving_releases"} <= names
    assert not list(tmp_path.glob("gold/*"))
