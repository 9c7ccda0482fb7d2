"""The one way to get Spark: the same call on a laptop, on a cluster, on Spark Connect and on Databricks."""

import atexit
import contextlib
import fcntl
import importlib
import logging
import os
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from workbook.environment import shielded
from workbook.errors import SetupError
from workbook.spark import java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CACHE = Path(__file__).resolve().parents[3] / ".cache"

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# What any session takes at any time: the same results for everybody, whatever the clock of the machine says.
RUNTIME = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "delta",  # as on Databricks
    # Delta's parser loses the parameters of a query (`SELECT :x`), unless they are put in after it.
    "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
}
EVERYWHERE = {**DELTA, **RUNTIME}
# Defaults are made for a cluster; these are made for tables of a few rows on two cores.
SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.driver.maxResultSize": "32m",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The defaults ask for links with a process of their own, eight times for each file that they write.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}
# The partitions of a shuffle of millions of rows must fit into memory; small ones are put together as it runs.
LARGE = {"spark.sql.shuffle.partitions": "16"}


def get_spark(large: bool = False) -> "SparkSession":
    """The Spark session of this process; a second call returns the same one.

    * on Databricks, the session that is there;
    * where `SPARK_REMOTE` is set (`sc://host:port`), a Spark Connect session on that server;
    * where `SPARK_MASTER` is set (`spark://host:port`), a session on that cluster;
    * otherwise a local one with Delta Lake, tuned to start quickly and for small tables; with `large`, for millions of
      rows, if this call starts it.

    A session that was stopped, or whose Java died, is replaced by a new one. Raises SetupError where Java, its jars or
    the folder for them do not fit, nobody answers at the address, or a session without Delta Lake is there already.
    """
    from pyspark.sql import SparkSession

    _look_at_pyspark()
    # pyspark logs every error as JSON besides raising it.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        spark = SparkSession.builder.getOrCreate()
    elif remote := os.environ.get("SPARK_REMOTE"):
        # gRPC would close and open its files again at each fork, in the middle of what other threads do.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        _reach("SPARK_REMOTE", remote, 15002)
        spark = SparkSession.builder.remote(remote).config(map={**RUNTIME}).getOrCreate()
    else:
        spark = _classic_session(os.environ.get("SPARK_MASTER", "local[2]"), large)
    global _last_session, _first_settings
    if spark is not _last_session:
        _last_session, _first_settings = spark, dict(spark.conf.getAll)
    return spark


_last_session: "SparkSession | None" = None
_first_settings: dict[str, str] = {}


def first_settings() -> dict[str, str]:
    """The runtime settings that the session had when `get_spark` first returned it."""
    return dict(_first_settings)


def is_alive(spark: "SparkSession") -> bool:
    """Whether the session can still be used: not stopped, and its Java has not ended."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    if isinstance(spark, ConnectSession):
        return not spark.is_stopped
    context = spark.sparkContext
    return context._jsc is not None and not java_ended()


def java_ended() -> bool:
    """Whether the Java that this process started has ended, or is about to."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if gateway is None or process is None:
        return False
    try:
        gateway.jvm.System.nanoTime()  # a dying Java refuses before its process is gone
    except Exception:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    return process.poll() is not None


def end_java() -> None:
    """Kill the Java that this process started, if it has: whoever waits for its answer gets an error."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    if process is not None:
        process.kill()


def _classic_session(master: str, large: bool) -> "SparkSession":
    from pyspark.sql import SparkSession

    _forget_dead_java()
    if (active := SparkSession.getActiveSession()) is not None:
        return _with_delta(active)
    _reach("SPARK_MASTER", master, 7077)
    look_up_localhost()
    _choose_python(master)
    _connect_to_java(java.LARGE_FLAGS if large else ())
    builder = SparkSession.builder.master(master).appName("Lakehouse Workbook")
    for name, value in {**EVERYWHERE, **SMALL, **(LARGE if large else {}), **_cluster_settings(master)}.items():
        builder = builder.config(name, value)
    return _with_delta(builder.config("spark.sql.warehouse.dir", scratch() + "/warehouse").getOrCreate())


def _with_delta(spark: "SparkSession") -> "SparkSession":
    """The session, unless somebody else built it and left Delta Lake out, which cannot be added any more."""
    if DELTA["spark.sql.extensions"] not in (spark.conf.get("spark.sql.extensions", "") or ""):
        raise SetupError(
            "A Spark session without Delta Lake was built in this process before `get_spark()` was called: restart "
            "Python (in a notebook, the kernel), and let `get_spark()` be the first."
        )
    return spark


def _look_at_pyspark() -> None:
    """Raise SetupError where another pyspark than the environment's own was imported."""
    import pyspark

    found, own = Path(pyspark.__file__).resolve().parents[1], Path(sysconfig.get_paths()["purelib"]).resolve()
    if found != own and "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        raise SetupError(
            f"pyspark was imported from {found}, and the course's own is in {own}: unset PYTHONPATH and restart Python."
        )


def _reach(variable: str, address: str, usual_port: int) -> None:
    """Raise SetupError where a variable names servers, and none of them answers."""
    scheme, _, rest = address.partition("://")
    if scheme not in ("sc", "spark"):
        return
    for one in rest.split(","):
        place = urlsplit(f"//{one}")
        with contextlib.suppress(OSError, ValueError):
            socket.create_connection((place.hostname or "", place.port or usual_port), timeout=5).close()
            return
    raise SetupError(
        f"{variable} is {address}, and nobody answers there: start that server or correct the address, or unset "
        f"{variable} to use the Spark of this machine."
    )


