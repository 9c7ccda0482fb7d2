"""The framework of data quality, on tables of its own: rules as data, sets, thresholds, profiles, drift and alerts."""

import gzip
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from lakehouse import bronze, quality
from lakehouse.errors import PlatformError
from lakehouse.ingestion import sampled_columns
from lakehouse.quality import Limits, Moved, Rule, contract
from lakehouse.silver.rules import LATEST
from lakehouse.sources.declarations import TABLES

pytestmark = pytest.mark.usefixtures("few_rows")

POSITIVE = Rule("positive", "range", "amount", "amount > 0", "drop", "payments", "An amount is positive.")
KNOWN = Rule("known", "set", "currency", "currency IN ('EUR', 'SEK')", "fail", "payments", "A currency has a rate.")
NAMED = Rule("named", "null", "name", "name IS NOT NULL", "warn", "crm", "A customer has a name.")
RULES = (POSITIVE, KNOWN, NAMED)
ORDERS = "id INT, amount INT, currency STRING, name STRING"
NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


@pytest.fixture
def orders(spark: SparkSession) -> DataFrame:
    rows = [(1, 5, "EUR", "Ada"), (2, -1, "XXX", None), (3, None, "SEK", "Bo"), (4, 7, None, None), (5, 2, "SEK", None)]
    return spark.createDataFrame(rows, ORDERS)


def rows_of(frame: DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.select(*columns or ("*",)).collect()), key=str)


def jobs_of(spark: SparkSession, work: Callable[[], object]) -> int:
    """How many jobs some work takes. Spark Connect has no status tracker: classic only."""
    context = spark.sparkContext
    group = str(uuid.uuid4())
    context.setJobGroup(group, group)
    try:
        work()
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
    return len(context.statusTracker().getJobIdsForGroup(group))


# Rules about rows.


def test_a_row_has_all_its_reasons_and_none_is_lost_between_clean_and_quarantined(orders: DataFrame) -> None:
    judged = quality.judge(orders, RULES)
    assert rows_of(judged.clean, "id", "_warnings") == [(1, []), (5, ["named"])]
    quarantined = rows_of(judged.quarantined, "id", "reasons.rule", "reasons.severity", "reasons.owner")
    assert quarantined == [
        (2, ["positive", "known"], ["drop", "fail"], ["payments", "payments"]),
        (3, ["positive"], ["drop"], ["payments"]),
        (4, ["known"], ["fail"], ["payments"]),
    ]
    assert judged.clean.columns == [*orders.columns, "_warnings"]
    assert judged.quarantined.columns == [*orders.columns, "reasons"]


def test_the_counts_say_how_often_each_rule_is_broken_and_of_no_rows_that_there_are_none(orders: DataFrame) -> None:
    columns = ("rule", "severity", "owner", "rows", "broken", "share")
    assert rows_of(quality.judge(orders, RULES).counts, *columns) == [
        ("known", "fail", "payments", 5, 2, 0.4),
        ("named", "warn", "crm", 5, 3, 0.6),
        ("positive", "drop", "payments", 5, 2, 0.4),
    ]
    nothing = quality.judge(orders.where("id > 5"), RULES).counts
    assert rows_of(nothing, "rule", "rows", "broken", "share") == [
        *(("known", 0, 0, None), ("named", 0, 0, None), ("positive", 0, 0, None)),
    ]


def test_a_table_is_judged_by_a_hundred_rules_in_the_jobs_that_one_takes(
    spark: SparkSession, orders: DataFrame, tmp_path: Path
) -> None:
    many = [replace(POSITIVE, name=f"above_{least}", condition=f"amount > {least}") for least in range(100)]

    def written(rules: list[Rule], folder: str) -> Callable[[], object]:
        return lambda: quality.judge(orders, rules).rows.write.parquet(f"{tmp_path}/{folder}")

    assert jobs_of(spark, written([POSITIVE], "one")) == jobs_of(spark, written(many, "many")) == 1
    for rules in ([POSITIVE], many):
        judged = quality.judge(orders, rules)
        # With adaptive execution each of the two stages of an aggregation is a job.
        assert jobs_of(spark, judged.counts.collect) == 2
    assert dict(rows_of(quality.judge(orders, many).counts, "rule", "broken"))["above_5"] == 4


