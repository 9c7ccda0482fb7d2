"""The part of silver that reads and writes: one batch, from what bronze got since the batch before.

A batch is planned before it begins: it reads bronze up to the versions that its plan names. Each of its tables is
written once (`txnAppId`, `txnVersion`) or by a MERGE of what differs. So a batch that died is done again from its plan,
and whatever it had written by then is not written twice.

Tables: `customer_changes`, `product_versions` and `transactions` hold clean rows and only grow; `customers` is the
history (SCD type 2) of the first, `products` the newest rows of the second; `quarantine` and `duplicates` hold the
rest.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import quality, tables
from lakehouse.ingestion import write_once
from lakehouse.ingestion.formats import WHOLE
from lakehouse.places import Places
from lakehouse.silver.classify import (
    CLEAN,
    DUPLICATE,
    QUARANTINED,
    compared,
    decided,
    first_of_key,
    judged,
    measured,
    suspects,
)
from lakehouse.silver.deduplicate import latest_per_key
from lakehouse.silver.entities import (
    ENTITIES,
    PRODUCT_VERSIONS,
    TRACKED,
    Entity,
)
from lakehouse.silver.history import scd2_history

QUARANTINE = (
    f"source STRING, key STRING, origin STRING, record STRING, reasons ARRAY<{quality.REASON}>, rules STRING, "
    "hash BIGINT, _batch BIGINT"
)
DUPLICATES = "source STRING, key STRING, origin STRING, record STRING, _batch BIGINT"
CLEAN_ROW = ("_source", "_warnings", "_hash")
HELD = ("source", "key", "hash", "reasons", "rules")
HISTORY_KEY = ("customer_id", "valid_from")


def refresh(
    spark: SparkSession, places: Places, batch: int, since: Mapping[str, int], until: Mapping[str, int]
) -> dict[str, int]:
    """Bring silver up to date with bronze. Returns the rows of each verdict, and those that left the quarantine.

    `since` and `until` are versions of the tables of bronze by name: the rows of the versions after `since`, up to and
    with `until`, are this batch's. A table that `until` lacks has nothing.
    """
    tables.create(spark, places.table("silver", "quarantine"), QUARANTINE)
    tables.create(spark, places.table("silver", "duplicates"), DUPLICATES)
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(len(ENTITIES)) as pool:
        # Those that refer to nothing go first, side by side.
        for together in ([e for e in ENTITIES if not e.references], [e for e in ENTITIES if e.references]):
            for found in pool.map(lambda entity: _entity(spark, places, entity, batch, since, until), together):
                counts.update(found)
    counts["replayed"] = replay(spark, places, batch)
    with ThreadPoolExecutor(2) as pool:
        for made in [pool.submit(_customers, spark, places, batch), pool.submit(_products, spark, places, batch)]:
            made.result()
    return dict(counts)


def _entity(
    spark: SparkSession,
    places: Places,
    entity: Entity,
    batch: int,
    since: Mapping[str, int],
    until: Mapping[str, int],
) -> dict[str, int]:
    delivered = _delivered(spark, places, entity, since, until)
    return {} if delivered is None else _take_in(spark, places, entity, batch, delivered)


def _delivered(
    spark: SparkSession, places: Places, entity: Entity, since: Mapping[str, int], until: Mapping[str, int]
) -> DataFrame | None:
    """The new rows of an entity's sources, with all columns that any of them has."""
    found = [
        tables.changes(spark, places.table("bronze", source), since.get(source, -1), until[source]).drop("_change_type")
        for source in entity.sources
        if until.get(source, -1) > since.get(source, -1)
    ]
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), found) if found else None


