"""One call gets Spark: on this machine, from a Connect server, from a cluster; quietly, and whatever the archive is."""

import os
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from servers import cluster, connect_server, finished, python
from workbook.errors import SetupError
from workbook.spark import java, session
from workbook.spark.session import get_spark

FIRST_TABLE = """
import sys
from pathlib import Path
from workbook import get_spark
from workbook.spark import session
spark = get_spark()
spark.range(3).write.format("delta").save(sys.argv[-1] if sys.argv[1:] else session.scratch() + "/t")
print(spark.read.format("delta").load(session.scratch() + "/t").count())
"""

# What is the same on every kind of session.
SAME_EVERYWHERE = """
spark.range(3).write.saveAsTable("numbers")
print(*[row.data_type for row in spark.sql("DESCRIBE EXTENDED numbers").collect() if row.col_name == "Provider"])
numbers = spark.table("numbers")
print(spark.sql("SELECT count(*) AS n FROM {numbers} WHERE id > :x", {"x": 0}, numbers=numbers).first().n)
print(spark.sql("SELECT count(*) AS n FROM {numbers} WHERE id > ?", [1], numbers=numbers).first().n)
print(spark.conf.get("spark.sql.session.timeZone"))
"""
SAME = "delta\n2\n1\nUTC\n"
# Spark Connect loses the parameters of a query without a DataFrame, whatever the settings are.
WITH_PARAMETERS = """
print(spark.sql("SELECT :x AS x", {"x": 1}).first().x, spark.sql("SELECT ? AS x", [2]).first().x)
print(spark.sql("SELECT * FROM IDENTIFIER(:name) LIMIT :n", {"name": "numbers", "n": 1}).count())
"""
PARAMETERS = "1 2\n1\n"


def result_of(code: str, **environment: str) -> tuple[int, str, str]:
    [result] = finished([python(code, **environment)])
    return result


def test_a_second_call_returns_the_same_session(spark: SparkSession) -> None:
    assert get_spark() is spark


def test_tables_are_delta_queries_take_parameters_and_times_are_in_utc() -> None:
    assert result_of(FIRST_TABLE + SAME_EVERYWHERE + WITH_PARAMETERS, TZ="America/New_York") == (
        0,
        f"3\n{SAME}{PARAMETERS}",
        "",
    )


@pytest.mark.parametrize("ask", ["spark.read.load(path)", "spark.sql(f'SELECT * FROM delta.`{path}`')"])
def test_a_path_is_a_delta_table_unless_told_otherwise(spark: SparkSession, tmp_path: Path, ask: str) -> None:
    path = str(tmp_path / "numbers")
    spark.range(3).write.save(path)
    assert eval(ask).count() == 3


def test_a_first_table_is_written_and_read_without_a_word_besides() -> None:
    assert result_of(FIRST_TABLE) == (0, "3\n", "")


def test_a_large_session_has_more_memory_and_smaller_partitions() -> None:
    code = FIRST_TABLE.replace("get_spark()", "get_spark(large=True)") + (
        "print(spark.conf.get('spark.sql.shuffle.partitions'))\n"
        "print(spark._jvm.Runtime.getRuntime().maxMemory() > 3 * 2**30)\n"
    )
    assert result_of(code) == (0, "3\n16\nTrue\n", "")


def test_two_processes_at_once_do_not_disturb_each_other() -> None:
    both = [python(FIRST_TABLE), python(FIRST_TABLE)]
    assert finished(both) == [(0, "3\n", ""), (0, "3\n", "")]


def test_a_real_error_still_shows_and_nothing_is_left_of_a_process_that_ended() -> None:
    code, out, error = result_of(
        "from workbook import get_spark\nfrom workbook.spark import session\nspark = get_spark()\n"
        "print(session.scratch(), spark._jvm.ProcessHandle.current().pid(), flush=True)\n"
        "spark.table('nowhere').show()"
    )
    folder, process = out.split()
    assert code == 1
    assert "[TABLE_OR_VIEW_NOT_FOUND] The table or view `nowhere` cannot be found." in error
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)


# The archive of classes: a gain where it fits, no harm where it does not.


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with the course's jars and nothing else."""
    (tmp_path / "jars").mkdir()
    for jar in java.fetch_jars(session.CACHE):
        shutil.copy(jar, tmp_path / "jars")
    return tmp_path


def with_cache(folder: Path) -> str:
    return (
        f"from pathlib import Path\nfrom workbook.spark import session\nsession.CACHE = Path({str(folder)!r})\n"
        + FIRST_TABLE
    )


def test_without_an_archive_spark_starts_and_makes_none(cache: Path) -> None:
    assert java.archive_flags(cache) == []
    assert result_of(with_cache(cache)) == (0, "3\n", "")
    assert list(cache.glob("classes-*")) == []


def test_a_damaged_archive_is_passed_over_in_silence(cache: Path) -> None:
    java.archive(cache).write_bytes(b"no archive" * 1000)
    assert java.archive_flags(cache) != []
    assert result_of(with_cache(cache)) == (0, "3\n", "")


def test_another_java_has_another_archive(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = java.archive(cache)
    home = other_java(tmp_path / "other", "17.0.1")
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(home))
    assert java.archive(cache) != own


def test_jars_that_were_installed_again_have_another_archive(cache: Path) -> None:
    own = java.archive(cache)
    jar = next((cache / "jars").glob("*.jar"))
    os.utime(jar, (1, 1))
    assert java.archive(cache) != own


def other_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\n')
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    return home


def test_a_java_that_does_not_fit_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = other_java(tmp_path / "java", "11.0.2")
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(home))
    with pytest.raises(SetupError) as error:
        java.find_java()
    assert str(error.value) == (
        f"Java 11 in {home} does not fit: Spark 4.2 needs Java 17 or 21. "
        "Unset WORKBOOK_JAVA_HOME to use the course's own Java."
    )


# The same function elsewhere.


def test_a_connect_server_is_used_where_spark_remote_is_set() -> None:
    with connect_server() as address:
        code, out, error = result_of(
            FIRST_TABLE + SAME_EVERYWHERE + "print(type(spark).__module__, get_spark() is spark)",
            SPARK_REMOTE=address,
        )
    assert (code, error) == (0, "")
    assert out == f"3\n{SAME}pyspark.sql.connect.session True\n"


def test_a_cluster_is_used_where_spark_master_is_set() -> None:
    with cluster() as (address, _):
        code, out, error = result_of(
            FIRST_TABLE + SAME_EVERYWHERE + WITH_PARAMETERS + "master = spark.sparkContext.master.split(':')[0]\n"
            "print(master, spark.range(0, 10, 1, 4).selectExpr('sum(id)').first()[0])\n"
            "from pyspark.sql import functions as F\n"
            "print(spark.range(2).select(F.udf(lambda n: n + 1, 'long')('id').alias('n')).collect())",
            SPARK_MASTER=address,
        )
    assert (code, error) == (0, "")
    assert out == f"3\n{SAME}{PARAMETERS}spark 45\n[Row(n=1), Row(n=2)]\n"
