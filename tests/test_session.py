"""One call gets Spark: on this machine, from a Connect server, from a cluster; quietly, and whatever the archive is."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession

from lakehouse.sources.ports import free_port
from servers import cluster, connect_server, finished, python
from workbook import environment
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


def test_what_a_killed_process_left_is_removed_by_the_next_one_and_what_lives_is_not(tmp_path: Path) -> None:
    code = "import sys\nfrom workbook.spark import session\nprint(session.scratch(), flush=True)\nsys.stdin.read()"
    start = [sys.executable, "-c", code]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(start, **pipes) as dead, subprocess.Popen(start, **pipes) as alive:
        left, kept = (Path(process.stdout.readline().strip()) for process in (dead, alive))
        dead.kill()
        dead.wait()
        (tmp_path / "workbook-foreign").mkdir()
        subprocess.run(start, input="", stdout=subprocess.PIPE, text=True, env=environment)
        assert sorted(tmp_path.iterdir()) == sorted([kept, tmp_path / "workbook-foreign"])
        assert left != kept
        alive.kill()


# What stands in the environment for another Spark, Java or Python.

WITH_A_FUNCTION_AND_A_SERVER = """
import http.server, threading, urllib.request
from pyspark.sql import functions as F
print(spark.range(2).select(F.udf(lambda n: n + 1, "long")("id").alias("n")).collect())
print(spark.conf.get("spark.sql.ansi.enabled"))
http.server.SimpleHTTPRequestHandler.log_message = lambda *words: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/", timeout=5).status, flush=True)
"""


def test_what_is_set_for_another_spark_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("raise ImportError('another pyspark')")
    (tmp_path / "spark-defaults.conf").write_text("spark.sql.ansi.enabled false\n")
    (tmp_path / "conf").symlink_to(tmp_path)
    environment = {
        "SPARK_HOME": str(tmp_path),
        "SPARK_CONF_DIR": str(tmp_path),
        "MASTER": "yarn",
        "PYSPARK_PYTHON": "python-nowhere",
        "PYSPARK_DRIVER_PYTHON": "python-nowhere",
        "PYTHONPATH": str(tmp_path),
        "JAVA_TOOL_OPTIONS": "-XX:+UseG1GC",
        "_JAVA_OPTIONS": "-Xmx16m",
        "JDK_JAVA_OPTIONS": "-Xmx16m",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
        "NO_PROXY": "",
    }
    assert result_of(FIRST_TABLE + WITH_A_FUNCTION_AND_A_SERVER, **environment) == (
        0,
        "3\n[Row(n=1), Row(n=2)]\ntrue\n200\n",
        "",
    )


@pytest.mark.parametrize(
    "name",
    [
        *("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "PYTHONPATH", "PYTHONIOENCODING"),
        *("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JUPYTER_CONFIG_DIR", "JUPYTER_PATH", "PGSERVICE", "PGOPTIONS"),
    ],
)
def test_no_process_of_the_course_gets_what_is_foreign(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "something")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert name not in environment.shielded()
    assert environment.shielded()["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment.shielded(**{name: "own"})[name] == "own"


def test_the_learners_own_modules_come_after_the_courses_packages(tmp_path: Path) -> None:
    code = "import workbook, sys\nprint(sys.path[-1])"
    assert result_of(code, PYTHONPATH=str(tmp_path)) == (0, f"{tmp_path}\n", "")


def test_a_session_without_delta_that_was_there_before_is_named() -> None:
    code, _, error = result_of(
        "from pyspark.sql import SparkSession\nfrom workbook.spark import session\nsession._connect_to_java(())\n"
        "SparkSession.builder.master('local[1]').getOrCreate()\nsession.get_spark()"
    )
    assert code == 1
    assert error.splitlines()[-1] == (
        "workbook.errors.SetupError: A Spark session without Delta Lake was built in this process before `get_spark()` "
        "was called: restart Python (in a notebook, the kernel), and let `get_spark()` be the first."
    )


def test_another_pyspark_that_was_imported_before_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyspark.__file__", str(tmp_path / "pyspark" / "__init__.py"))
    with pytest.raises(
        SetupError, match=rf"^pyspark was imported from {tmp_path}, and the course's own is in .+: unset"
    ):
        get_spark()


@pytest.mark.parametrize("scheme", [("SPARK_MASTER", "spark"), ("SPARK_REMOTE", "sc")])
def test_an_address_at_which_nobody_answers_is_named_with_its_variable(scheme: tuple[str, str]) -> None:
    variable, kind = scheme
    address = f"{kind}://127.0.0.1:{free_port()}"
    code, _, error = result_of("from workbook import get_spark\nget_spark()", **{variable: address})
    assert code == 1
    assert error.splitlines()[-1] == (
        f"workbook.errors.SetupError: {variable} is {address}, and nobody answers there: start that server or correct "
        f"the address, or unset {variable} to use the Spark of this machine."
    )


def test_one_of_several_masters_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as master:
        port = master.getsockname()[1]
        session._reach("SPARK_MASTER", f"spark://127.0.0.1:{free_port()},127.0.0.1:{port}", 7077)


def test_a_machine_without_the_name_localhost_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*asked: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(
        SetupError, match=r"does not know the name localhost: add the line `127.0.0.1 localhost` to /etc"
    ):
        session.look_up_localhost()


def test_where_no_program_may_run_in_the_temporary_folder_java_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CACHE", tmp_path)
    monkeypatch.setattr(session, "_scratch_folder", None)
    monkeypatch.setattr(session, "_scratch_lock", None)  # else the lock of this process's own folder would go
    monkeypatch.setattr(session, "may_run_programs", lambda folder: False)
    assert Path(session.scratch()).parent == tmp_path


def test_a_file_system_without_programs_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.may_run_programs(str(tmp_path))
    monkeypatch.setattr(os, "ST_NOEXEC", 8, raising=False)
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_flag=8 | 2))
    assert not session.may_run_programs(str(tmp_path))


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
