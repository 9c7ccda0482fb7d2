"""Bronze: what the sources delivered, as they delivered it, appended once, with where it came from.

Five tables, one a source: `customer_changes` (the CRM's log, by JDBC), `products` (the catalogue, by its HTTP API),
`payments_online` and `payments_store` (files), `payments_wallet` (a stream of events). Each row has `_source`,
`_origin` (the query, the page, the event) or `_file_path`, `_row_hash`, `_ingested_at` and `_batch_id`. Every arrival
is a row of `audit/arrivals`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.addresses import Addresses
from lakehouse.batch import Batch, Refreshed
from lakehouse.errors import PlatformError, cause
from lakehouse.ingestion import (
    Entry,
    ShopApi,
    archive,
    bounds,
    check_delivery,
    end_of_log,
    ingest_new_events,
    ingest_new_files,
    new_tag,
    read_partitioned,
    read_since,
    sampled_columns,
)
from lakehouse.ingestion.audit import ENTRY, TABLE, as_entries
from lakehouse.ingestion.catalogue import SCHEMA as PRODUCT
from lakehouse.lake import Lake
from lakehouse.quality import contract

CUSTOMER_CHANGES, PRODUCTS, WALLET = "customer_changes", "products", "payments_wallet"
FILES = {"payments_online": ("online", "json"), "payments_store": ("store", "csv")}
PAYMENTS = (*FILES, WALLET)
SOURCES = (CUSTOMER_CHANGES, PRODUCTS, *PAYMENTS)

# What the senders have promised, by source.
CONTRACTS, SUFFIX = Path(__file__).with_name("sources") / "contracts", ".odcs.yaml"
ONLINE = "payments_online"

# Longer than any transaction of the CRM: a row that is committed late is still seen.
OVERLAP = timedelta(hours=1)
CONNECTIONS = 4
# More would get in each other's way: each stream starts a Python process on Spark Connect.
AT_ONCE = 2
# PostgreSQL's driver would otherwise hold the whole answer in memory.
ROWS_AT_ONCE = {"fetchsize": "10000"}
PAGE = 100
PAYMENT = (
    "transaction_id STRING, order_id STRING, customer_id STRING, product_id STRING, quantity BIGINT, "
    "unit_price DECIMAL(12,2), amount DECIMAL(12,2), currency STRING, channel STRING, payment_method STRING, "
    "ordered_at STRING"
)
# What arrived (see `lakehouse.ingestion.record`), and what was not as announced.
ARRIVALS, DISCREPANCIES = "audit/arrivals", "audit/discrepancies"
DISCREPANCY = "path STRING, problem STRING, manifest STRING"


def refresh(lake: Lake, batch: Batch, *, addresses: Addresses) -> Refreshed:
    """Append what is new in all sources, at once. The mark is the catalogue's tag: one that still has it is not read.

    Raises PlatformError that names the source which could not be read; the others are ingested all the same.
    """
    lake.create(ARRIVALS, TABLE)
    _check(lake, addresses)
    jobs: dict[str, Callable[[], int]] = {source: partial(_files, lake, addresses, source) for source in FILES}
    jobs[WALLET] = partial(_wallet, lake, addresses)
    jobs[CUSTOMER_CHANGES] = partial(_customer_changes, lake, batch, addresses)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {source: pool.submit(job) for source, job in jobs.items()}
        catalogue = pool.submit(_products, lake, batch, addresses)
    _raise_first({**begun, PRODUCTS: catalogue})
    _archive(lake, addresses)
    products = catalogue.result()
    return Refreshed(products.rows + sum(job.result() for job in begun.values()), products.mark)


def _raise_first(jobs: Mapping[str, Future[Any]]) -> None:
    """Say which source could not be read, if one could not. Raises PlatformError."""
    for source, job in jobs.items():
        if (error := job.exception()) is not None:
            said = str(error) if isinstance(error, PlatformError) else cause(error)
            raise PlatformError(f"The source {source} could not be read: {said}") from error


@dataclass(frozen=True)
class Waiting:
    """The payments that bronze has not taken in: events of the wallet's log, and files in the landing zone."""

    events: int
    files: frozenset[Path]

    def __bool__(self) -> bool:
        return bool(self.events or self.files)


def events_taken(lake: Lake) -> int:
    """How many events of the wallet's log bronze has, by the audit table: the number of the next one."""
    if not lake.exists(ARRIVALS):
        return 0
    mine = lake.read(ARRIVALS).where(F.col("source") == WALLET)
    [(taken,)] = mine.agg(F.coalesce(F.sum(F.col("rows") + F.col("refused")), F.lit(0))).collect()
    return int(taken)


