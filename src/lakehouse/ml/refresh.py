"""Reading and writing of the layer: features, the model, what it says of every customer, drift, and what goes together.

Everything is made from silver as it was at given versions. Training happens when a quarter is over that no model has
been tested on; otherwise the champion scores.
"""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache, partial

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from lakehouse import tables
from lakehouse.batch import Batch, Refreshed
from lakehouse.lake import Lake
from lakehouse.ml import baskets, churn, gate
from lakehouse.ml.features import FEATURES, as_known, everybody, features, labels, members, quarters_over
from lakehouse.ml.forest import Forest
from lakehouse.ml.registry import Registered, Registry
from lakehouse.outcome import Churn, Drift
from lakehouse.quality.drift import drift, reference, verdict

INPUTS = ("transactions", "customers")
TABLES = ("features", "predictions", "drift", "bought_together", "popular", "recommendations")
# The newest quarters that are learnt from, and how many customers at most: more teach a forest nothing new.
QUARTERS = 4
MOST_CUSTOMERS = 50_000
# What the shop does about a customer depends on these probabilities of leaving within the quarter.
RISKS = (("high", 0.4), ("medium", 0.2))
LOWEST_RISK = "low"


def risk(probability: Column) -> Column:
    """low, medium (from 20 %) or high (from 40 %)."""
    found = F.lit(LOWEST_RISK)
    for name, least in reversed(RISKS):
        found = F.when(probability >= least, name).otherwise(found)
    return found


def scored(rows: DataFrame, forest: Forest) -> DataFrame:
    """Rows with the features, and with `probability`: that of leaving within the quarter, by the trees."""

    def probability(*given: pd.Series) -> pd.Series:
        return pd.Series(forest.predict(pd.concat(given, axis=1)))

    return rows.withColumn("probability", pandas_udf(probability, "DOUBLE")(*FEATURES))  # type: ignore[call-overload]


def predictions(asked: DataFrame, customers: DataFrame, champion: Registered, forest: Forest) -> DataFrame:
    """What the champion says of every customer.

    Columns: customer_id, as_of, probability (of leaving within the quarter from as_of), risk (low, medium or high),
    model_version. Of those whose membership has ended nobody asks: their probability is 1, their risk `left`. Key:
    customer_id.
    """
    ended = customers.where("is_current").select("customer_id", "ended_on")
    gone = F.col("ended_on") < F.col("as_of")
    rows = scored(asked, forest).join(ended, "customer_id")
    return rows.select(
        "customer_id",
        "as_of",
        F.when(gone, 1.0).otherwise(F.col("probability")).alias("probability"),
        F.when(gone, "left").otherwise(risk(F.col("probability"))).alias("risk"),
        F.lit(champion.version).cast("BIGINT").alias("model_version"),
    )


def refresh(lake: Lake, batch: Batch, *, registry: Registry, as_of: date, known: churn.Known | None) -> Refreshed:
    """Bring the layer up to date with silver, as it was at the versions of the batch; score for the date `as_of`.

    The rows are those of features and predictions, and the mark is why the newest quarter has no champion, if it has
    none. `known` is the true probability of leaving, where somebody knows it: the best possible AUC is reported then.
    Doing it again writes the same rows. Raises PlatformError where MLflow's store, or the champion in it, cannot be
    read.
    """
    until = batch.until
    transactions, customers = (lake.read(f"silver/{name}", until[name]) for name in INPUTS)
    [begins] = transactions.agg(F.min("ordered_on").alias("on")).collect()
    quarters = quarters_over(begins["on"] or as_of, as_of)[-QUARTERS:]
    learnt_from = cache(partial(_sample, customers))  # counts them, and only where it is asked
    with ThreadPoolExecutor(1) as beside:
        together = beside.submit(_keep_baskets, lake, transactions, customers)
        rows = _keep_features(lake, transactions, customers, learnt_from, quarters, as_of)
        refused = _train(lake, registry, learnt_from, quarters, until, known)
        rows += _predict(lake, registry, customers, as_of, batch.number)
        together.result()
    return Refreshed(rows, refused)


def _sample(customers: DataFrame) -> DataFrame:
    """Of many customers the same ones each time, by their ids: about as many as are learnt from."""
    number = customers.where("is_current").count()
    kept = 1000 * MOST_CUSTOMERS // max(number, 1)
    return customers if kept >= 1000 else customers.where(F.expr(f"pmod(xxhash64(customer_id), 1000) < {kept}"))


