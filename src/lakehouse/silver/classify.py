"""Each delivered row is one of three: clean, quarantined, or a duplicate. Nothing else, and nothing twice."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import quality, tables
from lakehouse.ingestion.formats import WHOLE
from lakehouse.silver.entities import Entity

CLEAN, QUARANTINED, DUPLICATE = "clean", "quarantined", "duplicate"


def verdicts(
    delivered: DataFrame, known: DataFrame | None, entity: Entity, references: Mapping[str, DataFrame]
) -> DataFrame:
    """What becomes of each delivered row: `_verdict` is clean, quarantined or duplicate.

    `known` has _key, _hash and _clean of the rows of earlier batches, clean ones and quarantined ones; None for none.
    Columns: those of `judged` without _original, then _record (the row of bronze as JSON, NULL where the row is clean
    and its key comes once) and _verdict. Grain: a row of `delivered`.
    """
    keyed = delivered.withColumn("_key", entity.key_text())
    marked = keyed.join(F.broadcast(suspects(keyed, known)), "_key", "left")
    rows = judged(marked, entity, references)
    doubtful = (F.size("_errors") > 0) | F.col("_suspect")
    rows = rows.withColumn("_record", F.when(doubtful, F.to_json("_original", WHOLE))).drop("_original")
    single = rows.where("_suspect IS NULL").withColumn("_again", F.lit(False))
    both = single.unionByName(compared(rows.where("_suspect"), entity))
    by_errors = F.when(F.size("_errors") > 0, QUARANTINED).otherwise(CLEAN)
    verdict = F.when(F.col("_again"), DUPLICATE).otherwise(by_errors)
    return both.withColumn("_verdict", verdict).drop("_again", "_suspect", "_suspect_seen", "_suspect_taken")


def suspects(keyed: DataFrame, known: DataFrame | None) -> DataFrame:
    """The keys that come more than once, here or before.

    Most keys come once. Only the others are compared with each other, which takes sorting. Columns: _key, _suspect
    (TRUE), _suspect_seen (the hashes of the key's rows of earlier batches, or NULL), _suspect_taken (whether one of
    these is clean). Grain: a key.
    """
    counted = keyed.groupBy("_key").count()
    if known is None:
        seen = {"_suspect_seen": F.lit(None).cast("ARRAY<BIGINT>"), "_suspect_taken": F.lit(False)}
        return counted.where("count > 1").select("_key", F.lit(True).alias("_suspect")).withColumns(seen)
    earlier = known.join(counted, "_key", "left_semi").groupBy("_key")
    before = earlier.agg(F.collect_set("_hash").alias("_suspect_seen"), F.bool_or("_clean").alias("_suspect_taken"))
    found = counted.join(before, "_key", "left").where("count > 1 OR _suspect_seen IS NOT NULL")
    taken = F.coalesce("_suspect_taken", F.lit(False)).alias("_suspect_taken")
    return found.select("_key", F.lit(True).alias("_suspect"), "_suspect_seen", taken)


def judged(delivered: DataFrame, entity: Entity, references: Mapping[str, DataFrame]) -> DataFrame:
    """Rows of bronze, standardised and measured by the rules that a row can be measured by alone.

    `references` has a frame for each of the entity's references: one row a value that is known. Columns: those of the
    silver table, then _source, _place (file, page, event or query), _key, _hash (of the content), _errors and _warnings
    (names of rules), _original (the row of bronze as a struct), and those of `delivered` that begin with _held or
    _suspect. Grain: a row of `delivered`.
    """
    place = F.coalesce(*(name for name in ("_file_path", "_origin") if name in delivered.columns))
    held = [name for name in delivered.columns if name.startswith(("_held", "_suspect"))]
    original = F.struct(*(name for name in delivered.columns if name not in ("_key", *held)))
    rows = entity.standardised(delivered.withColumns({"_original": original, "_place": place}))
    for name, (_, column) in entity.references.items():
        known = references[name].select(column, F.lit(True).alias(name))
        rows = rows.join(known, column, "left")
    return rows.select(
        *entity.columns,
        *("_source", "_place", "_key"),
        F.expr(tables.content_hash(entity.columns)).alias("_hash"),
        quality.broken(entity.rules, *quality.KEPT_OUT).alias("_errors"),
        quality.broken(entity.rules, "warn").alias("_warnings"),
        "_original",
        *held,
    )


def compared(rows: DataFrame, entity: Entity) -> DataFrame:
    """The rows of suspect keys, with `_again` for duplicates, and the rule of uniqueness added to `_errors`.

    A row whose content has come before is a duplicate. Of several clean rows of one key the first counts, in order of
    `_place` and then of `_hash`; the others, and all where the key is in silver already, break the rule of uniqueness.
    """
    same = Window.partitionBy("_key", "_hash").orderBy("_place")
    seen = F.coalesce(F.array_contains("_suspect_seen", F.col("_hash")), F.lit(False))
    rows = rows.withColumn("_again", seen | (F.row_number().over(same) > 1))
    return first_of_key(rows, entity, ~F.col("_again"), F.col("_suspect_taken"))


def first_of_key(rows: DataFrame, entity: Entity, counts: Column, taken: Column) -> DataFrame:
    """The rows, with the rule of uniqueness in `_errors` of those that only it keeps out of silver.

    Such are clean rows that count, and whose key is `taken`, or has a clean row that counts before them.
    """
    before = Window.partitionBy("_key").orderBy("_place", "_hash").rowsBetween(Window.unboundedPreceding, -1)
    candidate = counts & (F.size("_errors") == 0)
    beaten = taken | F.coalesce(F.max(candidate).over(before), F.lit(False))
    errors = F.concat("_errors", F.array(F.lit(entity.unique.name)))
    return rows.withColumn("_errors", F.when(candidate & beaten, errors).otherwise(F.col("_errors")))
