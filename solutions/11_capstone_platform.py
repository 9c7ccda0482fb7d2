# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Capstone platform
#
# Each exercise rebuilds a part of a layer, small enough to hold in one hand. Write your answer where a function says
# `return ____`, run the cell, then run the `check` below it. Every exercise stands alone: begin anywhere. Stuck? Run
# `hint(name_of_the_function)` in a new cell.

# %%
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 11.1 · Keep the contract
#
# *Sources.* A data contract says of each column which type it has (as `dtypes` names it), and whether every row must
# have a value. Judge a delivery by it. Name each column that breaks the contract, and how:
#
# * `missing`: there is no such column;
# * `type`: it has another type;
# * `null`: every row must have a value, and at least one has none.
#
# Name one breach a column, the first of these that applies, in the order of the contract. A column of which the
# contract says nothing breaks nothing.
#
# `{"order_id": ("string", True), "coupon": ("string", False)}` and two rows, one of them without `order_id` →
# `[("order_id", "null")]`


# %%
def contract_breaches(delivery: DataFrame, contract: Mapping[str, tuple[str, bool]]) -> list[tuple[str, str]]:
    """The columns that break the contract, a type and "must have a value" by name, each with how it breaks it."""
    # BEGIN SOLUTION
    types = dict(delivery.dtypes)
    nulls = delivery.select(*(F.bool_or(F.col(name).isNull()).alias(name) for name in types)).first()
    breaches = []
    for name, (kind, must_have_value) in contract.items():
        if name not in types:
            breaches.append((name, "missing"))
        elif types[name] != kind:
            breaches.append((name, "type"))
        elif must_have_value and nulls[name]:
            breaches.append((name, "null"))
    return breaches
    # END SOLUTION


# %%
check(contract_breaches)

# %% [markdown]
# ## Exercise 11.2 · Every file once
#
# *Ingestion.* A sender announces files, each with its path and a checksum of its content. `loaded` has the checksum of
# each path that bronze has taken in. Say of each announced file, in the order of the announcement, the first of these
# that holds:
#
# * `again`: this path has come with this content;
# * `changed`: this path has come with another content: somebody must look;
# * `copy`: this content has come under another path. (Each line has a number, so no two honest files are equal.)
# * `load`: neither the path nor the content has come before.
#
# What stands earlier in the announcement has come before what stands later, whatever its verdict.
#
# `[("1.json", "aa"), ("2.json", "bb")]` and `{"1.json": "aa"}` → `[("1.json", "again"), ("2.json", "load")]`


# %%
def judged_files(announced: Sequence[tuple[str, str]], loaded: Mapping[str, str]) -> list[tuple[str, str]]:
    """Path and verdict of each announced file; `loaded` is the checksum of each path that was taken in before."""
    # BEGIN SOLUTION
    come, verdicts = list(loaded.items()), []
    for path, checksum in announced:
        if (path, checksum) in come:
            verdict = "again"
        elif any(path == known for known, _ in come):
            verdict = "changed"
        else:
            verdict = "copy" if any(checksum == known for _, known in come) else "load"
        verdicts.append((path, verdict))
        come.append((path, checksum))
    return verdicts
    # END SOLUTION


# %%
check(judged_files)

# %% [markdown]
# ## Exercise 11.3 · All reasons
#
# *Silver.* Add `reasons` to each row: the names of all rules that it breaks, in the order of the rules, and an empty
# array where it breaks none. A rule is a name and a condition in SQL. A row keeps it only where the condition is TRUE.
#
# `[("id_present", "id IS NOT NULL"), ("price_positive", "price > 0")]`
#
# `id, price`: `("A", None)` → `id string, price double, reasons array<string>`: `("A", None, ["price_positive"])`


# %%
def with_reasons(rows: DataFrame, rules: Sequence[tuple[str, str]]) -> DataFrame:
    """The rows with `reasons`, the names of the rules (name, condition) that each one breaks."""
    # BEGIN SOLUTION
    broken = [F.when(~F.coalesce(F.expr(condition), F.lit(False)), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(*broken)))
    # END SOLUTION


# %%
check(with_reasons)

