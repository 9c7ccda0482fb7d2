"""Bring everything up for a learner: prepare once, then serve the site and JupyterLab on this machine only."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from workbook.commands import copies
from workbook.commands.doctor import JUPYTER_PORT, SITE_PORT, free_port
from workbook.course import Course
from workbook.environment import choices, shielded
from workbook.errors import SetupError
from workbook.kafka import jars as kafka
from workbook.site.build import build
from workbook.site.serve import serving
from workbook.spark import java

SECONDS_FOR_JUPYTER = 120
SETTINGS = Path(__file__).with_name("jupyter")
"""JupyterLab's settings: it asks the internet for news and for updates, unless told not to."""

Say = Callable[[str], None]


def prepare(course: Course, say: Say) -> None:
    """Everything that is made once: jars, the archive of classes, the learner's copies. Seconds when it is there.

    Raises SetupError with the cure when something does not fit.
    """
    java.find_java()
    if java.missing_jars(course.cache):
        say("Fetching the jars of Delta Lake and PostgreSQL …")
        java.fetch_jars(course.cache)
    if java.missing_jars(course.cache, kafka.JARS):
        say("Fetching the jars of Kafka (a minute, once) …")
        try:
            java.fetch_jars(course.cache, kafka.JARS)
        except SetupError as error:
            say(f"Everything but the lessons on Kafka works all the same: {error}")
    if not java.archive(course.cache).is_file():
        say("Making Spark start quickly (about a minute, once) …")
        java.make_archive(course.cache)
    for path in copies.fill(course):
        say(f"Your own copy: {path.relative_to(course.root)}")


def build_site(course: Course, say: Say) -> Path:
    """The site's folder, built first where a source is newer than it."""
    out = course.root / "_build" / "html"
    index = out / "index.html"
    if not index.is_file() or index.stat().st_mtime < _newest_source(course):
        say("Building the site (about a minute) …")
        build(course.root, out)
    return out


def _newest_source(course: Course) -> float:
    folders = [course.root / name for name in ("book", "chapters", "exercises", "solutions", "src")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return max(path.stat().st_mtime for path in [*files, course.root / "_toc.yml", course.root / "_config.yml"])


def serve(course: Course, html: Path, say: Say) -> None:
    """Serve the site and JupyterLab until Ctrl-C (or a signal to end), then stop both."""
    with _ending_on_signals(), serving(html, free_port(SITE_PORT)) as site_address, _jupyter(course) as lab_address:
        say("")
        say(f"The book:    {site_address}")
        say(f"Your work:   {lab_address}")
        say("Ctrl-C stops both.")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    say("Stopped. Your work is saved in work/.")


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let a closed terminal or `kill` end the course as Ctrl-C does."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with contextlib.suppress(KeyboardInterrupt):
        yield


@contextlib.contextmanager
def _jupyter(course: Course) -> Iterator[str]:
    """JupyterLab on `work/`, behind a token, with its log in `.cache/jupyterlab.log`."""
    port, token = free_port(JUPYTER_PORT), secrets.token_hex(16)
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": course.root / "work",
        "IdentityProvider.token": token,
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in settings.items())]
    # As root (in a container) JupyterLab wants to be told that this is meant.
    command += ["--allow-root"] if os.getuid() == 0 else []
    log = course.cache / "jupyterlab.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=shielded(WORKBOOK_ROOT=str(course.root), **_own_places(course), **choices()),
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", process, log)
        yield f"{address}/lab?token={token}"
    finally:
        _stop(process)


def _own_places(course: Course) -> dict[str, str]:
    """Where JupyterLab keeps what is its own: settings of the home may be for another server, or unwritable."""
    names = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own = {**names, "IPYTHONDIR": "ipython"}
    return {
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        **{name: str(course.cache / "jupyter" / folder) for name, folder in own.items()},
    }


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    last = time.monotonic() + SECONDS_FOR_JUPYTER
    while time.monotonic() < last:
        if process.poll() is not None:
            raise SetupError(f"JupyterLab ended at once (exit code {process.returncode}): {log} says why.")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.2)
    raise SetupError(f"JupyterLab did not answer within {SECONDS_FOR_JUPYTER} seconds: {log} says why.")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask JupyterLab to end, which ends its kernels and their Javas; insist after ten seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