def _keep_features(
    lake: Lake,
    transactions: DataFrame,
    customers: DataFrame,
    learnt_from: Callable[[], DataFrame],
    quarters: list[date],
    as_of: date,
) -> int:
    """Add the features of today, and of quarters that the table lacks; remove those of customers who were erased."""
    target, dates = "ml/features", quarters
    spine = everybody(customers, [as_of]).drop("ended_on")
    if lake.exists(target):
        stored = lake.read(target)
        there = {row["as_of"] for row in stored.select("as_of").distinct().collect()}
        dates = [day for day in quarters if day not in there]
        gone = stored.select("customer_id", "as_of").join(
            customers.where("is_current").select("customer_id"), "customer_id", "left_anti"
        )
        if not gone.isEmpty():
            erased = gone.withColumn("remove", F.lit(True))
            lake.merge(erased, target, ("customer_id", "as_of"))
    if dates:
        spine = spine.union(members(learnt_from(), dates))
    lake.overwrite(features(transactions, spine), target, where=_days("as_of", [*dates, as_of]))
    return lake.read(target).where(_days("as_of", [*dates, as_of])).count()


def _days(column: str, dates: list[date]) -> str:
    return f"{column} IN ({', '.join(f'''DATE '{day}' ''' for day in dates)})"


def _train(
    lake: Lake,
    registry: Registry,
    learnt_from: Callable[[], DataFrame],
    quarters: list[date],
    until: Mapping[str, int],
    known: churn.Known | None,
) -> str | None:
    """Train and judge, if the newest quarter has tested no model yet, and promote what passes the gate.

    Returns why the newest quarter has no champion.
    """
    shape = repr((quarters, FEATURES, churn.DEPTHS, churn.TREES, churn.SEED))
    training = hashlib.sha256(shape.encode()).hexdigest()[:16]
    model = registry.find(training=training)
    if model is None:
        asked = labels(learnt_from(), quarters)
        rows = as_known(asked, lake.read("ml/features")).where("as_of IS NOT NULL")
        counts = rows.groupBy("at").agg(F.sum("churned").alias("left"), F.count("*").alias("asked")).collect()
        missing = churn.too_few({row["at"]: (row["left"], row["asked"]) for row in counts}, quarters)
        if missing:
            return missing
        trained = churn.train(rows, quarters, lake.folder("staging", "forest"), known)
        tags = {"training": training, "tested_on": str(quarters[-1])}
        tags |= {f"silver/{name}": str(until[name]) for name in INPUTS}
        reasons = _judge(registry, trained).reasons
        if reasons:
            tags["refused"] = "; ".join(reasons)
        model = registry.log(trained, reference(trained.train, FEATURES), tags)
    # An operator's rollback stays: what was promoted once is not promoted again.
    if "refused" not in model.tags and "promoted" not in model.tags:
        registry.promote(model.version)
        registry.note(model.version, promoted="yes")
    return model.tags.get("refused")


def _judge(registry: Registry, trained: churn.Trained) -> gate.Verdict:
    """The gate's verdict on the test's rows, beside the champion's probabilities of them where there is a champion."""
    champion, rows = registry.champion(), trained.test
    if champion is not None:
        rows = rows.assign(champion=registry.forest(champion).predict(rows[list(FEATURES)]))
    return gate.judge(rows)


def _predict(lake: Lake, registry: Registry, customers: DataFrame, as_of: date, number: int) -> int:
    """Score every customer by the champion, if there is one, and note how far they have drifted from its rows."""
    champion = registry.champion()
    if champion is None:
        return 0
    asked = lake.read("ml/features").where(F.col("as_of") == as_of)
    target = "ml/predictions"
    lake.overwrite(predictions(asked, customers, champion, registry.forest(champion)), target)
    made = lake.read(target)
    present = asked.join(made.where("risk <> 'left'").select("customer_id"), "customer_id", "left_semi")
    moved = drift(present, registry.reference(champion))
    noted = [(as_of, champion.version, name, index, verdict(index)) for name, index in moved.items()]
    columns = "as_of DATE, model_version BIGINT, feature STRING, psi DOUBLE, verdict STRING"
    lake.write_once(lake.spark.createDataFrame(noted, columns).coalesce(1), "ml/drift", "ml", number)
    return made.count()


def _keep_baskets(lake: Lake, transactions: DataFrame, customers: DataFrame) -> None:
    """What goes together and what sells best, made again from all of silver."""
    with tables.kept(baskets.bought_together(transactions)) as together:
        made = {
            "bought_together": together,
            "popular": baskets.popular(transactions, customers),
            "recommendations": baskets.recommendations(transactions, customers, together),
        }
        for name, rows in made.items():
            lake.overwrite(rows, f"ml/{name}")


def standing(lake: Lake, registry: Registry, refused: str | None) -> Churn | None:
    """How the layer stands; None where it has never looked at a customer. `refused` is the mark of its last batch."""
    target = "ml/features"
    if not lake.exists(target):
        return None
    [newest] = lake.read(target).agg(F.max("as_of")).collect()
    champion = registry.champion()
    if champion is None:
        return Churn(newest[0], 0, None, {}, (), refused)
    noted = lake.read("ml/drift")
    moved = noted.where(F.col("as_of") == newest[0]).where(F.col("model_version") == champion.version)
    return Churn(
        newest[0],
        lake.read("ml/predictions").count(),
        champion.version,
        registry.metrics(champion),
        tuple(Drift(row["feature"], row["psi"], row["verdict"]) for row in moved.collect()),
        refused,
    )
