"""Bronze: what the sources delivered, as they delivered it, appended once, with where it came from.

Five tables, one a source: `customer_changes` (the CRM's log, by JDBC), `products` (the catalogue, by its HTTP API),
`payments_online` and `payments_store` (files), `payments_wallet` (a stream of events). Each row has `_source`,
`_origin` (the query, the page, the event) or `_file_path`, `_row_hash`, `_ingested_at` and `_batch_id`. Every arrival
is a row of `audit/arrivals`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.addresses import Addresses
from lakehouse.errors import PlatformError, cause
from lakehouse.ingestion import (
    Entry,
    ShopApi,
    archive,
    bounds,
    check_delivery,
    ingest_new_events,
    ingest_new_files,
    new_tag,
    read_partitioned,
    read_since,
)
from lakehouse.ingestion.audit import ENTRY, TABLE, as_entries
from lakehouse.ingestion.catalogue import SCHEMA as PRODUCT
from lakehouse.places import Places

CUSTOMER_CHANGES, PRODUCTS, WALLET = "customer_changes", "products", "payments_wallet"
FILES = {"payments_online": ("online", "json"), "payments_store": ("store", "csv")}
PAYMENTS = (*FILES, WALLET)
SOURCES = (CUSTOMER_CHANGES, PRODUCTS, *PAYMENTS)

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
DISCREPANCY = "path STRING, problem STRING, manifest STRING"


def ingest(
    spark: SparkSession, places: Places, addresses: Addresses, batch: int, run_id: str, tag: str | None
) -> tuple[int, str | None]:
    """Append what is new in all sources, at once. Returns how many rows were read, and the catalogue's tag.

    `batch` numbers the calls from 0 upwards, and a call that failed is repeated with its number. `tag` is the tag that
    the last call returned: a catalogue that still has it is not read.

    Raises PlatformError that names the source which could not be read; the others are ingested all the same.
    """
    tables.create(spark, audit(places), TABLE)
    _check(spark, places, addresses)
    jobs: dict[str, Callable[[], int]] = {source: partial(_files, spark, places, addresses, source) for source in FILES}
    jobs[WALLET] = partial(_wallet, spark, places, addresses)
    jobs[CUSTOMER_CHANGES] = partial(_customer_changes, spark, places, addresses, batch, run_id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {source: pool.submit(job) for source, job in jobs.items()}
        catalogue = pool.submit(_products, spark, places, addresses, batch, run_id, tag)
    errors = {source: job.exception() for source, job in begun.items()} | {PRODUCTS: catalogue.exception()}
    for source, error in errors.items():
        if error is not None:
            raise PlatformError(f"The source {source} could not be read: {cause(error)}") from error
    _archive(spark, places, addresses)
    rows, tag = catalogue.result()
    return rows + sum(job.result() for job in begun.values()), tag


def audit(places: Places) -> str:
    """The table of arrivals; see `lakehouse.ingestion.record`."""
    return places.table("audit", "arrivals")


def _customer_changes(spark: SparkSession, places: Places, addresses: Addresses, batch: int, run_id: str) -> int:
    """The rows of the CRM's log that are not in bronze, found by the watermark column `recorded_at`."""
    table, target = "customer_changes", places.table("bronze", CUSTOMER_CHANGES)
    url, properties = addresses.crm_url, {**addresses.crm_properties, **ROWS_AT_ONCE}
    if tables.exists(spark, target):
        stored = tables.read(spark, target)
        newest = _newest(stored, "recorded_at")
        read = read_since(spark, url, properties, table, "recorded_at", newest, OVERLAP)
        seen = stored.where(F.col("recorded_at") >= F.lit(newest - OVERLAP)).select("position")
        rows = read.join(seen, "position", "left_anti")
        item = f"{table} WHERE recorded_at >= {(newest - OVERLAP).isoformat()}"
    else:
        first, last = bounds(spark, url, properties, table, "position")
        if first is None:
            return 0
        rows = read_partitioned(spark, url, properties, table, "position", first, last, CONNECTIONS)
        item = table
    return _append(rows, target, CUSTOMER_CHANGES, F.lit(item), item, batch, run_id, places)


def _products(
    spark: SparkSession, places: Places, addresses: Addresses, batch: int, run_id: str, tag: str | None
) -> tuple[int, str | None]:
    """The products that changed since the newest one in bronze, and the catalogue's tag; no rows where it is `tag`.

    The instant of the newest product itself is asked for again.
    """
    news = new_tag(addresses.catalogue_url, tag)
    if news is None:
        return 0, tag
    spark.dataSource.register(ShopApi)
    target = places.table("bronze", PRODUCTS)
    reader = spark.read.format("shop_api").schema(f"{PRODUCT}, _page STRING")
    reader = reader.options(url=addresses.catalogue_url, page_size=PAGE)
    if not tables.exists(spark, target):
        rows, item = reader.load(), addresses.catalogue_url
    else:
        stored = tables.read(spark, target)
        newest = _newest(stored, "updated_at")
        since = newest.isoformat().replace("+00:00", "Z")
        seen = stored.where(F.col("updated_at") == F.lit(newest)).select("product_id", "updated_at")
        rows = reader.option("updated_since", since).load().join(seen, ["product_id", "updated_at"], "left_anti")
        item = f"{addresses.catalogue_url}?updated_since={since}"
    rows = rows.withColumnRenamed("_page", "_origin")
    return _append(rows, target, PRODUCTS, None, item, batch, run_id, places), news


