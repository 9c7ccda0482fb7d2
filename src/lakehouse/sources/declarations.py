"""What the shop delivers: every table, column and planted defect, declared once.

The generators take their schemas and their counts of defects from here, and the data dictionary is these
same declarations. So what is described is what is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

import pyarrow as pa

LOAD_DATE = date(2026, 1, 1)
LAST_DAY = 30

MONEY = pa.decimal128(12, 2)
INSTANT = pa.timestamp("us", tz="UTC")


def loaded_on(day: int) -> date:
    """The date of a delivery. Day 0 is the initial load of 2026-01-01; each day delivers the date before its own."""
    return LOAD_DATE + timedelta(days=day)


@dataclass(frozen=True)
class Column:
    """One column: its type in memory, what it means, its unit.

    `since` is the first day that delivers it. `later_types` maps a day to the type that the column has from then on.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False
    since: int = 0
    later_types: Mapping[int, pa.DataType] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def type_text(self) -> str:
        """The type in words, such as `int64, from day 3 on string`."""
        later = [f"from day {day} on {kind}" for day, kind in sorted(self.later_types.items())]
        return ", ".join([str(self.type), *later])

    def type_on(self, day: int) -> pa.DataType:
        """The type that the column has on a day."""
        known = [kind for first, kind in sorted(self.later_types.items()) if first <= day]
        return known[-1] if known else self.type


@dataclass(frozen=True)
class Defect:
    """Something planted on purpose, so many times that a lesson can count on it.

    `share` is of the table's base rows on that day, rounded, and never less than `at_least`. Defects of one `group`
    never meet in one row; those of different groups may. `change` marks what is not an error: a new row, an update.
    """

    name: str
    column: str
    meaning: str
    share: float
    first_day: int = 0
    last_day: int = LAST_DAY
    at_least: int = 1
    group: str = ""
    change: bool = False

    def count(self, rows: int, day: int) -> int:
        """How often it is planted among `rows` rows on a day; 0 on days that do not have it."""
        if not self.first_day <= day <= self.last_day:
            return 0
        return max(self.at_least, round(self.share * rows))


@dataclass(frozen=True)
class Table:
    """One table that a source system delivers: its grain, its key, its columns and what is planted in it."""

    name: str
    source: str
    grain: str
    key: tuple[str, ...]
    delivered: str
    columns: tuple[Column, ...]
    defects: tuple[Defect, ...]

    def columns_on(self, day: int) -> tuple[Column, ...]:
        """The columns that are delivered on a day, in order."""
        return tuple(column for column in self.columns if column.since <= day)

    def schema(self, day: int) -> pa.Schema:
        """The types in memory on a day."""
        return pa.schema([pa.field(c.name, c.type_on(day), c.nullable) for c in self.columns_on(day)])

    def defect(self, name: str) -> Defect:
        """The declared defect of that name. Raises KeyError where there is none."""
        return {defect.name: defect for defect in self.defects}[name]


_TEXT, _INT, _DATE = pa.string(), pa.int64(), pa.date32()

_CUSTOMER = (
    Column("customer_id", _TEXT, "the customer: C and seven digits"),
    Column("name", _TEXT, "full name as the customer writes it, in its own script", nullable=True),
    Column("email", _TEXT, "e-mail address, always under an example domain", nullable=True),
    Column("phone", _TEXT, "telephone number as typed in: five notations, from ranges kept for fiction", nullable=True),
    Column("city", _TEXT, "where the customer lives", nullable=True),
    Column("country", _TEXT, "country of residence", "ISO 3166-1 alpha-2 code", nullable=True),
    Column("segment", _TEXT, "kind of customer: occasional, regular or business", nullable=True),
    Column("marketing_consent", pa.bool_(), "whether the customer agreed to advertising", nullable=True),
    Column("birth_date", _DATE, "date of birth", "date", nullable=True),
    Column("signed_up_on", _DATE, "first day of the membership", "date", nullable=True),
    Column(
        "ended_on",
        _DATE,
        "last day of the membership; NULL while it goes on. A member who leaves buys nothing in the last quarter",
        "date",
        nullable=True,
    ),
    Column("updated_at", INSTANT, "when the CRM last changed this row", "UTC"),
)

