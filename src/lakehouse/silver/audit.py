"""The audit between silver and gold: what has come is measured by every rule, and nothing too bad is published.

Silver is written, then audited; gold and serving, which are read, come after it: write, audit, publish. The table
`audit/quality` has a row a rule and audit, so it knows how a rule has done over time.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import bronze, quality
from lakehouse.batch import Batch, Refreshed
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake
from lakehouse.outcome import Measured
from lakehouse.quality import KEPT_OUT, Limits
from lakehouse.silver.entities import ENTITIES, TRANSACTIONS, Entity
from lakehouse.silver.rules import GRACE, SETS

TABLE = "audit/quality"
MEASURES = (
    "rule STRING, table STRING, kind STRING, severity STRING, owner STRING, meaning STRING, since DATE, rows BIGINT, "
    "value DOUBLE, unit STRING, low DOUBLE, high DOUBLE, verdict STRING"
)
# A trend has so many values, and a threshold is made from so many.
TREND, HISTORY = 10, 28


def refresh(lake: Lake, batch: Batch) -> Refreshed:
    """Measure what silver has got since the last audit that passed. The rows are those written to `audit/quality`.

    `batch.until` has the number of silver's last batch, and the last day that bronze has as a whole: volume is measured
    a day, and only where one has come. Raises PlatformError that names the rules of severity fail which are broken; the
    next audit judges the same rows once more.
    """
    now = datetime.now(timezone.utc)
    found = [*_of_rows(lake, batch), *_of_sets(lake, batch, now)]
    noted = [(batch.number, now, *(getattr(one, name) for name in _names())) for one in found]
    rows = lake.spark.createDataFrame(noted, f"batch BIGINT, measured_at TIMESTAMP, {MEASURES}")
    lake.overwrite(rows.coalesce(1), TABLE, where=f"batch = {batch.number}")
    if broken := [one.said for one in found if (one.severity, one.verdict) == ("fail", "fail")]:
        raise PlatformError(f"The rule {'; and the rule '.join(broken)}: nothing is published until this is mended")
    return Refreshed(len(found))


def standing(lake: Lake) -> tuple[Measured, ...]:
    """What each rule of the last audit said when it last had data, with its trend, in the order of their names."""
    if not lake.exists(TABLE):
        return ()
    noted = lake.read(TABLE)
    last = noted.join(noted.agg(F.max("batch").alias("batch")), "batch").select("rule")
    with_data = F.struct(F.col("value").isNotNull(), "batch")
    values = F.collect_list(F.when(F.col("value").isNotNull(), F.struct("batch", "value")))
    trend = F.reverse(F.slice(F.sort_array(values, asc=False), 1, TREND))["value"]
    rules = noted.join(last, "rule", "left_semi").groupBy("rule")
    newest = rules.agg(F.max_by(F.struct(*_names()), with_data).alias("newest"), trend.alias("trend"))
    rows = newest.orderBy("rule").select("newest.*", "trend").collect()
    return tuple(Measured(**{**row.asDict(), "trend": tuple(row["trend"])}) for row in rows)


def _names() -> list[str]:
    """The columns of `MEASURES`: what a `Measured` has, but for its trend."""
    return [part.split()[0] for part in MEASURES.split(", ")]


def _of_rows(lake: Lake, batch: Batch) -> Iterator[Measured]:
    """The rules about rows: how many of the new ones break each."""
    found = _counts(lake, batch.seen("silver"))
    for entity in ENTITIES:
        clean, kept_out = found[entity.table, "clean", ""], found[entity.table, "quarantined", ""]
        for rule in entity.rules:
            judged = clean + (kept_out if rule.severity in KEPT_OUT else 0)
            broken = sum(found[entity.table, verdict, rule.name] for verdict in ("clean", "quarantined"))
            share, limits = broken / judged if judged else None, Limits(high=rule.tolerance)
            yield Measured(
                *(rule.name, entity.table, rule.kind, rule.severity, rule.owner, rule.meaning, rule.since, judged),
                *(share, "share", None, float(rule.tolerance), limits.judge(share)),
            )


def _counts(lake: Lake, since: int) -> Mapping[tuple[str, str, str], int]:
    """How many rows of later batches than `since` each table has, clean or quarantined, and break which rule.

    By table, verdict and rule; the rule "" stands for the rows themselves. One query.
    """
    whose = F.create_map(*(F.lit(part) for one in ENTITIES for name in one.sources for part in (name, one.table)))
    quarantine = lake.read("silver/quarantine").where(F.col("_batch") > since)
    parts = [quarantine.select(whose[F.col("source")], F.lit("quarantined"), F.explode(_with_itself("reasons.rule")))]
    for entity in _there(lake):
        clean = lake.read(f"silver/{entity.table}").where(F.col("_batch") > since)
        parts.append(clean.select(F.lit(entity.table), F.lit("clean"), F.explode(_with_itself("_warnings"))))
    entries = reduce(DataFrame.union, parts).toDF("table", "verdict", "rule")
    counted = entries.groupBy("table", "verdict", "rule").count().collect()
    return Counter({(row["table"], row["verdict"], row["rule"]): row["count"] for row in counted})


def _with_itself(rules: str) -> Column:
    return F.concat(F.array(F.lit("")), F.col(rules))


def _there(lake: Lake) -> list[Entity]:
    return [entity for entity in ENTITIES if lake.exists(f"silver/{entity.table}")]


def _of_sets(lake: Lake, batch: Batch, now: datetime) -> Iterator[Measured]:
    """The rules about many rows, each by the one number that it measures."""
    usual, measured_until = _volumes(lake, batch.number)
    measured = _once(lake, batch.seen("silver")) | _unknown(lake, now) | _deliveries(lake, batch, now, measured_until)
    for rule in SETS:
        rows, value = measured.get((rule.kind, rule.table), (0, None))
        limits = rule.limits or usual.get(rule.name)
        verdict = limits.judge(value) if limits else "no data"
        yield Measured(
            *(rule.name, rule.table, rule.kind, rule.severity, rule.owner, rule.meaning, rule.since, rows, value),
            *(rule.unit, limits.low if limits else None, limits.high if limits else None, verdict),
        )


Values = dict[tuple[str, str], tuple[int, float | None]]
"""By kind of rule and table: how many rows were looked at, and what was measured."""


def _once(lake: Lake, since: int) -> Values:
    """The keys of new order lines that silver has more than once, over all batches."""
    if TRANSACTIONS not in _there(lake):
        return {}
    stored, key = lake.read("silver/transactions"), list(TRANSACTIONS.key)
    new = stored.where(F.col("_batch") > since).select(*key)
    # At first all are new, and need not be found among all.
    again = quality.repeated(new if since < 0 else stored.join(new.distinct(), key, "left_semi"), key)
    [(rows, repeated)] = new.agg(F.count("*")).join(again.agg(F.count("*"))).collect()
    return {("uniqueness", "transactions"): (rows, float(repeated) if rows else None)}


def _unknown(lake: Lake, now: datetime) -> Values:
    """The share of all order lines whose customer the CRM has not sent, although the time for it is over."""
    if not (lake.exists("silver/customer_changes") and lake.exists("silver/transactions")):
        return {}
    held = (
        lake.read("silver/quarantine")
        .where(F.col("source").isin(*TRANSACTIONS.sources))
        .select(
            F.get_json_object("record", "$.customer_id").alias("customer_id"),
            F.get_json_object("record", "$._ingested_at").try_cast("timestamp").alias("arrived"),
        )
    )
    known = lake.read("silver/customer_changes")
    found = quality.unmatched(held, "customer_id", known, arrived="arrived", now=now, grace=GRACE)
    missing = found.where("NOT late").agg(F.coalesce(F.sum("rows"), F.lit(0)).alias("missing"))
    lines = held.agg(F.count("*").alias("held")).join(lake.read("silver/transactions").agg(F.count("*").alias("clean")))
    [(number, kept_out, clean)] = missing.join(lines).collect()
    rows = kept_out + clean
    return {("reference", "transactions"): (rows, number / rows if rows else None)}


def _deliveries(lake: Lake, batch: Batch, now: datetime, measured_until: int) -> Values:
    """How fresh each source is, and how many rows a day it has delivered since volumes were measured last."""
    arrivals = lake.read(bronze.ARRIVALS)
    fresh = quality.freshness(arrivals, "arrived_at", now, ["source"])
    found: Values = {("freshness", row["source"]): (row["rows"], row["hours"]) for row in fresh.collect()}
    days = batch.until["day"] - batch.seen("day")
    if days > 0:
        new = arrivals.where(F.unix_micros("ingested_at") > measured_until)
        rows = {row["source"]: row["rows"] for row in new.groupBy("source").agg(F.sum("rows").alias("rows")).collect()}
        found |= {("volume", source): (rows.get(source, 0), rows.get(source, 0) / days) for source in bronze.SOURCES}
    return found


def _volumes(lake: Lake, number: int) -> tuple[dict[str, Limits | None], int]:
    """What is usual by the audits before this one, by rule; and when volumes were measured last, in µs since 1970."""
    if not lake.exists(TABLE):
        return {}, 0
    measured = lake.read(TABLE).where("kind = 'volume' AND value IS NOT NULL").where(F.col("batch") < number)
    newest = measured.orderBy(F.desc("batch"), "rule").limit(HISTORY * len(bronze.SOURCES))
    rows = newest.select("rule", "value", "verdict", F.unix_micros("measured_at").alias("at")).collect()
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["verdict"] != "fail":
            values.setdefault(row["rule"], []).append(row["value"])
    usual = {rule: quality.threshold(known) for rule, known in values.items()}
    return usual, max((row["at"] for row in rows), default=0)
