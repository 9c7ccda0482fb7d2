"""How far a continuous run is: a small file under the base path, which the dashboard reads."""

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lakehouse.files import write_atomically

NAME = "live.json"


@dataclass(frozen=True)
class Live:
    """Gold has every payment that was published before `fresh_at`; so many events and files were waiting then."""

    fresh_at: datetime
    events: int
    files: int


def save(folder: Path, live: Live) -> None:
    """Let everybody know. The file appears whole."""
    text = json.dumps({**asdict(live), "fresh_at": live.fresh_at.isoformat()})
    write_atomically(folder / NAME, text.encode())


def load(folder: Path) -> Live | None:
    """What the run under this base path said last; None where none is going on. It is old where a run was killed."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Live(**{**found, "fresh_at": datetime.fromisoformat(found["fresh_at"])})


def remove(folder: Path) -> None:
    """Nothing is going on any longer."""
    with contextlib.suppress(FileNotFoundError):
        (folder / NAME).unlink()
