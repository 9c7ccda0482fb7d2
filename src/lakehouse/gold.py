"""Gold: what the business reads. Three tables, each made from silver, and kept up to date key by key.

A refresh asks the change data feed of silver which keys were touched since the last one, computes those keys again from
all of their rows, and merges what differs. So a late row moves its own day and no other, and the tables are what a
rebuild from nothing would make. Days are days of UTC; amounts are euros.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.batch import Batch, Refreshed
from lakehouse.lake import Lake

INPUTS = ("transactions", "customers", "products")
MONEY = "DECIMAL(18,2)"
# A customer's tier, by what they have spent in all: the least revenue in euros, the highest first.
TIERS = (("platinum", 2000), ("gold", 1000), ("silver", 250))
LOWEST_TIER = "bronze"


def daily_sales(transactions: DataFrame) -> DataFrame:
    """Sales a day and channel.

    Columns: ordered_on, channel, orders, lines, units, customers, revenue_eur. Key: ordered_on and channel.
    """
    return transactions.groupBy("ordered_on", "channel").agg(
        F.count_distinct("order_id").alias("orders"),
        F.count("*").alias("lines"),
        F.sum("quantity").alias("units"),
        F.count_distinct("customer_id").alias("customers"),
        _revenue(F.lit(True)).alias("revenue_eur"),
    )


def product_performance(transactions: DataFrame, products: DataFrame) -> DataFrame:
    """How each product of the catalogue sells, zeros where it never did.

    Columns: product_id, name, category, unit_price (today's), discontinued_on, orders, lines, units, revenue_eur,
    first_sold_on, last_sold_on. Key: product_id.
    """
    sold = transactions.groupBy("product_id").agg(
        F.count_distinct("order_id").alias("orders"),
        F.count("*").alias("lines"),
        F.sum("quantity").alias("units"),
        _revenue(F.lit(True)).alias("revenue_eur"),
        F.min("ordered_on").alias("first_sold_on"),
        F.max("ordered_on").alias("last_sold_on"),
    )
    listed = products.select("product_id", "name", "category", "unit_price", "discontinued_on")
    return _zeros(listed.join(sold, "product_id", "left"), ("orders", "lines", "units", "revenue_eur"))


def customer_360(transactions: DataFrame, customers: DataFrame) -> DataFrame:
    """All that the shop knows of a customer, and the tier by what they have spent. Customers who were erased are gone.

    `customers` is their history. Columns: customer_id, name, email, phone, city, country, segment, marketing_consent,
    signed_up_on, ended_on, orders, lines, revenue_eur, online_revenue_eur, average_order_eur (NULL without orders),
    first_ordered_on, last_ordered_on, tier. Key: customer_id.
    """
    bought = transactions.groupBy("customer_id").agg(
        F.count_distinct("order_id").alias("orders"),
        F.count("*").alias("lines"),
        _revenue(F.lit(True)).alias("revenue_eur"),
        _revenue(F.col("channel") == "online").alias("online_revenue_eur"),
        F.min("ordered_on").alias("first_ordered_on"),
        F.max("ordered_on").alias("last_ordered_on"),
    )
    contact = ("name", "email", "phone", "city", "country", "segment", "marketing_consent", "signed_up_on", "ended_on")
    known = customers.where("is_current").select("customer_id", *contact)
    rows = _zeros(known.join(bought, "customer_id", "left"), ("orders", "lines", "revenue_eur", "online_revenue_eur"))
    average = F.when(F.col("orders") > 0, F.round(F.col("revenue_eur") / F.col("orders"), 2).cast(MONEY))
    return rows.withColumns({"average_order_eur": average, "tier": tier(F.col("revenue_eur"))})


def tier(revenue_eur: Column) -> Column:
    """The value tier of a customer who has spent so many euros in all: platinum, gold, silver or bronze."""
    found = F.lit(LOWEST_TIER)
    for name, least in reversed(TIERS):
        found = F.when(revenue_eur >= least, name).otherwise(found)
    return found


def _revenue(counted: Column) -> Column:
    return F.sum(F.when(counted, F.col("amount_eur")).otherwise(0)).cast(MONEY)


def _zeros(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    return rows.withColumns({name: F.coalesce(name, F.lit(0).cast(rows.schema[name].dataType)) for name in names})


@dataclass(frozen=True)
class GoldTable:
    """One table of gold: its key, the part of it by which changes are found, and what it is made from.

    `touched_by` are the tables of silver in whose changes the key's values are looked for.
    """

    name: str
    key: tuple[str, ...]
    touched: str
    touched_by: tuple[str, ...]
    made: Callable[[Mapping[str, DataFrame]], DataFrame]


GOLD_TABLES = (
    GoldTable(
        "daily_sales",
        ("ordered_on", "channel"),
        "ordered_on",
        ("transactions",),
        lambda silver: daily_sales(silver["transactions"]),
    ),
    GoldTable(
        "product_performance",
        ("product_id",),
        "product_id",
        ("transactions", "products"),
        lambda silver: product_performance(silver["transactions"], silver["products"]),
    ),
    GoldTable(
        "customer_360",
        ("customer_id",),
        "customer_id",
        ("transactions", "customers"),
        lambda silver: customer_360(silver["transactions"], silver["customers"]),
    ),
)


def refresh(lake: Lake, batch: Batch) -> Refreshed:
    """Bring gold up to date with silver, as it was at the versions of the batch. Doing it again changes nothing."""
    with ThreadPoolExecutor(len(GOLD_TABLES)) as pool:
        return Refreshed(sum(pool.map(partial(_refresh, lake, batch), GOLD_TABLES)))


def rebuild(lake: Lake, until: Mapping[str, int]) -> None:
    """Make every table again from all of silver, each in one commit: who reads meanwhile sees the old rows."""
    for table in GOLD_TABLES:
        rows = table.made(_silver(lake, until))
        lake.overwrite(rows, f"gold/{table.name}")


def _refresh(lake: Lake, batch: Batch, table: GoldTable) -> int:
    target = f"gold/{table.name}"
    silver = _silver(lake, batch.until)
    if not lake.exists(target):
        lake.append(table.made(silver), target, **tables.CHANGE_FEED)
        return lake.read(target).count()
    changed = batch.news(table.touched_by)
    if not changed:
        return 0
    feeds = [lake.changes(f"silver/{name}", batch.seen(name), batch.until[name]) for name in changed]
    keys = reduce(DataFrame.union, [feed.select(table.touched) for feed in feeds]).distinct()
    with tables.kept(keys) as touched:
        parts = {
            name: rows.join(F.broadcast(touched), table.touched, "left_semi") if table.touched in rows.columns else rows
            for name, rows in silver.items()
        }
        stored = lake.read(target).join(F.broadcast(touched), table.touched, "left_semi")
        differing = tables.differences(stored, table.made(parts), table.key)
        return lake.merge(differing, target, table.key)


def _silver(lake: Lake, until: Mapping[str, int]) -> dict[str, DataFrame]:
    return {name: lake.read(f"silver/{name}", until[name]) for name in INPUTS}
