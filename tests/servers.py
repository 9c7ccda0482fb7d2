"""Real servers for tests: Spark Connect and a standalone cluster. Each listens on 127.0.0.1 and ends with its test."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from lakehouse.sources.ports import free_port
from workbook.checking import engine
from workbook.kafka import jars
from workbook.spark import java, session

MASTER, WORKER = (f"org.apache.spark.deploy.{name}" for name in ("master.Master", "worker.Worker"))
DEADLINE = 120
"""Seconds after which a server that does not answer is taken for broken."""


@contextlib.contextmanager
def connect_server() -> Iterator[str]:
    """A Spark Connect server with Delta Lake and the connector to Kafka, as the address for `SPARK_REMOTE`."""
    port = free_port()
    connector = java.fetch_jars(session.CACHE, jars.CONNECTOR)
    settings = {
        **session.DELTA,
        **session.SMALL,
        **engine.FEW_ROWS,
        "spark.master": "local[2]",
        "spark.jars": ",".join(map(str, connector)),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.warehouse.dir": session.scratch() + f"/connect-{port}",
    }
    configured = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    server = ("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal")
    with _running("org.apache.spark.deploy.SparkSubmit", *configured, *server) as process:
        _wait_for(port, process)
        yield f"sc://127.0.0.1:{port}"


@contextlib.contextmanager
def cluster(workers: int = 1) -> Iterator[tuple[str, "list[subprocess.Popen[bytes]]"]]:
    """A standalone cluster with two cores in all: the address for `SPARK_MASTER`, and the processes of its workers."""
    port = free_port()
    place = ("--host", "127.0.0.1", "--webui-port")
    master = f"spark://127.0.0.1:{port}"
    with contextlib.ExitStack() as running:
        first = running.enter_context(_running(MASTER, *place, "0", "--port", str(port)))
        _wait_for(port, first)
        started = []
        for _ in range(workers):
            page = free_port()
            settings = (*place, str(page), "--cores", str(2 // workers), "--memory", "1g", master)
            started.append(running.enter_context(_running(WORKER, *settings)))
            _wait_for(page, started[-1])
        yield master, started


@contextlib.contextmanager
def _running(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    folder = session.scratch()
    environment = {
        **session.spark_environment(),
        # A worker starts its executors by Spark's own launcher.
        "JAVA_HOME": str(java.home_for_launchers(session.CACHE)),
        "SPARK_HOME": str(java.spark_jars().parent),
        "SPARK_SCALA_VERSION": "2.13",
        "SPARK_WORKER_DIR": f"{folder}/worker",
    }
    with open(f"{folder}/servers.log", "ab") as log:
        process = subprocess.Popen(
            session.spark_command(*arguments),
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    pause = threading.Event()
    for _ in range(DEADLINE * 10):
        assert process.poll() is None, f"The server ended with exit code {process.returncode}."
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        pause.wait(0.1)
    raise AssertionError(f"Nothing answers on port {port}.")


def python(code: str, **environment: str) -> "subprocess.Popen[str]":
    """A fresh Python that runs `code`, with both outputs piped."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(processes: Sequence["subprocess.Popen[str]"]) -> list[tuple[int, str, str]]:
    """Exit code, output and error output of each, once all have ended."""
    return [(process.returncode, *pair) for process in processes if (pair := process.communicate())]