def test_rules_are_counted_by_the_way_and_not_again_by_a_second_action(orders: DataFrame) -> None:
    observation = Observation("rules")
    judged = quality.judge(orders, RULES).observed(observation)
    assert judged.clean.count() == 2
    assert quality.shares(observation.get) == {"positive": 0.4, "known": 0.4, "named": 0.6}
    judged.rows.count()
    assert observation.get["_rows"] == 5
    nobody = Observation("nobody")
    quality.judge(orders.where("id > 5"), RULES).observed(nobody).rows.count()
    assert quality.shares(nobody.get) == {"positive": None, "known": None, "named": None}


def test_a_rule_of_uniqueness_is_not_judged_row_by_row(orders: DataFrame) -> None:
    unique = replace(POSITIVE, name="unique", kind="uniqueness", condition="FALSE")
    judged = quality.judge(orders, [POSITIVE, unique])
    assert rows_of(judged.counts, "rule") == [("positive",)]
    assert judged.clean.count() == 3


def test_rules_come_back_from_a_table_as_they_were_put_in(spark: SparkSession) -> None:
    rules = [*RULES, replace(NAMED, name="later", nullable=True, tolerance=0.5, since=date(2026, 3, 1))]
    kept = quality.as_frame(spark, rules).withColumn("note", F.lit("others are passed over"))
    assert quality.rules_from(kept) == sorted(rules, key=lambda rule: rule.name)
    [since] = [row["since"] for row in kept.where("name = 'later'").collect()]
    assert since == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"severity": "error"}, "The rule positive has severity 'error' .*: choose from warn, drop, fail"),
        ({"kind": "nulls"}, "The rule positive has kind 'nulls' .*: choose from null, format, range"),
        ({"owner": " "}, "The rule positive has owner ' ' in the table of rules: every rule has one"),
        ({"meaning": None}, "The rule positive has meaning None"),
        ({"condition": "amount >"}, "The rule positive has condition 'amount >' .*: that is no condition in SQL"),
        ({"tolerance": 1.5}, "The rule positive has tolerance 1.5 .*: it is a share, from 0 to 1"),
        ({"tolerance": float("nan")}, "The rule positive has tolerance nan"),
        ({"since": None}, "The rule positive has since None .*: it is the day from which"),
        ({"nullable": None}, "The rule positive has nullable None .*: say true or false"),
        ({"name": None}, "A rule in the table of rules has no name: name the one with 'amount > 0'"),
        ({"name": "named"}, "The rule named stands in the table of rules more than once"),
    ],
)
def test_a_malformed_row_of_the_table_of_rules_is_one_sentence(
    spark: SparkSession, changed: dict[str, Any], said: str
) -> None:
    given = quality.as_frame(spark, [replace(POSITIVE, **changed), NAMED])
    with pytest.raises(PlatformError, match=said):
        quality.rules_from(given)


def test_a_table_of_rules_without_a_column_names_it(spark: SparkSession) -> None:
    with pytest.raises(PlatformError, match="The table of rules lacks the column owner: it needs name, kind"):
        quality.rules_from(quality.as_frame(spark, RULES).drop("owner"))


# Rules about sets.


def test_a_key_that_is_unique_in_each_batch_is_repeated_over_all(spark: SparkSession) -> None:
    rows = [("T1", 1), ("T2", 1), ("T1", 2), (None, 1), (None, 2), ("T3", 2)]
    batches = spark.createDataFrame(rows, "id STRING, batch INT")
    for number in (1, 2):
        assert quality.repeated(batches.where(F.col("batch") == number), ["id"]).isEmpty()
    assert rows_of(quality.repeated(batches, ["id"])) == [("T1", 2), (None, 2)]
    assert quality.repeated(batches, ["id", "batch"]).isEmpty()