def _take_in(spark: SparkSession, places: Places, entity: Entity, batch: int, delivered: DataFrame) -> dict[str, int]:
    """Write an entity's new rows to the tables where they belong. Returns how many there are of each verdict."""
    known, references = _known(spark, places, entity, batch), _references(spark, places, entity)
    staging = places.folder("staging", entity.table)
    suspect_keys = tables.staged(suspects(delivered, known, entity), f"{staging}/suspects")
    measured_rows = tables.staged(measured(delivered, suspect_keys, entity, references), f"{staging}/measured")
    closer = None
    if not suspect_keys.isEmpty():
        closer = tables.staged(compared(measured_rows.where("_suspect"), known, entity), f"{staging}/compared")
    rows = decided(measured_rows, closer)
    counts = {row["_verdict"]: row["count"] for row in rows.groupBy("_verdict").count().collect()}
    clean = rows.where(F.col("_verdict") == CLEAN).select(*entity.columns, *CLEAN_ROW, _number(batch))
    writer = f"silver.{entity.table}"
    write_once(clean, places.table("silver", entity.table), writer, batch, **tables.CHANGE_FEED)
    if counts.get(QUARANTINED):
        refused = _quarantined(rows.where(F.col("_verdict") == QUARANTINED), entity, batch)
        write_once(refused, places.table("silver", "quarantine"), writer, batch)
    if counts.get(DUPLICATE):
        again = _duplicates(rows.where(F.col("_verdict") == DUPLICATE), batch)
        write_once(again, places.table("silver", "duplicates"), writer, batch)
    return counts


def _duplicates(rows: DataFrame, batch: int) -> DataFrame:
    """The rows of the table of duplicates: source, key, origin, record (the row of bronze as JSON), _batch."""
    names = {"_source": "source", "_key": "key", "_place": "origin", "_record": "record"}
    return rows.select(*(F.col(name).alias(alias) for name, alias in names.items()), _number(batch))


def _number(batch: int) -> Column:
    return F.lit(batch).cast("BIGINT").alias("_batch")


def _quarantined(rows: DataFrame, entity: Entity, batch: int) -> DataFrame:
    """The quarantine's rows: source, key, origin, record (the row of bronze as JSON), reasons, rules, hash, _batch."""
    return rows.select(
        F.col("_source").alias("source"),
        F.col("_key").alias("key"),
        F.col("_place").alias("origin"),
        F.col("_record").alias("record"),
        quality.reasons(F.col("_errors"), entity.rules).alias("reasons"),
        F.lit(quality.fingerprint(entity.rules)).alias("rules"),
        F.col("_hash").alias("hash"),
        _number(batch),
    )


def _known(spark: SparkSession, places: Places, entity: Entity, batch: int) -> DataFrame | None:
    """Key and content of each row that earlier batches put into silver or into the quarantine; None for no table."""
    target = places.table("silver", entity.table)
    if not tables.exists(spark, target):
        return None
    columns = (entity.key_text().alias("_key"), "_hash", F.lit(True).alias("_clean"), "_batch")
    clean = tables.read(spark, target).select(*columns)
    held = tables.read(spark, places.table("silver", "quarantine")).where(F.col("source").isin(*entity.sources))
    held = held.select(F.col("key").alias("_key"), F.col("hash").alias("_hash"), F.lit(False).alias("_clean"), "_batch")
    return clean.unionByName(held).where(F.col("_batch") < batch).drop("_batch")


def _references(spark: SparkSession, places: Places, entity: Entity) -> dict[str, DataFrame]:
    """The values that an entity may refer to, by the name of the reference: one row a value."""
    found = {}
    for name, (table, column) in entity.references.items():
        target = places.table("silver", table)
        if tables.exists(spark, target):
            found[name] = tables.read(spark, target).select(column).distinct()
        else:
            found[name] = spark.createDataFrame([], f"{column} STRING")
    return found


def replay(spark: SparkSession, places: Places, batch: int) -> int:
    """Let go what need not be in quarantine any longer. Returns how many rows left it.

    Judged again are rows of earlier batches that refer to what was not known, and all that were judged by other rules
    than today's. What is clean now goes to silver first, and is deleted from the quarantine then: a replay that dies
    between the two does the rest the next time. What is still refused gets today's reasons.
    """
    target = places.table("silver", "quarantine")
    if batch == 0:
        return 0
    return sum(_replay(spark, places, entity, target, batch) for entity in ENTITIES)


def _replay(spark: SparkSession, places: Places, entity: Entity, target: str, batch: int) -> int:
    rules = quality.fingerprint(entity.rules)
    held = tables.read(spark, target).where(F.col("source").isin(*entity.sources)).where(F.col("_batch") < batch)
    refers = F.exists("reasons", lambda reason: reason["kind"] == "reference")
    waiting = held.where(refers | (F.col("rules") != rules))
    return 0 if waiting.isEmpty() else _judge_again(spark, places, entity, target, waiting, batch)


