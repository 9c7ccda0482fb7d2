"""Where a learner stands: one SQLite file, written by every check."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    stem TEXT NOT NULL,
    exercise TEXT NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT NOT NULL
)
"""


@dataclass
class Progress:
    """The attempts of one learner. `path` is the file, or None to remember only while this process lives."""

    path: Path | None
    set_aside: Path | None = None
    """Where a damaged file was moved, once that has happened."""
    unsaved: str = ""
    """Why the file cannot be used, once that has been seen; attempts are then only remembered."""
    _memory: sqlite3.Connection | None = field(default=None, repr=False)

    def record(self, stem: str, exercise: str, outcome: str, message: str) -> None:
        """Add one attempt: its outcome is `passed`, `failed`, `not_attempted`, `error` or `revealed`."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._open() as database:
            database.execute(
                "INSERT INTO attempt (at, stem, exercise, outcome, message) VALUES (?, ?, ?, ?, ?)",
                (now, stem, exercise, outcome, message),
            )

    @property
    def notice(self) -> str:
        """What the learner must be told about the file itself, or nothing."""
        if self.unsaved:
            return (
                f"Your progress is not saved in {self.path} ({self.unsaved}): is the disk full or the file read-only?"
            )
        if self.set_aside is None:
            return ""
        return f"Your progress file was damaged. It is kept as {self.set_aside.name}, and a new one was begun."

    def failures(self, exercise: str) -> int:
        """How often a check of the exercise ended in `failed` or `error`."""
        return self._count(exercise, ("failed", "error"))

    def passed(self, exercise: str) -> bool:
        """Whether a check of the exercise has ever passed."""
        return self._count(exercise, ("passed",)) > 0

    def _count(self, exercise: str, outcomes: tuple[str, ...]) -> int:
        marks = ", ".join("?" * len(outcomes))
        query = f"SELECT count(*) FROM attempt WHERE exercise = ? AND outcome IN ({marks})"
        with self._open() as database:
            return int(database.execute(query, (exercise, *outcomes)).fetchone()[0])

    def last(self, exercise: str) -> tuple[str, str] | None:
        """The outcome and the message of the last check of the exercise, or None before the first."""
        query = "SELECT outcome, message FROM attempt WHERE exercise = ? AND outcome <> 'revealed' ORDER BY id DESC"
        with self._open() as database:
            found = database.execute(query, (exercise,)).fetchone()
        return (str(found[0]), str(found[1])) if found else None

    def standing(self) -> dict[str, str]:
        """By exercise: `passed` if it ever passed, otherwise the outcome of its last attempt."""
        query = "SELECT exercise, outcome FROM attempt WHERE outcome <> 'revealed' ORDER BY outcome = 'passed', id"
        with self._open() as database:
            return dict(database.execute(query).fetchall())

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = None if self.path is None or self.unsaved else self._connect(self.path)
        if database is not None:
            with contextlib.closing(database), database:
                yield database
            return
        if self._memory is None:
            self._memory = sqlite3.connect(":memory:", check_same_thread=False)
            self._memory.execute(SCHEMA)
        yield self._memory

    def _connect(self, path: Path) -> sqlite3.Connection | None:
        """A connection to the file, a new one where it is damaged; None where it cannot be used at all."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _connected(path)
        except (sqlite3.OperationalError, OSError) as error:
            self.unsaved = str(error)
            return None
        except sqlite3.DatabaseError:
            self.set_aside = path.with_name(f"{path.name}.damaged-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}")
            path.rename(self.set_aside)
            for companion in ("-wal", "-shm"):
                path.with_name(path.name + companion).unlink(missing_ok=True)
            return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    """A connection that waits for others, and writes so that kill -9 loses nothing that was recorded."""
    database = sqlite3.connect(path, timeout=30)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(SCHEMA)
        columns = {row[1] for row in database.execute("PRAGMA table_info(attempt)")}
        if not columns >= {"at", "stem", "exercise", "outcome", "message"}:
            raise sqlite3.DatabaseError("the table is another program's")
        database.execute("SELECT count(*) FROM attempt WHERE exercise = ''").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
