"""Progress survives what happens on a learner's machine."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from workbook.checking.progress import Progress


def test_the_best_outcome_of_an_exercise_stands(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.sqlite")
    for outcome in ("failed", "passed", "failed"):
        progress.record("01_first", "one", outcome, "")
    progress.record("01_first", "two", "error", "")
    progress.record("01_first", "two", "revealed", "")
    assert progress.standing() == {"one": "passed", "two": "error"}
    assert progress.failures("one") == 2
    assert (progress.passed("one"), progress.passed("two")) == (True, False)


def test_what_was_recorded_survives_kill_9_in_the_middle_of_writing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workbook.checking.progress import Progress\n"
        "while True:\n"
        "    Progress(Path(sys.argv[1])).record('01_first', 'one', 'failed', '')\n"
        "    print('recorded', flush=True)"
    )
    path = tmp_path / "progress.sqlite"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    progress = Progress(path)
    assert progress.failures("one") in (len(told), len(told) + 1)
    progress.record("01_first", "one", "passed", "")
    assert (progress.standing(), progress.set_aside) == ({"one": "passed"}, None)


def _record_many(path: Path, name: str) -> None:
    for _ in range(50):
        Progress(path).record("01_first", name, "failed", "")


def test_two_notebooks_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_many, args=(path, name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (Progress(path).failures("one"), Progress(path).failures("two")) == (50, 50)


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite"
    path.write_bytes(b"this was never a database, and it is long enough to be read as one " * 20)
    progress = Progress(path)
    progress.record("01_first", "one", "passed", "")
    assert progress.standing() == {"one": "passed"}
    assert progress.set_aside is not None
    assert progress.set_aside.read_bytes().startswith(b"this was never a database")


def test_a_file_damaged_in_its_middle_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite"
    whole = Progress(path)
    for _ in range(30):
        whole.record("01_first", "one", "failed", "a message that fills some pages " * 40)
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    path.write_bytes(content)
    progress = Progress(path)
    progress.record("01_first", "one", "passed", "")
    assert progress.standing() == {"one": "passed"}
    assert progress.set_aside is not None
    assert progress.notice.startswith("Your progress file was damaged. It is kept as progress.sqlite.damaged-")


def test_a_file_that_cannot_be_opened_is_told_and_never_fatal(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite"
    path.mkdir()
    progress = Progress(path)
    progress.record("01_first", "one", "passed", "")
    assert progress.standing() == {"one": "passed"}
    assert progress.notice.startswith(f"Your progress is not saved in {path} (unable to open database file): is the")


def test_a_folder_that_cannot_be_made_is_told_and_never_fatal(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file where the folder should be")
    progress = Progress(tmp_path / "work" / "progress.sqlite")
    progress.record("01_first", "one", "failed", "Not yet.")
    assert progress.last("one") == ("failed", "Not yet.")
    assert "is not saved" in progress.notice


def test_a_database_of_another_program_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE attempt (something INTEGER)")
    progress = Progress(path)
    progress.record("01_first", "one", "passed", "")
    assert progress.standing() == {"one": "passed"}
    assert progress.set_aside is not None


def test_without_a_file_progress_lasts_as_long_as_the_process() -> None:
    progress = Progress(None)
    progress.record("01_first", "one", "failed", "")
    assert progress.failures("one") == 1