def test_a_parent_may_come_later_than_its_child_but_not_for_ever(spark: SparkSession) -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    rows = [("C1", 1), ("C2", 1), ("C2", 60), ("C3", 47), ("C3", 2), ("C4", 48), (None, 90), ("C5", None)]
    paid = [(key, None if hours is None else now - timedelta(hours=hours)) for key, hours in rows]
    payments = spark.createDataFrame(paid, "customer_id STRING, at TIMESTAMP")
    customers = spark.createDataFrame([("C1",), ("C1",), (None,)], "customer_id STRING")
    found = quality.unmatched(payments, "customer_id", customers, arrived="at", now=now, grace=timedelta(days=2))
    assert rows_of(found, "customer_id", "rows", "late") == [
        *(("C2", 2, False), ("C3", 2, True), ("C4", 1, True), ("C5", 1, False)),
    ]


def test_sums_are_compared_by_group_and_a_missing_group_is_not_zero(spark: SparkSession) -> None:
    lines = [("a", "0.10"), ("a", "0.20"), ("b", "5.00"), ("b", "-5.00"), (None, "1.00"), ("d", "1.00")]
    announced = [("a", "0.30"), ("b", "0.01"), (None, "1.00"), ("c", "2.00")]
    columns = "shop STRING, amount STRING"
    rows, totals = (
        spark.createDataFrame(given, columns).withColumn("amount", F.col("amount").cast("DECIMAL(12,2)"))
        for given in (lines, announced)
    )
    zero, one = Decimal("0.00"), Decimal("1.00")
    assert rows_of(quality.sums(rows, totals, ["shop"], "amount")) == [
        ("a", Decimal("0.30"), Decimal("0.30"), zero),
        ("b", zero, Decimal("0.01"), Decimal("-0.01")),
        ("c", None, Decimal("2.00"), None),
        ("d", one, None, None),
        (None, one, one, zero),
    ]


def test_freshness_is_the_age_of_the_newest_row_and_nothing_is_not_fresh(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [(NOON - timedelta(hours=30),), (NOON - timedelta(minutes=90),), (None,)], "at TIMESTAMP"
    )
    assert rows_of(quality.freshness(rows, "at", NOON), "rows", "hours") == [(3, 1.5)]
    assert rows_of(quality.freshness(rows.where("at IS NULL"), "at", NOON), "rows", "hours") == [(1, None)]
    assert rows_of(quality.freshness(rows.limit(0), "at", NOON), "rows", "hours") == [(0, None)]


def test_a_day_without_rows_has_the_volume_zero(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("2026-01-01",), ("2026-01-01",), ("2026-01-03",)], "day STRING")
    days = spark.createDataFrame([("2026-01-01",), ("2026-01-02",), ("2026-01-03",)], "day STRING")
    assert rows_of(quality.volume(rows, "day", days)) == [("2026-01-01", 2), ("2026-01-02", 0), ("2026-01-03", 1)]


# Thresholds and alerts.


def test_a_threshold_lies_around_the_median_and_one_wild_day_hardly_moves_it() -> None:
    # The median is 100, the distances are 0, 1, 1, 2, 2, 3 and 3, and their median is 2.
    usual = quality.threshold([97, 98, 99, 100, 101, 102, 103])
    assert usual == Limits(pytest.approx(100 - 3.5 * 1.4826 * 2), pytest.approx(100 + 3.5 * 1.4826 * 2))
    assert quality.threshold([97, 98, 99, 100, 101, 102, 1_000_000]) == usual
    assert quality.threshold([100] * 7) == Limits(95.0, 105.0)
    assert quality.threshold([100] * 6) is None
    assert quality.threshold([*[100] * 6, None, None]) is None


def test_no_data_is_neither_good_nor_bad() -> None:
    limits = Limits(low=1.0, high=2.0)
    assert [limits.judge(value) for value in (0.99, 1.0, 2.0, 2.01, None)] == [
        *("fail", "pass", "pass", "fail", "no data"),
    ]
    assert (Limits(low=0).judge(-1), Limits(high=0).judge(-1), Limits().judge(None)) == ("fail", "pass", "no data")


def test_a_fault_that_lasts_does_not_become_what_is_usual() -> None:
    found = quality.against_history([100] * 7 + [50] * 40 + [None, 100])
    assert found == ["no data"] * 7 + ["fail"] * 40 + ["no data", "pass"]
    slowly = quality.against_history([100 + 0.5 * day for day in range(60)])
    assert set(slowly[7:]) == {"pass"}


