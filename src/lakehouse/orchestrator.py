"""The platform from end to end: sources, ingestion and bronze, silver, gold, serving, ML, and the API's releases.

What a layer has done is noted in the journal. So a run that died, or that failed, is continued by the next one from
the layer where it stopped, and the layers above it keep their last good state until then. Between silver and gold an
audit measures what has come, and ends the run where a rule of severity fail is broken. Silver notes beforehand, too,
what its batch will read: it writes a batch to several tables, each once, so a repeat must be of the same rows.

A continuous run (`follow`) is the same with smaller batches: between two days it takes in payments alone, again and
again, from bronze to serving. It has no state of its own, so it is continued by whatever run comes next.
"""

import contextlib
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from lakehouse import books, bronze, gold, live, report, serving, silver
from lakehouse.addresses import Addresses
from lakehouse.api import releases
from lakehouse.batch import Batch, Refreshed
from lakehouse.errors import PlatformError, cause
from lakehouse.journal import Journal, Note, alone
from lakehouse.lake import Lake
from lakehouse.live import Live
from lakehouse.ml import churn, registry
from lakehouse.ml import refresh as ml
from lakehouse.outcome import Books, Churn, Increment, Layer, LayerFailed, PlatformResult, Progress
from lakehouse.places import Places
from lakehouse.silver import audit
from lakehouse.sources import LAST_DAY, SourceSystems, churn_probability, loaded_on

Refresh = Callable[[Lake, Batch], Refreshed]
# What nobody writes to any longer, with the customers that it held last.
OUTDATED = ("staging/by_customer_id", "staging/by_product_id")
LAYERS = ("sources", "bronze", "silver", "gold", "serving", "ml", "api")
ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    # Delta would copy what a MERGE reads, in case that it changes meanwhile; here it is files that nobody writes to.
    "spark.databricks.delta.merge.materializeSource": "none",
}
# Seconds from one payment by wallet of the course's shop to the next, and from one look at the sources to the next.
BETWEEN_PAYMENTS, BETWEEN_LOOKS = 1.0, 0.2
# Compiling a query takes longer than running it on so few rows, and so does replanning it while it runs.
FEW_ROWS = 20_000
FOR_FEW_ROWS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.files.minPartitionNum": "1",
}


@dataclass
class DataPlatformOrchestrator:
    """Runs the platform that lies under `base_path`, any path that Spark can write.

    Without `schema` its tables are folders under that path; with it they are names in the schema, of `catalog` if that
    is given. Without `addresses` the course's own source systems are started for the run, a shop of that `scale` and
    `seed`, whose days are delivered one by one. `on_progress` is told when a layer begins and when it is done, and
    `on_increment` what a continuous run has brought as far as serving.

    Raises PlatformError for a base path and addresses that do not go together.
    """

    spark: SparkSession
    base_path: str | Path
    catalog: str | None = None
    schema: str | None = None
    scale: float = 1.0
    seed: int = 7
    addresses: Addresses | None = None
    as_of: date | None = None
    on_progress: Callable[[Progress], None] = lambda progress: None
    on_increment: Callable[[Increment], None] = lambda increment: None
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake(self.spark, Places(str(self.base_path), self.catalog, self.schema))
        if self.addresses is None and self.lake.places.local is None:
            raise PlatformError(
                f"The course's payment service delivers files into a folder of this machine, and {self.base_path} is "
                "none: give the addresses of your own source systems."
            )

    def run_full_pipeline(self, days: int = 1) -> PlatformResult:
        """Deliver and ingest what is new of the first `days` days, and bring all layers up to date with it.

        Raises LayerFailed, a PlatformError, that names the layer and the cause; PlatformError where another run is
        going on under this base path; ValueError for days out of range.
        """
        with self._running(days) as run:
            return self._reported(run.through(days))

    def follow(self, days: int = 1, *, stopped: threading.Event) -> PlatformResult:
        """The same, and then go on until `stopped` is set: what is paid is in gold, and released, an increment later.

        The course's own shop publishes the payments by wallet of the next day one by one. When all are out, the rest of
        that day is delivered and taken in, by all layers, and the day after it begins; after the shop's last day it
        ends. Of source systems of your own the payments alone are taken in: customers, products and predictions by the
        next run. An increment that has begun is brought to its end. Raises the same errors.
        """
        with self._running(days) as run:
            return self._reported(run.follow(days, stopped))

    @contextlib.contextmanager
    def _running(self, days: int) -> Iterator["_Run"]:
        if days < 1:
            raise ValueError(f"A run has at least one day, not {days}.")
        with alone(self.lake.places), contextlib.ExitStack() as open_until_the_end:
            _remove_outdated(self.lake.places)
            yield _Run(self, open_until_the_end)

    def _reported(self, result: PlatformResult) -> PlatformResult:
        folder = self.lake.places.local
        return replace(result, report=report.save(result, folder)) if folder else result