def look_up_localhost() -> None:
    """Raise SetupError where the name `localhost` is unknown, by which the parts of pyspark find each other."""
    try:
        socket.getaddrinfo("localhost", None)
    except OSError:
        raise SetupError(
            "This machine does not know the name localhost: add the line `127.0.0.1 localhost` to /etc/hosts."
        ) from None


def _choose_python(master: str) -> None:
    """Let functions in Python run on this Python; a cluster of other machines may have its own elsewhere."""
    if master.startswith("local"):
        os.environ["PYSPARK_PYTHON"] = sys.executable
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _cluster_settings(master: str) -> dict[str, str]:
    """What executors in other processes need: the course's jars, and little memory."""
    if master.startswith("local"):
        return {}
    jars = ",".join(map(str, java.fetch_jars(CACHE)))
    return {"spark.jars": jars, "spark.executor.memory": "512m"}


def spark_command(*arguments: str) -> list[str]:
    """The command that starts a Java process of Spark with Delta Lake: more flags, a main class and its arguments."""
    home = java.find_java()
    flags = [*java.MODULE_FLAGS, *java.QUICK_FLAGS, *java.trust_store_flags(CACHE)]
    # Set by make_archive, whose run writes the archive instead of reading it.
    flags += shlex.split(os.environ.get("WORKBOOK_JVM_FLAGS", "")) or java.archive_flags(CACHE)
    log_settings = Path(__file__).with_name("log4j2.properties")
    flags += ["-Xmx2g", f"-Dlog4j2.configurationFile={log_settings.as_uri()}", f"-Djava.io.tmpdir={scratch()}"]
    return [str(java.java_command(home)), "-cp", java.class_path(CACHE), *flags, *arguments]


def spark_environment() -> dict[str, str]:
    """The environment of such a process: everything listens on 127.0.0.1, and Python is this Python."""
    return shielded(
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_DRIVER_PYTHON=sys.executable,
        SPARK_CONNECT_MODE="0",
        SPARK_LOCAL_DIRS=scratch(),
    )


def _connect_to_java(flags: Sequence[str]) -> None:
    """Start the Java of Spark directly, without spark-submit and Ivy, and let pyspark talk to it.

    pyspark finds a Java that already runs by two variables; they are removed at once, because a child
    process that inherited them would talk to this Java too.
    """
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None:
        return
    process, port, secret = _start_java(flags)
    os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret)
    try:
        gateway = launch_gateway()
    finally:
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
    gateway.proc = process
    SparkContext._ensure_initialized(gateway=gateway)


def _start_java(flags: Sequence[str]) -> tuple["subprocess.Popen[bytes]", int, str]:
    """Start Java and return it with the port and the secret of its gateway.

    It holds one end of a pipe to this process, so it ends when this process ends, however that happens;
    it is in a group of its own, so Ctrl-C in a terminal does not reach it.
    """
    from pyspark.serializers import UTF8Deserializer, read_int

    with tempfile.TemporaryDirectory() as folder:
        connection = Path(folder, "connection")
        process = subprocess.Popen(
            spark_command(*flags, "org.apache.spark.deploy.SparkSubmit", "pyspark-shell"),
            stdin=subprocess.PIPE,
            env={**spark_environment(), "_PYSPARK_DRIVER_CONN_INFO_PATH": str(connection)},
            start_new_session=True,
        )
        importlib.import_module("pyspark.testing.utils")  # imports pandas; pyspark would wait for it once Java is there
        while not connection.is_file():
            if process.poll() is not None:
                raise SetupError(
                    f"Java ended before Spark was there (exit code {process.returncode}): "
                    "run `workbook doctor` to see what does not fit."
                )
            time.sleep(0.02)
        with connection.open("rb") as stream:
            return process, read_int(stream), UTF8Deserializer().loads(stream)


def _forget_dead_java() -> None:
    """Let pyspark forget a Java that ended, so that the next session starts a new one."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if not java_ended():
        return
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None


_scratch_folder: str | None = None
_scratch_lock: IO[str] | None = None


def scratch() -> str:
    """This process's folder for Spark's own files and its warehouse; removed when the process ends.

    What processes left behind that were killed is removed, too: a folder belongs to whoever has its lock.
    """
    global _scratch_folder, _scratch_lock
    if _scratch_folder is None:
        place = tempfile.gettempdir() if may_run_programs(tempfile.gettempdir()) else str(CACHE)
        _remove_abandoned(Path(place))
        _scratch_folder = tempfile.mkdtemp(prefix="workbook-", dir=place)
        _scratch_lock = _locked(Path(_scratch_folder))
        atexit.register(_end, _scratch_folder, os.getpid())
    return _scratch_folder


def may_run_programs(folder: str) -> bool:
    """Whether the file system of a folder lets programs run: Java unpacks libraries and loads them."""
    return not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)


def _locked(folder: Path) -> IO[str]:
    """The lock of a folder of this process, which ends with it; nobody sees it before it is held."""
    lock = (folder / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / ".lock").rename(folder / "lock")
    return lock


def _remove_abandoned(place: Path) -> None:
    for held in place.glob("workbook-*/lock"):
        with contextlib.suppress(OSError), held.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(held.parent, ignore_errors=True)


def _end(folder: str, owner: int) -> None:
    """Stop Java, then remove its files; a forked child does neither."""
    if os.getpid() != owner:
        return
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    if process is not None and process.stdin is not None:
        if (context := SparkContext._active_spark_context) is not None:
            context._accumulatorServer.shutdown()
        process.stdin.close()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