def test_an_alert_is_raised_late_and_cleared_later() -> None:
    verdicts: dict[str, quality.Verdict] = {".": "pass", "x": "fail"}
    on = quality.alerts(verdicts[sign] for sign in ".x.xx.x...xx")
    assert on == [False] * 4 + [True] * 5 + [False, False, True]
    assert quality.alerts(["fail", "no data", "fail"]) == [False, False, True]
    assert quality.alerts(["fail", "pass", "fail"], raise_after=1, clear_after=1) == [True, False, True]


# Profile and drift.


SHOP = "id STRING, amount DECIMAL(6,2), channel STRING, bought_on DATE, gift BOOLEAN, tags ARRAY<STRING>"


@pytest.fixture
def shop(spark: SparkSession) -> DataFrame:
    day = date(2026, 1, 1)
    return spark.createDataFrame(
        [
            ("T-01", Decimal("1.00"), "online", day, True, ["a"]),
            ("T-02", Decimal("2.00"), "online", day, False, None),
            ("T-3b", Decimal("2.50"), "store", date(2026, 1, 3), None, []),
            (None, None, "", None, True, ["b"]),
        ],
        SHOP,
    )


def test_a_profile_says_what_is_in_each_column(shop: DataFrame) -> None:
    found = quality.profile(shop, {"amount": [1.0, 2.25]})

    def of(column: str, measure: str) -> list[tuple[Any, ...]]:
        return rows_of(found.where((F.col("column") == column) & (F.col("measure") == measure)), "value", "number")

    assert {name: of(name, "nulls") for name in shop.columns} == {
        **{name: [("", 1.0)] for name in ("id", "amount", "bought_on", "gift", "tags")},
        "channel": [("", 0.0)],
    }
    assert of("channel", "rows") == [("", 4.0)] and of("id", "distinct") == [("", 3.0)]
    assert of("channel", "top") == [("", 1.0), ("online", 2.0), ("store", 1.0)]
    assert of("gift", "top") == [("false", 1.0), ("true", 2.0)]
    assert of("id", "pattern") == [("A-99", 2.0), ("A-9A", 1.0)]
    assert (of("amount", "min"), of("amount", "max")) == ([("1.00", 1.0)], [("2.50", 2.5)])
    assert of("bought_on", "max") == [("2026-01-03", None)]
    assert of("amount", "quantile")[0] == ("0.1", 1.0) and of("amount", "quantile")[-1] == ("0.9", 2.5)
    assert of("amount", "bin") == [("0", 0.0), ("1", 2.0), ("2", 1.0)]
    assert rows_of(found.where("column = 'tags'"), "measure") == [("nulls",), ("rows",)]


def test_a_profile_takes_one_aggregation_however_many_columns_there_are(spark: SparkSession, shop: DataFrame) -> None:
    wide = shop.select("*", *(F.col("channel").alias(f"channel {number}") for number in range(30)))
    assert [jobs_of(spark, quality.profile(frame).collect) for frame in (shop, wide)] == [2, 2]


def test_the_profile_of_an_empty_table_has_no_values(shop: DataFrame) -> None:
    found = quality.as_profile(quality.profile(shop.limit(0)))
    assert found["amount"] == {"rows": {"": 0.0}, "nulls": {"": 0.0}, "distinct": {"": 0.0}}
    assert quality.edges_of(found) == {}
    assert [one.value for one in quality.moved(found, found)] == [None] * len(quality.moved(found, found))


def test_the_picture_of_a_profile_shows_nulls_values_patterns_and_tenths(shop: DataFrame) -> None:
    risky = shop.withColumn("channel", F.regexp_replace("channel", "store", "<b>store</b>"))
    drawn = quality.pictured(quality.profile(risky), "The shop")
    text = " ".join(re.sub(r"<[^>]*>", " ", drawn).split())
    assert "The shop: 4 rows" in text
    assert "id 25.0 % 3 T-01 T-3b" in text and "50.0 % as A-99 25.0 % as A-9A" in text
    assert "50.0 % online" in text and "25.0 % &lt;b&gt;store&lt;/b&gt;" in text
    assert "amount 25.0 % 3 1.00 2.50" in text and 'aria-label="Tenths of the rows end at 1, ' in drawn
    assert "script" not in drawn and "http" not in drawn
    assert "nothing: 0 rows" in quality.pictured(quality.profile(shop.limit(0)), "nothing")