CUSTOMERS = Table(
    "customers",
    "CRM",
    "one row a customer, as the CRM holds it at the end of the day",
    ("customer_id",),
    "day 0: an extract as CSV; afterwards the table itself in the CRM's database",
    _CUSTOMER,
    (
        Defect("null_email", "email", "the address is NULL", 0.008, group="email"),
        Defect("invalid_email", "email", "the address has no @ or no domain", 0.007, group="email"),
        Defect("untidy_email", "email", "a valid address in capitals, with spaces around it", 0.02, group="email"),
        Defect("missing_phone", "phone", "the number is NULL", 0.012, group="phone"),
        Defect("invalid_phone", "phone", "the text is no telephone number", 0.006, group="phone"),
        Defect("unknown_country", "country", "the code is XX, which no country has", 0.002, group="country"),
        Defect("impossible_birth_date", "birth_date", "born in 1800 or in 2099", 0.002, group="birth_date"),
        Defect(
            "double_account",
            "email",
            "name, e-mail and birth date of another customer: the same person under a second customer_id",
            0.004,
            group="email",
        ),
    ),
)

CUSTOMER_CHANGES = Table(
    "customer_changes",
    "CRM",
    "one row a change of a customer",
    ("change_id",),
    "from day 1 on: JSON lines, in the order in which the CRM got round to send them",
    (
        Column("change_id", _INT, "number of the change; of two changes at one instant the larger is the later one"),
        Column(
            "operation", _TEXT, "insert, update or delete; after a delete only customer_id and updated_at are filled"
        ),
        *_CUSTOMER,
    ),
    (
        Defect("new", "operation", "a customer signs up (insert)", 0.002, 1, at_least=5, change=True),
        Defect("updated", "operation", "customers with an update of this day", 0.01, 1, at_least=10, change=True),
        Defect("deleted", "operation", "a customer is erased (delete)", 0.0005, 1, change=True),
        Defect("null_email", "email", "a new customer's address is NULL", 0.00002, 1, group="email"),
        Defect("invalid_email", "email", "a new customer's address has no @ or no domain", 0.00002, 1, group="email"),
        Defect("missing_phone", "phone", "a new customer's number is NULL", 0.00004, 1, group="phone"),
        Defect("no_change", "updated_at", "an update in which nothing but updated_at differs", 0.001, 1, group="row"),
        Defect("tie", "updated_at", "two updates of one customer at the same instant", 0.0005, 1, group="row"),
        Defect(
            "out_of_order",
            "updated_at",
            "an update sent after a newer one of the same customer",
            0.0005,
            1,
            group="row",
        ),
        Defect(
            "late",
            "updated_at",
            "an update of the day before, sent after a newer one of the same customer had been delivered",
            0.001,
            2,
            group="row",
        ),
        Defect("duplicate", "change_id", "an update sent twice, the same to the letter", 0.0005, 1, group="row"),
    ),
)

PRODUCTS = Table(
    "products",
    "catalogue",
    "one row a product, as the catalogue shows it at the end of the day",
    ("product_id",),
    "every day the whole catalogue, as JSON lines; the HTTP API pages through the same rows",
    (
        Column("product_id", _TEXT, "the product: P and six digits"),
        Column("name", _TEXT, "what it is called"),
        Column("category", _TEXT, "one of eight categories", nullable=True),
        Column("unit_price", MONEY, "list price", "EUR"),
        Column("weight_g", _INT, "weight with packing", "gram", nullable=True),
        Column("discontinued_on", _DATE, "when it left the range; NULL while it is in it", "date", nullable=True),
        Column("updated_at", INSTANT, "when the catalogue last changed this row", "UTC"),
    ),
    (
        Defect("missing_category", "category", "the category is NULL", 0.01, group="row"),
        Defect("zero_price", "unit_price", "the price is 0.00", 0.005, group="row"),
        Defect("missing_weight", "weight_g", "the weight is NULL", 0.02, group="row"),
        Defect("duplicate", "product_id", "the same row twice, as when pages overlap", 0.005, group="row"),
        Defect("new", "product_id", "a product that is new on this day", 0.002, 1, change=True),
        Defect("repriced", "unit_price", "a product with another price than the day before", 0.02, 1, change=True),
        Defect(
            "discontinued",
            "discontinued_on",
            "a product that leaves the range on this day",
            0.002,
            1,
            at_least=0,
            change=True,
        ),
    ),
)

