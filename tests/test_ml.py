"""Features look back and never ahead; a model decides only past the gate; drift is seen; pairs are real."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import RandomForestRegressionModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.batch import Batch
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake
from lakehouse.ml import baskets, churn, features, gate, registry
from lakehouse.ml import refresh as ml
from lakehouse.ml.forest import Forest
from lakehouse.outcome import Churn
from lakehouse.places import Places
from lakehouse.quality import drift
from lakehouse.silver import standardise
from lakehouse.sources import SNAPSHOTS, Shop, churn_probability
from platforms import grow_a_small_forest
from workbook.commands import cli

pytestmark = [pytest.mark.slow_proof("platform"), pytest.mark.usefixtures("few_rows")]
DAY = date(2025, 7, 1)


def bought(spark: SparkSession, *rows: tuple[str, str, str]) -> DataFrame:
    return spark.createDataFrame(list(rows), "customer_id STRING, ordered_on STRING, amount_eur STRING").select(
        "customer_id", F.col("ordered_on").cast("date"), F.col("amount_eur").cast("DECIMAL(14,2)")
    )


def known(spark: SparkSession, *rows: tuple[str, str, str | None]) -> DataFrame:
    return spark.createDataFrame(list(rows), "customer_id STRING, signed_up_on STRING, ended_on STRING").select(
        "customer_id",
        F.col("signed_up_on").cast("date"),
        F.col("ended_on").cast("date"),
        F.lit("regular").alias("segment"),
        F.lit(True).alias("is_current"),
    )


def of_members(transactions: DataFrame, customers: DataFrame) -> dict[str, dict[str, float]]:
    rows = features.features(transactions, features.members(customers, [DAY])).collect()
    return {row["customer_id"]: {name: row[name] for name in features.FEATURES} for row in rows}


PAST = (
    *(("C1", "2025-06-30", "10.00"), ("C1", "2025-06-24", "5.50"), ("C1", "2025-06-23", "2.00")),
    *(("C1", "2025-06-01", "1.00"), ("C1", "2025-05-31", "30.00"), ("C1", "2025-04-02", "6.00")),
    ("C1", "2025-04-01", "100.00"),
)


def test_the_windows_end_before_the_date_and_what_comes_later_changes_nothing(spark: SparkSession) -> None:
    customers = known(spark, ("C1", "2024-01-01", None))
    expected = {
        "recency_days": 1,
        "purchases_7": 2,
        "purchases_30": 4,
        "purchases_90": 6,
        "value_7": 15.5,
        "value_30": 18.5,
        "value_90": 54.5,
        # 4 lines of 30 days against half of the 2 before; 18.50 euros against half of 36.
        "purchases_trend": (4 - 1) / (4 + 1),
        "value_trend": (18.5 - 18) / (18.5 + 18),
    }
    assert of_members(bought(spark, *PAST), customers) == {"C1": pytest.approx(expected)}
    future = [("C1", day, "1000.00") for day in ("2025-07-01", "2025-07-02", "2026-01-01")]
    assert of_members(bought(spark, *PAST, *future), customers) == {"C1": pytest.approx(expected)}


def test_who_is_asked_about(spark: SparkSession) -> None:
    customers = known(
        spark,
        ("never bought", "2025-01-02", None),
        ("long ago", "2024-01-01", None),
        ("too new", "2025-04-03", None),
        ("new enough", "2025-04-02", None),
        ("left before", "2024-01-01", "2025-06-30"),
        ("leaves after", "2024-01-01", "2025-09-30"),
    )
    found = of_members(bought(spark, ("long ago", "2025-01-01", "1.00")), customers)
    assert {name: row["recency_days"] for name, row in found.items()} == {
        "never bought": 180,
        "long ago": 180,
        "new enough": 90,
        "leaves after": 180,
    }
    assert {value for row in found.values() for name, value in row.items() if name != "recency_days"} == {0.0}


def test_a_label_is_asked_for_when_its_quarter_is_over_and_90_days_lie_before_it() -> None:
    first = date(2025, 1, 1)
    assert features.quarters_over(first, date(2025, 12, 31)) == [date(2025, 4, 1), date(2025, 7, 1)]
    assert features.quarters_over(first, date(2026, 1, 1)) == [date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1)]
    assert features.quarters_over(date(2025, 1, 2), date(2025, 12, 31)) == [date(2025, 7, 1)]


def test_a_member_has_left_if_the_membership_ended_in_the_quarter(spark: SparkSession) -> None:
    customers = known(
        spark,
        *(("stays", "2024-01-01", None), ("left", "2024-01-01", "2025-09-30")),
        *(("leaves later", "2024-01-01", "2025-10-01"), ("was gone", "2024-01-01", "2025-06-30")),
    )
    rows = features.labels(customers, [DAY]).collect()
    assert {row["customer_id"]: row["churned"] for row in rows} == {"stays": 0.0, "left": 1.0, "leaves later": 0.0}


def test_the_lookup_gives_the_newest_features_that_were_known_then(spark: SparkSession) -> None:
    table = spark.sql(
        "SELECT * FROM VALUES ('C1', DATE '2025-04-01', 1.0), ('C1', DATE '2025-07-01', 2.0), "
        "('C2', DATE '2025-07-01', 3.0) AS rows(customer_id, as_of, value_7)"
    )
    spine = spark.sql(
        "SELECT * FROM VALUES ('C1', DATE '2025-03-31'), ('C1', DATE '2025-04-01'), ('C1', DATE '2025-06-30'), "
        "('C1', DATE '2025-12-31'), ('C2', DATE '2025-06-30') AS rows(customer_id, at)"
    )
    rows = features.as_known(spine, table).orderBy("customer_id", "at").collect()
    assert [(row["customer_id"], row["value_7"]) for row in rows] == [
        *(("C1", None), ("C1", 1.0), ("C1", 1.0), ("C1", 2.0), ("C2", None)),
    ]


@pytest.fixture(scope="module")
def shop(spark: SparkSession) -> tuple[Shop, DataFrame, DataFrame]:
    """A shop in which nothing is wrong, its transactions and customers as in silver."""
    made = Shop(0.05, defects=False)
    names = ["order_id", "product_id", "customer_id", "ordered_at", "amount", "currency"]
    lines = pa.concat_tables(made.transactions(0)).select(names)
    transactions = spark.createDataFrame(lines.to_pandas()).select(
        *("order_id", "product_id", "customer_id"),
        F.to_date("ordered_at").alias("ordered_on"),
        standardise.in_euro(F.col("amount"), F.col("currency")).alias("amount_eur"),
    )
    people = pa.concat_tables(made.customers(0)).select(["customer_id", "signed_up_on", "ended_on", "segment"])
    rows = [tuple(row.values()) for row in people.to_pylist()]
    customers = spark.createDataFrame(rows, "customer_id STRING, signed_up_on DATE, ended_on DATE, segment STRING")
    return made, transactions.persist(), customers.withColumn("is_current", F.lit(True)).persist()


@pytest.fixture(scope="module")
def table(shop: tuple[Shop, DataFrame, DataFrame]) -> DataFrame:
    """The features of the members on every date on which the shop itself looks at them."""
    _, transactions, customers = shop
    return features.features(transactions, features.members(customers, SNAPSHOTS)).persist()


def truth(made: Shop) -> dict[tuple[str, date], dict[str, object]]:
    return {
        (row["customer_id"], row["as_of"]): row
        for snapshot in SNAPSHOTS
        for piece in made.churned(snapshot)
        for row in piece.to_pylist()
    }


def test_features_are_what_the_shop_knows_of_its_members(
    shop: tuple[Shop, DataFrame, DataFrame], table: DataFrame
) -> None:
    known_to_shop = truth(shop[0])
    found = {(row["customer_id"], row["as_of"]): row for row in table.collect()}
    # The shop asks only those who had been members for the whole quarter, which may have up to 92 days.
    both = found.keys() & known_to_shop.keys()
    assert len(both) > 0.95 * max(len(found), len(known_to_shop))
    for key in both:
        row, expected = found[key], known_to_shop[key]
        assert (row["recency_days"], row["purchases_90"]) == (expected["recency_days"], expected["purchases"])
        assert row["value_trend"] == pytest.approx(expected["spend_trend"], abs=0.01)


def test_labels_are_what_became_of_them(shop: tuple[Shop, DataFrame, DataFrame]) -> None:
    known_to_shop = truth(shop[0])
    rows = features.labels(shop[2], SNAPSHOTS[:3]).collect()
    found = {(row["customer_id"], row["at"]): bool(row["churned"]) for row in rows}
    assert {at for _, at in found} == set(SNAPSHOTS[:3])
    both = found.keys() & known_to_shop.keys()
    assert len(both) > 0.95 * len(found)
    assert {key: known_to_shop[key]["churned"] for key in both} == {key: found[key] for key in both}
    assert 0 < sum(found.values()) < len(found)


@pytest.fixture(scope="module")
def trained(
    shop: tuple[Shop, DataFrame, DataFrame], table: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[churn.Trained, Path]:
    rows = features.as_known(features.labels(shop[2], SNAPSHOTS[:3]), table)
    staging = tmp_path_factory.mktemp("forest")
    return churn.train(rows, SNAPSHOTS[:3], str(staging), churn_probability), staging


def test_the_test_rows_are_the_newest_quarter_and_the_forest_has_seen_none_of_them(
    table: DataFrame, trained: tuple[churn.Trained, Path]
) -> None:
    model = trained[0]
    members = {(row["customer_id"], row["as_of"]) for row in table.select(*features.KEY).collect()}
    seen = set(zip(model.train["customer_id"], model.train["at"], strict=True))
    tested = set(zip(model.test["customer_id"], model.test["at"], strict=True))
    assert seen == {key for key in members if key[1] < SNAPSHOTS[2]}
    assert tested == {key for key in members if key[1] == SNAPSHOTS[2]}


def test_it_comes_near_the_best_possible_and_the_report_says_both(trained: tuple[churn.Trained, Path]) -> None:
    measured = churn.metrics(trained[0].test)
    assert 0.95 * measured["best_auc"] <= measured["auc"] <= measured["best_auc"] + 0.02
    assert measured["brier"] < measured["baseline_brier"]


def test_the_same_rows_in_another_order_give_the_same_forest(
    shop: tuple[Shop, DataFrame, DataFrame], table: DataFrame, trained: tuple[churn.Trained, Path], tmp_path: Path
) -> None:
    rows = features.as_known(features.labels(shop[2], SNAPSHOTS[:3]), table).orderBy(F.desc("segment")).repartition(3)
    again = churn.train(rows, SNAPSHOTS[:3], str(tmp_path), churn_probability)
    assert again.forest.to_json() == trained[0].forest.to_json()


def test_without_spark_the_trees_say_what_mllib_says(table: DataFrame, trained: tuple[churn.Trained, Path]) -> None:
    model = RandomForestRegressionModel.load(str(trained[1]))
    rows = VectorAssembler(inputCols=list(features.FEATURES), outputCol="features").transform(table)
    said = model.transform(rows).select("prediction", *features.FEATURES).toPandas()
    given = said[list(features.FEATURES)]
    again = Forest.from_json(trained[0].forest.to_json())
    assert np.abs(again.predict(given) - said["prediction"]).max() < 1e-12
    assert len(set(again.predict(given).round(6))) > 20


def test_an_api_needs_no_spark_to_load_the_trees() -> None:
    without = "import sys; sys.modules['pyspark'] = None; from lakehouse.ml.forest import Forest"
    subprocess.run([sys.executable, "-c", without], check=True)


def judged(**columns: list[float]) -> pd.DataFrame:
    """Two hundred members, half of them in each of two segments, one in four of whom leaves."""
    churned = [1.0, 0.0, 0.0, 0.0] * 50
    rows = {"churned": churned, "segment": ["business"] * 100 + ["regular"] * 100, "baseline": [0.25] * 200}
    return pd.DataFrame({**rows, **columns})


GOOD = [0.9, 0.04, 0.04, 0.04] * 50


def test_a_model_that_is_better_calibrated_and_nowhere_worse_passes_the_gate() -> None:
    assert gate.judge(judged(probability=GOOD)).passed
    assert gate.judge(judged(probability=GOOD, champion=[0.5, 0.2, 0.2, 0.2] * 50)).passed


REFUSED = {
    "not better than the baseline: its Brier score is 0.1876, that of the baseline 0.1875": {
        "probability": [0.26] * 200
    },
    "not better than the champion: its": {"probability": GOOD, "champion": [0.95, 0.01, 0.01, 0.01] * 50},
    "not calibrated: of 150 members to whom it gives 20% on average, 0% left": {
        "probability": [0.95, 0.2, 0.2, 0.2] * 50
    },
    "worse than the champion for the 100 members of the segment regular": {
        "probability": GOOD,
        "champion": [0.5, 0.2, 0.2, 0.2] * 25 + [0.95, 0.03, 0.03, 0.03] * 25,
    },
}


@pytest.mark.parametrize("reason", REFUSED)
def test_the_gate_refuses_a_model_and_says_why(reason: str) -> None:
    verdict = gate.judge(judged(**REFUSED[reason]))
    assert not verdict.passed
    assert any(reason in one for one in verdict.reasons), verdict.reasons


def test_too_few_who_left_or_too_few_quarters_are_no_ground_for_a_model() -> None:
    enough = dict.fromkeys(SNAPSHOTS[:3], (5, 100))
    assert churn.too_few(enough, SNAPSHOTS[:3]) is None
    assert (
        churn.too_few(enough, SNAPSHOTS[:2]) == "2 quarters are over, and 3 are needed: to train, to choose and to test"
    )
    said = churn.too_few({**enough, SNAPSHOTS[1]: (4, 100)}, SNAPSHOTS[:3])
    assert said == "in the quarter from 2025-07-01 4 of 100 members left, too few to learn from"


def test_the_stability_index_is_the_one_of_the_formula() -> None:
    # (0.5 - 0.25) ln 2 + (0.25 - 0.25) ln 1 + (0.25 - 0.5) ln 0.5
    assert drift.psi([0.25, 0.25, 0.5], [0.5, 0.25, 0.25]) == pytest.approx(0.346574, abs=1e-6)
    assert [drift.verdict(index) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25)] == [
        *("stable", "stable", "moderate", "moderate", "large"),
    ]


def test_customers_who_buy_otherwise_than_those_it_has_learnt_from_are_drift(spark: SparkSession) -> None:
    before = pd.DataFrame({"recency_days": np.arange(1000) % 100, "value_7": [0.0] * 900 + [10.0] * 100})
    known_then = drift.reference(before, ["recency_days", "value_7"])
    same = drift.drift(spark.createDataFrame(before), known_then)
    assert same == {"recency_days": pytest.approx(0, abs=1e-9), "value_7": pytest.approx(0, abs=1e-9)}
    later = spark.createDataFrame(before.assign(recency_days=before["recency_days"] + 30))
    moved = drift.drift(later, known_then)
    assert drift.verdict(moved["recency_days"]) == "large" and moved["value_7"] == same["value_7"]


@pytest.fixture
def models(tmp_path: Path, trained: tuple[churn.Trained, Path]) -> Iterator[registry.Registry]:
    """A registry with two versions of the model, neither of them the champion."""
    with registry.opened(Places(str(tmp_path))) as opened:
        for number in ("first", "second"):
            opened.log(trained[0], {}, {"training": number})
        yield opened


def test_a_champion_is_promoted_and_rolled_back_to_and_a_second_rollback_is_refused(
    models: registry.Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models.champion() is None
    with pytest.raises(PlatformError, match="nothing to roll back to"):
        models.rollback()
    with pytest.raises(PlatformError, match="There is no platform under"):
        cli.rollback(str(tmp_path / "mistyped"))
    assert not (tmp_path / "mistyped").exists()
    models.promote(1)
    models.promote(2)
    models.promote(2)
    champion = models.champion()
    assert champion is not None and (champion.version, champion.tags["training"]) == (2, "second")
    cli.rollback(str(tmp_path))
    said = capsys.readouterr().out
    assert said == "Version 1 is the champion again. `workbook run` scores every customer by it.\n"
    champion = models.champion()
    assert champion is not None and champion.version == 1
    with pytest.raises(PlatformError, match="nothing to roll back to"):
        models.rollback()


def test_a_run_keeps_what_is_known_of_a_model(
    models: registry.Registry, trained: tuple[churn.Trained, Path], tmp_path: Path
) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    found = models.find(training="first")
    assert found is not None and found.version == 1 and models.find(training="third") is None
    run = client.get_run(found.run_id)
    assert run.data.params["depth"] in {"3", "5", "7"} and run.data.params["training"] == "first"
    assert models.metrics(found) == {
        name: pytest.approx(value) for name, value in churn.metrics(trained[0].test).items()
    }
    files = {file.path for file in client.list_artifacts(found.run_id)}
    assert files >= {"roc.png", "precision_recall.png", "calibration.png", "importances.png", "model", "known.json"}
    served = mlflow.pyfunc.load_model(str(client.get_model_version("churn", "1").source))
    assert served.metadata.signature.inputs.input_names() == list(features.FEATURES)
    given = trained[0].test[list(features.FEATURES)]
    assert np.abs(served.predict(given) - trained[0].test["probability"]).max() < 1e-12


def test_a_model_whose_files_are_gone_and_a_store_that_does_not_answer_are_said(
    models: registry.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = models.find(training="first")
    assert found is not None
    for trees in tmp_path.glob(f"mlflow/artifacts/{found.run_id}/**/forest.json"):
        trees.unlink()
    with pytest.raises(PlatformError, match=r"forest.json of churn version 1 cannot be read: .* roll back"):
        models.forest(found)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said = "MLflow's store http://127.0.0.1:9 does not do what is asked: .* MLFLOW_TRACKING_URI"
    with pytest.raises(PlatformError, match=said), registry.opened(Places(str(tmp_path))) as nobody:
        nobody.champion()


@pytest.fixture(scope="module")
def lake(
    spark: SparkSession, shop: tuple[Shop, DataFrame, DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    """A platform that has the two tables of silver that the layer reads."""
    made = Lake(spark, Places(str(tmp_path_factory.mktemp("platform"))))
    for name, rows in (("transactions", shop[1]), ("customers", shop[2])):
        made.overwrite(rows, f"silver/{name}")
    return made


def refreshed(lake: Lake, batch: int, as_of: date) -> Churn:
    """The layer brought up to date with the newest silver, and how it stands then."""
    until = lake.versions("silver", ml.INPUTS)
    with registry.opened(lake.places) as models:
        done = ml.refresh(lake, Batch(batch, until=until), registry=models, as_of=as_of, known=churn_probability)
        state = ml.standing(lake, models, done.mark)
    assert state is not None
    return state


def predicted(lake: Lake) -> dict[str, tuple[object, ...]]:
    rows = lake.read("ml/predictions").collect()
    return {row["customer_id"]: (row["as_of"], row["model_version"], row["probability"]) for row in rows}


def test_the_layer_from_training_to_a_rollback_and_an_erasure(
    shop: tuple[Shop, DataFrame, DataFrame], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow_a_small_forest(monkeypatch)
    first = refreshed(lake, 0, date(2026, 1, 1))
    assert (first.version, first.refused, first.predictions) == (1, None, 500)
    assert {one.feature for one in first.drift} == set(features.FEATURES)
    by_first = predicted(lake)
    refreshed(lake, 0, date(2026, 1, 1))
    assert predicted(lake) == by_first, "the same batch again changes nothing"

    # Whatever the next model says is refused by the gate: the champion stays, and the reason is told.
    monkeypatch.setattr(churn, "SEED", 8)
    with monkeypatch.context() as strict:
        strict.setattr(gate, "judge", lambda rows: gate.Verdict(("it is too good to be true",)))
        assert refreshed(lake, 1, date(2026, 1, 1)).refused == "it is too good to be true"
    assert {model for _, model, _ in predicted(lake).values()} == {1}

    # The next one passes; after a rollback its predecessor scores again, and is not replaced by the next run.
    monkeypatch.setattr(churn, "SEED", 9)
    monkeypatch.setattr(gate, "judge", lambda rows: gate.Verdict(()))
    assert refreshed(lake, 2, date(2026, 1, 1)).version == 3
    assert predicted(lake) != by_first
    with registry.opened(lake.places) as models:
        assert models.rollback() == 1
    again = refreshed(lake, 3, date(2026, 1, 1))
    assert (again.version, again.metrics) == (1, first.metrics)
    assert predicted(lake) == by_first

    # Who is erased has neither a prediction nor features of any date.
    lake.overwrite(shop[2].where("customer_id <> 'C0000007'"), "silver/customers")
    assert refreshed(lake, 4, date(2026, 1, 2)).predictions == 499
    kept = lake.read("ml/features")
    assert kept.where("customer_id = 'C0000007'").count() == 0
    days = {row["as_of"] for row in kept.select("as_of").distinct().collect()}
    assert days == {*SNAPSHOTS, date(2026, 1, 2)}


def test_pairs_are_those_that_counting_finds_beyond_chance_and_those_that_were_planted(
    shop: tuple[Shop, DataFrame, DataFrame],
) -> None:
    made, transactions, _ = shop
    orders: dict[str, set[str]] = {}
    for row in transactions.select("order_id", "product_id").collect():
        orders.setdefault(row["order_id"], set()).add(row["product_id"])
    number = len(orders)
    sold = pd.Series([product for order in orders.values() for product in order]).value_counts()
    pairs = pd.Series([pair for order in orders.values() for pair in combinations(sorted(order), 2)]).value_counts()
    expected, lifted = {}, 0
    for (one, other), both in pairs.items():
        lift = both * number / (sold[one] * sold[other])
        lifted += both >= 5 and lift >= 1.5
        if both - 2 * both**0.5 > both / lift and lift >= 1.5:
            expected[one, other] = (both, both / number, both / sold[one], lift)
            expected[other, one] = (both, both / number, both / sold[other], lift)
    found = {
        (row["product_id"], row["with_product_id"]): (row["orders"], row["support"], row["confidence"], row["lift"])
        for row in baskets.bought_together(transactions).collect()
    }
    assert found == {pair: pytest.approx(measures) for pair, measures in expected.items()}
    planted = {(pair.product_id, pair.companion_id) for pair in made.bought_together()}
    assert found.keys() == planted | {(other, one) for one, other in planted}
    assert lifted == 3 * len(planted), "chance alone makes pairs of five orders with a lift of 1.5"


def test_a_recommendation_goes_with_what_was_bought_and_is_new(spark: SparkSession) -> None:
    transactions = spark.sql(
        "SELECT * FROM VALUES ('C1', 'A'), ('C1', 'B'), ('C2', 'A'), ('C3', 'Z'), ('C4', 'A') AS "
        "rows(customer_id, product_id)"
    )
    together = spark.sql(
        "SELECT * FROM VALUES ('A', 'B', 0.1D, 3.0D), ('A', 'X', 0.1D, 2.0D), ('B', 'X', 0.2D, 4.0D), "
        "('A', 'Y', 0.3D, 2.0D) AS rows(product_id, with_product_id, support, lift)"
    )
    customers = spark.sql("SELECT * FROM VALUES ('C1', true), ('C2', false), ('C2', true), ('C4', false)")
    rows = baskets.recommendations(transactions, customers.toDF("customer_id", "is_current"), together)
    rows = rows.orderBy("customer_id", "rank").collect()
    assert [tuple(row) for row in rows] == [
        ("C1", 1, "X", "B", 0.2, 4.0),
        ("C1", 2, "Y", "A", 0.3, 2.0),
        ("C2", 1, "B", "A", 0.1, 3.0),
        ("C2", 2, "X", "A", 0.1, 2.0),
        ("C2", 3, "Y", "A", 0.3, 2.0),
    ]


def test_the_best_sellers_of_a_segment_are_counted_by_orders(spark: SparkSession) -> None:
    customers = spark.sql(
        "SELECT * FROM VALUES ('C1', 'regular', true), ('C2', 'regular', true), ('C2', 'business', false), "
        "('C3', NULL, true) AS rows(customer_id, segment, is_current)"
    )
    transactions = spark.sql(
        "SELECT * FROM VALUES ('C1', 'O1', 'B'), ('C1', 'O1', 'B'), ('C2', 'O2', 'A'), ('C2', 'O3', 'A'), "
        "('C3', 'O4', 'C') AS rows(customer_id, order_id, product_id)"
    )
    rows = baskets.popular(transactions, customers).orderBy("rank").collect()
    assert [tuple(row) for row in rows] == [("regular", "A", 2, 1), ("regular", "B", 1, 2)]
