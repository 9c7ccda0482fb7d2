"""The slices that lessons use: what each promises about its rows, order, keys and planted difficulties."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from workbook import slices

# How often a slice holds a repeated row on purpose.
REPEATED = {"customer_changes": 1, "events": 1, "messy_customers": 1}
KEYS = {
    "customers": ("customer_id", 8),
    "products": ("product_id", 10),
    "transactions": ("transaction_id", 20),
    "customer_changes": ("change_id", 16),
    "events": ("event_id", 11),
    "messy_customers": ("name", 12),
}


@pytest.fixture(scope="module")
def frames(spark: SparkSession) -> dict[str, DataFrame]:
    """Every slice with its defaults."""
    return {name: getattr(slices, name)(spark) for name in KEYS}


@pytest.fixture(scope="module")
def rows(frames: dict[str, DataFrame]) -> dict[str, list[Row]]:
    """The rows of every slice, in their order."""
    return {name: frame.collect() for name, frame in frames.items()}


def test_every_slice_has_its_promised_size_and_key(rows: dict[str, list[Row]]) -> None:
    for name, (key, size) in KEYS.items():
        assert len(rows[name]) == size
        repeated = REPEATED.get(name, 0) + (name == "messy_customers")
        assert len({row[key] for row in rows[name]}) == size - repeated
        assert len(set(rows[name])) == size - REPEATED.get(name, 0)


def test_the_schemas_are_explicit(frames: dict[str, DataFrame]) -> None:
    assert frames["transactions"].schema.simpleString() == (
        "struct<transaction_id:string,order_id:string,customer_id:string,product_id:string,quantity:bigint,"
        "unit_price:decimal(12,2),amount:decimal(12,2),currency:string,channel:string,payment_method:string,"
        "ordered_at:timestamp>"
    )
    assert [field.name for field in frames["customers"].schema if not field.nullable] == ["customer_id", "updated_at"]
    assert frames["products"].schema["unit_price"].dataType.simpleString() == "decimal(12,2)"
    assert frames["events"].schema["event_time"].dataType.simpleString() == "timestamp"


def test_the_first_rows_are_these(frames: dict[str, DataFrame]) -> None:
    person = frames["customers"].select("customer_id", "name", "city", F.date_format("updated_at", "yyyy-MM-dd HH:mm"))
    assert tuple(person.first() or ()) == ("C0000001", "Mia Schmidt", "München", "2025-07-01 12:00")
    line = frames["transactions"].select(
        "transaction_id", "customer_id", "amount", F.date_format("ordered_at", "yyyy-MM-dd HH:mm:ss")
    )
    first = line.first()
    assert first is not None
    assert (*first[:2], str(first[2]), first[3]) == ("T000-00000004", "C0000007", "75.87", "2025-01-04 15:24:29")


def test_customers_products_and_transactions_fit_together(rows: dict[str, list[Row]]) -> None:
    customers = {row.customer_id for row in rows["customers"]}
    products = {row.product_id for row in rows["products"]}
    buyers = {row.customer_id for row in rows["transactions"]}
    assert buyers < customers
    assert {row.product_id for row in rows["transactions"]} <= products
    assert all(row.amount == row.quantity * row.unit_price for row in rows["transactions"])
    assert all("@example." in row.email and row.phone for row in rows["customers"])


def test_transactions_come_in_order_of_time(rows: dict[str, list[Row]]) -> None:
    times = [(row.ordered_at, row.transaction_id) for row in rows["transactions"]]
    assert times == sorted(times)


def test_fewer_rows_are_the_first_of_more_rows(spark: SparkSession, rows: dict[str, list[Row]]) -> None:
    assert slices.customers(spark, rows=3).collect() == rows["customers"][:3]
    assert slices.transactions(spark, rows=5).collect() == rows["transactions"][:5]


def test_another_seed_gives_other_people(spark: SparkSession, rows: dict[str, list[Row]]) -> None:
    assert [row.name for row in slices.customers(spark, seed=8).collect()] != [row.name for row in rows["customers"]]


@pytest.mark.parametrize("wrong", [0, 101, "8"])
def test_more_rows_than_there_are_is_refused_with_the_number(spark: SparkSession, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^The slice customers has 100 rows: ask for 1 to 100, not .*\.$"):
        slices.customers(spark, rows=wrong)


def test_the_changes_end_in_these_customers_whatever_the_order(rows: dict[str, list[Row]]) -> None:
    latest: dict[str, Row] = {}
    for row in sorted(rows["customer_changes"], key=lambda row: (row.updated_at, row.change_id)):
        latest[row.customer_id] = row
    current = {key: (row.city, row.email) for key, row in latest.items() if row.operation != "delete"}
    assert current == {
        "C1": ("Paris", "zoe@example.org"),
        "C2": ("München", "leyla@example.org"),
        "C3": ("Malmö", "goran@example.net"),
        "C4": ("Київ", None),
    }


def test_the_changes_hold_each_promised_difficulty(rows: dict[str, list[Row]]) -> None:
    arrived = rows["customer_changes"]
    change = {row.change_id: row for row in arrived}
    first_seen = [row.change_id for row in dict.fromkeys(arrived)]
    assert [row.batch for row in arrived] == [1] * 10 + [2] * 6
    assert change[101].updated_at < change[105].updated_at < change[107].updated_at
    assert (change[105].batch, change[107].batch) == (2, 1)
    assert change[108].updated_at == change[109].updated_at
    assert Counter(row.change_id for row in arrived)[109] == 2
    assert first_seen.index(110) < first_seen.index(106)
    assert (
        change[110].asDict() | {"batch": 2, "change_id": 111, "updated_at": change[111].updated_at}
        == change[111].asDict()
    )
    assert [change[key].email for key in (103, 112, 114)] == [None, "oksana@example.com", None]
    assert first_seen.index(115) < first_seen.index(113)
    assert change[113].updated_at < change[115].updated_at


def test_only_e8_is_later_than_a_watermark_of_ten_minutes(rows: dict[str, list[Row]]) -> None:
    late, watermark = [], None
    for batch in (1, 2, 3, 4):
        times = {row.event_id: row.event_time for row in rows["events"] if row.batch == batch and row.event_time}
        late += [event for event, time in times.items() if watermark and time < watermark]
        watermark = max([*times.values(), *([watermark + timedelta(minutes=10)] if watermark else [])]) - timedelta(
            minutes=10
        )
    assert late == ["E8"]


def test_the_messy_customers_have_each_promised_defect_once(frames: dict[str, DataFrame]) -> None:
    found = frames["messy_customers"].agg(
        F.count_if(F.col("email").isNull()),
        F.count_if(~F.col("email").contains("@")),
        F.count_if(F.col("email") != F.trim("email")),
        F.count_if(F.col("phone").isNull()),
        F.count_if(~F.col("phone").rlike("[0-9]{3}")),
        F.count_if(F.col("country") == "XX"),
        F.count_if(F.col("birth_date") > F.lit("2026-01-01").cast("date")),
        F.count_if(F.trim("name") == ""),
        F.count_if(F.col("customer_id").isNull()),
        F.count("*") - F.count_distinct("customer_id", "name") - 1,
    )
    assert tuple(found.first() or ()) == (1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