def _newest(rows: DataFrame, column: str) -> datetime:
    """The largest instant of a column. Collected as it is, it would be in the time zone of the machine."""
    [(micros,)] = rows.agg(F.unix_micros(F.max(column))).collect()
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)


def _append(
    rows: DataFrame,
    target: str,
    source: str,
    origin: Column | None,
    item: str,
    batch: int,
    run_id: str,
    places: Places,
) -> int:
    """Append a batch of a source with its origin, and the audit table's row about it; nothing where it is empty."""
    delivered = [name for name in rows.columns if name != "_origin"]
    arrived = rows.select(
        *delivered,
        F.lit(source).alias("_source"),
        F.col("_origin") if origin is None else origin.alias("_origin"),
        F.xxhash64(*delivered).alias("_row_hash"),
        F.current_timestamp().alias("_ingested_at"),
        F.lit(batch).cast("BIGINT").alias("_batch_id"),
    )
    with tables.kept(arrived) as kept:
        if not kept.isEmpty():
            tables.write_once(kept, target, source, batch, **tables.CHANGE_FEED)
    return _note(rows.sparkSession, target, source, item, batch, run_id, places)


def _note(spark: SparkSession, target: str, source: str, item: str, batch: int, run_id: str, places: Places) -> int:
    """Write the audit table's row about a batch that bronze has, also where the run that wrote the batch died then."""
    if not tables.exists(spark, target):
        return 0
    rows = tables.read(spark, target).where(F.col("_batch_id") == batch).count()
    if rows:
        entry = spark.createDataFrame([astuple(Entry(run_id, source, item, rows))], ENTRY)
        tables.write_once(as_entries(entry), audit(places), source, batch)
    return rows


def _files(spark: SparkSession, places: Places, addresses: Addresses, source: str) -> int:
    """The files of one channel that are new in the landing zone."""
    folder, file_format = FILES[source]
    landing = Path(addresses.landing, "payments", folder)
    if not landing.is_dir():
        return 0
    found = ingest_new_files(
        spark,
        str(landing),
        places.table("bronze", source),
        places.folder("checkpoints", source),
        file_format=file_format,
        schema_hints=PAYMENT,
        audit=audit(places),
        source=source,
        properties=tables.CHANGE_FEED,
    )
    return found.rows + found.refused


def _wallet(spark: SparkSession, places: Places, addresses: Addresses) -> int:
    """The events of the wallet provider that are new."""
    found = ingest_new_events(
        spark,
        addresses.wallet_url,
        places.table("bronze", WALLET),
        places.folder("checkpoints", WALLET),
        schema_hints=f"{PAYMENT}, published_at STRING",
        audit=audit(places),
        source=WALLET,
        properties=tables.CHANGE_FEED,
    )
    return found.rows + found.refused


def _check(spark: SparkSession, places: Places, addresses: Addresses) -> None:
    """Compare what has landed with its manifests; what differs becomes a row of `audit/discrepancies`, once."""
    landing, kept = Path(addresses.landing), Path(addresses.landing, "_archive")
    found = [
        (wrong.path, wrong.problem, manifest.name)
        for manifest in sorted(landing.glob("_manifest/*.json"))
        for wrong in check_delivery(landing, manifest)
        if not (kept / wrong.path).exists()
    ]
    if found:
        target = places.table("audit", "discrepancies")
        tables.create(spark, target, DISCREPANCY)
        rows = spark.createDataFrame(found, DISCREPANCY)
        tables.append(rows.join(tables.read(spark, target), rows.columns, "left_anti"), target)


def discrepancies(spark: SparkSession, places: Places) -> tuple[tuple[str, str], ...]:
    """The files that were not as announced: path and problem, in the order of their paths."""
    target = places.table("audit", "discrepancies")
    if not tables.exists(spark, target):
        return ()
    return tuple((row["path"], row["problem"]) for row in tables.read(spark, target).orderBy("path").collect())


def _archive(spark: SparkSession, places: Places, addresses: Addresses) -> None:
    """Move the files that bronze has out of the landing zone, so that listing it stays quick."""
    landing = Path(addresses.landing)
    waiting = {f"file:{path}": path for path in landing.glob("payments/*/[!._]*")}
    if waiting and tables.exists(spark, audit(places)):
        arrived = tables.read(spark, audit(places)).where(F.col("item").isin(*waiting))
        for (item,) in arrived.select("item").distinct().collect():
            archive(landing, waiting[item])
