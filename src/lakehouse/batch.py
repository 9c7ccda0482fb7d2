"""The one shape in which every layer works: a batch goes in, and what became of it comes out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Batch:
    """What a layer is to bring its tables up to date with.

    `number` counts the layer's batches from 0 upwards, and one that died is repeated with its number. `since` and
    `until` are versions of what the layer reads, by name: what came after `since`, up to and with `until`, is this
    batch's, and what `until` lacks has nothing. `mark` is that of the layer's last batch, None for the first.
    """

    number: int
    since: Mapping[str, int] = field(default_factory=dict)
    until: Mapping[str, int] = field(default_factory=dict)
    mark: str | None = None
    run_id: str = ""

    def seen(self, name: str) -> int:
        """The version of a table up to which earlier batches have read it; -1 for none."""
        return self.since.get(name, -1)

    def news(self, names: Iterable[str]) -> list[str]:
        """Those of the tables that have something new for this batch."""
        return [name for name in names if self.until.get(name, -1) > self.seen(name)]


@dataclass(frozen=True)
class Refreshed:
    """What a batch of a layer did: the rows that it wrote, and a mark, if the layer needs one for its next batch."""

    rows: int
    mark: str | None = None