# %% [markdown]
# ## Exercise 11.4 · Clean, quarantined, duplicate
#
# *Silver.* Each delivered row becomes one of three, and none gets lost:
#
# * `duplicate`: a row of the same key and content has come before, in `silver` or in this delivery;
# * `clean`: it has no reasons, and its key is free: neither in `silver`, nor taken by a clean row before it;
# * `quarantined`: anything else. So two different clean rows of one key are no duplicates: the second contradicts the
#   first.
#
# What has the smaller `place` has come before. `silver` has one row a key; its rows came before the delivery.
#
# `place int, key string, content string, reasons array<string>` and `key string, content string` → `place int, key
# string, verdict string`


# %%
def verdicts(delivered: DataFrame, silver: DataFrame) -> DataFrame:
    """The verdict of each delivered row: clean, quarantined or duplicate."""
    # BEGIN SOLUTION
    same = Window.partitionBy("key", "content").orderBy("place")
    before = Window.partitionBy("key").orderBy("place").rowsBetween(Window.unboundedPreceding, -1)
    rows = delivered.join(silver.withColumnRenamed("content", "stored"), "key", "left")
    in_silver = F.coalesce(F.col("stored") == F.col("content"), F.lit(False))
    rows = rows.withColumn("again", in_silver | (F.row_number().over(same) > 1))
    fit = ~F.col("again") & (F.size("reasons") == 0)
    taken = F.col("stored").isNotNull() | F.coalesce(F.max(fit).over(before), F.lit(False))
    verdict = F.when(F.col("again"), "duplicate").when(fit & ~taken, "clean").otherwise("quarantined")
    return rows.select("place", "key", verdict.alias("verdict"))
    # END SOLUTION


# %%
check(verdicts)

# %% [markdown]
# ## Exercise 11.5 · Judged again
#
# *Silver.* Payments wait in quarantine, some because their customer was not known. Since then `customers` has got new
# rows; it is a history, with several versions of a customer. Give each waiting payment its reasons of today:
#
# * `customer_known` is a reason no longer where the customer is known now;
# * all other reasons stay;
# * a payment that would be free now, and whose id `silver` has got meanwhile, has the reason `transaction_unique`.
#
# A payment without reasons will be let go by somebody else. An id can wait more than once, and each of its rows stays.
#
# `transaction_id string, customer_id string, reasons array<string>` → the same columns and rows


# %%
def judged_again(waiting: DataFrame, customers: DataFrame, silver: DataFrame) -> DataFrame:
    """The waiting payments with the reasons that they have today."""
    # BEGIN SOLUTION
    known = customers.select("customer_id", F.lit(True).alias("known")).distinct()
    taken = silver.select("transaction_id", F.lit(True).alias("taken"))
    rows = waiting.join(known, "customer_id", "left").join(taken, "transaction_id", "left")
    left = F.when(F.col("known"), F.array_remove("reasons", "customer_known")).otherwise(F.col("reasons"))
    again = F.col("taken") & (F.size(left) == 0)
    today = F.when(again, F.array(F.lit("transaction_unique"))).otherwise(left)
    return rows.select("transaction_id", "customer_id", today.alias("reasons"))
    # END SOLUTION


# %%
check(judged_again)

# %% [markdown]
# ## Exercise 11.6 · Only the touched days
#
# *Gold.* `gold` has the sales of each day. `feed` is the change data feed of silver since gold was made: inserts,
# deletes, and updates with the row before and after (`update_preimage`, `update_postimage`). Return gold as it is now:
# the days that the feed touches, computed again from all of their rows in `silver`, and all other days as they stand.
# Silver keeps ninety days only, so the rows of older days are gone. A day without any row has no sales: it has no row
# in gold.
#
# `ordered_on date, orders bigint, revenue double`; `order_id string, ordered_on date, amount double` (silver), and
# `_change_type string` with it (feed) → the columns of gold


# %%
def refreshed_sales(gold: DataFrame, silver: DataFrame, feed: DataFrame) -> DataFrame:
    """The sales of each day, brought up to date with silver by what the change data feed touches."""
    # BEGIN SOLUTION
    touched = feed.select("ordered_on")
    untouched = gold.join(touched, "ordered_on", "left_anti")
    rows = silver.join(touched, "ordered_on", "left_semi")
    again = rows.groupBy("ordered_on").agg(F.count("*").alias("orders"), F.sum("amount").alias("revenue"))
    return untouched.unionByName(again)
    # END SOLUTION


# %%
check(refreshed_sales)

