"""Small named slices of the shop for lessons, exercises and tests: the same rows every time, in a fixed order.

`customers`, `products` and `transactions` are taken from a small shop of 100 customers, 10 products and 500 order
lines in which nothing is wrong. They fit together: every transaction has its customer and its product. The other
slices are written by hand, each row for one difficulty: `customer_changes`, `events` and `messy_customers`.

Every slice works on a classic session and on Spark Connect. Texts of times are in UTC, as the course's session is.
"""

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.sources import Shop

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SMALL = 0.01
KINDS = {
    pa.string(): "STRING",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


def customers(spark: "SparkSession", rows: int = 8, seed: int = 7) -> "DataFrame":
    """The first customers of the small shop, in order of `customer_id`. Grain: a customer; key: `customer_id`.

    Columns: those of the table `customers` (customer_id, name, email, phone, city, country, segment,
    marketing_consent, birth_date, signed_up_on, ended_on, updated_at). At most 100 rows; ValueError for more.
    """
    found = pa.concat_tables(Shop(SMALL, seed, defects=False).customers())
    return _frame(spark, "customers", found, rows)


def products(spark: "SparkSession", rows: int = 10, seed: int = 7) -> "DataFrame":
    """The first products of the small shop, in order of `product_id`. Grain: a product; key: `product_id`.

    Columns: those of the table `products` (product_id, name, category, unit_price in EUR, weight_g, discontinued_on,
    updated_at). At most 10 rows; ValueError for more.
    """
    found = pa.concat_tables(Shop(SMALL, seed, defects=False).products())
    return _frame(spark, "products", found, rows)


def transactions(spark: "SparkSession", rows: int = 20, customers: int = 8, seed: int = 7) -> "DataFrame":
    """The first order lines of the first `customers` customers, in order of time. Grain: an order line.

    Key: `transaction_id`. Columns: those of the table `transactions` on day 0 (transaction_id, order_id, customer_id,
    product_id, quantity, unit_price and amount in `currency`, channel, payment_method, ordered_at). ValueError where
    these customers have fewer than `rows` lines.
    """
    found = pa.concat_tables(Shop(SMALL, seed, defects=False).transactions())
    mine = found.filter(pc.less_equal(found["customer_id"], f"C{customers:07d}"))
    ordered = mine.sort_by([("ordered_at", "ascending"), ("transaction_id", "ascending")])
    return _frame(spark, "transactions", ordered, rows)


def customer_changes(spark: "SparkSession") -> "DataFrame":
    """Changes of five customers in two deliveries, in the order of arrival. Grain: a delivered change; 16 rows.

    Columns: batch (1 or 2), change_id, operation (insert, update, delete), customer_id, name, city, email, updated_at.
    Key: `change_id`, once the repeated row is counted once. Of two changes at one instant the larger `change_id` is the
    newer. Each customer is there for one difficulty:

    * C1: a late update (105) lands between two versions that have already been delivered;
    * C2: two updates at the same instant (108 and 109), and 109 is delivered twice;
    * C3: out of order, the update (110) before the insert (106); then an update that changes nothing (111);
    * C4: the e-mail goes from NULL to an address (112) and back to NULL (114);
    * C5: deleted (115), and an older update (113) arrives after that.
    """
    schema = (
        "batch INT NOT NULL, change_id BIGINT NOT NULL, operation STRING NOT NULL, customer_id STRING NOT NULL, "
        "name STRING, city STRING, email STRING, updated_at TIMESTAMP NOT NULL"
    )
    zoe, leyla, goran, oksana, bob = (
        "Zoé Noël",
        "Leyla Yılmaz",
        "Göran Åberg",
        "Оксана Бойко",
        'Robert "Bob" Clark, Jr.',
    )
    rows = [
        (1, 101, "insert", "C1", zoe, "Lyon", "zoe@example.org", _at(1, 9)),
        (1, 102, "insert", "C2", leyla, "Berlin", "leyla@example.org", _at(1, 9)),
        (1, 103, "insert", "C4", oksana, "Київ", None, _at(1, 9)),
        (1, 104, "insert", "C5", bob, "Boston", "bob@example.com", _at(1, 9)),
        (1, 107, "update", "C1", zoe, "Paris", "zoe@example.org", _at(3, 9)),
        (1, 108, "update", "C2", leyla, "Köln", "leyla@example.org", _at(3, 10)),
        (1, 109, "update", "C2", leyla, "München", "leyla@example.org", _at(3, 10)),
        (1, 110, "update", "C3", goran, "Malmö", "goran@example.net", _at(3, 11)),
        (1, 106, "insert", "C3", goran, "Umeå", "goran@example.net", _at(2, 11)),
        (1, 109, "update", "C2", leyla, "München", "leyla@example.org", _at(3, 10)),
        (2, 105, "update", "C1", zoe, "Nîmes", "zoe@example.org", _at(2, 9)),
        (2, 111, "update", "C3", goran, "Malmö", "goran@example.net", _at(4, 11)),
        (2, 112, "update", "C4", oksana, "Київ", "oksana@example.com", _at(4, 12)),
        (2, 114, "update", "C4", oksana, "Київ", None, _at(5, 12)),
        (2, 115, "delete", "C5", None, None, None, _at(5, 13)),
        (2, 113, "update", "C5", bob, "Austin", "bob@example.com", _at(4, 13)),
    ]
    return spark.createDataFrame(rows, schema)


def events(spark: "SparkSession") -> "DataFrame":
    """What three customers did on a web site, in the order of arrival. Grain: a delivered event; 11 rows.

    Columns: batch (1 to 4), event_id, customer_id, kind (view, basket, order), amount in EUR (of orders only),
    event_time. Key: `event_id`, once the repeated row is counted once. With windows and a watermark of ten minutes:

    * E3 and E6 arrive out of order and are in time;
    * E4 lies on the border of two windows, and is delivered twice;
    * E8 is late: after batch 3 the watermark is 10:15, and its window is closed;
    * E9 has no event_time.
    """
    schema = (
        "batch INT NOT NULL, event_id STRING NOT NULL, customer_id STRING NOT NULL, kind STRING NOT NULL, "
        "amount DECIMAL(12,2), event_time TIMESTAMP"
    )
    rows = [
        (1, "E1", "C1", "view", None, _at(5, 10, 1)),
        (1, "E2", "C2", "view", None, _at(5, 10, 4)),
        (1, "E3", "C1", "basket", None, _at(5, 10, 2)),
        (2, "E4", "C2", "order", Decimal("12.50"), _at(5, 10, 10)),
        (2, "E5", "C3", "view", None, _at(5, 10, 12)),
        (2, "E4", "C2", "order", Decimal("12.50"), _at(5, 10, 10)),
        (3, "E6", "C1", "order", Decimal("40.00"), _at(5, 10, 8)),
        (3, "E7", "C3", "basket", None, _at(5, 10, 25)),
        (4, "E8", "C2", "view", None, _at(5, 10, 3)),
        (4, "E9", "C3", "view", None, None),
        (4, "E10", "C3", "order", Decimal("7.25"), _at(5, 10, 31)),
    ]
    return spark.createDataFrame(rows, schema)


def messy_customers(spark: "SparkSession") -> "DataFrame":
    """Customers as a careless system delivers them. Grain: a delivered row; 12 rows, two of them the same.

    Columns: customer_id, name, email, phone, country, birth_date. There is no key: C1 comes twice, one row has no
    customer_id. C1 and C8 are right. C2: email NULL; C3: email without @; C4: email in capitals with spaces; C5: phone
    NULL; C6: phone no number and country XX, two defects; C7: born in 2099; C9: the person of C8 again; C10: blank
    name; then a row without customer_id.
    """
    schema = "customer_id STRING, name STRING, email STRING, phone STRING, country STRING, birth_date DATE"
    anna = ("C1", "Anna Müller", "anna@example.org", "+49 30 23125001", "DE", date(1990, 5, 17))
    rows = [
        anna,
        ("C2", "Zoé Noël", None, "01 99000002", "FR", date(1985, 1, 2)),
        ("C3", "Lukas Weiß", "lukas.example.org", "030 23125003", "DE", date(1979, 11, 30)),
        ("C4", "Siân Brontë", "  SIAN@EXAMPLE.ORG ", "07700 900004", "GB", date(2001, 2, 28)),
        ("C5", "Göran Åberg", "goran@example.net", None, "SE", date(1968, 7, 9)),
        ("C6", "Оксана Бойко", "oksana@example.com", "n/a", "XX", date(1993, 3, 3)),
        ("C7", "佐藤 花子", "hanako@example.org", "+1 212 5550107", "JP", date(2099, 12, 31)),
        ("C8", "Ελένη Γεωργίου", "eleni@example.com", "+44 7700 900008", "GR", date(1972, 8, 15)),
        ("C9", "Ελένη Γεωργίου", "ELENI@example.com", "0044 7700 900009", "GR", date(1972, 8, 15)),
        ("C10", "   ", "someone@example.net", "08-46500410", "SE", date(1999, 9, 9)),
        anna,
        (None, "Łukasz Wójcik", "lukasz@example.org", "+49 30 23125012", "PL", date(1988, 4, 4)),
    ]
    return spark.createDataFrame(rows, schema)


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in January 2026, in UTC."""
    return datetime(2026, 1, day, hour, minute, tzinfo=timezone.utc)


def _frame(spark: "SparkSession", name: str, found: pa.Table, rows: int) -> "DataFrame":
    """The first `rows` rows as a DataFrame of the declared schema."""
    if not isinstance(rows, int) or not 1 <= rows <= found.num_rows:
        raise ValueError(f"The slice {name} has {found.num_rows} rows: ask for 1 to {found.num_rows}, not {rows!r}.")
    data = [tuple(row.values()) for row in found.slice(0, rows).to_pylist()]
    return spark.createDataFrame(data, ", ".join(_ddl(field) for field in found.schema))


def _ddl(field: pa.Field) -> str:
    """A column as Spark's DDL has it, such as `quantity BIGINT NOT NULL`."""
    kind = (
        f"DECIMAL({field.type.precision},{field.type.scale})" if pa.types.is_decimal(field.type) else KINDS[field.type]
    )
    return f"{field.name} {kind}" + ("" if field.nullable else " NOT NULL")
