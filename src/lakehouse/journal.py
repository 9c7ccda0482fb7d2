"""The journal of the platform: which layer did what, when, from which versions, and how it ended.

It is what a run that died is continued from. Table `audit/operations`, one row a note; see COLUMNS. Only one process
at a time may write to a platform: `alone`.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from pyspark.sql import SparkSession

from lakehouse import tables
from lakehouse.errors import PlatformError
from lakehouse.places import Places

COLUMNS = (
    "layer STRING, batch BIGINT, status STRING, versions MAP<STRING, BIGINT>, rows BIGINT, seconds DOUBLE, "
    "message STRING, run_id STRING, at TIMESTAMP"
)


@dataclass(frozen=True)
class Note:
    """What a layer says of one batch. `status` is planned, done or failed.

    `versions` are those of the tables that the batch reads: it reads what came after those of the batch before.
    `rows` are those that it wrote, `message` what went wrong, or a mark of a source to ask it by next time.
    """

    layer: str
    batch: int
    status: str
    versions: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0
    message: str | None = None
    run_id: str = ""
    at: datetime | None = None


class Journal:
    """The notes of one platform, read once and then kept: two runs never write at the same time."""

    def __init__(self, spark: SparkSession, places: Places, run_id: str) -> None:
        self._spark, self._run_id = spark, run_id
        self._table = places.table("audit", "operations")
        self._last: dict[tuple[str, str], Note] = {}
        if tables.exists(spark, self._table):
            for row in self._newest():
                self._remember(row)

    def _newest(self) -> list[Note]:
        """The newest note of each layer and status."""
        newest = self._spark.sql(
            f"SELECT max_by(struct(*), at) AS note FROM {tables.identifier(self._table)} GROUP BY layer, status"
        )
        return [Note(**row["note"].asDict()) for row in newest.collect()]

    def _remember(self, note: Note) -> None:
        self._last[note.layer, note.status] = note

    def last(self, layer: str, status: str = "done") -> Note | None:
        """The newest note of a layer with that status."""
        return self._last.get((layer, status))

    def unfinished(self, layer: str) -> Note | None:
        """The plan of a batch that was begun and is not done."""
        planned, done = self.last(layer, "planned"), self.last(layer)
        return planned if planned and (done is None or done.batch < planned.batch) else None

    def next_batch(self, layer: str) -> int:
        """The number of the batch that comes after the last one that is done; the first is 0."""
        done = self.last(layer)
        return done.batch + 1 if done else 0

    def note(self, note: Note) -> None:
        """Append a note, in one commit."""
        at = datetime.now(timezone.utc)
        stamped = Note(**{**vars(note), "run_id": self._run_id, "at": at})
        row = (
            *(stamped.layer, stamped.batch, stamped.status, dict(stamped.versions), stamped.rows),
            *(stamped.seconds, stamped.message, stamped.run_id, at),
        )
        tables.append(self._spark.createDataFrame([row], COLUMNS).coalesce(1), self._table)
        self._remember(stamped)


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
