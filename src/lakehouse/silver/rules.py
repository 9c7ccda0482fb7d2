"""What silver demands of each table. The judged columns are those of the table, and what `entities` adds to them.

`_given` holds texts as they were delivered, `_customer_known` and `_product_known` are TRUE or NULL, `_delivered_on` is
the date of the file that brought a payment. A deleted customer has only an id and a time.
"""

from collections.abc import Iterable

from lakehouse.quality import Rule
from lakehouse.reference import CATEGORIES, CHANNELS, CURRENCIES, OPERATIONS, PAYMENT_METHODS, RATES, SEGMENTS

CRM, CATALOGUE, PAYMENTS = "customer service", "purchasing", "payments"


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


CUSTOMERS = (
    Rule("change_id_present", "null", "change_id", "change_id IS NOT NULL", "error", CRM, "A change has a number."),
    Rule(
        "change_unique", "uniqueness", "change_id", "FALSE", "error", CRM, "No two different changes have one number."
    ),
    Rule(
        *("customer_id_format", "format", "customer_id", "customer_id RLIKE '^C[0-9]{7}$'", "error", CRM),
        "A customer's id is C and seven digits.",
    ),
    Rule(
        *("operation_known", "set", "operation", _one_of("operation", OPERATIONS), "error", CRM),
        "A change inserts, updates or deletes.",
    ),
    Rule(
        *("updated_at_possible", "range", "updated_at"),
        "updated_at BETWEEN TIMESTAMP '2000-01-01 00:00:00Z' AND TIMESTAMP '2100-01-01 00:00:00Z'",
        *("error", CRM, "A change has a time of this century."),
    ),
    Rule(
        *("country_known", "set", "country"),
        f"operation = 'delete' OR {_one_of('country', CURRENCIES)}",
        *("error", CRM, "The shop sells to the customer's country."),
    ),
    Rule(
        *("birth_date_possible", "range", "birth_date", "year(birth_date) >= 1900 AND birth_date < updated_at"),
        *("error", CRM, "A customer was born after 1899, and before the change."),
        nullable=True,
    ),
    Rule(
        *("name_present", "null", "name", "operation = 'delete' OR name IS NOT NULL", "warning", CRM),
        "A customer has a name.",
    ),
    Rule(
        *("email_present", "null", "email", "operation = 'delete' OR _given.email IS NOT NULL", "warning", CRM),
        "A customer can be reached by e-mail.",
    ),
    Rule(
        *("email_format", "format", "email", "_given.email IS NULL OR email IS NOT NULL", "warning", CRM),
        "What stands for an e-mail address is one; otherwise it becomes NULL.",
    ),
    Rule(
        *("phone_present", "null", "phone", "operation = 'delete' OR _given.phone IS NOT NULL", "warning", CRM),
        "A customer can be telephoned.",
        tolerance=0.02,
    ),
    Rule(
        *("phone_format", "format", "phone", "_given.phone IS NULL OR phone IS NOT NULL", "warning", CRM),
        "What stands for a telephone number is one; otherwise it becomes NULL.",
    ),
    Rule(
        *("segment_known", "set", "segment", _one_of("segment", SEGMENTS), "warning", CRM),
        "A customer is occasional, regular or business.",
        nullable=True,
    ),
    Rule(
        *("membership_in_order", "business", "ended_on", "ended_on >= signed_up_on", "warning", CRM),
        "A membership ends after it has begun.",
        nullable=True,
    ),
)