# %% [markdown]
# ## Exercise 11.7 · Never fresher than it is
#
# *Serving.* Say how old the data of each source is: the minutes since its newest arrival, rounded up. An arrival whose
# status is not `arrived` has brought nothing. A source that has never delivered has NULL. Add a row `platform` with the
# age of the whole, which is that of its oldest source; and NULL, if that of one source is not known.
#
# `source string` (sources); `source string, arrived_at timestamp, status string` (arrivals); 12:00 → `source string,
# minutes bigint`: `("crm", 5), ("till", None), ("platform", None)`


# %%
def freshness(sources: DataFrame, arrivals: DataFrame, now: datetime) -> DataFrame:
    """The minutes since the newest arrival of each source, and of the platform as a whole."""
    # BEGIN SOLUTION
    newest = arrivals.where("status = 'arrived'").groupBy("source").agg(F.max("arrived_at").alias("newest"))
    seconds = F.unix_timestamp(F.lit(now)) - F.unix_timestamp("newest")
    ages = sources.join(newest, "source", "left").select("source", F.ceil(seconds / 60).alias("minutes"))
    oldest = F.when(F.count("minutes") == F.count("*"), F.max("minutes")).alias("minutes")
    return ages.union(ages.agg(oldest).select(F.lit("platform"), "minutes"))
    # END SOLUTION


# %%
check(freshness)

# %% [markdown]
# ## Exercise 11.8 · Where did they get lost?
#
# *Books.* A row a source: how many rows its sender announced, how many bronze has read, and where those are now. Two
# borders are watched: `landing`, where read must be what was announced, and `silver`, where read must be clean +
# quarantined + duplicate. Return a row for each border that does not balance: how many rows are lost there, or, as a
# negative number, are too many. A count that is NULL means that there are no such rows; but an announcement that is
# NULL was never made, and then nothing can be said of `landing`.
#
# `source string, announced bigint, read bigint, clean bigint, quarantined bigint, duplicate bigint` → `source string,
# border string, rows bigint`


# %%
def lost_rows(books: DataFrame) -> DataFrame:
    """The borders that do not balance: source, border (landing or silver), and the rows that are lost there."""
    # BEGIN SOLUTION
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    landing = counted.selectExpr("source", "'landing' AS border", "announced - read AS rows")
    silver = counted.selectExpr("source", "'silver' AS border", "read - clean - quarantined - duplicate AS rows")
    return landing.union(silver).where("rows <> 0")
    # END SOLUTION


# %%
check(lost_rows)

# %% [markdown]
# ## Exercise 11.9 · What one could know that morning
#
# *Features.* Describe each customer as they could be described in the morning of `as_of`. Known are the customers who
# signed up before that day, and the orders that were delivered to the platform before that day, whenever they were
# placed. Count the orders of the last 30 days and add up what was spent in the last 90, both counted back from `as_of`
# and with their first day; and give the days since the last order, NULL where there is none.
#
# `customer_id string, signed_up_on date`; `order_id string, customer_id string, ordered_on date, delivered_on date,
# amount double`; a date → `customer_id string, orders_30d bigint, spent_90d double, days_since_last int`


# %%
def features_as_of(customers: DataFrame, orders: DataFrame, as_of: date) -> DataFrame:
    """The features of each customer as of a morning, from nothing that became known later."""
    # BEGIN SOLUTION
    today = F.lit(as_of)
    known = orders.where(F.col("delivered_on") < today).withColumn("age", F.datediff(today, "ordered_on"))
    bought = known.groupBy("customer_id").agg(
        F.count_if(F.col("age") <= 30).alias("orders_30d"),
        F.sum(F.when(F.col("age") <= 90, F.col("amount"))).alias("spent_90d"),
        F.min("age").alias("days_since_last"),
    )
    registered = customers.where(F.col("signed_up_on") < today).select("customer_id")
    return registered.join(bought, "customer_id", "left").fillna(0, ["orders_30d", "spent_90d"])
    # END SOLUTION


# %%
check(features_as_of)

# %% [markdown]
# ## Exercise 11.10 · The newest that was known
#
# *Features.* `labels` says what became of a customer after the day `at`. `features` describes customers as of certain
# days. Give each label the newest features as of `at` or before, and the day of these; NULL where there are none. A
# feature can be NULL, and is the newest all the same.
#
# `customer_id string, at date, churned boolean`; `customer_id string, as_of date, orders_30d bigint` → `customer_id
# string, at date, churned boolean, as_of date, orders_30d bigint`, one row a label