def test_two_profiles_say_how_far_a_table_has_moved(spark: SparkSession) -> None:
    before = spark.createDataFrame([("a", 1)] * 5 + [("b", 2)] * 5, "kind STRING, n INT")
    after = spark.createDataFrame([("a", 1)] * 10 + [("c", 2)] * 5 + [(None, 3)] * 5, "kind STRING, n INT")
    edges = {"n": [2.0]}
    then, now = (quality.as_profile(quality.profile(frame, edges)) for frame in (before, after))
    found = {one.name: one.value for one in quality.moved(then, now)}
    assert found["rows"] == 2.0
    assert found["nulls of kind"] == 0.25 and found["nulls of n"] == 0.0
    assert found["new of kind"] == pytest.approx(1 / 3)
    # 0.5 and 0.5 became 0.5 and 0.5.
    assert found["psi of n"] == 0.0
    assert found["psi of kind"] == pytest.approx(quality.psi([0.5, 0.5, 0.0], [2 / 3, 0.0, 1 / 3]))
    assert [one.value for one in quality.moved(then, then) if one.measure != "rows"] == [0.0] * 5
    assert Moved("", "rows", 1.0) in quality.moved(then, then)


# 60 days.

FAULTS = {
    15: "half of the rows",
    19: "no address",
    23: "cents for euros",
    27: "a new channel",
    31: "everything twice",
    35: "no wallet",
    39: "every fourth amount is zero",
    43: "every eighth address is missing",
    47: "every tenth channel is missing",
    51: "prices rose by half",
}


def one_day(number: int) -> pd.DataFrame:
    """The orders of a good day: about 300, with what chance makes of them."""
    random = np.random.default_rng(number)
    rows = int(random.integers(270, 331))
    amount = random.gamma(2.0, 20.0, rows).round(2)
    channel = random.choice(["online", "store", "wallet"], rows, p=[0.5, 0.35, 0.15])
    email = np.where(random.random(rows) < 0.03, None, "zoe@example.org")  # type: ignore[call-overload]
    return pd.DataFrame({"amount": amount, "channel": channel, "email": email})


def as_delivered(number: int) -> pd.DataFrame:
    """The day with the fault that it has: each lasts for two days."""
    day = one_day(number)
    every = np.arange(len(day))
    fault = FAULTS.get(number) or FAULTS.get(number - 1)
    if fault == "half of the rows":
        return day[::2]
    if fault == "everything twice":
        return pd.concat([day, day])
    changes: dict[str | None, Callable[[], pd.DataFrame]] = {
        None: lambda: day,
        "no address": lambda: day.assign(email=None),
        "cents for euros": lambda: day.assign(amount=day["amount"] * 100),
        "a new channel": lambda: day.assign(channel=day["channel"].mask(every % 20 == 0, "kiosk")),
        "no wallet": lambda: day.assign(channel=day["channel"].replace("wallet", "online")),
        "every fourth amount is zero": lambda: day.assign(amount=day["amount"].mask(every % 4 == 0, 0.0)),
        "every eighth address is missing": lambda: day.assign(email=np.where(every % 8 == 0, None, day["email"])),
        "every tenth channel is missing": lambda: day.assign(channel=np.where(every % 10 == 0, None, day["channel"])),
        "prices rose by half": lambda: day.assign(amount=(day["amount"] * 1.5).round(2)),
    }
    return changes[fault]()