def _remove_outdated(places: Places) -> None:
    for name in OUTDATED:
        if places.local and (places.local / name).exists():
            shutil.rmtree(places.local / name)


class _Run:
    """One run: the state that its layers share."""

    def __init__(self, platform: DataPlatformOrchestrator, running: contextlib.ExitStack) -> None:
        self._lake, self._platform = platform.lake, platform
        self._run_id = str(uuid.uuid4())
        self._layers = {name: Layer(name) for name in LAYERS}
        self._running = running
        self._systems: SourceSystems | None = None
        self._changed = False
        self._churn: Churn | None = None
        # How many events of the wallet's log bronze has, and since when gold has all that was paid before.
        self._taken, self._fresh_at = 0, datetime.now(timezone.utc)
        self._passed_over: frozenset[Path] = frozenset()
        running.enter_context(_settings(self._lake.spark, ALWAYS))
        self._journal = Journal(self._lake, self._run_id)

    def through(self, days: int) -> PlatformResult:
        """All layers, each after the one that it reads from."""
        first_load, rows, self._fresh_at = self._journal.last("bronze") is None, 0, datetime.now(timezone.utc)
        # MLflow takes seconds to import, and nobody waits for it now. If it does not start, its layer says so.
        warm = self._running.enter_context(ThreadPoolExecutor(1)).submit(registry.warm, self._lake.places)
        self._layer("sources", self._start)
        with _settings(self._lake.spark, {} if first_load else FOR_FEW_ROWS):
            for day in self._days(days):
                self._layer("sources", partial(self._deliver, day))
                rows += self._layer("bronze", partial(self._bronze, day))
        with ThreadPoolExecutor(1) as beside:
            with _settings(self._lake.spark, _settings_for(rows)):
                self._layer("silver", self._silver)
                # The books are those of bronze and silver, which do not change any more.
                counted = beside.submit(books.closed, self._lake)
                self._layer("gold", self._gold)
                self._layer("serving", self._serving)
            warm.result()
            # This layer reads all that silver has, however little is new.
            with _settings(self._lake.spark, _settings_for(self._rows("silver/transactions"))):
                self._layer("ml", self._ml)
                self._layer("api", self._api)
            return self._result(counted.result())

    def follow(self, days: int, stopped: threading.Event) -> PlatformResult:
        """All layers, then the payments alone, and so on day after day."""
        if folder := self._lake.places.local:
            self._running.callback(live.remove, folder)
        self.through(days)
        while not stopped.is_set() and (self._systems is None or self._newest_day() < LAST_DAY):
            day = self._newest_day() + 1
            with _settings(self._lake.spark, FOR_FEW_ROWS):
                self._payments(day, stopped)
            if not stopped.is_set():
                self.through(day + 1)
        with _settings(self._lake.spark, FOR_FEW_ROWS):
            self._layer("api", self._api)
        return self._result(books.closed(self._lake))

    def _payments(self, day: int, stopped: threading.Event) -> None:
        """Take in payments as they come, until all of the day are in, or for good."""
        self._taken = bronze.events_taken(self._lake)
        with contextlib.ExitStack() as publishing:
            all_out = threading.Event()
            if self._systems:
                all_out = publishing.enter_context(self._systems.trickling(day, BETWEEN_PAYMENTS))
            while not stopped.is_set():
                no_more, at, found = all_out.is_set(), datetime.now(timezone.utc), self._look()
                if found:
                    began, rows = time.monotonic(), self._increment(found)
                    seconds, self._fresh_at, left = time.monotonic() - began, at, self._look()
                    told = Increment(rows, seconds, self._taken, left.events, len(left.files))
                    self._platform.on_increment(told)
                elif no_more:
                    return
                else:
                    self._fresh_at = at
                    stopped.wait(BETWEEN_LOOKS)

    def _look(self) -> bronze.Waiting:
        """What waits, for the dashboard too."""
        try:
            found = bronze.waiting(self._addresses(), self._taken)
        except Exception as error:
            raise self._failure("bronze", error) from error
        found = replace(found, files=found.files - self._passed_over)
        if folder := self._lake.places.local:
            live.save(folder, Live(self._fresh_at, found.events, len(found.files)))
        return found

    def _increment(self, found: bronze.Waiting) -> int:
        """Bring the payments that wait as far as serving. Returns their number."""
        rows = self._layer("bronze", partial(self._take, found))
        self._layer("silver", self._silver)
        self._layer("gold", self._gold)
        self._layer("serving", self._serving)
        return rows

    def _take(self, found: bronze.Waiting) -> int:
        taken = bronze.take_payments(self._lake, self._addresses(), found)
        self._taken += taken.get(bronze.WALLET, 0)
        # Spark passes over a file that is a week older than others. Who looked at it again would do so without end.
        self._passed_over |= {path for path in found.files if path.exists()}
        return sum(taken.values())

    def _layer(self, name: str, work: Callable[[], int]) -> int:
        """Do the work of a layer, measured. Raises LayerFailed that names it, and notes it in the journal."""
        layer, began = self._layers[name], time.monotonic()
        self._platform.on_progress(Progress(name, layer.rows, layer.seconds, False))
        try:
            rows = work()
        except Exception as error:
            failure = self._failure(name, error)
            with contextlib.suppress(Exception):
                self._journal.failed(name, str(failure))
            raise failure from error
        layer.rows += rows
        layer.seconds += time.monotonic() - began
        self._platform.on_progress(Progress(name, layer.rows, layer.seconds, True))
        return rows

    def _failure(self, name: str, error: Exception) -> LayerFailed:
        said = str(error) if isinstance(error, PlatformError) else cause(error)
        above = [layer for layer in LAYERS[LAYERS.index(name) + 1 :] if self._journal.last(layer)]
        kept = [f"{layer} of {_age(self._journal.last(layer))}" for layer in above]
        state = f" What was there is kept: {', '.join(kept)}." if kept else ""
        return LayerFailed(
            name, f"The layer {name} failed: {said.rstrip('.')}.{state} Run it again, and it goes on from there."
        )

    def _start(self) -> int:
        if self._platform.addresses is None and self._systems is None:
            landing = self._lake.folder("landing")
            systems = SourceSystems(landing, self._platform.scale, self._platform.seed)
            self._systems = self._running.enter_context(systems)
        return 0

    def _days(self, days: int) -> list[int]:
        """The days that bronze lacks; if it has them all, a last look at the sources."""
        newest = self._newest_day()
        if self._platform.addresses is not None:
            return [newest + 1]
        return list(range(newest + 1, days)) or [newest]

    def _newest_day(self) -> int:
        """The last day that bronze has as a whole; -1 where it has none."""
        done = self._journal.last("bronze")
        return done.versions["day"] if done else -1

    def _addresses(self) -> Addresses:
        addresses = self._systems.addresses if self._systems else self._platform.addresses
        assert addresses is not None
        return addresses

    def _deliver(self, day: int) -> int:
        if self._systems is not None:
            self._systems.deliver(day)
        return 0

    def _bronze(self, day: int) -> int:
        batch, began = self._journal.batch("bronze", {"day": day}), time.monotonic()
        refreshed = bronze.refresh(self._lake, batch, addresses=self._addresses())
        if refreshed.rows:
            self._done("bronze", batch, refreshed, began)
        return refreshed.rows

    def _silver(self) -> int:
        """First the batch that was planned and not done, then one of what bronze has got since."""
        unfinished = self._journal.unfinished("silver")
        rows = self._refresh("silver", unfinished, silver.refresh) if unfinished else 0
        batch = self._journal.batch("silver", self._lake.versions("bronze", bronze.SOURCES))
        if batch.until and (batch.until != batch.since or batch.mark != silver.fingerprint()):
            self._journal.planned("silver", batch)
            rows += self._refresh("silver", batch, silver.refresh)
        if done := self._journal.last("silver"):
            self._bring("audit", {"silver": done.batch, "day": self._newest_day()}, audit.refresh)
        return rows

    def _gold(self) -> int:
        return self._bring("gold", self._lake.versions("silver", gold.INPUTS), gold.refresh)

    def _serving(self) -> int:
        notes = [note for layer in ("bronze", "silver", "gold") if (note := self._journal.last(layer))]
        health = [(note.layer, float(note.seconds), note.rows) for note in notes]
        until = self._lake.versions("gold", serving.TABLES)
        return self._bring("serving", until, partial(serving.refresh, health=health))

    def _ml(self) -> int:
        """What silver has got since, or, after a rollback, what another champion says of the same."""
        rows, silver_versions = 0, self._lake.versions("silver", ml.INPUTS)
        with registry.opened(self._lake.places) as models:

            def until() -> dict[str, int]:
                champion = models.champion()
                return {**silver_versions, "champion": champion.version if champion else 0}

            batch, began = self._journal.batch("ml", until()), time.monotonic()
            if len(silver_versions) == len(ml.INPUTS) and batch.until != batch.since:
                refreshed = ml.refresh(self._lake, batch, registry=models, as_of=self._as_of(), known=self._known())
                # The batch may have made another model the champion.
                self._done("ml", replace(batch, until=until()), refreshed, began)
                rows = refreshed.rows
            done = self._journal.last("ml")
            self._churn = ml.standing(self._lake, models, done.mark if done else None)
        return rows

    def _as_of(self) -> date:
        """The date that customers are scored for."""
        if self._platform.as_of:
            return self._platform.as_of
        delivered = self._journal.last("bronze")
        if self._platform.addresses is None and delivered:
            return loaded_on(delivered.versions["day"])
        return datetime.now(timezone.utc).date()

    def _known(self) -> churn.Known | None:
        """The true probability of leaving: known of the course's own shop alone."""
        return churn_probability if self._platform.addresses is None else None

    def _api(self) -> int:
        """A release for the API, when serving or ML has something new."""
        notes = {layer: note.batch for layer in ("serving", "ml") if (note := self._journal.last(layer))}
        as_of, version = (self._churn.as_of, self._churn.version) if self._churn else (None, None)
        publish = partial(releases.refresh, as_of=as_of, model_version=version)
        return self._bring("api", notes if "serving" in notes else {}, publish)

    def _bring(self, layer: str, until: Mapping[str, int], refresh: Refresh) -> int:
        """Bring a layer up to date with what it is made from, whose versions are `until`, if they are not its own."""
        batch = self._journal.batch(layer, until)
        return self._refresh(layer, batch, refresh) if until and until != batch.since else 0

    def _refresh(self, layer: str, batch: Batch, refresh: Refresh) -> int:
        """Let a layer do a batch, and note that it is done."""
        began = time.monotonic()
        refreshed = refresh(self._lake, batch)
        self._done(layer, batch, refreshed, began)
        return refreshed.rows

    def _done(self, layer: str, batch: Batch, refreshed: Refreshed, began: float) -> None:
        self._changed = True
        self._journal.done(layer, batch, refreshed, time.monotonic() - began)

    def _rows(self, name: str) -> int:
        """How many rows a table has; 0 where there is none."""
        return self._lake.read(name).count() if self._lake.exists(name) else 0

    def _result(self, counted: Books) -> PlatformResult:
        return PlatformResult(
            nothing_new=not self._changed,
            layers=tuple(self._layers.values()),
            **vars(counted),
            churn=self._churn,
            discrepancies=bronze.discrepancies(self._lake),
            measured=audit.standing(self._lake),
        )


def _age(note: Note | None) -> str:
    """When a layer was last brought up to date, and how long ago that was."""
    assert note is not None and note.at is not None
    at = note.at if note.at.tzinfo else note.at.astimezone(timezone.utc)
    minutes = int((datetime.now(timezone.utc) - at).total_seconds() // 60)
    return f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC ({minutes // 60} h {minutes % 60} min ago)"


def _settings_for(rows: int) -> Mapping[str, str]:
    """The settings for queries over so many rows, beside those that always hold."""
    return {} if rows > FEW_ROWS else FOR_FEW_ROWS


@contextlib.contextmanager
def _settings(spark: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Settings of the session for a while; one that it does not let us change is left as it is."""
    before = {}
    for name, value in wanted.items():
        with contextlib.suppress(Exception):
            old = spark.conf.get(name, None)
            spark.conf.set(name, value)
            before[name] = old
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)
