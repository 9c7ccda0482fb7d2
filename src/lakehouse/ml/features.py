"""What customers had done before a date, and whether they left after it. Nothing here looks past its own date.

A **feature** is known before its date `as_of` begins; a **label** is known only when the quarter that begins then is
over. So a model can be trained on the past, and asked about today, with the same columns.
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

WINDOWS = (7, 30, 90)  # days
LONGEST_RECENCY = 180  # days
FEATURES = (
    "recency_days",
    *(f"purchases_{days}" for days in WINDOWS),
    *(f"value_{days}" for days in WINDOWS),
    "purchases_trend",
    "value_trend",
)
KEY = ("customer_id", "as_of")


def members(customers: DataFrame, dates: Sequence[date]) -> DataFrame:
    """Who was a member on each date, and had been one for as long as the longest window is.

    Columns: customer_id, as_of, signed_up_on; key: customer_id and as_of. `customers` is their history: when a
    membership began never changes, and one that ended on the date or later had not ended before it.
    """
    since, until = F.col("signed_up_on"), F.col("ended_on")
    old_enough = F.date_diff("as_of", since) >= max(WINDOWS)
    return everybody(customers, dates).where(old_enough & (until.isNull() | (until >= F.col("as_of")))).drop("ended_on")


def everybody(customers: DataFrame, dates: Sequence[date]) -> DataFrame:
    """All customers on each date, new ones and those who have left too.

    Columns: customer_id, as_of, signed_up_on, ended_on; key: customer_id and as_of.
    """
    asked = F.explode(F.array(*map(F.lit, dates))).alias("as_of")
    return customers.where("is_current").select("customer_id", asked, "signed_up_on", "ended_on")


def features(transactions: DataFrame, spine: DataFrame) -> DataFrame:
    """What each customer of a spine (customer_id, as_of, signed_up_on) had done before the date.

    Columns: customer_id, as_of, recency_days (since the last purchase, or since sign-up; at most 180), purchases_7,
    purchases_30, purchases_90 (order lines in so many days before), value_7, value_30, value_90 (euros), and two trends
    from -1 to 1: the last 30 of the 90 days against the 60 before, 0 where there was nothing. Key: customer_id and
    as_of. Purchases of the date itself and of later ones count for nothing.
    """
    # What was not before the date has no age, and what has no age counts for nothing.
    age = F.when(F.col("ordered_on") < F.col("as_of"), F.date_diff("as_of", "ordered_on"))
    sums = [F.count_if(age <= days).alias(f"purchases_{days}") for days in WINDOWS]
    # Decimals: a sum of DOUBLEs depends on the order of the rows, and so would the model.
    sums += [F.sum(F.when(age <= days, F.col("amount_eur")).otherwise(0)).alias(f"value_{days}") for days in WINDOWS]
    each = spine.join(transactions, "customer_id", "left").groupBy(*KEY, "signed_up_on")
    rows = each.agg(F.min(age).alias("last"), *sums)
    waited = F.greatest(F.coalesce("last", F.date_diff("as_of", "signed_up_on")), F.lit(0))
    recency = F.least(F.coalesce(waited, F.lit(LONGEST_RECENCY)), F.lit(LONGEST_RECENCY))
    rows = rows.withColumn("recency_days", recency)
    known = [name for name in FEATURES if name in rows.columns]
    rows = rows.withColumns({name: F.coalesce(F.col(name).cast("DOUBLE"), F.lit(0.0)) for name in known})
    trends = {f"{name}_trend": trend(F.col(f"{name}_30"), F.col(f"{name}_90")) for name in ("purchases", "value")}
    return rows.withColumns(trends).select(*KEY, *FEATURES)


def trend(month: Column, quarter: Column) -> Column:
    """(a - b) / (a + b), where a is what 30 days brought, and b half of what the 60 before did; 0 where both are 0."""
    before = (quarter - month) / 2
    return F.when(month + before > 0, (month - before) / (month + before)).otherwise(F.lit(0.0))


def quarters_over(first: date, today: date) -> list[date]:
    """The first days of the quarters after `first` that are over `today`: what was asked then has its answer now.

    A quarter of the year counts only if 90 days of purchases lie before it.
    """
    starts = [date(year, month, 1) for year in range(first.year, today.year + 1) for month in (1, 4, 7, 10)]
    return [day for day in starts if (day - first).days >= max(WINDOWS) and next_quarter(day) <= today]


def next_quarter(day: date) -> date:
    """The day on which the quarter that begins on `day` is over."""
    return date(day.year + day.month // 10, (day.month + 2) % 12 + 1, 1)


def labels(customers: DataFrame, dates: Sequence[date]) -> DataFrame:
    """What became of the members of each date, when the quarter that began on it was over.

    Columns: customer_id, at, churned (1.0 where the membership ended in the quarter, else 0.0), segment. Key:
    customer_id and at.
    """
    over = F.create_map(*(F.lit(part) for day in dates for part in (day, next_quarter(day))))[F.col("as_of")]
    current = customers.where("is_current").select("customer_id", "ended_on", "segment")
    left = F.coalesce(F.col("ended_on") < over, F.lit(False))
    asked = members(customers, dates).select("customer_id", "as_of").join(current, "customer_id")
    return asked.select("customer_id", F.col("as_of").alias("at"), left.cast("DOUBLE").alias("churned"), "segment")


def as_known(spine: DataFrame, table: DataFrame) -> DataFrame:
    """Each row of a spine (customer_id, at, and more) with the newest features that were known then; NULLs where none.

    The point-in-time lookup: of the feature table's rows of the customer, those whose `as_of` is not after `at`.
    """
    found = spine.select("customer_id", "at").join(table, "customer_id").where("as_of <= at")
    newest = Window.partitionBy("customer_id", "at").orderBy(F.desc("as_of"))
    known = found.withColumn("_nth", F.row_number().over(newest)).where("_nth = 1").drop("_nth")
    return spine.join(known, ["customer_id", "at"], "left")