def test_ten_faults_in_sixty_days_are_found_and_good_days_are_silent(spark: SparkSession) -> None:
    def frame(day: pd.DataFrame) -> DataFrame:
        return spark.createDataFrame(day, "amount DOUBLE, channel STRING, email STRING")

    week = frame(pd.concat([one_day(1000 + number) for number in range(7)]))
    edges = quality.edges_of(quality.as_profile(quality.profile(week)))
    usual = quality.as_profile(quality.profile(week, edges))
    values: dict[str, list[float | None]] = {}
    for number in range(60):
        today = quality.as_profile(quality.profile(frame(as_delivered(number)), edges))
        for one in quality.moved(usual, today):
            values.setdefault(one.name, []).append(one.value)
    verdicts = {name: quality.against_history(measured) for name, measured in values.items()}
    raised = [
        (day, name)
        for name, found in verdicts.items()
        for day, (before, now) in enumerate(zip([False, *quality.alerts(found)], quality.alerts(found), strict=False))
        if now and not before
    ]
    assert sorted(raised) == [
        (16, "rows"),
        (20, "nulls of email"),
        (24, "psi of amount"),
        (28, "new of channel"),
        (28, "psi of channel"),
        (32, "rows"),
        (36, "psi of channel"),
        (40, "psi of amount"),
        (44, "nulls of email"),
        (48, "nulls of channel"),
        (52, "psi of amount"),
    ]
    faulty = {day for first in FAULTS for day in (first, first + 1)}
    wobbles = [(day, name) for name, found in verdicts.items() for day, one in enumerate(found) if one == "fail"]
    assert len([day for day, _ in wobbles if day not in faulty]) == 8, "without hysteresis each would be an alarm"


# Contracts.

AGREED = """
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - {name: id, logicalType: string, required: true}
      - {name: amount, logicalType: number, required: true}
      - {name: pieces, logicalType: integer, required: true}
      - {name: coupon, logicalType: string}
"""


@pytest.fixture
def agreed(tmp_path: Path) -> Path:
    path = tmp_path / "orders.odcs.yaml"
    path.write_text(AGREED, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("id STRING, amount DECIMAL(9,2), pieces INT, coupon STRING", []),
        ("coupon STRING, pieces BIGINT, amount DOUBLE, id STRING", []),
        ("id STRING, amount INT, pieces INT, coupon STRING", []),
        ("id STRING, amount DOUBLE, pieces INT", ["harmless: coupon is missing: it is optional, and is read as NULL."]),
        (
            "id STRING, amount DOUBLE, pieces STRING, coupon STRING, gift BOOLEAN",
            [
                "breaking: pieces is string, agreed is integer: send integer, or agree on a new version first.",
                "harmless: gift is new: nobody reads it until the contract has it.",
            ],
        ),
        (
            "order_id STRING, amount DOUBLE, pieces DOUBLE, coupon STRING",
            [
                "breaking: id is missing, and it is required: send it again.",
                "breaking: pieces is number, agreed is integer: send integer, or agree on a new version first.",
                "harmless: order_id is new: nobody reads it until the contract has it.",
            ],
        ),
    ],
)
def test_what_is_not_as_agreed_is_told_to_the_sender_as_breaking_or_harmless(
    spark: SparkSession, agreed: Path, found: str, said: list[str]
) -> None:
    schema = spark.createDataFrame([], found).schema
    assert [str(change) for change in contract.check(contract.read(agreed), schema)] == said


def test_a_required_column_that_is_null_breaks_a_contract(spark: SparkSession, agreed: Path) -> None:
    rows = [("a", 1.0, 1, None), (None, 2.0, 1, "x"), (None, None, 1, None)]
    frame = spark.createDataFrame(rows, "id STRING, amount DOUBLE, pieces INT, coupon STRING")
    assert [str(change) for change in contract.check(contract.read(agreed), frame)] == [
        "breaking: id is NULL in 2 of 3 rows, and never may be: fill it.",
        "breaking: amount is NULL in 1 of 3 rows, and never may be: fill it.",
    ]


def test_a_promise_that_is_weakened_breaks_and_one_that_is_strengthened_does_not(agreed: Path) -> None:
    before = contract.read(agreed)
    weaker = AGREED.replace("amount, logicalType: number, required: true", "amount, logicalType: number")
    stronger = AGREED.replace("coupon, logicalType: string", "coupon, logicalType: string, required: true")

    def after(text: str) -> list[str]:
        agreed.write_text(text, encoding="utf-8")
        return [str(change) for change in contract.changes(before, contract.read(agreed))]

    assert after(AGREED) == []
    assert after(weaker) == ["breaking: amount may be NULL from now on: tell its readers first."]
    assert after(stronger) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is no data contract"),
        ("colour: red", "is no data contract"),
        ("- a", "is no data contract"),
        ("id: orders", "names no columns"),
        ("{id: a, schema: [{name: t, properties: [{logicalType: string}]}]}", "names no columns"),
    ],
)
def test_what_is_no_contract_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.odcs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlatformError, match=said):
        contract.read(path)