# %%
def with_features(labels: DataFrame, features: DataFrame) -> DataFrame:
    """The labels, each with the newest features as of its day or before."""
    # BEGIN SOLUTION
    described = features.withColumnRenamed("customer_id", "described_id")
    found = labels.join(described, F.expr("customer_id = described_id AND as_of <= at"), "left")
    newest = found.groupBy("customer_id", "at", "churned").agg(F.max(F.struct("as_of", "orders_30d")).alias("newest"))
    return newest.select("customer_id", "at", "churned", "newest.*")
    # END SOLUTION


# %%
check(with_features)

# %% [markdown]
# ## Exercise 11.11 · The gate
#
# *Model.* A challenger wants to become champion. `scored` has, of each customer, the probability of churn by three
# models, and whether the customer left. The loss of a model is the mean of (probability − left)², the Brier score;
# smaller is better. Compare the three on the same rows: those that all three have scored. Say what stands against the
# challenger, in this order:
#
# * `champion` and `baseline`, unless its loss is smaller than theirs;
# * `segment …` for each segment in which its loss is larger than the champion's, by name in alphabetical order.
#
# `segment string, left int, challenger double, champion double, baseline double` → `["baseline", "segment business"]`;
# an empty list opens the gate


# %%
def objections(scored: DataFrame) -> list[str]:
    """What stands against the challenger: the rivals that it does not beat, the segments that it makes worse."""
    # BEGIN SOLUTION
    models = ["challenger", "champion", "baseline"]
    same_rows = scored.dropna(subset=models)
    losses = [F.avg(F.pow(F.col(model) - F.col("left"), 2)).alias(model) for model in models]
    total = same_rows.agg(*losses).first()
    segments = same_rows.groupBy("segment").agg(*losses).orderBy("segment").collect()
    found = [rival for rival in ("champion", "baseline") if total["challenger"] >= total[rival]]
    return found + [f"segment {row['segment']}" for row in segments if row["challenger"] > row["champion"]]
    # END SOLUTION


# %%
check(objections)

# %% [markdown]
# ## Exercise 11.12 · Has the world moved?
#
# *Drift.* Compare a feature's values of now with those on which the model was trained, by the population stability
# index (PSI). `edges` cut the numbers into bins: a value belongs into the bin behind the last edge that is not larger
# than it. NULL is a bin of its own. With p and q the shares of a bin before and now, the index is the sum over the bins
# of (q − p) · ln(q / p), where a share of less than 0.0001 counts as 0.0001. Round it to four decimals.
#
# `[1.0, 1.0, 9.0, 9.0]`, `[1.0, 9.0, 9.0, 9.0]`, `[5.0]` → `0.2747`


# %%
def stability_index(before: Sequence[float | None], now: Sequence[float | None], edges: Sequence[float]) -> float:
    """The population stability index of two samples, by the bins between ascending `edges`."""

    # BEGIN SOLUTION
    def shares(values):
        bins = Counter(None if value is None else bisect_right(edges, value) for value in values)
        return {place: count / len(values) for place, count in bins.items()}

    old, new, index = shares(before), shares(now), 0.0
    for place in old.keys() | new.keys():
        p, q = max(old.get(place, 0), 0.0001), max(new.get(place, 0), 0.0001)
        index = index + (q - p) * math.log(q / p)
    return round(index, 4)
    # END SOLUTION


# %%
check(stability_index)

# %% [markdown]
# ## Exercise 11.13 · The release to show
#
# *API.* The API shows one release: the newest that is complete, which means that it names a version of each table that
# is `needed`. Return its number, and the versions of just these tables; None as long as there is none. The releases
# come in any order.
#
# `[{"release": 4, "versions": {"sales": 7, "tiers": 2, "months": 5}}]` and `["sales", "tiers"]` → `{"release": 4,
# "versions": {"sales": 7, "tiers": 2}}`


# %%
def release_to_show(releases: Sequence[Mapping[str, Any]], needed: Sequence[str]) -> dict[str, Any] | None:
    """The newest release that names a version of all needed tables, with these versions; None where there is none."""
    # BEGIN SOLUTION
    complete = [one for one in releases if all(name in one["versions"] for name in needed)]
    newest = max(complete, key=lambda one: one["release"], default=None)
    if newest is None:
        return None
    return {"release": newest["release"], "versions": {name: newest["versions"][name] for name in needed}}
    # END SOLUTION


