"""The part of silver that reads and writes: one batch, from what bronze got since the batch before.

A batch is planned before it begins: it reads bronze up to the versions that its plan names. Each of its tables is
written once (`txnAppId`, `txnVersion`) or by a MERGE of what differs. So a batch that died is done again from its plan,
and whatever it had written by then is not written twice.

Tables: `customer_changes`, `product_versions` and `transactions` hold clean rows and only grow; `customers` is the
history (SCD type 2) of the first, `products` the newest rows of the second; `quarantine` and `duplicates` hold the
rest.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import quality, tables
from lakehouse.batch import Batch, Refreshed
from lakehouse.ingestion.formats import WHOLE
from lakehouse.lake import Lake
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


def fingerprint() -> str:
    """A text that differs as soon as a rule of silver does, or what rows are compared by: the mark of its batches."""
    rules = quality.fingerprint([rule for entity in ENTITIES for rule in entity.rules])
    hashes = [tables.content_hash(entity.columns) for entity in ENTITIES]
    return hashlib.sha256(repr((rules, hashes)).encode()).hexdigest()[:16]


def refresh(lake: Lake, batch: Batch) -> Refreshed:
    """Bring silver up to date with bronze. The rows are those of all verdicts, and those that left the quarantine."""
    number = batch.number
    lake.create("silver/quarantine", QUARANTINE)
    lake.create("silver/duplicates", DUPLICATES)
    first, later = [e for e in ENTITIES if not e.references], [e for e in ENTITIES if e.references]
    other_rules = batch.mark != fingerprint()
    if other_rules:
        for entity in ENTITIES:
            _hash_anew(lake, entity)
    if not other_rules and not batch.news([source for entity in first for source in entity.sources]):
        # Nothing is new that could free a row of the quarantine, or that the histories are made from.
        rows = [(entity, taken) for entity in later if (taken := _take_in(lake, batch, entity)) is not None]
        return Refreshed(_set_aside(lake, number, rows), fingerprint())
    with ThreadPoolExecutor(len(ENTITIES)) as pool:

        def take_in(entities: Sequence[Entity]) -> list[tuple[Entity, DataFrame]]:
            taken = pool.map(lambda entity: _take_in(lake, batch, entity), entities)
            return [(entity, rows) for entity, rows in zip(entities, taken, strict=True) if rows is not None]

        rows = take_in(first)
        replayed = replay(lake, number, first)
        made = [pool.submit(_customers, lake, number), pool.submit(_products, lake, number)]
        rows += take_in(later)
        judged_now = _set_aside(lake, number, rows)
        replayed += replay(lake, number, later)
        for one in made:
            one.result()
    return Refreshed(judged_now + replayed, fingerprint())


def _hash_anew(lake: Lake, entity: Entity) -> None:
    """Bring the stored hashes to today's: a row of a store that was begun with others would not be known again."""
    if not lake.exists(f"silver/{entity.table}"):
        return
    now = tables.content_hash(entity.columns)
    lake.spark.sql(f"UPDATE {lake.identifier(f'silver/{entity.table}')} SET _hash = {now} WHERE _hash <> {now}")
    held = lake.read("silver/quarantine").where(F.col("source").isin(*entity.sources))
    hashed = entity.standardised(_delivered_again(lake, entity, held)).withColumn("_now", F.expr(now))
    differing = hashed.where("_now <> _held_hash").select("_held_source", "_held_key", "_held_hash", "_now")
    differing = tables.staged(differing, lake.folder("staging", f"{entity.table}_replay"))
    if not differing.isEmpty():
        lake.spark.sql(
            f"MERGE INTO {lake.identifier('silver/quarantine')} AS old USING {{new}} AS new "
            "ON old.source = new._held_source AND old.key = new._held_key AND old.hash = new._held_hash "
            "WHEN MATCHED THEN UPDATE SET hash = new._now",
            new=differing,
        )


def _delivered(lake: Lake, batch: Batch, entity: Entity) -> DataFrame | None:
    """The new rows of an entity's sources, with all columns that any of them has; not those that were erased."""
    found = [
        lake.changes(f"bronze/{source}", batch.seen(source), batch.until[source])
        .where("_change_type = 'insert'")
        .drop("_change_type")
        for source in batch.news(entity.sources)
    ]
    return _together(found) if found else None


