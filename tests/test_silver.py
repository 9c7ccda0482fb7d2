"""Silver keeps one row a thing and its history, whatever the order and the number of deliveries."""

from datetime import datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.silver import history_changes, latest_per_key, scd2_history
from workbook import slices

pytestmark = pytest.mark.usefixtures("few_rows")

KEYS, ORDER = ["customer_id"], ["updated_at", "change_id"]
CHANGES = "change_id BIGINT, operation STRING, customer_id STRING, city STRING, updated_at TIMESTAMP_NTZ"
Rows = list[tuple[object, ...]]


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour)


def rows_of(frame: DataFrame, *columns: str) -> Rows:
    return sorted((tuple(row) for row in frame.select(*columns).collect()), key=str)


def history_of(changes: DataFrame, tracked: tuple[str, ...] = ("city",)) -> DataFrame:
    return scd2_history(changes, KEYS, tracked, ORDER, F.col("operation") == "delete")


def versions_of(spark: SparkSession, *changes: tuple[object, ...]) -> Rows:
    """The history of these changes, as (key, city, from, to, current)."""
    return rows_of(history_of(spark.createDataFrame(list(changes), CHANGES)), "*")


@pytest.fixture(scope="module")
def changes(spark: SparkSession) -> DataFrame:
    """The changes of the course's shop, with their times as the session shows them."""
    return slices.customer_changes(spark).withColumn("updated_at", F.col("updated_at").cast("timestamp_ntz")).cache()


def test_the_newest_row_of_each_key_is_kept_and_ties_are_broken(changes: DataFrame) -> None:
    assert rows_of(latest_per_key(changes, KEYS, ORDER), "customer_id", "change_id", "city") == [
        ("C1", 107, "Paris"),
        ("C2", 109, "München"),
        ("C3", 111, "Malmö"),
        ("C4", 114, "Київ"),
        ("C5", 115, None),
    ]


def test_the_newest_row_keeps_the_columns_and_rows_without_a_key_count_as_one(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(None, 1), (None, 2), ("a", None), ("a", 0)], "key STRING, at INT")
    kept = latest_per_key(frame, ["key"], ["at"])
    assert kept.columns == ["key", "at"]
    assert rows_of(kept, "*") == [("a", 0), (None, 2)]


def test_the_first_delivery_gives_a_history_in_which_the_newest_of_each_instant_counts(changes: DataFrame) -> None:
    assert rows_of(history_of(changes.where("batch = 1")), "*") == [
        ("C1", "Lyon", at(1, 9), at(3, 9), False),
        ("C1", "Paris", at(3, 9), None, True),
        ("C2", "Berlin", at(1, 9), at(3, 10), False),
        ("C2", "München", at(3, 10), None, True),
        ("C3", "Malmö", at(3, 11), None, True),
        ("C3", "Umeå", at(2, 11), at(3, 11), False),
        ("C4", "Київ", at(1, 9), None, True),
        ("C5", "Boston", at(1, 9), None, True),
    ]


def test_both_deliveries_give_late_updates_nulls_and_deletes_their_place(changes: DataFrame) -> None:
    history = history_of(changes, ("city", "email"))
    assert rows_of(history.where("customer_id IN ('C1', 'C3', 'C4', 'C5')"), "*") == [
        ("C1", "Lyon", "zoe@example.org", at(1, 9), at(2, 9), False),
        ("C1", "Nîmes", "zoe@example.org", at(2, 9), at(3, 9), False),
        ("C1", "Paris", "zoe@example.org", at(3, 9), None, True),
        ("C3", "Malmö", "goran@example.net", at(3, 11), None, True),
        ("C3", "Umeå", "goran@example.net", at(2, 11), at(3, 11), False),
        ("C4", "Київ", "oksana@example.com", at(4, 12), at(5, 12), False),
        ("C4", "Київ", None, at(1, 9), at(4, 12), False),
        ("C4", "Київ", None, at(5, 12), None, True),
        ("C5", "Austin", "bob@example.com", at(4, 13), at(5, 13), False),
        ("C5", "Boston", "bob@example.com", at(1, 9), at(4, 13), False),
    ]


def test_a_history_is_the_same_for_every_order_and_number_of_deliveries(changes: DataFrame) -> None:
    shuffled = changes.unionByName(changes).orderBy(F.desc("change_id")).repartition(2, "city")
    assert rows_of(history_of(shuffled), "*") == rows_of(history_of(changes), "*")


def test_a_key_that_comes_back_after_a_delete_has_a_gap(spark: SparkSession) -> None:
    assert versions_of(
        spark,
        (1, "insert", "C1", "Lyon", at(1)),
        (2, "delete", "C1", None, at(2)),
        (3, "delete", "C1", "Lyon", at(3)),
        (4, "insert", "C1", "Lyon", at(4)),
    ) == [("C1", "Lyon", at(1), at(2), False), ("C1", "Lyon", at(4), None, True)]


def test_a_delete_of_what_never_was_gives_no_version(spark: SparkSession) -> None:
    assert versions_of(spark, (1, "delete", "C1", None, at(1))) == []


def test_a_change_without_an_operation_is_no_delete(spark: SparkSession) -> None:
    assert versions_of(spark, (1, None, "C1", "Lyon", at(1))) == [("C1", "Lyon", at(1), None, True)]


def test_all_tracked_columns_null_is_a_version_and_no_delete(spark: SparkSession) -> None:
    assert versions_of(spark, (1, "insert", "C1", "Lyon", at(1)), (2, "update", "C1", None, at(2))) == [
        ("C1", "Lyon", at(1), at(2), False),
        ("C1", None, at(2), None, True),
    ]


def test_only_versions_that_differ_are_written(changes: DataFrame) -> None:
    before, after = history_of(changes.where("batch = 1")), history_of(changes)
    assert rows_of(history_changes(before, after, KEYS), "customer_id", "city", "valid_from", "valid_to", "remove") == [
        ("C1", "Lyon", at(1, 9), at(2, 9), False),
        ("C1", "Nîmes", at(2, 9), at(3, 9), False),
        ("C5", "Austin", at(4, 13), at(5, 13), False),
        ("C5", "Boston", at(1, 9), at(4, 13), False),
    ]
    assert history_changes(after, after, KEYS).isEmpty()


def test_a_version_that_a_late_change_makes_superfluous_is_removed(spark: SparkSession) -> None:
    known: Rows = [(1, "insert", "C1", "Lyon", at(1)), (3, "update", "C1", "Paris", at(3))]
    before = history_of(spark.createDataFrame(known, CHANGES))
    after = history_of(spark.createDataFrame([*known, (2, "update", "C1", "Paris", at(2))], CHANGES))
    assert rows_of(history_changes(before, after, KEYS), "city", "valid_from", "valid_to", "remove") == [
        ("Lyon", at(1), at(2), False),
        ("Paris", at(2), None, False),
        (None, at(3), None, True),
    ]
