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
from lakehouse.ingestion.formats import WHOLE
from lakehouse.places import Places
from lakehouse.silver.classify import (
    CLEAN,
    DUPLICATE,
    QUARANTINED,
    first_of_key,
    judged,
    verdicts,
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
    first, later = [e for e in ENTITIES if not e.references], [e for e in ENTITIES if e.references]
    with ThreadPoolExecutor(len(ENTITIES)) as pool:

        def take_in(entities: Sequence[Entity]) -> list[tuple[Entity, DataFrame]]:
            taken = pool.map(lambda entity: _take_in(spark, places, entity, batch, since, until), entities)
            return [(entity, rows) for entity, rows in zip(entities, taken, strict=True) if rows is not None]

        rows = take_in(first)
        replayed = replay(spark, places, batch, first)
        made = [pool.submit(_customers, spark, places, batch), pool.submit(_products, spark, places, batch)]
        rows += take_in(later)
        counts = _set_aside(spark, places, batch, rows)
        counts["replayed"] = replayed + replay(spark, places, batch, later)
        for one in made:
            one.result()
    return dict(counts)


def _delivered(
    spark: SparkSession, places: Places, entity: Entity, since: Mapping[str, int], until: Mapping[str, int]
) -> DataFrame | None:
    """The new rows of an entity's sources, with all columns that any of them has; not those that were erased."""
    found = [
        tables.changes(spark, places.table("bronze", source), since.get(source, -1), until[source])
        .where("_change_type = 'insert'")
        .drop("_change_type")
        for source in entity.sources
        if until.get(source, -1) > since.get(source, -1)
    ]
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), found) if found else None


def _take_in(
    spark: SparkSession,
    places: Places,
    entity: Entity,
    batch: int,
    since: Mapping[str, int],
    until: Mapping[str, int],
) -> DataFrame | None:
    """Judge an entity's new rows and write the clean ones to its table. Returns what `verdicts` says of all of them."""
    delivered = _delivered(spark, places, entity, since, until)
    if delivered is None:
        return None
    known, references = _known(spark, places, entity, batch), _references(spark, places, entity)
    rows = tables.staged(verdicts(delivered, known, entity, references), places.folder("staging", entity.table))
    clean = rows.where(F.col("_verdict") == CLEAN).select(*entity.columns, *CLEAN_ROW, _number(batch))
    target = places.table("silver", entity.table)
    tables.write_once(clean, target, f"silver.{entity.table}", batch, **tables.CHANGE_FEED)
    return rows


def _set_aside(
    spark: SparkSession, places: Places, batch: int, taken: Sequence[tuple[Entity, DataFrame]]
) -> Counter[str]:
    """Write the rows of all entities that are not clean to where they belong. Returns the rows of each verdict."""
    if not taken:
        return Counter()
    verdict = reduce(DataFrame.union, [rows.select("_verdict") for _, rows in taken])
    counts = Counter({row["_verdict"]: row["count"] for row in verdict.groupBy("_verdict").count().collect()})
    if counts[QUARANTINED]:
        refused = reduce(DataFrame.union, [_quarantined(rows, entity, batch) for entity, rows in taken])
        tables.write_once(refused, places.table("silver", "quarantine"), "silver", batch)
    if counts[DUPLICATE]:
        again = reduce(DataFrame.union, [_duplicates(rows, batch) for _, rows in taken])
        tables.write_once(again, places.table("silver", "duplicates"), "silver", batch)
    return counts


def _duplicates(rows: DataFrame, batch: int) -> DataFrame:
    """The rows of the table of duplicates: source, key, origin, record (the row of bronze as JSON), _batch."""
    names = {"_source": "source", "_key": "key", "_place": "origin", "_record": "record"}
    again = rows.where(F.col("_verdict") == DUPLICATE)
    return again.select(*(F.col(name).alias(alias) for name, alias in names.items()), _number(batch))


def _number(batch: int) -> Column:
    return F.lit(batch).cast("BIGINT").alias("_batch")


def _quarantined(rows: DataFrame, entity: Entity, batch: int) -> DataFrame:
    """The quarantine's rows: source, key, origin, record (the row of bronze as JSON), reasons, rules, hash, _batch."""
    return rows.where(F.col("_verdict") == QUARANTINED).select(
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


def replay(spark: SparkSession, places: Places, batch: int, entities: Sequence[Entity] = ENTITIES) -> int:
    """Let go what need not be in quarantine any longer. Returns how many rows left it.

    Judged again are rows of earlier batches that refer to what was not known, and all that were judged by other rules
    than today's. What is clean now goes to silver first, and is deleted from the quarantine then: a replay that dies
    between the two does the rest the next time. What is still refused gets today's reasons.
    """
    if batch == 0:
        return 0
    waiting = [(entity, _waiting(spark, places, entity, batch)) for entity in entities]
    sources = reduce(DataFrame.union, [rows.select("source") for _, rows in waiting]).distinct()
    found = {row["source"] for row in sources.collect()}
    return sum(
        _judge_again(spark, places, entity, rows, batch)
        for entity, rows in waiting
        if found.intersection(entity.sources)
    )


def _waiting(spark: SparkSession, places: Places, entity: Entity, batch: int) -> DataFrame:
    """The rows of the quarantine that `replay` judges again."""
    held = tables.read(spark, places.table("silver", "quarantine")).where(F.col("source").isin(*entity.sources))
    refers = F.exists("reasons", lambda reason: reason["kind"] == "reference")
    other_rules = F.col("rules") != quality.fingerprint(entity.rules)
    return held.where(F.col("_batch") < batch).where(refers | other_rules)


def _judge_again(spark: SparkSession, places: Places, entity: Entity, waiting: DataFrame, batch: int) -> int:
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
    free, new = F.size("_errors") == 0, F.col("_stored").isNull()
    news = _news(rows, entity)
    [(freed, unseen)] = rows.agg(F.count_if(free), F.count_if(free & new)).collect()
    if unseen:
        clean = rows.where(free & new).select(*entity.columns, *CLEAN_ROW, _number(batch))
        tables.write_once(clean, places.table("silver", entity.table), f"silver.{entity.table}.replay", batch)
    if freed or not news.isEmpty():
        spark.sql(
            f"MERGE INTO {tables.identifier(places.table('silver', 'quarantine'))} AS old USING {{news}} AS new "
            "ON old.source = new.source AND old.key = new.key AND old.hash = new.hash "
            "WHEN MATCHED AND size(new.now) = 0 THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET reasons = new.now, rules = new.now_by",
            news=news,
        )
    return int(freed)


def _news(rows: DataFrame, entity: Entity) -> DataFrame:
    """What the quarantine must learn: the rows that are free, `now` is empty, and those that have other reasons now."""
    judged_now = rows.select(
        *(F.col(f"_held_{name}").alias(name) for name in HELD),
        quality.reasons(F.col("_errors"), entity.rules).alias("now"),
        F.lit(quality.fingerprint(entity.rules)).alias("now_by"),
    )
    return judged_now.where("size(now) = 0 OR NOT now <=> reasons OR now_by <> rules")


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
