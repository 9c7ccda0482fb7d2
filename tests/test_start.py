"""`workbook start` brings up the book and JupyterLab on this machine only, and takes everything down again."""

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from conftest import ROOT
from workbook.commands import start
from workbook.commands.doctor import JUPYTER_PORT, SITE_PORT
from workbook.course import Course

STEM = "01_first_steps"
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one notebook whose site is built, with the jars and the archive of this one."""
    root = tmp_path_factory.mktemp("course")
    (root / "_toc.yml").write_text(json.dumps({"parts": [{"chapters": [{"file": f"chapters/{STEM}"}]}]}))
    (root / "_config.yml").write_text("title: A course")
    for name in ("book", "chapters", "solutions", "src", "exercises", "_build/html"):
        (root / name).mkdir(parents=True)
    (root / "exercises" / f"{STEM}.ipynb").write_text(json.dumps(NOTEBOOK))
    (root / "_build" / "html" / "index.html").write_text("<h1>The book</h1>")
    (root / ".cache").symlink_to(ROOT / ".cache")
    return root


@dataclass
class Started:
    """A running `workbook start`: what it printed, its two addresses, and every process that belongs to it."""

    process: "subprocess.Popen[str]"
    printed: str
    book: str
    lab: str

    def family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[Started]:
    """Started while both usual ports are taken."""
    with _taken(SITE_PORT), _taken(JUPYTER_PORT):
        process = subprocess.Popen(
            [sys.executable, "-c", "from workbook.commands.cli import main; main()", "start"],
            cwd=folder,
            env=_environment(folder),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        printed = "".join(lines)
        addresses = re.findall(r"http://\S+", printed)
        assert len(addresses) == 2, printed
        yield Started(process, printed, *addresses)
        process.terminate()  # which stops JupyterLab too, should a test have failed before it did
        process.wait()


def _environment(folder: Path) -> dict[str, str]:
    """With what the learner has for other work: a Jupyter elsewhere, a proxy, a home that takes no files."""
    settings, home = folder / "other_jupyter", folder / "home"
    settings.mkdir()
    home.write_text("no folder")
    (settings / "jupyter_server_config.py").write_text(
        "c.ServerApp.base_url = '/other/'\nc.ServerApp.certfile = 'none'"
    )
    other = {"JUPYTER_CONFIG_DIR": str(settings), "http_proxy": "http://127.0.0.1:9", "HOME": str(home)}
    return {**os.environ, **other, "WORKBOOK_ROOT": str(folder), "PYTHONUNBUFFERED": "1"}


def _taken(port: int) -> socket.socket:
    """A socket that keeps the port, unless somebody has it already."""
    holder = socket.socket()
    with contextlib.suppress(OSError):
        holder.bind(("127.0.0.1", port))
        holder.listen()
    return holder


def test_both_addresses_are_printed_last_and_answer(started: Started) -> None:
    assert re.search(r"The book: +http\S+/\nYour work: +http\S+\nCtrl-C stops both\.\n\Z", started.printed)
    assert urllib.request.urlopen(started.book).read() == b"<h1>The book</h1>"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", started.lab)
    assert b"JupyterLab" in urllib.request.urlopen(started.lab).read()


def test_the_book_is_compressed_on_its_way(started: Started, folder: Path) -> None:
    text = b"<p>word</p>" * 1000
    (folder / "_build" / "html" / "long.html").write_bytes(text)
    asked = urllib.request.Request(f"{started.book}long.html", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        sent = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(sent) < 200 and gzip.decompress(sent) == text


def test_taken_ports_are_passed_over(started: Started) -> None:
    ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", started.printed)]
    assert SITE_PORT < ports[0] < SITE_PORT + 100
    assert JUPYTER_PORT < ports[1] < JUPYTER_PORT + 100


def test_everything_listens_on_this_machine_only(started: Started) -> None:
    listening = []
    for process in started.family():
        with contextlib.suppress(psutil.NoSuchProcess):  # JupyterLab asks short-lived helpers at its start
            found = process.net_connections("tcp")
            listening += [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]
    assert len(listening) >= 2
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_the_learners_copy_is_there_and_jupyterlab_shows_it(started: Started, folder: Path) -> None:
    assert (folder / "work" / f"{STEM}.ipynb").is_file()
    address = re.sub(r"/lab\?", "/api/contents?", started.lab)
    names = [entry["name"] for entry in json.load(urllib.request.urlopen(address))["content"]]
    assert f"{STEM}.ipynb" in names


def test_ctrl_c_stops_everything_that_was_started(started: Started) -> None:
    address = re.sub(r"/lab\?", "/api/kernels?", started.lab)
    urllib.request.urlopen(urllib.request.Request(address, data=b"{}", method="POST")).close()
    family = started.family()
    assert len(family) >= 3  # the command, JupyterLab and a kernel
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert started.process.stdout is not None
    assert started.process.stdout.read() == "Stopped. Your work is saved in work/.\n"


def test_a_site_is_built_again_only_when_a_source_is_newer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(start, "build", lambda root, out: built.append(root))
    course = Course(folder)
    start.build_site(course, lambda text: None)
    assert built == []
    (folder / "book" / "new.md").write_text("# New")
    start.build_site(course, lambda text: None)
    assert built == [folder]
