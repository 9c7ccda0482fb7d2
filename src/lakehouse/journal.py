"""The journal of the platform: which layer did what, when, from which versions, and how it ended.

It is what a run that died is continued from. Table `audit/operations`, one row a note; see COLUMNS. Only one process
at a time may write to a platform: `alone`.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from lakehouse.batch import Batch, Refreshed
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake
from lakehouse.places import Places

TABLE = "audit/operations"
COLUMNS = (
    "layer STRING, batch BIGINT, status STRING, versions MAP<STRING, BIGINT>, rows BIGINT, seconds DOUBLE, "
    "message STRING, mark STRING, run_id STRING, at TIMESTAMP"
)


@dataclass(frozen=True)
class Note:
    """What a layer says of one batch. `status` is planned, done or failed.

    `versions` are those of the tables that the batch reads: it reads what came after those of the batch before.
    `rows` are those that it wrote, `message` is what went wrong, and `mark` what the layer wants to know next time.
    """

    layer: str
    batch: int
    status: str
    versions: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0
    message: str | None = None
    mark: str | None = None
    run_id: str = ""
    at: datetime | None = None


class Journal:
    """The notes of one platform, read once and then kept: two runs never write at the same time."""

    def __init__(self, lake: Lake, run_id: str) -> None:
        self._lake, self._run_id = lake, run_id
        self._last = {(note.layer, note.status): note for note in _newest(lake)}

    def last(self, layer: str, status: str = "done") -> Note | None:
        """The newest note of a layer with that status."""
        return self._last.get((layer, status))

    def batch(self, layer: str, until: Mapping[str, int]) -> Batch:
        """The batch that comes after the last one that is done, up to the versions `until`."""
        done = self.last(layer)
        if done is None:
            return Batch(0, until=until, run_id=self._run_id)
        return Batch(done.batch + 1, done.versions, until, done.mark, self._run_id)

    def unfinished(self, layer: str) -> Batch | None:
        """The batch that was planned and is not done."""
        planned = self.last(layer, "planned")
        batch = self.batch(layer, planned.versions if planned else {})
        return batch if planned and planned.batch == batch.number else None

    def planned(self, layer: str, batch: Batch) -> None:
        """Note what a batch is going to read."""
        self._note(Note(layer, batch.number, "planned", batch.until))

    def done(self, layer: str, batch: Batch, refreshed: Refreshed, seconds: float) -> None:
        """Note what became of a batch."""
        rows, mark = refreshed.rows, refreshed.mark
        self._note(Note(layer, batch.number, "done", batch.until, rows, seconds, mark=mark))

    def failed(self, layer: str, message: str) -> None:
        """Note why a layer could not do its next batch."""
        self._note(Note(layer, self.batch(layer, {}).number, "failed", message=message))

    def _note(self, note: Note) -> None:
        """Append a note, in one commit."""
        note = replace(note, versions=dict(note.versions), run_id=self._run_id, at=datetime.now(timezone.utc))
        row = self._lake.spark.createDataFrame([astuple(note)], COLUMNS).coalesce(1)
        # A journal that was begun without a column gets it.
        self._lake.append(row, TABLE, mergeSchema=True)
        self._last[note.layer, note.status] = note


def _newest(lake: Lake) -> list[Note]:
    """The newest note of each layer and status."""
    if not lake.exists(TABLE):
        return []
    newest = f"SELECT max_by(struct(*), at) AS note FROM {lake.identifier(TABLE)} GROUP BY layer, status"
    return [_as_note(row["note"].asDict()) for row in lake.spark.sql(newest).collect()]


def _as_note(row: dict[str, Any]) -> Note:
    """A row of the journal. Before there was the column `mark`, the mark of a batch that was done was its message."""
    note = Note(**row)
    return replace(note, message=None, mark=note.message) if note.status == "done" and note.message else note


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """Keep other runs of this machine out of the base path. Raises PlatformError where one is going on.

    Elsewhere only the job's own setting (`max_concurrent_runs: 1`) does it; Delta Lake refuses conflicting commits.
    """
    if places.local is None:
        yield
        return
    places.local.mkdir(parents=True, exist_ok=True)
    with (places.local / ".running").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PlatformError(
                f"Another run is going on under {places.base_path}: wait for its end, or use another base path."
            ) from None
        yield
