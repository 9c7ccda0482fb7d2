"""Payments with planted faults, for lessons about data quality: the same rows every time.

`spoilt_payments` breaks each rule of a payment once, and most once more by an empty value. `sixty_days` is a shop that
grows, with a weekend and ten faults, each on the days that `FAULTS` gives; `measured` and `told` weigh alerts by them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

DAYS = 60
FAULTS = {
    "half of the rows": (21,),
    "every row twice": (24,),
    "customers missing": (28, 29),
    "a new channel": (31, 32),
    "prices in cents": (35, 36),
    "nothing arrives": (38,),
    "no online sales": (42, 43),
    "a small leak": (45, 46, 47, 48, 49),
    "one customer for many": (52, 53),
    "yesterday's rows again": (57,),
}
"""By fault: the days that have it, from 0 on. Days whose number leaves 5 or 6 when divided by 7 are a weekend."""

_WEEKDAY, _WEEKEND, _GROWTH = 300, 200, 1.005

Payment = tuple[str | None, str, float]


def spoilt_payments(spark: "SparkSession") -> "DataFrame":
    """Thirteen payments. Grain: a payment; key: payment_id, but for P9, which comes twice.

    Columns: payment_id (P and a number from 1 to 99), customer_id, quantity, price, amount (quantity times price),
    currency (EUR or USD), paid_on, due_on (not before paid_on). P1 is right. P2: no customer; P03 and P4 (with a line
    break behind it): ill-formed ids; P5: quantity -2; P6: no quantity; P7: currency EURO; P8: no currency; P9: twice;
    P10: due before it was paid; P11: no due_on; P12: an amount of 11 for 2 times 5.
    """
    schema = (
        "payment_id STRING, customer_id STRING, quantity INT, price DECIMAL(9,2), amount DECIMAL(9,2), "
        "currency STRING, paid_on DATE, due_on DATE"
    )
    right: dict[str, object] = {"payment_id": "P1", "customer_id": "C1", "quantity": 2, "price": Decimal("5.00")}
    right |= {"amount": Decimal("10.00"), "currency": "EUR", "paid_on": date(2026, 1, 5), "due_on": date(2026, 1, 20)}
    faults: list[dict[str, object]] = [
        {},
        {"payment_id": "P2", "customer_id": None},
        {"payment_id": "P03"},
        {"payment_id": "P4\n"},
        {"payment_id": "P5", "quantity": -2, "amount": Decimal("-10.00")},
        {"payment_id": "P6", "quantity": None},
        {"payment_id": "P7", "currency": "EURO"},
        {"payment_id": "P8", "currency": None},
        {"payment_id": "P9"},
        {"payment_id": "P9"},
        {"payment_id": "P10", "due_on": date(2026, 1, 1)},
        {"payment_id": "P11", "due_on": None},
        {"payment_id": "P12", "amount": Decimal("11.00")},
    ]
    return spark.createDataFrame([tuple((right | fault).values()) for fault in faults], schema)


def sixty_days(spark: "SparkSession", seed: int = 7) -> "DataFrame":
    """The payments of sixty days with the faults of `FAULTS`. Grain: a payment; about 18,000 rows, without a key.

    Columns: day (from 0 on), customer (NULL in 2 % of the rows), channel (online in 7 of 10, otherwise store), amount
    in EUR.
    """
    columns = zip(*((day, *row) for day, rows in enumerate(_days(seed)) for row in rows), strict=True)
    return spark.createDataFrame(pa.table([*map(list, columns)], names=["day", "customer", "channel", "amount"]))


def _days(seed: int) -> Iterator[list[Payment]]:
    """The rows of each day."""
    dice, fault_of = Random(seed), {day: fault for fault, days in FAULTS.items() for day in days}
    rows: list[Payment] = []
    for day in range(DAYS):
        fault = fault_of.get(day, "")
        if fault != "yesterday's rows again":
            rows = list(_day(day, fault, dice))
        yield rows * 2 if fault == "every row twice" else rows


def _day(day: int, fault: str, dice: Random) -> Iterator[Payment]:
    usual = (_WEEKDAY if day % 7 < 5 else _WEEKEND) * _GROWTH**day
    count = {"half of the rows": 0.5, "nothing arrives": 0.0}.get(fault, 1.0) * usual * dice.uniform(0.95, 1.05)
    missing = {"customers missing": 0.15, "a small leak": 0.06}.get(fault, 0.02)
    for _ in range(round(count)):
        customer = None if dice.random() < missing else f"C{dice.randrange(1000)}"
        if fault == "one customer for many" and dice.random() < 0.3:
            customer = "C0"
        channel = "online" if dice.random() < 0.7 else "store"
        if fault == "a new channel" and dice.random() < 0.1:
            channel = "kiosk"
        cents = 100 if fault == "prices in cents" and channel == "store" else 1
        amount = round(dice.lognormvariate(3, 0.8), 2) * cents
        if not (fault == "no online sales" and channel == "online"):
            yield customer, channel, amount


def measured(payments: "DataFrame", edges: Sequence[float]) -> "list[Row]":
    """What each of the sixty days measures, in their order, those without a payment too.

    `rows`; `nulls`, the share without a customer; `new`, the share with a channel other than online and store;
    `different`, customers for each row; `bins`, how many amounts lie below the first of the edges, and from each edge
    to the next. A day without a payment has 0 rows, and NULL for all others.
    """
    passed = F.size(F.filter(F.array(*map(F.lit, edges)), lambda edge: edge <= F.col("amount")))
    daily = payments.groupBy("day").agg(
        F.count("*").alias("some"),
        F.avg(F.col("customer").isNull().cast("INT")).alias("nulls"),
        F.avg((~F.col("channel").isin("online", "store")).cast("INT")).alias("new"),
        (F.count_distinct("customer") / F.count("*")).alias("different"),
        F.array(*(F.count_if(passed == number) for number in range(len(edges) + 1))).alias("bins"),
    )
    days = payments.sparkSession.range(DAYS).withColumnRenamed("id", "day").join(daily, "day", "left")
    return days.withColumn("rows", F.coalesce("some", F.lit(0))).drop("some").orderBy("day").collect()


def told(alerts: Mapping[str, Sequence[bool]]) -> tuple[set[str], set[int], int]:
    """The faults that an alert was raised for, the days of false alarms, and how many alerts were raised.

    `alerts` has for each measure whether its alert is on, day by day. Raised is one on the day on which it comes on.
    """
    raised = [day for on in alerts.values() for day in range(DAYS) if on[day] and not (day and on[day - 1])]
    found = {fault for fault, days in FAULTS.items() if set(days) & set(raised)}
    return found, set(raised) - {day for days in FAULTS.values() for day in days}, len(raised)