# %%
check(release_to_show)

# %% [markdown]
# ## Exercise 11.14 · Bought together
#
# *API.* Which products are bought together? Return each pair that is in at least `least` orders, the smaller id first,
# with three numbers: `together`, the orders with both; `support`, their share of all orders; and `lift`, how many times
# more often they are together than if chance had filled the orders: support divided by the shares of either product. A
# product counts once an order, however many lines it has there.
#
# `order_id string, product_id string`, 2 → `product_id string, other_id string, together bigint, support double, lift
# double`


# %%
def bought_together(lines: DataFrame, least: int) -> DataFrame:
    """The pairs of products of at least `least` orders, with support and lift."""
    # BEGIN SOLUTION
    baskets = lines.select("order_id", "product_id").distinct()
    orders = baskets.select("order_id").distinct().count()
    sold = baskets.groupBy("product_id").agg(F.count("*").alias("sold"))
    others = baskets.withColumnRenamed("product_id", "other_id")
    both = baskets.join(others, "order_id").where("product_id < other_id")
    pairs = both.groupBy("product_id", "other_id").agg(F.count("*").alias("together"))
    counted = pairs.where(F.col("together") >= least).join(sold, "product_id")
    counted = counted.join(sold.toDF("other_id", "other_sold"), "other_id")
    lift = F.col("together") * orders / (F.col("sold") * F.col("other_sold"))
    support = F.col("together") / orders
    return counted.select("product_id", "other_id", "together", support.alias("support"), lift.alias("lift"))
    # END SOLUTION


# %%
check(bought_together)

# %% [markdown]
# ## Exercise 11.15 · Where to go on
#
# *Operations.* A layer notes in a journal what it does, oldest first: a batch is `planned`, and later `done`, or it has
# `failed`. `until` is the version of its source table up to which the batch reads. What comes next? Return the batch's
# number, and the versions after which and up to which it reads:
#
# * a batch that was planned and is not done is done again, exactly as it was planned;
# * otherwise, if the source table has a `newest` version that is not read yet, it is the next number, up to `newest`;
# * otherwise there is nothing to do: None.
#
# The first batch has the number 0 and reads after version -1. All batches up to the last one that is done are done.
#
# `[{"batch": 0, "status": "planned", "until": 3}, {"batch": 0, "status": "done", "until": 3}]` and 5 → `(1, 3, 5)`


# %%
def next_work(notes: Sequence[Mapping[str, Any]], newest: int) -> tuple[int, int, int] | None:
    """Number of the next batch, the version after which it reads, and the version up to which it reads."""
    # BEGIN SOLUTION
    batch, since = -1, -1
    for note in notes:
        if note["status"] == "done":
            batch, since = note["batch"], note["until"]
    for note in notes:
        if note["status"] == "planned" and note["batch"] > batch:
            return note["batch"], since, note["until"]
    return (batch + 1, since, newest) if newest > since else None
    # END SOLUTION


# %%
check(next_work)

# %% [markdown]
# ## Exercise 11.16 · Forget one customer
#
# *Operations.* A customer asks to be forgotten. Return every table as it is after that, by its name. Whose row it is
# says the column `customer_id`, or, in a table that keeps refused rows, the field `customer_id` in the JSON text
# `record`. All rows of the customer go. But the shop must be able to prove its sales: in `transactions` the rows stay,
# with `customer_id` NULL. Rows that belong to nobody, and records that cannot be read, stay too.
#
# `{"features": …, "quarantine": …, "transactions": …}` and `"C1"` → a dictionary of the same names


# %%
def forgotten(tables: Mapping[str, DataFrame], customer_id: str) -> dict[str, DataFrame]:
    """The tables without the rows of a customer; the sales stay, and say no longer whose they are."""
    # BEGIN SOLUTION
    after = {}
    for name, rows in tables.items():
        whose = F.get_json_object("record", "$.customer_id") if "record" in rows.columns else F.col("customer_id")
        if name == "transactions":
            after[name] = rows.withColumn("customer_id", F.nullif("customer_id", F.lit(customer_id)))
        else:
            after[name] = rows.where(~whose.eqNullSafe(customer_id))
    return after
    # END SOLUTION


# %%
check(forgotten)
