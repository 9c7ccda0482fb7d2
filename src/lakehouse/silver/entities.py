"""The three things that silver knows: a change of a customer, a version of a product, a line of an order.

Each is declared once: from which tables of bronze, by which key, in which columns, judged by which rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from lakehouse.quality import Rule
from lakehouse.silver import rules, standardise

CUSTOMER = (
    "name STRING, email STRING, phone STRING, city STRING, country STRING, segment STRING, marketing_consent BOOLEAN, "
    "birth_date DATE, signed_up_on DATE, ended_on DATE"
)
CUSTOMER_CHANGE = f"change_id BIGINT, operation STRING, customer_id STRING, {CUSTOMER}, updated_at TIMESTAMP"
PRODUCT = (
    "product_id STRING, name STRING, category STRING, unit_price DECIMAL(12,2), weight_g BIGINT, "
    "discontinued_on DATE, updated_at TIMESTAMP"
)
TRANSACTION = (
    "transaction_id STRING, order_id STRING, customer_id STRING, product_id STRING, quantity BIGINT, "
    "unit_price DECIMAL(12,2), amount DECIMAL(12,2), currency STRING, channel STRING, payment_method STRING, "
    "ordered_at STRING, coupon STRING, published_at STRING, _rescued_data STRING, _file_path STRING, "
    "_file_modified_at TIMESTAMP"
)


@dataclass(frozen=True)
class Entity:
    """A table of silver that only grows: one row a `key`, the first clean one that was delivered.

    `standardised` turns rows of bronze into the table's columns. Columns that begin with an underscore come along, and
    it adds some that the rules judge. `references` gives, for such a name, a table and a column of silver: the
    reference holds where the column of that name has a value that is found there.
    """

    table: str
    sources: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rules: tuple[Rule, ...]
    standardised: Callable[[DataFrame], DataFrame]
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def unique(self) -> Rule:
        """The rule that no two different rows have one key."""
        [rule] = [rule for rule in self.rules if rule.kind == "uniqueness"]
        return rule

    def key_text(self) -> Column:
        """The key of a row, of bronze or of silver, as one text; a NULL in it counts as an empty text."""
        parts = (standardise.text(F.col(name).cast("STRING")) for name in self.key)
        return F.concat_ws("|", *(F.coalesce(part, F.lit("")) for part in parts))


def customer_changes(delivered: DataFrame) -> DataFrame:
    """The CRM's changes with e-mail addresses and telephone numbers in one notation. One row a row."""
    rows = _shaped(delivered, CUSTOMER_CHANGE)
    email, country = standardise.email(F.col("email")), standardise.code(F.col("country"))
    tidy = {
        "operation": F.lower(standardise.text(F.col("operation"))),
        "customer_id": standardise.code(F.col("customer_id")),
        "name": standardise.text(F.col("name")),
        "email": F.when(standardise.is_email(email), email),
        "phone": standardise.phone(F.col("phone"), country),
        "city": standardise.text(F.col("city")),
        "country": country,
        "segment": standardise.text(F.col("segment")),
        "_given": F.struct("email", "phone"),
    }
    return rows.withColumns(tidy)


def product_versions(delivered: DataFrame) -> DataFrame:
    """The catalogue's rows, texts without blanks around them. One row a row."""
    texts = {name: standardise.text(F.col(name)) for name in ("product_id", "name", "category")}
    return _shaped(delivered, PRODUCT).withColumns(texts)


def transactions(delivered: DataFrame) -> DataFrame:
    """The payments in one notation, with the amount in euros and the day in UTC. One row a row."""
    rows = _shaped(delivered, TRANSACTION)
    rescued = F.get_json_object("_rescued_data", "$.quantity")
    file_date = F.regexp_extract("_file_path", r"(\d{4}-\d\d-\d\d)[^/]*$", 1).try_cast("date")
    published_at = standardise.instant(F.col("published_at"))
    texts = ("transaction_id", "order_id", "customer_id", "product_id", "coupon")
    tidy = {
        **{name: standardise.text(F.col(name)) for name in texts},
        "quantity": F.coalesce("quantity", standardise.whole_number(rescued)),
        "currency": standardise.code(F.col("currency")),
        "channel": F.lower(standardise.text(F.col("channel"))),
        "payment_method": F.lower(standardise.text(F.col("payment_method"))),
        "ordered_at": standardise.instant(F.col("ordered_at")),
        "_delivered_on": F.coalesce(file_date, F.to_date("_file_modified_at"), F.to_date(published_at)),
    }
    return rows.withColumns(tidy).withColumns(
        {
            "amount_eur": standardise.in_euro(F.col("amount"), F.col("currency")),
            "ordered_on": F.to_date("ordered_at"),
        }
    )


def _shaped(rows: DataFrame, schema: str) -> DataFrame:
    """The columns of a DDL text, NULL where the frame lacks one, then those that begin with an underscore."""
    fields = StructType.fromDDL(schema)
    assert isinstance(fields, StructType)
    given = []
    for f in fields:
        value = F.col(f.name) if f.name in rows.columns else F.lit(None)
        # By its name, because Spark Connect would give a StringType a collation, which not every reader of Delta knows.
        given.append(value.cast(f.dataType.simpleString()).alias(f.name))
    return rows.select(*given, *(name for name in rows.columns if name.startswith("_") and name not in fields.names))


TRACKED = (
    *("name", "email", "phone", "city", "country", "segment", "marketing_consent"),
    *("birth_date", "signed_up_on", "ended_on"),
)
CUSTOMER_CHANGES = Entity(
    "customer_changes",
    ("customer_changes",),
    ("change_id",),
    ("change_id", "operation", "customer_id", *TRACKED, "updated_at"),
    rules.CUSTOMERS,
    customer_changes,
)
PRODUCT_VERSIONS = Entity(
    "product_versions",
    ("products",),
    ("product_id", "updated_at"),
    ("product_id", "name", "category", "unit_price", "weight_g", "discontinued_on", "updated_at"),
    rules.PRODUCTS,
    product_versions,
)
TRANSACTIONS = Entity(
    "transactions",
    ("payments_online", "payments_store", "payments_wallet"),
    ("transaction_id",),
    (
        *("transaction_id", "order_id", "customer_id", "product_id", "quantity", "unit_price", "amount", "currency"),
        *("amount_eur", "channel", "payment_method", "ordered_at", "ordered_on", "coupon"),
    ),
    rules.TRANSACTIONS,
    transactions,
    {
        "_customer_known": ("customer_changes", "customer_id"),
        "_product_known": ("product_versions", "product_id"),
    },
)
# Those that others refer to come first.
ENTITIES: Sequence[Entity] = (CUSTOMER_CHANGES, PRODUCT_VERSIONS, TRANSACTIONS)