def _judge_again(
    spark: SparkSession, places: Places, entity: Entity, target: str, waiting: DataFrame, batch: int
) -> int:
    bronze = [tables.read(spark, places.table("bronze", source)).limit(0) for source in entity.sources]
    schema = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), bronze).schema
    held = [F.col(name).alias(f"_held_{name}") for name in HELD]
    delivered = waiting.select(F.from_json("record", schema, WHOLE).alias("row"), *held)
    delivered = delivered.select("row.*", *(f"_held_{name}" for name in HELD))
    delivered = delivered.withColumn("_key", F.col("_held_key"))
    clean = tables.read(spark, places.table("silver", entity.table))
    stored = clean.select(entity.key_text().alias("_key"), F.col("_hash").alias("_stored"))
    found = judged(delivered, entity, _references(spark, places, entity)).drop("_original").join(stored, "_key", "left")
    other = F.coalesce(F.col("_stored") != F.col("_hash"), F.lit(False))
    result = first_of_key(found, entity, F.lit(True), other)
    rows = tables.staged(result, places.folder("staging", f"{entity.table}_replay"))
    free = rows.where(F.size("_errors") == 0)
    new = free.where("_stored IS NULL").select(*entity.columns, *CLEAN_ROW, _number(batch))
    if not new.isEmpty():
        write_once(new, places.table("silver", entity.table), f"silver.{entity.table}.replay", batch)
    _release(spark, rows, target, entity)
    return free.count()


def _release(spark: SparkSession, rows: DataFrame, target: str, entity: Entity) -> None:
    """Delete from the quarantine what is free, and give the rest today's reasons where they differ."""
    judged_now = rows.select(
        *(F.col(f"_held_{name}").alias(name) for name in HELD),
        quality.reasons(F.col("_errors"), entity.rules).alias("now"),
        F.lit(quality.fingerprint(entity.rules)).alias("now_by"),
    )
    news = judged_now.where("size(now) = 0 OR NOT now <=> reasons OR now_by <> rules")
    if not news.isEmpty():
        spark.sql(
            f"MERGE INTO {tables.identifier(target)} AS old USING {{news}} AS new "
            "ON old.source = new.source AND old.key = new.key AND old.hash = new.hash "
            "WHEN MATCHED AND size(new.now) = 0 THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET reasons = new.now, rules = new.now_by",
            news=news,
        )


def _customers(spark: SparkSession, places: Places, batch: int) -> None:
    """Make the history of the customers again whom the batch changed."""
    log, target = places.table("silver", "customer_changes"), places.table("silver", "customers")
    deleted = F.col("operation") == "delete"

    def history(changes: DataFrame) -> DataFrame:
        return scd2_history(changes, ["customer_id"], TRACKED, ["updated_at", "change_id"], deleted)

    _bring(spark, places, log, target, batch, history, HISTORY_KEY)


def _products(spark: SparkSession, places: Places, batch: int) -> None:
    """Bring each product that the batch changed to its newest version."""
    log, target = places.table("silver", "product_versions"), places.table("silver", "products")

    def newest(versions: DataFrame) -> DataFrame:
        rows = latest_per_key(versions, ["product_id"], ["updated_at"])
        return rows.select(*PRODUCT_VERSIONS.columns, "_warnings")

    _bring(spark, places, log, target, batch, newest, ["product_id"])


def _bring(
    spark: SparkSession,
    places: Places,
    log: str,
    target: str,
    batch: int,
    wanted: Callable[[DataFrame], DataFrame],
    keys: Sequence[str],
) -> None:
    """Bring a table that is made from a log up to date: only the rows of those whom the batch wrote to the log.

    `keys` are the table's; the first of them says whose row it is, in the log too.
    """
    if not tables.exists(spark, log):
        return
    rows = tables.read(spark, log)
    if not tables.exists(spark, target):
        tables.append(wanted(rows), target, **tables.CHANGE_FEED)
        return
    touched = rows.where(F.col("_batch") == batch).select(keys[0]).distinct()
    stored = tables.read(spark, target).join(touched, keys[0], "left_semi")
    rebuilt = wanted(rows.join(touched, keys[0], "left_semi"))
    tables.merge(tables.differences(stored, rebuilt, keys), target, keys, places.folder("staging", f"by_{keys[0]}"))