def waiting(addresses: Addresses, taken: int) -> Waiting:
    """What waits, where bronze has so many events. It asks the sources and not Spark, so it takes milliseconds.

    Raises PlatformError where the log does not answer.
    """
    try:
        events = end_of_log(addresses.wallet_url) - taken
    except Exception as error:
        raise PlatformError(f"The source {WALLET} could not be read: {cause(error)}") from error
    return Waiting(events, frozenset(_landed(addresses)))


def take_payments(lake: Lake, addresses: Addresses, found: Waiting) -> dict[str, int]:
    """Append the payments that wait, of the sources where some do. Returns how many of each, with those refused.

    The checkpoints know what has been taken in, so a batch of its own is not needed. Raises PlatformError that names
    the source which could not be read.
    """
    folders = {path.parent.name for path in found.files}
    jobs: dict[str, Callable[[], int]] = {
        source: partial(_files, lake, addresses, source) for source, (folder, _) in FILES.items() if folder in folders
    }
    if found.events:
        jobs[WALLET] = partial(_wallet, lake, addresses)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {source: pool.submit(job) for source, job in jobs.items()}
    _raise_first(begun)
    if found.files:
        _archive(lake, addresses)
    return {source: job.result() for source, job in begun.items()}


def _customer_changes(lake: Lake, batch: Batch, addresses: Addresses) -> int:
    """The rows of the CRM's log that are not in bronze, found by the watermark column `recorded_at`."""
    table, target = "customer_changes", f"bronze/{CUSTOMER_CHANGES}"
    url, properties = addresses.crm_url, {**addresses.crm_properties, **ROWS_AT_ONCE}
    if lake.exists(target):
        stored = lake.read(target)
        newest = _newest(stored, "recorded_at")
        read = read_since(lake.spark, url, properties, table, "recorded_at", newest, OVERLAP)
        seen = stored.where(F.col("recorded_at") >= F.lit(newest - OVERLAP)).select("position")
        rows = read.join(seen, "position", "left_anti")
        item = f"{table} WHERE recorded_at >= {(newest - OVERLAP).isoformat()}"
    else:
        first, last = bounds(lake.spark, url, properties, table, "position")
        if first is None:
            return 0
        rows = read_partitioned(lake.spark, url, properties, table, "position", first, last, CONNECTIONS)
        item = table
    _check_customer_changes(lake, rows)
    return _append(lake, batch, rows, CUSTOMER_CHANGES, F.lit(item), item)


def _products(lake: Lake, batch: Batch, addresses: Addresses) -> Refreshed:
    """The products that changed since the newest one in bronze; none where the catalogue has the tag of last time.

    The instant of the newest product itself is asked for again.
    """
    tag = new_tag(addresses.catalogue_url, batch.mark)
    if tag is None:
        return Refreshed(0, batch.mark)
    lake.spark.dataSource.register(ShopApi)
    target = f"bronze/{PRODUCTS}"
    reader = lake.spark.read.format("shop_api").schema(f"{PRODUCT}, _page STRING")
    reader = reader.options(url=addresses.catalogue_url, page_size=PAGE)
    if not lake.exists(target):
        rows, item = reader.load(), addresses.catalogue_url
    else:
        stored = lake.read(target)
        newest = _newest(stored, "updated_at")
        since = newest.isoformat().replace("+00:00", "Z")
        seen = stored.where(F.col("updated_at") == F.lit(newest)).select("product_id", "updated_at")
        rows = reader.option("updated_since", since).load().join(seen, ["product_id", "updated_at"], "left_anti")
        item = f"{addresses.catalogue_url}?updated_since={since}"
    rows = rows.withColumnRenamed("_page", "_origin")
    return Refreshed(_append(lake, batch, rows, PRODUCTS, None, item), tag)


def _newest(rows: DataFrame, column: str) -> datetime:
    """The largest instant of a column. Collected as it is, it would be in the time zone of the machine."""
    [(micros,)] = rows.agg(F.unix_micros(F.max(column))).collect()
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)


def _append(lake: Lake, batch: Batch, rows: DataFrame, source: str, origin: Column | None, item: str) -> int:
    """Append a batch of a source with its origin, and the audit table's row about it; nothing where it is empty."""
    delivered = [name for name in rows.columns if name != "_origin"]
    arrived = rows.select(
        *delivered,
        F.lit(source).alias("_source"),
        F.col("_origin") if origin is None else origin.alias("_origin"),
        F.expr(tables.content_hash(delivered)).alias("_row_hash"),
        F.current_timestamp().alias("_ingested_at"),
        F.lit(batch.number).cast("BIGINT").alias("_batch_id"),
    )
    with tables.kept(arrived) as kept:
        if not kept.isEmpty():
            lake.write_once(kept, f"bronze/{source}", source, batch.number, **tables.CHANGE_FEED)
    return _note(lake, batch, source, item)


