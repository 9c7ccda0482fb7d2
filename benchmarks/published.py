"""A platform that was published, made without Spark: the tables that the API reads, and a model in MLflow.

The rows of a release follow from its number, so that whoever reads them can see of which release they are. For the
tests of the API and for its benchmark.
"""

import base64
import json
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

FEATURES = (
    *("recency_days", "purchases_7", "purchases_30", "purchases_90"),
    *("value_7", "value_30", "value_90", "purchases_trend", "value_trend"),
)
AS_OF = date(2026, 1, 5)
NOON = datetime(2026, 1, 6, 12, tzinfo=timezone.utc)
TIERS = ("platinum", "gold", "silver", "bronze")
SEGMENTS = ("occasional", "regular", "business")
COUNTRIES = ("DE", "FR", "SE", "UA")
MODEL = '''
import mlflow
import numpy as np


class Recency(mlflow.pyfunc.PythonModel):
    """The longer ago somebody bought, the likelier they are gone: a tenth of the probability for each ten days."""

    def predict(self, context, model_input, params=None):
        return np.clip(model_input["recency_days"].to_numpy() / 100, 0, 1)


mlflow.models.set_model(Recency())
'''
MONEY = pa.decimal128(18, 2)
TEXT, COUNT, DAY, REAL = pa.string(), pa.int64(), pa.date32(), pa.float64()
SCHEMAS: dict[str, dict[str, Any]] = {
    "gold/customer_360": {
        **dict.fromkeys(("customer_id", "name", "email", "phone", "city", "country", "segment"), TEXT),
        "marketing_consent": pa.bool_(),
        **dict.fromkeys(("signed_up_on", "ended_on"), DAY),
        **dict.fromkeys(("orders", "lines"), COUNT),
        **dict.fromkeys(("revenue_eur", "online_revenue_eur"), MONEY),
        **dict.fromkeys(("first_ordered_on", "last_ordered_on"), DAY),
        "average_order_eur": MONEY,
        "tier": TEXT,
    },
    "gold/product_performance": {
        **dict.fromkeys(("product_id", "name", "category"), TEXT),
        "unit_price": pa.decimal128(12, 2),
        "discontinued_on": DAY,
        **dict.fromkeys(("orders", "lines", "units"), COUNT),
        "revenue_eur": MONEY,
        **dict.fromkeys(("first_sold_on", "last_sold_on"), DAY),
    },
    "gold/daily_sales": {
        "ordered_on": DAY,
        "channel": TEXT,
        **dict.fromkeys(("orders", "lines", "units", "customers"), COUNT),
        "revenue_eur": MONEY,
    },
    "serving/sales_by_month": {
        "month": DAY,
        "channel": TEXT,
        **dict.fromkeys(("orders", "lines", "units"), COUNT),
        "revenue_eur": MONEY,
    },
    "serving/dashboard": {**dict.fromkeys(("tile", "label", "measure"), TEXT), "value": REAL, "release": COUNT},
    "audit/quality": {
        "batch": COUNT,
        "measured_at": pa.timestamp("us", "UTC"),
        **dict.fromkeys(("rule", "table", "kind", "severity", "owner", "meaning"), TEXT),
        "since": DAY,
        "rows": COUNT,
        "value": REAL,
        "unit": TEXT,
        **dict.fromkeys(("low", "high"), REAL),
        "verdict": TEXT,
    },
    "ml/features": {"customer_id": TEXT, "as_of": DAY, **dict.fromkeys(FEATURES, REAL)},
    "ml/predictions": {"customer_id": TEXT, "as_of": DAY, "probability": REAL, "risk": TEXT, "model_version": COUNT},
    "ml/bought_together": {
        **dict.fromkeys(("product_id", "with_product_id"), TEXT),
        "orders": COUNT,
        **dict.fromkeys(("support", "confidence", "lift"), REAL),
    },
    "ml/recommendations": {
        "customer_id": TEXT,
        "rank": pa.int32(),
        **dict.fromkeys(("product_id", "because_of"), TEXT),
        **dict.fromkeys(("support", "lift"), REAL),
    },
    "ml/popular": {"segment": TEXT, "product_id": TEXT, "orders": COUNT, "rank": pa.int32()},
    "api/releases": {
        "release": COUNT,
        **dict.fromkeys(("published_at", "delivered_until"), pa.timestamp("us", "UTC")),
        "as_of": DAY,
        "model_version": COUNT,
        "versions": pa.map_(TEXT, COUNT),
    },
}
Rows = list[tuple[Any, ...]]


