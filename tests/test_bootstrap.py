"""`make` on a machine that does not fit: one sentence with the cure, and an exit code that is not 0."""

import ast
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import bootstrap
import pytest

from conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of which only the bootstrap's own files are there."""
    for name in ("bootstrap.py", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "requirements.lock").write_text("six==1.17.0 --hash=sha256:" + "0" * 64)
    for name, path in {"ROOT": "", "VENV": ".venv", "TOOLS": ".tools", "LOCK": "requirements.lock"}.items():
        monkeypatch.setattr(bootstrap, name, str(tmp_path / path))
    return tmp_path


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_machine_without_python_is_told_what_to_install(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(
        ["make", "start", "PYTHON=python-nowhere"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert run.stdout == (
        "There is no python-nowhere here: install Python 3.10 to 3.13, or run 'make PYTHON=/path/to/it ...'.\n"
    )


def test_a_python_that_does_not_fit_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(folder / "bin" / "python3", "echo 3 8")
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setenv("PATH", str(old.parent))
    with pytest.raises(
        SystemExit, match=r"^Python 3\.8 does not fit: install Python 3\.10 to 3\.13, and run `make PYT"
    ):
        bootstrap.main()


def test_another_python_of_the_machine_that_fits_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(folder / "bin" / "python3", "echo 3 8")
    new = program(folder / "bin" / "python3.12", "echo 3 12")
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setenv("PATH", str(old.parent))
    assert bootstrap.find_python() == str(new)


def test_a_python_without_sqlite_is_named_and_another_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = program(folder / "bin" / "python3", "echo 3 11; echo sqlite3")
    monkeypatch.setattr(sys, "executable", str(poor))
    monkeypatch.setenv("PATH", str(poor.parent))
    with pytest.raises(SystemExit, match=f"^{poor} was built without sqlite3: install a whole Python 3.10 to 3.13"):
        bootstrap.find_python()
    whole = program(folder / "bin" / "python3.12", "echo 3 12")
    assert bootstrap.find_python() == str(whole)


def test_what_a_python_lacks_is_what_it_cannot_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.look_at(sys.executable) == (sys.version_info[:2], [])
    (tmp_path / "sqlite3.py").write_text("raise ImportError('no _sqlite3')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert bootstrap.look_at(sys.executable) == (sys.version_info[:2], ["sqlite3"])


def test_a_python_for_intel_macs_is_told_where_the_course_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "x86_64")
    with pytest.raises(SystemExit, match=r"^This is a Python for Intel Macs, for which some packages are not made"):
        bootstrap.check_folder()
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "arm64")
    bootstrap.check_folder()


@pytest.mark.parametrize(
    "foreign",
    [{"PIP_USER": "1"}, {"PIP_REQUIRE_VIRTUALENV": "1"}, {"PIP_TARGET": "/nowhere"}, {"UV_SYSTEM_PYTHON": "1"}],
)
def test_packages_go_where_the_course_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, foreign: dict[str, str]
) -> None:
    [(name, value)] = foreign.items()
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror/")
    bootstrap.run(
        [sys.executable, "-c", f"import os; open({str(folder / 'seen')!r}, 'w').write(repr(dict(os.environ)))"]
    )
    seen = ast.literal_eval((folder / "seen").read_text())
    assert name not in seen
    assert seen["PIP_INDEX_URL"] == "http://mirror/"


def test_a_home_that_cannot_be_written_needs_no_cache_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder / "nowhere"))
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    bootstrap.run(
        [sys.executable, "-c", f"import os; open({str(folder / 'seen')!r}, 'w').write(os.environ['UV_CACHE_DIR'])"]
    )
    assert (folder / "seen").read_text() == str(folder / ".tools" / "cache")


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "ASCII"])
def test_what_it_says_can_be_shown_by_any_terminal(encoding: str) -> None:
    assert (ROOT / "bootstrap.py").read_text(encoding="utf-8").encode(encoding)


def test_a_disk_that_is_too_full_is_named_with_both_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**11, 10**11, 1_234_000_000))
    with pytest.raises(SystemExit) as error:
        bootstrap.main()
    assert str(error.value) == (
        f"1.2 GB are free on the disk of {folder} and 4 are needed: free some space, then run the command again."
    )


def test_a_folder_that_cannot_be_written_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == str(folder) and mode == os.W_OK))
    with pytest.raises(
        SystemExit, match=r"cannot be written: give yourself the right to write there, or copy the course"
    ):
        bootstrap.main()


def test_windows_itself_is_sent_to_wsl_or_the_container(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.os, "name", "nt")
    with pytest.raises(
        SystemExit, match=r"^Windows itself is not supported: open this folder in WSL or in the dev cont"
    ):
        bootstrap.check_folder()


def test_no_network_on_the_first_start_is_one_sentence_with_the_cure(folder: Path) -> None:
    # Nothing listens on port 9 of this machine, so every request is refused at once.
    nowhere = "http://127.0.0.1:9"
    environment = {
        **os.environ,
        **{f"{name}_PROXY": nowhere for name in ("HTTP", "HTTPS", "ALL")},
        "NO_PROXY": "",
        "UV_NO_CACHE": "1",
        "UV_HTTP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "UV_FIND_LINKS": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "",
    }
    run = subprocess.run([sys.executable, "bootstrap.py"], cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        "Packages could not be fetched or installed (the lines above say why): the first start needs a network; "
        "check the connection, the proxy (HTTPS_PROXY) and the space on the disk, then run the command again."
    )
    assert "Traceback" not in run.stderr


def test_an_environment_that_fits_the_lock_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".venv").mkdir()
    (folder / ".venv" / "fits").write_text(bootstrap.fingerprint())
    monkeypatch.setattr(bootstrap, "run", lambda command: pytest.fail(f"it ran {command}"))
    bootstrap.main()


def test_another_lock_or_another_place_asks_for_a_new_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bootstrap.fingerprint()
    (folder / "requirements.lock").write_text("six==1.16.0")
    second = bootstrap.fingerprint()
    monkeypatch.setattr(bootstrap, "ROOT", "/elsewhere")
    assert len({first, second, bootstrap.fingerprint()}) == 3
