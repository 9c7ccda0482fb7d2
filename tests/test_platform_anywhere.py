"""The platform on Spark Connect and on a cluster that loses a worker: the tables are those that DuckDB makes."""

import os
import signal
from pathlib import Path

import pytest
from benchmarks import duck
from benchmarks.pipeline import COMPARED, differing

from lakehouse.sources import SourceSystems
from platforms import SCALE, SEED, start
from servers import cluster, connect_server

pytestmark = pytest.mark.slow_proof("platform")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the initial load, by DuckDB."""
    base = tmp_path_factory.mktemp("reference")
    with SourceSystems(base / "landing", SCALE, SEED) as systems:
        systems.deliver(0)
        duck.run(systems.addresses, base)
    return base


def assert_same(found: Path, reference: Path) -> None:
    assert {table: differing(found, reference, table) for table in COMPARED} == {table: [] for table in COMPARED}


def test_on_spark_connect(reference: Path, tmp_path: Path) -> None:
    with connect_server() as address:
        process = start(tmp_path, 1, SPARK_REMOTE=address)
        process.communicate()
    assert process.returncode == 0
    assert_same(tmp_path, reference)


def test_on_a_cluster_of_two_workers_of_which_one_is_killed(reference: Path, tmp_path: Path) -> None:
    with cluster(workers=2) as (address, workers):
        process = start(tmp_path, 1, SPARK_MASTER=address)
        assert process.stdout is not None
        assert "silver begins\n" in process.stdout
        os.killpg(workers[0].pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == 0
    assert_same(tmp_path, reference)
