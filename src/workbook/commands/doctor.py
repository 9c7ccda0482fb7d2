"""What `workbook doctor` finds on this machine, and what each finding means."""

import importlib.metadata
import platform
import re
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workbook.course import Course
from workbook.errors import SetupError
from workbook.kafka import jars as kafka
from workbook.spark import java, session

FITTING_PYTHON = ("3.10", "3.11", "3.12", "3.13")
GIGABYTES_NEEDED = 2
SITE_PORT, JUPYTER_PORT = 8000, 8888


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it fits, what was found, and what that means or how to cure it."""

    name: str
    fits: bool
    found: str
    meaning: str


@dataclass(frozen=True)
class Version:
    """One line of the version matrix: what is installed, and which lines go together with the rest."""

    name: str
    installed: str
    lines: tuple[str, ...]
    why: str

    @property
    def fits(self) -> bool:
        return any(f"{self.installed}.".startswith(f"{line}.") for line in self.lines)


def versions() -> list[Version]:
    """The version matrix: the parts that must fit each other, each with the rule that ties it to the others."""
    scala = next(java.spark_jars().glob("scala-library-*.jar")).stem.removeprefix("scala-library-")
    delta = java.DELTA_JARS[0]
    return [
        Version("Python", platform.python_version(), FITTING_PYTHON, "what Spark 4.2 runs on"),
        Version("Java", _java_version(), ("17", "21"), "what Spark 4.2 runs on; a newer one fails with Arrow"),
        Version("Spark", importlib.metadata.version("pyspark"), ("4.2",), "the line that this Delta was built for"),
        Version("Scala", scala, ("2.13",), "the only Scala of Spark 4; it is in the name of every Spark artifact"),
        Version("Delta", delta.version, ("4.4",), f"{delta.name} says it: built for Spark 4.2 and Scala 2.13"),
        Version("MLflow", importlib.metadata.version("mlflow"), ("3.17",), "tested with this Spark and this pandas"),
    ]


def _java_version() -> str:
    try:
        release = (java.find_java() / "release").read_text(encoding="utf-8")
    except SetupError:
        return "none that fits"
    found = re.search(r'JAVA_VERSION="([^"]+)"', release)
    return found.group(1) if found else "unknown"


def examine(course: Course) -> list[Finding]:
    """Everything that `make start` needs, looked at without changing anything that is there."""
    return [
        _python(),
        _java(),
        _packages(course),
        _jars(course),
        _kafka(course),
        _archive(course),
        _space(course.root),
        _folder(course.root),
        _temporary_folder(),
        _localhost(),
        _port("Port of the site", SITE_PORT),
        _port("Port of JupyterLab", JUPYTER_PORT),
    ]


def _python() -> Finding:
    found = platform.python_version()
    fits = found.rpartition(".")[0] in FITTING_PYTHON
    return Finding("Python", fits, found, "It fits." if fits else "Install Python 3.10 to 3.13, then run `make start`.")


def _java() -> Finding:
    try:
        home = java.find_java()
    except SetupError as error:
        return Finding("Java", False, "none that fits", str(error))
    return Finding("Java", True, f"{java.java_version(home)} in {home}", "Spark runs on it.")


def _packages(course: Course) -> Finding:
    """The environment against the lock."""
    lock = (course.root / "requirements.lock").read_text(encoding="utf-8")
    differing = []
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", lock, re.MULTILINE):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            differing.append(f"{name} {installed} (lock: {version})")
    if differing:
        return Finding("Packages", False, ", ".join(differing[:5]), "Run `make start`: it installs what the lock says.")
    return Finding("Packages", True, "as in requirements.lock", "Everybody has the same versions.")


def _jars(course: Course) -> Finding:
    missing = [jar.file for jar in java.missing_jars(course.cache)]
    if not missing:
        return Finding("Jars", True, ", ".join(jar.file for jar in java.JARS), "Whole, by their checksums.")
    cure = "Run `make start`; it needs a network once."
    # Ivy itself is not asked: it needs a Java and room on the disk, which may be what is wrong with this machine.
    host, port = (java.proxy() or (java.source(), 443))[:2]
    if not _answers(host, port):
        cure = f"{host} cannot be reached: check the connection and the proxy (HTTPS_PROXY), then run `make start`."
    return Finding("Jars", False, f"missing or damaged: {', '.join(missing)}", cure)


def _kafka(course: Course) -> Finding:
    """Only lessons on Kafka need its jars, so they never make the doctor fail."""
    if missing := java.missing_jars(course.cache, kafka.JARS):
        meaning = "Only the lessons on Kafka need them; `make start` fetches them, with a network."
        return Finding("Jars of Kafka", True, f"{len(missing)} of {len(kafka.JARS)} missing", meaning)
    return Finding("Jars of Kafka", True, f"all {len(kafka.JARS)}", "Whole, by their checksums.")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def _archive(course: Course) -> Finding:
    """Nothing breaks without the archive, so it never makes the doctor fail."""
    try:
        there = java.archive(course.cache).is_file()
    except SetupError:
        there = False
    if there:
        return Finding("Class archive", True, "made", "Spark starts in about ten seconds.")
    return Finding("Class archive", True, "none", "Spark starts, only slower; `make start` makes it once.")


def _space(root: Path) -> Finding:
    free = shutil.disk_usage(root).free / 1e9
    fits = free >= GIGABYTES_NEEDED
    meaning = "Enough for the course's data." if fits else f"Free some space: {GIGABYTES_NEEDED} GB are needed."
    return Finding("Disk", fits, f"{free:.1f} GB free", meaning)


def _folder(root: Path) -> Finding:
    try:
        with java.writable(root / "work"):
            return Finding("Folder", True, str(root / "work"), "It can be written.")
    except SetupError as error:
        return Finding("Folder", False, str(root / "work"), str(error))


def _temporary_folder() -> Finding:
    """Java unpacks libraries there and runs them."""
    found = tempfile.gettempdir()
    if session.may_run_programs(found):
        return Finding("Temporary folder", True, found, "Programs may run there.")
    return Finding("Temporary folder", True, found, "No program may run there, so Java gets a folder in .cache.")


def _localhost() -> Finding:
    try:
        session.look_up_localhost()
    except SetupError as error:
        return Finding("Name localhost", False, "leads nowhere", str(error))
    return Finding("Name localhost", True, "known", "Spark's parts find each other by it.")


def _port(name: str, wanted: int) -> Finding:
    free = free_port(wanted)
    meaning = "Free." if free == wanted else f"Taken, so `make start` uses the next free one, {free}."
    return Finding(name, True, str(wanted), meaning)


def free_port(wanted: int) -> int:
    """`wanted`, or the next port that is free on 127.0.0.1. Raises SetupError when the next hundred are taken."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SetupError(f"All ports from {wanted} to {wanted + 99} are taken: stop some programs, then try again.")
