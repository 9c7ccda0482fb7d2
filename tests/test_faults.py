"""The planted faults of the lessons about data quality: each is there, and only on its days."""

from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from workbook import faults


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> DataFrame:
    return faults.sixty_days(spark)


def test_each_spoilt_payment_breaks_what_it_promises(spark: SparkSession) -> None:
    payments = faults.spoilt_payments(spark)
    broken = {
        "customer": "customer_id IS NULL",
        "id": r"payment_id NOT RLIKE '\\AP[1-9][0-9]?\\z'",
        "quantity": "quantity IS NULL OR quantity < 1",
        "currency": "currency IS NULL OR currency NOT IN ('EUR', 'USD')",
        "due": "due_on IS NULL OR due_on < paid_on",
        "amount": "amount <> quantity * price",
    }
    found = {
        rule: [row.payment_id for row in payments.where(condition).collect()] for rule, condition in broken.items()
    }
    assert found == {
        "customer": ["P2"],
        "id": ["P03", "P4\n"],
        "quantity": ["P5", "P6"],
        "currency": ["P7", "P8"],
        "due": ["P10", "P11"],
        "amount": ["P12"],
    }
    assert [row.payment_id for row in payments.groupBy("payment_id").count().where("count > 1").collect()] == ["P9"]


def test_the_sixty_days_are_the_same_on_every_machine(days: DataFrame) -> None:
    assert days.count() == 18333
    first = days.where("day = 0").limit(2)
    assert [tuple(row) for row in first.collect()] == [(0, "C666", "online", 32.68), (0, "C931", "online", 6.55)]


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ("nothing arrives", lambda row: row.rows == 0),
        ("half of the rows", lambda row: 0 < row.rows < 0.6 * row.usual and row.online > 0),
        ("every row twice", lambda row: row.rows > 1.8 * row.usual),
        ("customers missing", lambda row: row.missing > 0.1),
        ("a small leak", lambda row: 0.04 < row.missing < 0.1),
        ("a new channel", lambda row: row.kiosk > 0),
        ("no online sales", lambda row: row.rows > 0 and row.online == 0),
        ("prices in cents", lambda row: (row.dearest or 0) > 5000),
        ("one customer for many", lambda row: row.nobody > 50),
    ],
)
def test_a_fault_is_on_its_days_alone(days: DataFrame, fault: str, shown: Callable[[object], bool]) -> None:
    per_day = days.groupBy("day").agg(
        F.count("*").alias("rows"),
        F.avg(F.col("customer").isNull().cast("INT")).alias("missing"),
        F.count_if(F.col("channel") == "kiosk").alias("kiosk"),
        F.count_if(F.col("channel") == "online").alias("online"),
        F.count_if(F.col("customer") == "C0").alias("nobody"),
        F.max("amount").alias("dearest"),
    )
    usual = F.when(F.col("day") % 7 < 5, 300).otherwise(200) * F.pow(F.lit(1.005), "day")
    all_days = days.sparkSession.range(60).withColumnRenamed("id", "day").join(per_day, "day", "left").fillna(0)
    rows = all_days.withColumn("usual", usual).orderBy("day").collect()
    assert [row.day for row in rows if shown(row)] == list(faults.FAULTS[fault])


def test_yesterdays_rows_come_again(days: DataFrame) -> None:
    assert days.where("day = 57").drop("day").exceptAll(days.where("day = 56").drop("day")).isEmpty()


def test_a_day_is_measured_by_its_rows(spark: SparkSession) -> None:
    rows = [(0, None, "online", 5.0), (0, "C1", "kiosk", 10.0), (0, "C1", "store", 19.0), (0, "C2", "store", 20.0)]
    taken = spark.createDataFrame(rows, "day INT, customer STRING, channel STRING, amount DOUBLE")
    first, second, *others = faults.measured(taken, [10.0, 20.0])
    assert (first.day, first.rows, first.nulls, first.new, first.different) == (0, 4, 0.25, 0.25, 0.5)
    assert first.bins == [1, 2, 1]
    assert (second.day, second.rows, second.nulls, second.bins) == (1, 0, None, None)
    assert len(others) == 58


def test_an_alert_is_weighed_by_the_day_on_which_it_comes_on() -> None:
    on = {
        "rows": [21 <= day <= 24 for day in range(60)],  # half of the rows; every row twice adds nothing new
        "nulls": [day in (0, 1, 29) for day in range(60)],  # a false alarm, and the second day of a fault
    }
    assert faults.told(on) == ({"half of the rows", "customers missing"}, {0}, 3)
