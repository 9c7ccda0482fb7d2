"""What silver demands of each table. The judged columns are those of the table, and what `entities` adds to them.

`_given` holds texts as they were delivered, `_customer_known` and `_product_known` are TRUE or NULL, `_delivered_on` is
the date of the file that brought a payment. A deleted customer has only an id and a time.

An id of another form means that the source has become another one: what comes next would be wrong all over, so these
rules end the run. Everything else keeps single rows out, or is noted.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from lakehouse.quality import Limits, Rule, SetRule
from lakehouse.reference import CATEGORIES, CHANNELS, CURRENCIES, OPERATIONS, PAYMENT_METHODS, RATES, SEGMENTS

CRM, CATALOGUE, PAYMENTS = "customer service", "purchasing", "payments"
# Since then the platform audits what it publishes.
AUDITED = date(2026, 1, 1)


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


CUSTOMERS = (
    Rule("change_id_present", "null", "change_id", "change_id IS NOT NULL", "drop", CRM, "A change has a number."),
    Rule("change_unique", "uniqueness", "change_id", "FALSE", "drop", CRM, "No two different changes have one number."),
    Rule(
        *("customer_id_format", "format", "customer_id", "customer_id RLIKE '^C[0-9]{7}$'", "fail", CRM),
        "A customer's id is C and seven digits.",
        since=AUDITED,
    ),
    Rule(
        *("operation_known", "set", "operation", _one_of("operation", OPERATIONS), "drop", CRM),
        "A change inserts, updates or deletes.",
    ),
    Rule(
        *("updated_at_possible", "range", "updated_at"),
        "updated_at BETWEEN TIMESTAMP '2000-01-01 00:00:00Z' AND TIMESTAMP '2100-01-01 00:00:00Z'",
        *("drop", CRM, "A change has a time of this century."),
    ),
    Rule(
        *("country_known", "set", "country"),
        f"operation = 'delete' OR {_one_of('country', CURRENCIES)}",
        *("drop", CRM, "The shop sells to the customer's country."),
    ),
    Rule(
        *("birth_date_possible", "range", "birth_date", "year(birth_date) >= 1900 AND birth_date < updated_at"),
        *("drop", CRM, "A customer was born after 1899, and before the change."),
        nullable=True,
    ),
    Rule(
        *("name_present", "null", "name", "operation = 'delete' OR name IS NOT NULL", "warn", CRM),
        "A customer has a name.",
    ),
    Rule(
        *("email_present", "null", "email", "operation = 'delete' OR _given.email IS NOT NULL", "warn", CRM),
        "A customer can be reached by e-mail.",
    ),
    Rule(
        *("email_format", "format", "email", "_given.email IS NULL OR email IS NOT NULL", "warn", CRM),
        "What stands for an e-mail address is one; otherwise it becomes NULL.",
    ),
    Rule(
        *("phone_present", "null", "phone", "operation = 'delete' OR _given.phone IS NOT NULL", "warn", CRM),
        "A customer can be telephoned.",
        tolerance=0.02,
    ),
    Rule(
        *("phone_format", "format", "phone", "_given.phone IS NULL OR phone IS NOT NULL", "warn", CRM),
        "What stands for a telephone number is one; otherwise it becomes NULL.",
    ),
    Rule(
        *("segment_known", "set", "segment", _one_of("segment", SEGMENTS), "warn", CRM),
        "A customer is occasional, regular or business.",
        nullable=True,
    ),
    Rule(
        *("membership_in_order", "business", "ended_on", "ended_on >= signed_up_on", "warn", CRM),
        "A membership ends after it has begun.",
        nullable=True,
    ),
)

PRODUCTS = (
    Rule(
        *("product_id_format", "format", "product_id", "product_id RLIKE '^P[0-9]{6}$'", "fail", CATALOGUE),
        "A product's id is P and six digits.",
        since=AUDITED,
    ),
    Rule(
        *("product_version_unique", "uniqueness", "product_id", "FALSE", "drop", CATALOGUE),
        "A product has one state at an instant.",
    ),
    Rule(
        *("product_updated_at_present", "null", "updated_at", "updated_at IS NOT NULL", "drop", CATALOGUE),
        "A product says when it changed.",
    ),
    Rule(
        *("price_positive", "range", "unit_price", "unit_price > 0", "drop", CATALOGUE),
        "Nothing in the catalogue is free.",
    ),
    Rule(
        *("product_name_present", "null", "name", "name IS NOT NULL", "warn", CATALOGUE),
        "A product has a name.",
    ),
    Rule(
        *("category_present", "null", "category", "category IS NOT NULL", "warn", CATALOGUE),
        "A product has a category.",
        tolerance=0.02,
    ),
    Rule(
        *("category_known", "set", "category", _one_of("category", CATEGORIES)),
        *("warn", CATALOGUE, "The category is one of eight."),
        nullable=True,
    ),
    Rule(
        *("weight_present", "null", "weight_g", "weight_g IS NOT NULL", "warn", CATALOGUE),
        "A product has a weight.",
        tolerance=0.03,
    ),
    Rule(
        *("weight_positive", "range", "weight_g", "weight_g > 0", "warn", CATALOGUE),
        "A product weighs something.",
        nullable=True,
    ),
)

TRANSACTIONS = (
    Rule(
        *("transaction_id_format", "format", "transaction_id"),
        *("transaction_id RLIKE '^T[0-9]{3}-[0-9]{8}$'", "drop", PAYMENTS),
        "An order line's id is T, three digits, and its number.",
    ),
    Rule(
        *("transaction_unique", "uniqueness", "transaction_id", "FALSE", "drop", PAYMENTS),
        "No two different order lines have one id.",
    ),
    Rule(
        *("order_id_present", "null", "order_id", "order_id IS NOT NULL", "drop", PAYMENTS),
        "An order line belongs to an order.",
    ),
    Rule(
        *("customer_present", "null", "customer_id", "customer_id IS NOT NULL", "drop", PAYMENTS),
        "Somebody bought it.",
    ),
    Rule(
        *("customer_known", "reference", "customer_id", "_customer_known", "drop", PAYMENTS),
        "The customer is known to the CRM.",
        nullable=True,
        tolerance=0.02,
    ),
    Rule(
        *("product_present", "null", "product_id", "product_id IS NOT NULL", "drop", PAYMENTS),
        "Something was bought.",
    ),
    Rule(
        *("product_known", "reference", "product_id", "_product_known", "drop", PAYMENTS),
        "The product is in the catalogue.",
        nullable=True,
    ),
    Rule(
        *("quantity_possible", "range", "quantity", "quantity BETWEEN 1 AND 1000", "drop", PAYMENTS),
        "The quantity is a number of pieces, 1 to 1,000.",
    ),
    Rule(
        *("unit_price_positive", "range", "unit_price", "unit_price > 0", "drop", PAYMENTS),
        "A piece has a price.",
    ),
    Rule("amount_positive", "range", "amount", "amount > 0", "drop", PAYMENTS, "An order line is worth something."),
    Rule(
        *("amount_right", "business", "amount"),
        "quantity IS NULL OR unit_price IS NULL OR amount IS NULL OR amount = quantity * unit_price",
        *("drop", PAYMENTS, "The amount is quantity times price."),
    ),
    Rule(
        *("currency_known", "set", "currency", _one_of("currency", RATES), "drop", PAYMENTS),
        "There is a rate from the currency to the euro.",
    ),
    Rule(
        *("channel_known", "set", "channel", _one_of("channel", CHANNELS), "drop", PAYMENTS),
        "It was sold online or in a store.",
    ),
    Rule(
        *("ordered_at_possible", "range", "ordered_at", "ordered_at >= TIMESTAMP '2000-01-01 00:00:00Z'"),
        *("drop", PAYMENTS, "The order has a time, of this century."),
    ),
    Rule(
        *("not_in_the_future", "business", "ordered_at", "ordered_on <= _delivered_on"),
        *("drop", PAYMENTS, "Nothing is delivered before it was ordered."),
        nullable=True,
    ),
    Rule(
        *("payment_method_known", "set", "payment_method", _one_of("payment_method", PAYMENT_METHODS)),
        *("warn", PAYMENTS, "It was paid by card, wallet, invoice or cash."),
    ),
)

OWNERS = {
    "customer_changes": CRM,
    "products": CATALOGUE,
    "payments_online": PAYMENTS,
    "payments_store": PAYMENTS,
    "payments_wallet": PAYMENTS,
}
# The CRM sends some customers a day after their first payment.
GRACE = timedelta(days=2)
# A source delivers once a day; half a day late is late.
LATEST = Limits(high=36.0)


def _of_deliveries(source: str, owner: str) -> tuple[SetRule, SetRule]:
    steady = "The source delivers about as many rows a day as before."
    fresh = "The newest delivery is at most 36 hours old."
    return (
        SetRule(f"{source}_volume", "volume", source, "warn", owner, steady, "rows a day", None, AUDITED),
        SetRule(f"{source}_fresh", "freshness", source, "warn", owner, fresh, "hours", LATEST, AUDITED),
    )


SETS = (
    SetRule(
        *("order_line_once", "uniqueness", "transactions", "fail", PAYMENTS, "No order line is in silver twice."),
        *("repeated keys", Limits(high=0.0), AUDITED),
    ),
    SetRule(
        *("customer_comes", "reference", "transactions", "warn", CRM, "Who pays is known to the CRM two days later."),
        *("share", Limits(high=0.01), AUDITED),
    ),
    *(rule for source, owner in OWNERS.items() for rule in _of_deliveries(source, owner)),
)