TRANSACTIONS = Table(
    "transactions",
    "payments",
    "one row an order line",
    ("transaction_id",),
    "online: JSON lines, times in UTC (Z); store: CSV, times with +01:00; every second file is packed with gzip. "
    "On the platform, what is paid online by wallet comes as events instead, the same JSON with published_at",
    (
        Column("transaction_id", _TEXT, "the order line: T, the day that delivers it first, its number on that day"),
        Column("order_id", _TEXT, "the order; its lines share customer, channel and time"),
        Column("customer_id", _TEXT, "who bought; NULL where a defect says so", nullable=True),
        Column("product_id", _TEXT, "what was bought"),
        Column(
            "quantity",
            _INT,
            "how many; from day 3 on online orders send text",
            "pieces",
            later_types=MappingProxyType({3: _TEXT}),
        ),
        Column("unit_price", MONEY, "price of one piece on the day of the order", "`currency`"),
        Column("amount", MONEY, "quantity × unit_price", "`currency`"),
        Column("currency", _TEXT, "the customer's currency", "ISO 4217 code"),
        Column("channel", _TEXT, "online or store"),
        Column("payment_method", _TEXT, "card, wallet, invoice or cash (cash in a store only)"),
        Column("ordered_at", INSTANT, "when the order was placed", "UTC, whole seconds"),
        Column("coupon", _TEXT, "code of a coupon, if one was used; online only", nullable=True, since=2),
    ),
    (
        Defect("negative_amount", "amount", "the amount has the wrong sign", 0.004, group="amount"),
        Defect("wrong_amount", "amount", "the amount is 1.00 more than quantity × unit_price", 0.003, group="amount"),
        Defect("zero_quantity", "quantity", "quantity 0 and amount 0.00", 0.002, group="amount"),
        Defect("quantity_with_unit", "quantity", 'online: text such as "3 pcs"', 0.02, 3, group="amount"),
        Defect("quantity_in_words", "quantity", 'online: text such as "three"', 0.01, 3, group="amount"),
        Defect("missing_customer", "customer_id", "the customer is NULL", 0.006, group="customer"),
        Defect("unknown_customer", "customer_id", "a customer that no delivery ever has", 0.003, group="customer"),
        Defect(
            "early_customer",
            "customer_id",
            "a customer whom the CRM delivers a day later",
            0.005,
            1,
            LAST_DAY - 1,
            group="customer",
        ),
        Defect("unknown_product", "product_id", "a product that the catalogue never has", 0.003, group="product"),
        Defect("untidy_currency", "currency", "the code in small letters", 0.01, group="currency"),
        Defect("future_date", "ordered_at", "dated 30 to 400 days after the delivery", 0.002, group="time"),
        Defect("late", "ordered_at", "one to three days older than the delivery's own date", 0.03, 1, group="time"),
        Defect("out_of_order", "ordered_at", "stands after a younger line of the same file", 0.03, 1, group="time"),
        Defect("duplicate", "transaction_id", "the line a second time in the same file", 0.005, group="row"),
        Defect("redelivered", "transaction_id", "a line of the day before, delivered again", 0.01, 2, group="row"),
        Defect("broken_json", "", "online: half a line, before the whole one", 0.001, group="file"),
        Defect(
            "wrong_column_count", "", "store: a line cut after six columns, before the whole one", 0.001, group="file"
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in (CUSTOMERS, CUSTOMER_CHANGES, PRODUCTS, TRANSACTIONS)}


def dictionary() -> tuple[Table, ...]:
    """Every table that the sources deliver, with its columns and planted defects, in reading order."""
    return tuple(TABLES.values())
