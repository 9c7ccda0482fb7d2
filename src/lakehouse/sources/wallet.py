"""The wallet provider: what customers pay online by wallet, as events of a log that is read by number."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lakehouse.files import write_atomically
from lakehouse.sources.http import FAILURES, Answer, Service, refused

MOST = 1_000


class Segment(NamedTuple):
    """The events from number `first` up to `end`, `end` not included, one a line of the file."""

    first: int
    end: int
    path: Path


class WalletServer(Service):
    """A running event log, one resource: `GET <url>?from=&limit=`.

    The events are numbered from 0 in the order in which they came. The log only grows, so a number means the same event
    for ever, and whoever keeps the next number reads each event once. The answer is `{"events": ["…"], "end": 17}`: at
    most `limit` events (1,000 unless told, which is the most), each the text that the provider sent, and the number
    that the next event will get. From `end` on there are none.

    The log is kept in `folder`, in files that are named by the numbers in them, and is there again after a restart.
    """

    def __init__(self, folder: Path, failures: Mapping[int, int] = FAILURES) -> None:
        self._folder = folder
        self._segments = sorted(map(_segment, folder.glob("[!.]*")))
        self._last_read: tuple[Path | None, list[str]] = (None, [])
        super().__init__("wallet", failures)

    def append(self, name: str, events: Sequence[str]) -> None:
        """Add those of the events of that name that the log lacks, the last ones: a name's events come in their order.

        Raises ValueError for an event of several lines.
        """
        if any("\n" in event for event in events):
            raise ValueError(f"An event is one line of text; among those of {name} is one of several.")
        with self._lock:
            there = [segment for segment in self._segments if segment.path.name.endswith(f"-{name}.jsonl")]
            lacking = events[sum(segment.end - segment.first for segment in there) :]
            if there and not lacking:
                return
            first = self._end
            path = self._folder / f"{first:012d}-{first + len(lacking):012d}-{name}.jsonl"
            write_atomically(path, "".join(f"{event}\n" for event in lacking).encode())
            self._segments.append(_segment(path))

    def found(self, asked: Mapping[str, str]) -> Answer:
        """Some of the events."""
        try:
            first, limit = int(asked.get("from", 0)), int(asked.get("limit", MOST))
        except ValueError:
            return refused(400, "from and limit are whole numbers")
        if first < 0 or not 0 <= limit <= MOST:
            return refused(400, f"from is 0 or more, and limit is 0 to {MOST}")
        return Answer(200, json.dumps({"events": self._read(first, first + limit), "end": self._end}))

    @property
    def _end(self) -> int:
        return self._segments[-1].end if self._segments else 0

    def _read(self, first: int, end: int) -> list[str]:
        events: list[str] = []
        for segment in self._segments:
            if segment.first < end and segment.end > first:
                events += self._lines(segment.path)[max(first - segment.first, 0) : end - segment.first]
        return events

    def _lines(self, path: Path) -> list[str]:
        if self._last_read[0] != path:
            self._last_read = path, path.read_text(encoding="utf-8").split("\n")[:-1]
        return self._last_read[1]


def _segment(path: Path) -> Segment:
    first, end, *_ = path.name.split("-")
    return Segment(int(first), int(end), path)
