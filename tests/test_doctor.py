"""`workbook doctor` finds what does not fit on a machine, and gives the cure of each in a sentence."""

import base64
import contextlib
import itertools
import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from workbook.commands import cli, doctor, start
from workbook.commands.doctor import Finding
from workbook.course import Course
from workbook.errors import SetupError
from workbook.kafka import jars as kafka
from workbook.spark import java, session


@pytest.fixture
def course(small_course: Course) -> Course:
    """A course on which everything fits: this one's lock, and its jars."""
    shutil.copy(ROOT / "requirements.lock", small_course.root)
    (small_course.cache / "jars").mkdir(parents=True)
    for jar in (*java.JARS, *kafka.JARS):
        shutil.copy(ROOT / ".cache" / "jars" / jar.file, small_course.cache / "jars")
    return small_course


def finding(course: Course, name: str) -> Finding:
    [found] = [item for item in doctor.examine(course) if item.name == name]
    return found


def fault(course: Course, name: str) -> str:
    """The cure for `name`, after everything else was found to fit."""
    misfits = [item for item in doctor.examine(course) if not item.fits]
    assert [item.name for item in misfits] == [name]
    return misfits[0].meaning


def a_java(folder: Path, version: str) -> Path:
    """A home that looks like that of a Java of this version."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").touch()
    (folder / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    return folder


def test_where_all_is_right_all_fits(course: Course) -> None:
    assert [item.name for item in doctor.examine(course) if not item.fits] == []


def test_the_matrix_shows_what_goes_together() -> None:
    versions = doctor.versions()
    assert [version.name for version in versions] == ["Python", "Java", "Spark", "Scala", "Delta", "MLflow"]
    assert [version.name for version in versions if not version.fits] == []
    installed = {version.name: version.installed for version in versions}
    assert (installed["Spark"], installed["Delta"], installed["MLflow"]) == ("4.2.0", "4.4.0", "3.17.2")
    assert installed["Scala"].startswith("2.13.")


@pytest.mark.parametrize(
    ("installed", "fits"), [("4.2", True), ("4.2.0", True), ("4.20.0", False), ("4", False), ("4.3.0", False)]
)
def test_a_version_fits_by_its_line(installed: str, fits: bool) -> None:
    assert doctor.Version("Spark", installed, ("4.2",), "").fits is fits


def test_a_java_of_another_version_is_named(course: Course, tmp_path: Path, monkeypatch) -> None:
    home = a_java(tmp_path / "java", "11.0.2")
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(home))
    assert fault(course, "Java") == (
        f"Java 11 in {home} does not fit: Spark 4.2 needs Java 17 or 21. "
        "Unset WORKBOOK_JAVA_HOME to use the course's own Java."
    )


def test_a_java_of_the_machine_fits_when_it_is_17(course: Course, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(a_java(tmp_path / "java", "17.0.9")))
    assert finding(course, "Java").fits
    assert [version.installed for version in doctor.versions() if version.name == "Java"] == ["17.0.9"]


def test_a_folder_without_java_is_named(course: Course, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(tmp_path))
    assert fault(course, "Java").startswith(f"There is no Java in {tmp_path}: set WORKBOOK_JAVA_HOME to the home of a")


def test_a_missing_jar_is_named(course: Course, a_proxy: list[bytes]) -> None:
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    assert fault(course, "Jars") == "Run `make start`; it needs a network once."
    assert finding(course, "Jars").found == "missing or damaged: delta-storage-4.4.0.jar"


def test_a_damaged_jar_is_named(course: Course) -> None:
    path = course.cache / "jars" / "delta-spark_4.2_2.13-4.4.0.jar"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert finding(course, "Jars").found == "missing or damaged: delta-spark_4.2_2.13-4.4.0.jar"


def test_jars_that_cannot_be_fetched_for_want_of_a_network_are_told_so(course: Course, monkeypatch) -> None:
    monkeypatch.setattr(java, "proxy", lambda: None)
    monkeypatch.setattr(java, "source", lambda: "no-such-host.invalid")
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    assert fault(course, "Jars") == (
        "no-such-host.invalid cannot be reached: "
        "check the connection and the proxy (HTTPS_PROXY), then run `make start`."
    )


def test_a_missing_jar_and_a_java_that_does_not_fit_are_both_named(
    course: Course, a_proxy: list[bytes], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(tmp_path))
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    assert [item.name for item in doctor.examine(course) if not item.fits] == ["Java", "Jars"]


@pytest.fixture
def a_proxy(monkeypatch) -> Iterator[list[bytes]]:
    """A proxy of this machine that lets nothing through; the first lines of what it was asked."""
    asked: list[bytes] = []

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            headers = list(itertools.takewhile(bytes.strip, self.rfile))
            asked.extend(line for line in headers if line.startswith((b"CONNECT", b"Proxy-auth")))
            if any(line.startswith(b"Proxy-auth") for line in headers):
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            else:
                self.wfile.write(b'HTTP/1.1 407 Log in\r\nProxy-Authenticate: Basic realm="proxy"\r\n\r\n')

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("HTTPS_PROXY", raising=False)
        yield asked
        server.shutdown()


def test_jars_of_kafka_that_are_missing_stop_nobody(course: Course) -> None:
    assert finding(course, "Jars of Kafka").found == f"all {len(kafka.JARS)}"
    (course.cache / "jars" / kafka.CONNECTOR[0].file).unlink()
    found = finding(course, "Jars of Kafka")
    assert found.fits
    assert (found.found, found.meaning) == (
        f"1 of {len(kafka.JARS)} missing",
        "Only the lessons on Kafka need them; `make start` fetches them, with a network.",
    )


def test_a_course_that_has_no_jars_of_kafka_and_no_network_is_prepared_all_the_same(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course.cache / "jars" / kafka.CONNECTOR[0].file).unlink()
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:3128")
    java.archive(course.cache).touch()
    said: list[str] = []
    start.prepare(course, said.append)
    assert said[0] == "Fetching the jars of Kafka (a minute, once) …"
    assert said[1].startswith("Everything but the lessons on Kafka works all the same: ")
    assert " could not be fetched from Maven Central " in said[1]


def test_jars_are_fetched_through_the_proxy_of_the_machine(course: Course, a_proxy: list[bytes]) -> None:
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    with pytest.raises(SetupError, match=r"delta-storage-4\.4\.0\.jar could not be fetched from Maven Central"):
        java.fetch_jars(course.cache)
    assert set(a_proxy) == {f"CONNECT {java.source()}:443 HTTP/1.1\r\n".encode()}


def test_a_proxy_that_asks_for_a_password_gets_it_and_no_command_shows_it(
    course: Course, a_proxy: list[bytes], tmp_path: Path, monkeypatch
) -> None:
    address = os.environ["https_proxy"].replace("http://", "http://me:se%40c%22r%5Cet@")
    monkeypatch.setenv("https_proxy", address)
    commands: list[list[str]] = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **rest: (commands.append(command), run(command, **rest))[1])
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    with pytest.raises(SetupError, match="could not be fetched from Maven Central"):
        java.fetch_jars(course.cache)
    login = base64.b64encode(b'me:se@c"r\\et').decode()
    assert f"Proxy-authorization: Basic {login}\r\n".encode() in a_proxy
    assert "se@c" not in str(commands)


@pytest.mark.parametrize("address", ["http://me:se#cret@proxy:3128", "http://proxy:port"])
def test_a_proxy_that_cannot_be_read_is_named_with_how_to_write_it(monkeypatch, address: str) -> None:
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(SetupError, match=r"^HTTPS_PROXY cannot be read: write it as http://user:password@host:port"):
        java.proxy()


def test_a_proxy_that_is_down_is_named(course: Course, monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "no-such-proxy.invalid:3128")
    (course.cache / "jars" / "delta-storage-4.4.0.jar").unlink()
    assert fault(course, "Jars").startswith("no-such-proxy.invalid cannot be reached: check the connection")


def test_no_network_is_asked_for_once_the_jars_are_there(course: Course, monkeypatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: pytest.fail("it asked the network"))
    assert finding(course, "Jars").fits


def test_a_taken_port_is_no_fault_and_the_next_free_one_is_named(course: Course, monkeypatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        monkeypatch.setattr(doctor, "SITE_PORT", taken)
        found = finding(course, "Port of the site")
        free = doctor.free_port(taken)
    assert free > taken
    assert found.fits
    assert found.meaning == f"Taken, so `make start` uses the next free one, {free}."


def test_a_hundred_taken_ports_are_one_sentence() -> None:
    with contextlib.ExitStack() as holders:
        for port in range(20_000, 20_100):
            holder = holders.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # somebody else has it, which is as good
                holder.bind(("127.0.0.1", port))
                holder.listen()
        with pytest.raises(SetupError, match="All ports from 20000 to 20099 are taken: stop some programs"):
            doctor.free_port(20_000)


def test_a_machine_without_the_name_localhost_is_named(course: Course, monkeypatch) -> None:
    def unknown(*asked: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert fault(course, "Name localhost").startswith("This machine does not know the name localhost: add the line")


def test_a_temporary_folder_without_programs_is_no_fault_and_the_other_is_named(course: Course, monkeypatch) -> None:
    monkeypatch.setattr(session, "may_run_programs", lambda folder: False)
    found = finding(course, "Temporary folder")
    assert found.fits
    assert found.meaning == "No program may run there, so Java gets a folder in .cache."


def test_a_folder_that_cannot_be_written_is_named(course: Course) -> None:
    work = course.root / "work"
    shutil.rmtree(work)
    work.write_text("a file where the folder should be")
    assert fault(course, "Folder") == (
        f"{work} cannot be written (File exists): free some space, or give yourself the right to write there."
    )


def test_too_little_disk_is_told_with_what_is_needed(course: Course, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 1_900_000_000))
    assert fault(course, "Disk") == "Free some space: 2 GB are needed."
    assert finding(course, "Disk").found == "1.9 GB free"


def test_packages_that_differ_from_the_lock_are_named_with_both_versions(course: Course) -> None:
    lock = course.root / "requirements.lock"
    lock.write_text("mlflow==0.0.1 \\\nno-such-package==1.0 \\\nfor-others==1 ; sys_platform == 'none' \\\n")
    assert fault(course, "Packages") == "Run `make start`: it installs what the lock says."
    assert finding(course, "Packages").found == "mlflow 3.17.2 (lock: 0.0.1), no-such-package missing (lock: 1.0)"


def run_doctor(monkeypatch, capsys) -> tuple[object, str]:
    """What `workbook doctor` exits with (the sentence that Python prints with code 1, or 0), and what it prints."""
    monkeypatch.setattr("sys.argv", ["workbook", "doctor"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().out


def test_the_command_shows_both_tables_and_exits_with_0(course: Course, monkeypatch, capsys) -> None:
    code, out = run_doctor(monkeypatch, capsys)
    assert code == 0
    assert "✗" not in out
    for name in ("Versions", "This machine", "Scala", "MLflow", "Packages", "Disk"):
        assert name in out


def test_the_command_ends_with_the_cure_and_exits_with_1(course: Course, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("WORKBOOK_JAVA_HOME", str(a_java(tmp_path / "java", "25")))
    code, out = run_doctor(monkeypatch, capsys)
    assert isinstance(code, str), "Python prints a text and exits with 1"
    assert code.startswith("✗ Java: none that fits. Java 25 in ")
    assert len(code.splitlines()) == 1
    assert "✗ Java" in out