PRODUCTS = (
    Rule(
        *("product_id_format", "format", "product_id", "product_id RLIKE '^P[0-9]{6}$'", "error", CATALOGUE),
        "A product's id is P and six digits.",
    ),
    Rule(
        *("product_version_unique", "uniqueness", "product_id", "FALSE", "error", CATALOGUE),
        "A product has one state at an instant.",
    ),
    Rule(
        *("product_updated_at_present", "null", "updated_at", "updated_at IS NOT NULL", "error", CATALOGUE),
        "A product says when it changed.",
    ),
    Rule(
        *("price_positive", "range", "unit_price", "unit_price > 0", "error", CATALOGUE),
        "Nothing in the catalogue is free.",
    ),
    Rule(
        *("product_name_present", "null", "name", "name IS NOT NULL", "warning", CATALOGUE),
        "A product has a name.",
    ),
    Rule(
        *("category_present", "null", "category", "category IS NOT NULL", "warning", CATALOGUE),
        "A product has a category.",
        tolerance=0.02,
    ),
    Rule(
        *("category_known", "set", "category", _one_of("category", CATEGORIES)),
        *("warning", CATALOGUE, "The category is one of eight."),
        nullable=True,
    ),
    Rule(
        *("weight_present", "null", "weight_g", "weight_g IS NOT NULL", "warning", CATALOGUE),
        "A product has a weight.",
        tolerance=0.03,
    ),
    Rule(
        *("weight_positive", "range", "weight_g", "weight_g > 0", "warning", CATALOGUE),
        "A product weighs something.",
        nullable=True,
    ),
)

TRANSACTIONS = (
    Rule(
        *("transaction_id_format", "format", "transaction_id"),
        *("transaction_id RLIKE '^T[0-9]{3}-[0-9]{8}$'", "error", PAYMENTS),
        "An order line's id is T, three digits, and its number.",
    ),
    Rule(
        *("transaction_unique", "uniqueness", "transaction_id", "FALSE", "error", PAYMENTS),
        "No two different order lines have one id.",
    ),
    Rule(
        *("order_id_present", "null", "order_id", "order_id IS NOT NULL", "error", PAYMENTS),
        "An order line belongs to an order.",
    ),
    Rule(
        *("customer_present", "null", "customer_id", "customer_id IS NOT NULL", "error", PAYMENTS),
        "Somebody bought it.",
    ),
    Rule(
        *("customer_known", "reference", "customer_id", "_customer_known", "error", PAYMENTS),
        "The customer is known to the CRM.",
        nullable=True,
        tolerance=0.02,
    ),
    Rule(
        *("product_present", "null", "product_id", "product_id IS NOT NULL", "error", PAYMENTS),
        "Something was bought.",
    ),
    Rule(
        *("product_known", "reference", "product_id", "_product_known", "error", PAYMENTS),
        "The product is in the catalogue.",
        nullable=True,
    ),
    Rule(
        *("quantity_possible", "range", "quantity", "quantity BETWEEN 1 AND 1000", "error", PAYMENTS),
        "The quantity is a number of pieces, 1 to 1,000.",
    ),
    Rule(
        *("unit_price_positive", "range", "unit_price", "unit_price > 0", "error", PAYMENTS),
        "A piece has a price.",
    ),
    Rule("amount_positive", "range", "amount", "amount > 0", "error", PAYMENTS, "An order line is worth something."),
    Rule(
        *("amount_right", "business", "amount"),
        "quantity IS NULL OR unit_price IS NULL OR amount IS NULL OR amount = quantity * unit_price",
        *("error", PAYMENTS, "The amount is quantity times price."),
    ),
    Rule(
        *("currency_known", "set", "currency", _one_of("currency", RATES), "error", PAYMENTS),
        "There is a rate from the currency to the euro.",
    ),
    Rule(
        *("channel_known", "set", "channel", _one_of("channel", CHANNELS), "error", PAYMENTS),
        "It was sold online or in a store.",
    ),
    Rule(
        *("ordered_at_possible", "range", "ordered_at", "ordered_at >= TIMESTAMP '2000-01-01 00:00:00Z'"),
        *("error", PAYMENTS, "The order has a time, of this century."),
    ),
    Rule(
        *("not_in_the_future", "business", "ordered_at", "ordered_on <= _delivered_on"),
        *("error", PAYMENTS, "Nothing is delivered before it was ordered."),
        nullable=True,
    ),
    Rule(
        *("payment_method_known", "set", "payment_method", _one_of("payment_method", PAYMENT_METHODS)),
        *("warning", PAYMENTS, "It was paid by card, wallet, invoice or cash."),
    ),
)
