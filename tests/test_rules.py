"""Rules at their borders, and values that are judged together: each with literal rows of bronze."""

from datetime import datetime, timezone

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse import gold, quality
from lakehouse.silver import entities

pytestmark = pytest.mark.usefixtures("few_rows")

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


def test_the_country_of_a_phone_number_may_be_typed_carelessly(spark: SparkSession) -> None:
    rows = [(1, "de", "030 23125000"), (2, " DE ", "030 23125000"), (3, "gb", "020 7031 3000"), (4, "fr", "0 30 231")]
    found = entities.customer_changes(spark.createDataFrame(rows, "change_id BIGINT, country STRING, phone STRING"))
    assert [tuple(row) for row in found.orderBy("change_id").select("country", "phone").collect()] == [
        *(("DE", "+493023125000"), ("DE", "+493023125000"), ("GB", "+442070313000"), ("FR", None)),
    ]


def test_nothing_is_delivered_before_it_was_ordered_and_the_same_day_is_not_before(spark: SparkSession) -> None:
    columns = "n INT, ordered_at STRING, _file_path STRING, _file_modified_at TIMESTAMP"
    rows = [
        (1, "2026-01-02T23:59:59Z", "file:/landing/2026-01-02.json", NOON),
        (2, "2026-01-03T00:00:00Z", "file:/landing/2026-01-02.json", NOON),
        (3, "2026-01-03T00:30:00+01:00", "file:/landing/2026-01-02_2.csv.gz", NOON),
        (4, "2026-01-02T23:59:59Z", "file:/landing/undated.json", NOON),
        (5, "2026-01-03T00:00:00Z", "file:/landing/undated.json", NOON),
        (6, "2026-01-01T00:00:00Z", "file:/landing/9999-99-99.json", NOON),
    ]
    delivered = spark.createDataFrame(rows, columns).withColumn("_n", F.col("n"))
    [rule] = [rule for rule in entities.TRANSACTIONS.rules if rule.name == "not_in_the_future"]
    judged = entities.transactions(delivered).select("_n", rule.broken)
    assert dict(map(tuple, judged.collect())) == {1: False, 2: True, 3: False, 4: False, 5: True, 6: False}


def test_a_rule_is_kept_only_where_its_condition_is_true(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1,), (-1,), (None,)], "n INT")
    rules = {
        nullable: quality.Rule("positive", "range", "n", "n > 0", "drop", "us", "It counts.", nullable=nullable)
        for nullable in (False, True)
    }
    assert [row[0] for row in rows.select(rules[False].broken).collect()] == [False, True, True]
    assert [row[0] for row in rows.select(rules[True].broken).collect()] == [False, True, False]


def test_a_tier_begins_with_its_least_revenue(spark: SparkSession) -> None:
    expected = {
        "0.00": "bronze",
        "249.99": "bronze",
        "250.00": "silver",
        "999.99": "silver",
        "1000.00": "gold",
        "1999.99": "gold",
        "2000.00": "platinum",
    }
    spent = spark.createDataFrame([(text,) for text in expected], "text STRING")
    found = spent.select("text", gold.tier(F.col("text").cast(gold.MONEY))).collect()
    assert dict(map(tuple, found)) == expected
