"""What comes out of a run: how far it is, how it ended, and how the platform stands after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lakehouse.errors import PlatformError
from lakehouse.quality import Limits, Rule, Verdict
from lakehouse.units import limits, shown


class LayerFailed(PlatformError):
    """A layer could not do its work; `layer` is its name. What is above it keeps its last good state."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(message)
        self.layer = layer


@dataclass(frozen=True)
class Progress:
    """Where a run is: a layer, the rows that it has written, its seconds, and whether it is done."""

    layer: str
    rows: int
    seconds: float
    done: bool


@dataclass(frozen=True)
class Increment:
    """What a continuous run has just brought into gold and to those who read it: so many payments, in so many seconds.

    Gold has the wallet's events up to the number `events`, that one not included, and so many events and files came
    meanwhile and wait.
    """

    rows: int
    seconds: float
    events: int
    waiting_events: int
    waiting_files: int


@dataclass
class Layer:
    """What one layer did in a run."""

    name: str
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Book:
    """What became of the rows of one source. `quarantined` has those that could not even be read."""

    source: str
    read: int
    clean: int
    quarantined: int
    duplicate: int

    @property
    def balanced(self) -> bool:
        """Whether every row that was read is in exactly one place."""
        return self.read == self.clean + self.quarantined + self.duplicate


@dataclass(frozen=True)
class Nulls:
    """The NULLs of one column of silver."""

    table: str
    column: str
    rows: int
    nulls: int
    tolerance: float

    @property
    def share(self) -> float:
        """The part of the rows, 0 to 1."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def passed(self) -> bool:
        """Whether there are no more than the column may have."""
        return self.share <= self.tolerance


@dataclass(frozen=True)
class Kept:
    """How often a rule is broken, among the rows that it judged."""

    table: str
    rule: Rule
    rows: int
    broken: int

    @property
    def share(self) -> float:
        """The part of the rows, 0 to 1."""
        return self.broken / self.rows if self.rows else 0.0

    @property
    def verdict(self) -> Verdict:
        """Whether it is broken no more often than the rule tolerates; no data where it has judged no row."""
        return Limits(high=self.rule.tolerance).judge(self.share if self.rows else None)


@dataclass(frozen=True)
class Measured:
    """What a rule said when it was last measured, about what had come since the time before.

    `value` is what was measured, in `unit`, and `low` and `high` are what it may be, None for no limit. The unit of a
    rule about rows is `share`: the part of them, 0 to 1, that breaks it. `verdict` is pass, fail, or no data. `trend`
    has the last ten values, the newest last.
    """

    rule: str
    table: str
    kind: str
    severity: str
    owner: str
    meaning: str
    since: date
    rows: int
    value: float | None
    unit: str
    low: float | None
    high: float | None
    verdict: Verdict
    trend: tuple[float, ...] = ()

    @property
    def said(self) -> str:
        """What was measured and what may be, and whom to ask: a part of a sentence."""
        measured = f"{self.rule} measures {shown(self.value, self.unit)} of {self.rows:,} new rows"
        return f"{measured} and may measure {limits(self.low, self.high, self.unit)}; ask {self.owner}"


@dataclass(frozen=True)
class Books:
    """All that is counted at the end of a run. `processed` has customers, products and transactions, good or bad."""

    processed: Mapping[str, int]
    books: tuple[Book, ...]
    nulls: tuple[Nulls, ...]
    rules: tuple[Kept, ...]


@dataclass(frozen=True)
class Drift:
    """How far the customers of today are from those that the model has learnt from, in one feature.

    `psi` is the population stability index; `verdict` is stable, moderate or large.
    """

    feature: str
    psi: float
    verdict: str


@dataclass(frozen=True)
class Churn:
    """How the layer stands. `version`, and the metrics, are the champion's; None and empty where there is none.

    `refused` says why the newest quarter has no champion, if it has none.
    """

    as_of: date
    predictions: int
    version: int | None
    metrics: Mapping[str, float]
    drift: tuple[Drift, ...]
    refused: str | None = None


@dataclass(frozen=True)
class PlatformResult:
    """What a run did, and how the platform stands after it.

    `rules` has how often each rule is broken over all that lies there, `measured` what each said of what came last.
    `churn` is how the model stands; None where it has never looked at a customer. `report` is the HTML page, where it
    could be saved.
    """

    nothing_new: bool
    layers: tuple[Layer, ...]
    processed: Mapping[str, int]
    books: tuple[Book, ...]
    nulls: tuple[Nulls, ...]
    rules: tuple[Kept, ...]
    discrepancies: tuple[tuple[str, str], ...]
    measured: tuple[Measured, ...] = ()
    churn: Churn | None = None
    report: Path | None = None

    @property
    def balanced(self) -> bool:
        """Whether the books of all sources balance."""
        return all(book.balanced for book in self.books)