def tables(release: int, customers: int, products: int, days: int) -> dict[str, Rows]:
    """The rows of each table. Customer 1 has never bought; product 3 is no longer sold; `orders` is the release."""
    euros, some = Decimal(release), range(1, products + 1)
    first = date(2025, 12, 29)
    sold = [(first + timedelta(days=day), channel) for day in range(days) for channel in ("online", "store")]
    months = sorted({(day.replace(day=1), channel) for day, channel in sold})
    return {
        "gold/customer_360": [
            (
                *(f"C{i:07}", f"Zoë Ödegård {i}", f"zoe{i}@example.com", None, "Århus"),
                *(COUNTRIES[i % 4], SEGMENTS[i % 3], i % 2 == 0, date(2025, 1, 24), None),
                *((0, 0, Decimal(0), Decimal(0), None, None, None) if i == 1 else (release, release, euros, euros)),
                *(() if i == 1 else (first, AS_OF, Decimal("1.00"))),
                TIERS[i % 4],
            )
            for i in range(1, customers + 1)
        ],
        "gold/product_performance": [
            (
                *(f"P{i:06}", f"Brass notebook {i}", ("books", "toys")[i % 2], Decimal("12.50")),
                *(date(2026, 1, 1) if i == 3 else None, release, release, release, euros, first, AS_OF),
            )
            for i in some
        ],
        "gold/daily_sales": [(day, channel, release, release, 2 * release, 1, euros) for day, channel in sold],
        "serving/sales_by_month": [
            (month, channel, *(part * sum(1 for day, at in sold if (day.replace(day=1), at) == (month, channel))
             for part in (release, release, 2 * release, euros)))
            for month, channel in months
        ],
        "serving/dashboard": [
            (tile, label, measure, value, release)
            for tile, label, measures in _tiles(release)
            for measure, value in measures.items()
        ],
        "audit/quality": _audits(release),
        "ml/features": [
            (f"C{i:07}", AS_OF, float(i % 100), *(float(release),) * (len(FEATURES) - 1))
            for i in range(1, customers + 1)
        ],
        "ml/predictions": [
            (f"C{i:07}", AS_OF, i % 100 / 100, ("low", "medium", "high")[min(i % 100 // 34, 2)], 1)
            for i in range(1, customers + 1)
        ],
        "ml/bought_together": [
            (f"P{a:06}", f"P{b:06}", release, 0.01 * b, 0.1, 1 + 0.1 * b)
            for a in some
            for b in some
            if 0 < abs(a - b) <= 20
        ],
        "ml/recommendations": [
            (f"C{i:07}", place, f"P{place:06}", "P000005", 0.01 * release, 2.5)
            for i in range(2, customers + 1)
            for place in (1, 2, 3)
        ],
        "ml/popular": [
            (segment, f"P{i:06}", release, i) for segment in SEGMENTS for i in range(1, min(products, 20) + 1)
        ],
    }  # fmt: skip


RULES = {
    # Rule: table, kind, severity, owner, meaning, unit, least, most.
    "customer_known": ("transactions", "reference", "drop", "payments", "The CRM knows who buys.", "share", None, 0.02),
    "order_line_once": ("transactions", "uniqueness", "fail", "payments", "No line comes twice.", "keys", None, 0.0),
    "products_volume": ("products", "volume", "warn", "purchasing", "As many as before.", "rows a day", 5.0, 15.0),
    "retired": ("products", "range", "warn", "purchasing", "Nobody demands it any more.", "share", None, 0.01),
}
AUDITS = 12


def _audits(release: int) -> Rows:
    """Audits 1 to 12: `customer_known` grows worse, `products_volume` has no data at last, `retired` is not there."""
    found: Rows = []
    for number in range(1, AUDITS + 1):
        last = number == AUDITS
        values: dict[str, float | None] = {"customer_known": number / 500, "order_line_once": 0.0, "retired": 0.0}
        values["products_volume"] = None if last else 9.0 + number % 2
        for rule, (table, kind, severity, owner, meaning, unit, low, high) in RULES.items():
            value = values[rule]
            verdict = "no data" if value is None else "fail" if value > high else "pass"
            if not (last and rule == "retired"):
                what = (rule, table, kind, severity, owner, meaning, date(2026, 1, 1))
                found.append(
                    (number, NOON + timedelta(days=number), *what, 100 * release, value, unit, low, high, verdict)
                )
    return found


def _tiles(release: int) -> list[tuple[str, str, dict[str, float]]]:
    """The dashboard: tile, label, measures."""
    return [
        ("sales", "2025-12-01", {"orders": 6.0 * release, "revenue_eur": 1234.5}),
        ("sales", "2026-01-01", {"orders": 9.0 * release, "revenue_eur": 4321.0}),
        *(("tiers", tier, {"customers": 10.0, "revenue_eur": 1234567.0}) for tier in TIERS),
        ("products", "P000001 Brass notebook 1", {"units": 7.0, "revenue_eur": 70.0}),
        ("products", "P000002 <b>Brass</b> & notebook 2", {"units": 9.0, "revenue_eur": 90.0}),
        ("quality", "customer_known", {"rows": 34.0}),
        ("freshness", "payments_online", {"delivered_at": NOON.timestamp(), "rows": 437.0}),
        *(("health", layer, {"seconds": 5.5, "rows": 66.0}) for layer in ("silver", "bronze", "gold")),
    ]


def write(base: Path, name: str, rows: Rows) -> int:
    """Write the rows of a table anew. Returns its version."""
    schema = pa.schema(list(SCHEMAS[name].items()))
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    if name == "api/releases":
        # One after the other, as `lakehouse.api.releases` adds them.
        write_deltalake(base / name, pa.table(arrays, schema), mode="append")
    else:
        write_deltalake(base / name, pa.table(arrays, schema), mode="overwrite", schema_mode="overwrite")
    return DeltaTable(base / name).version()


def publish(
    base: Path,
    release: int,
    *,
    customers: int = 40,
    products: int = 6,
    days: int = 10,
    model_version: int | None = None,
    versions: Mapping[str, int] | None = None,
) -> None:
    """Write all tables, unless their `versions` are given, and a row in `api/releases` that names them."""
    if versions is None:
        versions = {name: write(base, name, rows) for name, rows in tables(release, customers, products, days).items()}
    when = NOON + timedelta(minutes=release)
    write(base, "api/releases", [(release, when, NOON, AS_OF, model_version, list(versions.items()))])


def cursor(identifier: str) -> str:
    """The cursor of a list behind an id."""
    return base64.urlsafe_b64encode(json.dumps([identifier]).encode()).decode().rstrip("=")


def store(base: Path) -> str:
    """The address of MLflow's store of a platform."""
    return f"sqlite:///{base}/mlflow/mlflow.db"


def register_model(base: Path, features: tuple[str, ...] = FEATURES) -> int:
    """Register a model that reads `recency_days` in the platform's store. Returns its version."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    folder = base / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    code = folder / "recency.py"
    code.write_text(MODEL, encoding="utf-8")
    mlflow.set_tracking_uri(store(base))
    if mlflow.get_experiment_by_name("churn") is None:
        mlflow.create_experiment("churn", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment("churn")
    signature = ModelSignature(Schema([ColSpec("double", name) for name in features]), Schema([ColSpec("double")]))
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(code),
            signature=signature,
            pip_requirements=["numpy"],
            registered_model_name="churn",
        )
    # Or the whole process, and whatever it starts, would go on with this store.
    mlflow.set_tracking_uri("")
    return int(logged.registered_model_version)