def test_the_contracts_of_the_sources_are_by_the_standard_and_name_what_the_sources_deliver() -> None:
    standard = json.loads(OpenDataContractStandard.json_schema())
    for path, table, left_out in (
        ("payments_online", "transactions", set()),
        ("customer_changes", "customer_changes", {"position", "recorded_at"}),
    ):
        text = (bronze.CONTRACTS / f"{path}{bronze.SUFFIX}").read_text(encoding="utf-8")
        jsonschema.validate(yaml.safe_load(text), standard)
        agreed = contract.read(bronze.CONTRACTS / f"{path}{bronze.SUFFIX}")
        assert [(one.property, one.value, one.unit) for one in agreed.slaProperties or []] == [
            ("latency", LATEST.high, "h"),
        ]
        [promised] = agreed.schema_ or []
        names = {column.name for column in promised.properties or []}
        assert names - left_out == {column.name for column in TABLES[table].columns}


def test_the_columns_of_a_file_are_told_by_its_first_lines(tmp_path: Path) -> None:
    lines = [
        '{"a": 1, "b": null, "c": "x", "d": 1, "e": true}',
        "[1]",
        '{"a": 1.5, "b": [1], "c": 2, "f": {}}',
        '{"a": ',
        '{"\\ud800": null}',
    ]
    expected = {"a": "number", "b": "array", "c": "string", "d": "integer", "e": "boolean", "f": "object", "?": ""}
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_text("\n".join(lines), encoding="utf-8")
    packed.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert sampled_columns(plain) == sampled_columns(packed) == expected
    assert sampled_columns(plain, lines=1) == {"a": "integer", "b": "", "c": "string", "d": "integer", "e": "boolean"}
    packed.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:30])
    assert sampled_columns(packed) in ({}, {"a": "integer"})
    assert sampled_columns(tmp_path / "none.jsonl") == {}


# Reconciliation.


def test_missing_extra_and_changed_rows_are_named_by_their_key(spark: SparkSession) -> None:
    columns = "id STRING, city STRING, spent INT"
    source = [("A", "Lyon", 1), ("B", "Umeå", 2), ("C", None, 3), ("D", "Bonn", 4), (None, "Kyiv", 5), ("F", "Rome", 6)]
    target = [("A", "Lyon", 1), ("B", "Malmö", 7), ("C", None, 3), ("E", "Bonn", 4), (None, "Lviv", 5)]
    target += [("F", "Rome", 6), ("F", "Rome", 6)]
    one, other = spark.createDataFrame(source, columns), spark.createDataFrame(target, columns)
    assert rows_of(quality.reconcile(one, other, ["id"])) == [
        ("B", "changed", ["city", "spent"]),
        ("D", "missing", None),
        ("E", "extra", None),
        ("F", "changed", []),
        (None, "changed", ["city"]),
    ]
    assert quality.reconcile(one, one.orderBy(F.desc("id")), ["id"]).isEmpty()
    without = other.drop("city", "spent").distinct()
    assert rows_of(quality.reconcile(one, without, ["id"])) == [("D", "missing", None), ("E", "extra", None)]


def test_counts_and_sums_agree_where_rows_do_not_and_the_fingerprint_tells(spark: SparkSession) -> None:
    def fingerprint(*rows: tuple[object, ...]) -> tuple[int, Decimal]:
        [(number, found)] = quality.fingerprint_of(spark.createDataFrame(list(rows), "id STRING, n INT")).collect()
        return number, found

    once = fingerprint(("a", 5), ("b", 5), ("c", None))
    assert fingerprint(("c", None), ("b", 5), ("a", 5)) == once
    assert fingerprint(("a", 0), ("b", 10), ("c", None)) != once
    assert fingerprint(("a", 5), ("a", 5), ("c", None)) != once
    assert fingerprint(("a", 5), ("b", 5), (None, None)) != once
    assert fingerprint() == (0, Decimal(0))