def _note(lake: Lake, batch: Batch, source: str, item: str) -> int:
    """Write the audit table's row about a batch that bronze has, also where the run that wrote the batch died then."""
    if not lake.exists(f"bronze/{source}"):
        return 0
    rows = lake.read(f"bronze/{source}").where(F.col("_batch_id") == batch.number).count()
    if rows:
        entry = lake.spark.createDataFrame([astuple(Entry(batch.run_id, source, item, rows))], ENTRY)
        lake.write_once(as_entries(entry), ARRIVALS, source, batch.number)
    return rows


def _files(lake: Lake, addresses: Addresses, source: str) -> int:
    """The files of one channel that are new in the landing zone."""
    folder, file_format = FILES[source]
    landing = Path(addresses.landing, "payments", folder)
    if not landing.is_dir():
        return 0
    found = ingest_new_files(
        lake.spark,
        str(landing),
        lake.table(f"bronze/{source}"),
        lake.folder("checkpoints", source),
        file_format=file_format,
        schema_hints=PAYMENT,
        audit=lake.table(ARRIVALS),
        source=source,
        properties=tables.CHANGE_FEED,
    )
    return found.rows + found.refused


def _wallet(lake: Lake, addresses: Addresses) -> int:
    """The events of the wallet provider that are new."""
    found = ingest_new_events(
        lake.spark,
        addresses.wallet_url,
        lake.table(f"bronze/{WALLET}"),
        lake.folder("checkpoints", WALLET),
        schema_hints=f"{PAYMENT}, published_at STRING",
        audit=lake.table(ARRIVALS),
        source=WALLET,
        properties=tables.CHANGE_FEED,
    )
    return found.rows + found.refused


def _check(lake: Lake, addresses: Addresses) -> None:
    """Compare what has landed with its manifests and its contract; what differs is noted."""
    landing, kept = Path(addresses.landing), Path(addresses.landing, "_archive")
    found = [
        (wrong.path, wrong.problem, manifest.name)
        for manifest in sorted(landing.glob("_manifest/*.json"))
        for wrong in check_delivery(landing, manifest)
        if not (kept / wrong.path).exists()
    ]
    agreed = contract.read(CONTRACTS / f"{ONLINE}{SUFFIX}")
    for path in sorted(landing.glob(f"payments/{FILES[ONLINE][0]}/[!._]*")):
        columns = sampled_columns(path)
        changes = contract.check(agreed, columns) if columns else []
        # A writer of JSON may leave out what is optional.
        told = [change for change in changes if change.breaking or change.column in columns]
        found += [(str(path.relative_to(landing)), str(change), f"{ONLINE}{SUFFIX}") for change in told]
    _note_discrepancies(lake, found)


def _check_customer_changes(lake: Lake, rows: DataFrame) -> None:
    """Compare the log's columns with its contract: what harms nobody is noted. Raises PlatformError for what breaks."""
    agreed = contract.read(CONTRACTS / f"{CUSTOMER_CHANGES}{SUFFIX}")
    changes = contract.check(agreed, rows.schema)
    if broken := [change.meaning for change in changes if change.breaking]:
        raise PlatformError(f"it is not as agreed in {CUSTOMER_CHANGES}{SUFFIX}: {' '.join(broken)}")
    _note_discrepancies(lake, [(CUSTOMER_CHANGES, str(change), f"{CUSTOMER_CHANGES}{SUFFIX}") for change in changes])


def _note_discrepancies(lake: Lake, found: Sequence[tuple[str, str, str]]) -> None:
    """Make each a row of `audit/discrepancies`, once: path, problem, and which manifest or contract says otherwise."""
    if found:
        lake.create(DISCREPANCIES, DISCREPANCY)
        rows = lake.spark.createDataFrame(found, DISCREPANCY)
        lake.append(rows.join(lake.read(DISCREPANCIES), rows.columns, "left_anti"), DISCREPANCIES)


def discrepancies(lake: Lake) -> tuple[tuple[str, str], ...]:
    """The files that were not as announced: path and problem, in the order of their paths."""
    if not lake.exists(DISCREPANCIES):
        return ()
    return tuple((row["path"], row["problem"]) for row in lake.read(DISCREPANCIES).orderBy("path").collect())


def _archive(lake: Lake, addresses: Addresses) -> None:
    """Move the files that bronze has out of the landing zone, so that listing it stays quick."""
    lying = {f"file:{path}": path for path in _landed(addresses)}
    if lying and lake.exists(ARRIVALS):
        arrived = lake.read(ARRIVALS).where(F.col("item").isin(*lying))
        for (item,) in arrived.select("item").distinct().collect():
            archive(addresses.landing, lying[item])


def _landed(addresses: Addresses) -> Iterator[Path]:
    """The files of payments that lie in the landing zone."""
    return Path(addresses.landing).glob("payments/*/[!._]*")