def _together(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all frames, with all columns that any has. What has one type here and another there becomes text."""
    kinds = {(name.lower(), kind) for frame in frames for name, kind in frame.dtypes}
    often = Counter(name for name, _ in kinds)
    alike = (
        frame.select(
            *(F.col(name).cast("STRING").alias(name) if often[name.lower()] > 1 else name for name in frame.columns)
        )
        for frame in frames
    )
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), alike)


def _take_in(lake: Lake, batch: Batch, entity: Entity) -> DataFrame | None:
    """Judge an entity's new rows and write the clean ones to its table. Returns what `verdicts` says of all of them."""
    delivered = _delivered(lake, batch, entity)
    if delivered is None:
        return None
    known, references = _known(lake, entity, batch.number), _references(lake, entity)
    rows = tables.staged(verdicts(delivered, known, entity, references), lake.folder("staging", entity.table))
    clean = rows.where(F.col("_verdict") == CLEAN).select(*entity.columns, *CLEAN_ROW, _batch(batch.number))
    lake.write_once(clean, f"silver/{entity.table}", f"silver.{entity.table}", batch.number, **tables.CHANGE_FEED)
    return rows


def _set_aside(lake: Lake, number: int, taken: Sequence[tuple[Entity, DataFrame]]) -> int:
    """Write the rows of all entities that are not clean to where they belong. Returns how many rows were judged."""
    if not taken:
        return 0
    verdict = reduce(DataFrame.union, [rows.select("_verdict") for _, rows in taken])
    counts = Counter({row["_verdict"]: row["count"] for row in verdict.groupBy("_verdict").count().collect()})
    if counts[QUARANTINED]:
        refused = reduce(DataFrame.union, [_quarantined(rows, entity, number) for entity, rows in taken])
        lake.write_once(refused, "silver/quarantine", "silver", number)
    if counts[DUPLICATE]:
        again = reduce(DataFrame.union, [_duplicates(rows, number) for _, rows in taken])
        lake.write_once(again, "silver/duplicates", "silver", number)
    return counts.total()


def _duplicates(rows: DataFrame, number: int) -> DataFrame:
    """The rows of the table of duplicates: source, key, origin, record (the row of bronze as JSON), _batch."""
    names = {"_source": "source", "_key": "key", "_place": "origin", "_record": "record"}
    again = rows.where(F.col("_verdict") == DUPLICATE)
    return again.select(*(F.col(name).alias(alias) for name, alias in names.items()), _batch(number))


def _batch(number: int) -> Column:
    return F.lit(number).cast("BIGINT").alias("_batch")


def _quarantined(rows: DataFrame, entity: Entity, number: int) -> DataFrame:
    """The quarantine's rows: source, key, origin, record (the row of bronze as JSON), reasons, rules, hash, _batch."""
    return rows.where(F.col("_verdict") == QUARANTINED).select(
        F.col("_source").alias("source"),
        F.col("_key").alias("key"),
        F.col("_place").alias("origin"),
        F.col("_record").alias("record"),
        quality.reasons(F.col("_errors"), entity.rules).alias("reasons"),
        F.lit(quality.fingerprint(entity.rules)).alias("rules"),
        F.col("_hash").alias("hash"),
        _batch(number),
    )


def _known(lake: Lake, entity: Entity, number: int) -> DataFrame | None:
    """Key and content of each row that earlier batches put into silver or into the quarantine; None for no table."""
    if not lake.exists(f"silver/{entity.table}"):
        return None
    columns = (entity.key_text().alias("_key"), "_hash", F.lit(True).alias("_clean"), "_batch")
    clean = lake.read(f"silver/{entity.table}").select(*columns)
    held = lake.read("silver/quarantine").where(F.col("source").isin(*entity.sources))
    held = held.select(F.col("key").alias("_key"), F.col("hash").alias("_hash"), F.lit(False).alias("_clean"), "_batch")
    return clean.unionByName(held).where(F.col("_batch") < number).drop("_batch")


def _references(lake: Lake, entity: Entity) -> dict[str, DataFrame]:
    """The values that an entity may refer to, by the name of the reference: one row a value."""
    found = {}
    for name, (table, column) in entity.references.items():
        if lake.exists(f"silver/{table}"):
            found[name] = lake.read(f"silver/{table}").select(column).distinct()
        else:
            found[name] = lake.spark.createDataFrame([], f"{column} STRING")
    return found


def replay(lake: Lake, number: int, entities: Sequence[Entity] = ENTITIES) -> int:
    """Let go what need not be in quarantine any longer. Returns how many rows left it.

    Judged again are rows of earlier batches that refer to what was not known, and all that were judged by other rules
    than today's. What is clean now goes to silver first, and is deleted from the quarantine then: a replay that dies
    between the two does the rest the next time. What is still refused gets today's reasons.
    """
    if number == 0:
        return 0
    waiting = [(entity, _waiting(lake, entity, number)) for entity in entities]
    sources = reduce(DataFrame.union, [rows.select("source") for _, rows in waiting]).distinct()
    found = {row["source"] for row in sources.collect()}
    return sum(
        _judge_again(lake, entity, rows, number) for entity, rows in waiting if found.intersection(entity.sources)
    )


def _waiting(lake: Lake, entity: Entity, number: int) -> DataFrame:
    """The rows of the quarantine that `replay` judges again."""
    held = lake.read("silver/quarantine").where(F.col("source").isin(*entity.sources))
    refers = F.exists("reasons", lambda reason: reason["kind"] == "reference")
    other_rules = F.col("rules") != quality.fingerprint(entity.rules)
    return held.where(F.col("_batch") < number).where(refers | other_rules)


def _delivered_again(lake: Lake, entity: Entity, held: DataFrame) -> DataFrame:
    """Rows of the quarantine as they lie in bronze, with what else the quarantine has of them, named _held_…."""
    sources = [f"bronze/{source}" for source in entity.sources]
    schema = _together([lake.read(source).limit(0) for source in sources if lake.exists(source)]).schema
    columns = [F.col(name).alias(f"_held_{name}") for name in HELD]
    return held.select(F.from_json("record", schema, WHOLE).alias("_row"), *columns).select(
        "_row.*", *(f"_held_{name}" for name in HELD)
    )


def _judge_again(lake: Lake, entity: Entity, waiting: DataFrame, number: int) -> int:
    delivered = _delivered_again(lake, entity, waiting).withColumn("_key", F.col("_held_key"))
    clean = lake.read(f"silver/{entity.table}")
    stored = clean.select(entity.key_text().alias("_key"), F.col("_hash").alias("_stored"))
    found = judged(delivered, entity, _references(lake, entity)).drop("_original").join(stored, "_key", "left")
    other = F.coalesce(F.col("_stored") != F.col("_hash"), F.lit(False))
    result = first_of_key(found, entity, F.lit(True), other)
    rows = tables.staged(result, lake.folder("staging", f"{entity.table}_replay"))
    free, new = F.size("_errors") == 0, F.col("_stored").isNull()
    news = _news(rows, entity)
    [(freed, unseen)] = rows.agg(F.count_if(free), F.count_if(free & new)).collect()
    if unseen:
        clean = rows.where(free & new).select(*entity.columns, *CLEAN_ROW, _batch(number))
        lake.write_once(clean, f"silver/{entity.table}", f"silver.{entity.table}.replay", number)
    if freed or not news.isEmpty():
        lake.spark.sql(
            f"MERGE INTO {lake.identifier('silver/quarantine')} AS old USING {{news}} AS new "
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


def _customers(lake: Lake, number: int) -> None:
    """Make the history of the customers again whom the batch changed."""
    deleted = F.col("operation") == "delete"

    def history(changes: DataFrame) -> DataFrame:
        return scd2_history(changes, ["customer_id"], TRACKED, ["updated_at", "change_id"], deleted)

    _bring(lake, "silver/customer_changes", "silver/customers", number, history, HISTORY_KEY)


def _products(lake: Lake, number: int) -> None:
    """Bring each product that the batch changed to its newest version."""

    def newest(versions: DataFrame) -> DataFrame:
        rows = latest_per_key(versions, ["product_id"], ["updated_at"])
        return rows.select(*PRODUCT_VERSIONS.columns, "_warnings")

    _bring(lake, "silver/product_versions", "silver/products", number, newest, ["product_id"])


def _bring(
    lake: Lake,
    log: str,
    target: str,
    number: int,
    wanted: Callable[[DataFrame], DataFrame],
    keys: Sequence[str],
) -> None:
    """Bring a table that is made from a log up to date: only the rows of those whom the batch wrote to the log.

    `keys` are the table's; the first of them says whose row it is, in the log too.
    """
    if not lake.exists(log):
        return
    rows = lake.read(log)
    if not lake.exists(target):
        lake.append(wanted(rows), target, **tables.CHANGE_FEED)
        return
    touched = rows.where(F.col("_batch") == number).select(keys[0]).distinct()
    stored = lake.read(target).join(touched, keys[0], "left_semi")
    rebuilt = wanted(rows.join(touched, keys[0], "left_semi"))
    lake.merge(tables.differences(stored, rebuilt, keys), target, keys)
