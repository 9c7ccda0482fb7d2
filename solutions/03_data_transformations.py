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
# # Exercises: Data transformations
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere, and answer with DataFrame functions or with SQL, as you like. For SQL, give a
# DataFrame a name first: `orders.createOrReplaceTempView("orders")`. Stuck? Run `hint(name_of_the_function)` in a new
# cell.

# %%
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 3.1 · Nobody bought
#
# Return the customers who have no order. A guest buys without an account, so some orders have `customer_id` NULL.
#
# customers: `customer_id, city`; orders: `order_id, customer_id` → `customer_id, city`


# %%
def without_orders(customers: DataFrame, orders: DataFrame) -> DataFrame:
    """The customers who have no order."""
    # BEGIN SOLUTION
    return customers.join(orders, "customer_id", "left_anti")
    # END SOLUTION


# %%
check(without_orders)

# %% [markdown]
# ## Exercise 3.2 · Everybody's total
#
# Per customer, count the paid orders and add their amounts. Every customer appears, also one who has paid nothing:
# with 0 orders and a total of 0.0. The amount of an order can be NULL.
#
# customers: `customer_id`; orders: `order_id, customer_id, status, amount` → `customer_id, orders bigint, total
# double`, one row a customer


# %%
def paid_totals(customers: DataFrame, orders: DataFrame) -> DataFrame:
    """One row a customer: the number of orders with the status `paid`, and their total."""
    # BEGIN SOLUTION
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "left").groupBy("customer_id")
    return each.agg(F.count("order_id").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total"))
    # END SOLUTION


# %%
check(paid_totals)

# %% [markdown]
# ## Exercise 3.3 · A running balance
#
# Add to every payment the customer's balance after it: the sum of the payments up to and including this one, in the
# order of `paid_on`. Several payments of a day follow each other by `payment_id`.
#
# `payment_id, customer_id, paid_on date, amount` → the same columns and `balance double`


# %%
def running_balance(payments: DataFrame) -> DataFrame:
    """Every payment with the balance of its customer right after it."""
    # BEGIN SOLUTION
    so_far = Window.partitionBy("customer_id").orderBy("paid_on", "payment_id")
    return payments.withColumn("balance", F.sum("amount").over(so_far))
    # END SOLUTION


# %%
check(running_balance)

# %% [markdown]
# ## Exercise 3.4 · The two best of each category
#
# Return the two products that sold most in each category. Of products that sold equally, the smaller `product_id`
# comes first. A product whose `sold` is NULL comes last.
#
# `product_id, category, sold int` → the same columns, at most two rows a category


# %%
def best_sellers(products: DataFrame) -> DataFrame:
    """The two best-selling products of each category, ties broken by product_id."""
    # BEGIN SOLUTION
    best_first = Window.partitionBy("category").orderBy(F.desc("sold"), "product_id")
    placed = products.withColumn("place", F.row_number().over(best_first))
    return placed.where("place <= 2").drop("place")
    # END SOLUTION


# %%
check(best_sellers)

# %% [markdown]
# ## Exercise 3.5 · A column a quarter
#
# Turn the sales into one row a country and one column a quarter. A report reads the table, so all four columns are
# there, in every year and also where nobody sold anything: then with 0.0. Every country that occurs keeps its row, and
# so does NULL, where the country is not known.
#
# `country, quarter, amount`: `("NO", "Q1", 5.0), ("NO", "Q1", 2.0)` → `country, Q1, Q2, Q3, Q4`: `("NO", 7.0, 0.0,
# 0.0, 0.0)`


# %%
def revenue_by_quarter(sales: DataFrame) -> DataFrame:
    """One row a country: the sum of `amount` in each of the columns Q1 to Q4."""
    # BEGIN SOLUTION
    quarters = ["Q1", "Q2", "Q3", "Q4"]
    return sales.groupBy("country").pivot("quarter", quarters).agg(F.sum("amount")).fillna(0.0, quarters)
    # END SOLUTION


# %%
check(revenue_by_quarter)

# %% [markdown]
# ## Exercise 3.6 · One row a line
#
# Each order holds its lines as an array. Return one row a line, numbered from 1 in the order of the array. An order
# without lines, be its array empty or NULL, keeps one row, with NULL in the other columns.
#
# `order_id, items array<struct<sku string, quantity int>>` → `order_id, line int, sku string, quantity int`


# %%
def order_lines(orders: DataFrame) -> DataFrame:
    """One row a line of an order, and one for an order without lines."""
    # BEGIN SOLUTION
    lines = orders.select("order_id", F.posexplode_outer("items").alias("position", "item"))
    return lines.select("order_id", (F.col("position") + 1).alias("line"), "item.sku", "item.quantity")
    # END SOLUTION


# %%
check(order_lines)

# %% [markdown]
# ## Exercise 3.7 · What a basket is worth
#
# Return what each order is worth: price times quantity, added over the lines that were not returned. Where `returned`
# is NULL nobody has sent the goods back. A gift has no price, and counts for nothing. An order without lines, be its
# array empty or NULL, is worth 0.0. Neither a Python function nor a shuffle is needed.
#
# `order_id, items array<struct<price double, quantity int, returned boolean>>` → `order_id, value double`, one row an
# order


# %%
def basket_values(orders: DataFrame) -> DataFrame:
    """One row an order: the value of its lines that were not returned."""
    # BEGIN SOLUTION
    kept = F.filter("items", lambda item: ~F.coalesce(item.returned, F.lit(False)))
    worth = F.transform(kept, lambda item: F.coalesce(item.price * item.quantity, F.lit(0.0)))
    value = F.aggregate(worth, F.lit(0.0), lambda total, one: total + one)
    return orders.select("order_id", F.coalesce(value, F.lit(0.0)).alias("value"))
    # END SOLUTION


# %%
check(basket_values)

# %% [markdown]
# ## Exercise 3.8 · Lines of JSON
#
# Read the lines of a file of JSON. Keep every line: one that is no JSON comes back in `bad`, as it is, and NULL in
# `event_id` and `amount`. A line that is JSON is not bad, also where `amount` is absent or no number: then `amount`
# is NULL.
#
# `line_no, line`: `(1, '{"event_id": "E1", "amount": 9.5}'), (2, '{"eve')` → `line_no, event_id string, amount
# double, bad string`: `(1, "E1", 9.5, None), (2, None, None, '{"eve')`


# %%
def parse_events(lines: DataFrame) -> DataFrame:
    """One row a line: its event, or the line itself where it is no JSON."""
    # BEGIN SOLUTION
    event = F.try_parse_json("line")
    return lines.select(
        "line_no",
        F.try_variant_get(event, "$.event_id", "string").alias("event_id"),
        F.try_variant_get(event, "$.amount", "double").alias("amount"),
        F.when(event.isNull(), F.col("line")).alias("bad"),
    )
    # END SOLUTION


# %%
check(parse_events)

# %% [markdown]
# ## Exercise 3.9 · Amounts that are none
#
# A file brings amounts as text. Return them as `decimal(10,2)`, and keep what is not one apart: then `amount` is NULL
# and `bad` holds the text. Where nothing was delivered, both are NULL. No line is lost.
#
# `line_id, amount string`: `("L1", "12.50"), ("L2", "twelve")` → `line_id, amount decimal(10,2), bad string`:
# `("L1", 12.50, None), ("L2", None, "twelve")`


# %%
def amounts_apart(lines: DataFrame) -> DataFrame:
    """Every line with its amount as a number, or with the text that is none."""
    # BEGIN SOLUTION
    amount = F.col("amount").try_cast("decimal(10,2)")
    return lines.select("line_id", amount, F.when(amount.isNull(), F.col("amount")).alias("bad"))
    # END SOLUTION


# %%
check(amounts_apart)

# %% [markdown]
# ## Exercise 3.10 · The shop's day
#
# The shop is in Berlin, and its day begins and ends there. Add the sales of each of its days. `sold_at` is a
# `timestamp`, a moment; the session's time zone is UTC, as everywhere in this course.
#
# `sale_id, sold_at timestamp, amount`: one sale at `2026-07-01 22:30` UTC → `day date, revenue double`: one row of
# `2026-07-02`


# %%
def revenue_per_day(sales: DataFrame) -> DataFrame:
    """One row a day of Europe/Berlin: the sum of its sales."""
    # BEGIN SOLUTION
    day = F.to_date(F.from_utc_timestamp("sold_at", "Europe/Berlin"))
    return sales.groupBy(day.alias("day")).agg(F.sum("amount").alias("revenue"))
    # END SOLUTION


# %%
check(revenue_per_day)

# %% [markdown]
# ## Exercise 3.11 · Only who said yes
#
# Delete from a Delta table everybody who did not say yes. `consent` is `yes`, `no`, or NULL where nobody asked.
#
# a table `customer_id, consent`: `("C1", "yes"), ("C2", "no"), ("C3", None)` → nothing is returned; the table holds
# `("C1", "yes")`


# %%
def keep_consenting(spark: SparkSession, table: str) -> None:
    """Delete from `table` all whose consent is not `yes`."""
    # BEGIN SOLUTION
    spark.sql(f"DELETE FROM {table} WHERE NOT (consent <=> 'yes')")
    # END SOLUTION


# %%
check(keep_consenting)

# %% [markdown]
# ## Exercise 3.12 · One column more, not two
#
# From today on the orders bring two columns that the Delta table has not: `coupon`, which it should get, and
# `debug_id`, which somebody forgot to remove. Append the rows, with `coupon` and without `debug_id`. Older rows
# have no coupon. Tomorrow the function runs again.
#
# rows: `coupon, order_id, debug_id, amount`; a table `order_id, amount` → nothing is returned; the table has
# `order_id, amount, coupon`


# %%
def append_orders(rows: DataFrame, table: str) -> None:
    """Append the orders to `table`, which gets the column `coupon` and no other."""
    # BEGIN SOLUTION
    wanted = rows.select("order_id", "amount", "coupon")
    wanted.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)
    # END SOLUTION


# %%
check(append_orders)

# %% [markdown]
# ## Exercise 3.13 · Back to which version
#
# A load wrote nonsense, in one or several commits, and the table must be restored. Every load writes its name into
# `userMetadata`. Given what `DESCRIBE HISTORY` says, return the version that the table had just before the load
# began, as an int; `None` where the history does not know the load.
#
# `version, operation, userMetadata`: `(2, "WRITE", "load 8"), (1, "WRITE", "load 7"), (0, "CREATE TABLE", None)` and
# `"load 8"` → `1`


# %%
def version_before(history: DataFrame, load: str) -> int | None:
    """The version to restore, so that nothing of `load` is left."""
    # BEGIN SOLUTION
    first = history.where(F.col("userMetadata") == load).agg(F.min("version")).first()[0]
    return None if first is None else first - 1
    # END SOLUTION


# %%
check(version_before)

# %% [markdown]
# ## Exercise 3.14 · What went missing
#
# Somebody suspects that a job lost rows of a Delta table. Return the rows that `version` has and the table has no
# more. The same row can be there several times: where three were and one is, two are missing.
#
# the name of a table `sku, place` and a version → `sku, place`, one row for each that is missing


# %%
def rows_lost(spark: SparkSession, table: str, version: int) -> DataFrame:
    """The rows of `version` that the table has no more, each as often as it is missing."""
    # BEGIN SOLUTION
    before = spark.read.option("versionAsOf", version).table(table)
    return before.exceptAll(spark.table(table))
    # END SOLUTION


# %%
check(rows_lost)

# %% [markdown]
# ## Exercise 3.15 · Count what changed
#
# A Delta table keeps a change data feed. A consumer has read all versions up to and including `seen`, and there are
# newer ones. Count the rows that were inserted, updated and deleted since then.
#
# the name of a table, and `seen` → `kind string, rows bigint`: one row for each of `insert`, `update`, `delete` that
# happened


# %%
def changes_by_kind(spark: SparkSession, table: str, seen: int) -> DataFrame:
    """One row a kind of change in the versions after `seen`: how many rows it touched."""
    # BEGIN SOLUTION
    feed = spark.read.option("readChangeFeed", "true").option("startingVersion", seen + 1).table(table)
    kind = F.regexp_replace("_change_type", "_postimage", "")
    changes = feed.where("_change_type <> 'update_preimage'")
    return changes.groupBy(kind.alias("kind")).agg(F.count("*").alias("rows"))
    # END SOLUTION


# %%
check(changes_by_kind)

# %% [markdown]
# ## Exercise 3.16 · What VACUUM takes
#
# You see the data files in the folder of a Delta table, and what its log says of them: `live` belongs to the newest
# version, `removed` to older versions only, `unknown` to none, such as one that a failed job left behind. Return the
# files that `VACUUM … RETAIN hours HOURS` deletes: those that are out of use for more than `hours`. A removed file is
# out of use since it was removed, an unknown one since it was written.
#
# `path, state, written_hours_ago int, removed_hours_ago int` and `hours` → `path`


# %%
def vacuumed(files: DataFrame, hours: int) -> DataFrame:
    """The files that VACUUM deletes with a retention of `hours`."""
    # BEGIN SOLUTION
    unused = files.where("state <> 'live'")
    return unused.where(F.coalesce("removed_hours_ago", "written_hours_ago") > hours).select("path")
    # END SOLUTION


# %%
check(vacuumed)

# %% [markdown]
# ## Exercise 3.17 · One row a customer
#
# The CRM delivers the same customer more than once, and the same change too. Keep the row with the newest
# `changed_on`; where two are equally new, the larger `change_id` wins.
#
# `customer_id, city, changed_on date, change_id int` → the same columns, one row a `customer_id`


# %%
def newest_per_customer(changes: DataFrame) -> DataFrame:
    """One row a customer: the newest change, ties broken by change_id."""
    # BEGIN SOLUTION
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    placed = changes.withColumn("place", F.row_number().over(newest_first))
    return placed.where("place = 1").drop("place")
    # END SOLUTION


# %%
check(newest_per_customer)

# %% [markdown]
# ## Exercise 3.18 · Who is there now
#
# A log holds every change of the customers: `op` is `I`, `U` or `D` for insert, update and delete. `change_id`
# grows with each change at the source; the rows arrive in any order. Return the customers that exist now.
#
# `customer_id, change_id int, op, city` → `customer_id, city`, one row a customer


# %%
def current_customers(changes: DataFrame) -> DataFrame:
    """The customers that exist after all changes, with their city."""
    # BEGIN SOLUTION
    newest = F.max_by(F.struct("op", "city"), "change_id")
    last = changes.groupBy("customer_id").agg(newest.alias("last"))
    return last.where("last.op <> 'D'").select("customer_id", "last.city")
    # END SOLUTION


# %%
check(current_customers)

# %% [markdown]
# ## Exercise 3.19 · Newer prices only
#
# Bring new prices into a Delta table with one MERGE. A batch can hold a product several times, and it can be late:
# of all changes of a product, those in the table included, the one with the largest `change_id` counts. New
# products are added.
#
# updates and the table: `product_id, price double, change_id int` → nothing is returned; the table has one row a
# product


# %%
def upsert_prices(updates: DataFrame, table: str) -> None:
    """Merge the prices into `table`, so that the newest change of each product is there."""
    # BEGIN SOLUTION
    newest = F.max_by("price", "change_id").alias("price"), F.max("change_id").alias("change_id")
    updates.groupBy("product_id").agg(*newest).createOrReplaceTempView("newest_prices")
    updates.sparkSession.sql(f"""
        MERGE INTO {table} AS target
        USING newest_prices AS source ON target.product_id = source.product_id
        WHEN MATCHED AND source.change_id > target.change_id THEN UPDATE SET *
        WHEN NOT MATCHED THEN INSERT *
    """)
    # END SOLUTION


# %%
check(upsert_prices)

# %% [markdown]
# ## Exercise 3.20 · Count every movement once
#
# Movements of goods change the stock in a Delta table. A batch that failed halfway, with some products counted and
# others not, is delivered again, together with newer movements, and a movement can stand in it twice. The movements of
# a product arrive in the order of `movement_id`, and the table remembers for each product in `last_id` the last one
# that it counted. Bring the batch in, so that every movement counts once.
#
# movements: `movement_id int, product_id, quantity int`; the table: `product_id, stock bigint, last_id int` →
# nothing is returned; a product that the table has not starts at 0


# %%
def apply_movements(movements: DataFrame, table: str) -> None:
    """Add the movements that `table` has not counted yet to its stock."""
    # BEGIN SOLUTION
    known = movements.dropDuplicates().join(movements.sparkSession.table(table), "product_id", "left")
    new = known.where("last_id IS NULL OR movement_id > last_id").groupBy("product_id")
    batch = new.agg(F.sum("quantity").alias("stock"), F.max("movement_id").alias("last_id"))
    batch.createOrReplaceTempView("new_movements")
    movements.sparkSession.sql(f"""
        MERGE INTO {table} AS target
        USING new_movements AS source ON target.product_id = source.product_id
        WHEN MATCHED THEN UPDATE SET stock = target.stock + source.stock, last_id = source.last_id
        WHEN NOT MATCHED THEN INSERT *
    """)
    # END SOLUTION


# %%
check(apply_movements)

# %% [markdown]
# ## Exercise 3.21 · A late change must not raise the dead
#
# Apply a batch of changes to a Delta table of customers. They arrive in any order, also after changes that the
# table has seen: the largest `change_id` of a customer wins. So that an older change cannot bring back a customer
# who was deleted, a delete leaves a mark: the row stays, with `deleted` true, the `change_id` of the delete, and
# `city` NULL.
#
# changes: `customer_id, change_id int, op, city`, where `op` is `I`, `U` or `D`; the table: `customer_id, city,
# change_id int, deleted boolean` → nothing is returned; the table has one row for every customer that was ever
# heard of


# %%
def apply_changes(changes: DataFrame, table: str) -> None:
    """Merge the changes into `table`, which keeps a mark of every customer that was deleted."""
    # BEGIN SOLUTION
    newest = F.max_by(F.struct("op", "city"), "change_id").alias("last"), F.max("change_id").alias("change_id")
    last = changes.groupBy("customer_id").agg(*newest).withColumn("deleted", F.col("last.op") == "D")
    rows = last.withColumn("city", F.when(~F.col("deleted"), F.col("last.city")))
    rows.select("customer_id", "city", "change_id", "deleted").createOrReplaceTempView("newest_changes")
    changes.sparkSession.sql(f"""
        MERGE INTO {table} AS target
        USING newest_changes AS source ON target.customer_id = source.customer_id
        WHEN MATCHED AND source.change_id > target.change_id THEN UPDATE SET *
        WHEN NOT MATCHED THEN INSERT *
    """)
    # END SOLUTION


# %%
check(apply_changes)

# %% [markdown]
# ## Exercise 3.22 · The price of that day
#
# Give every sale the price that held on its day. A price holds from `valid_from` up to, and without, `valid_to`; the
# one that holds now has `valid_to` NULL. A sale without such a price keeps its row, with NULL.
#
# sales: `sale_id, product_id, sold_on date`; prices: `product_id, price double, valid_from date, valid_to date` →
# `sale_id, price double`, one row a sale


# %%
def price_then(sales: DataFrame, prices: DataFrame) -> DataFrame:
    """Every sale with the price that held on the day of the sale."""
    # BEGIN SOLUTION
    held = (prices.valid_from <= sales.sold_on) & (prices.valid_to.isNull() | (prices.valid_to > sales.sold_on))
    priced = sales.join(prices, (sales.product_id == prices.product_id) & held, "left")
    return priced.select("sale_id", "price")
    # END SOLUTION


# %%
check(price_then)

# %% [markdown]
# ## Exercise 3.23 · Who changed
#
# Compare yesterday's customers with today's. Return who is `new`, who is `gone`, and who has `changed`: another
# landline or another mobile number. NULL says that there is no number: to get one, or to lose it, is a change.
#
# both: `customer_id, landline, mobile`, one row a customer → `customer_id, what string`; nobody who stayed the same


# %%
def changed_customers(before: DataFrame, after: DataFrame) -> DataFrame:
    """The customers who are new, gone or changed."""
    # BEGIN SOLUTION
    old, new = before.alias("old"), after.alias("new")
    moved = ~F.col("old.landline").eqNullSafe(F.col("new.landline"))
    moved |= ~F.col("old.mobile").eqNullSafe(F.col("new.mobile"))
    came, went = F.col("old.customer_id").isNull(), F.col("new.customer_id").isNull()
    what = F.when(came, "new").when(went, "gone").when(moved, "changed").alias("what")
    return old.join(new, "customer_id", "outer").select("customer_id", what).where("what IS NOT NULL")
    # END SOLUTION


# %%
check(changed_customers)

# %% [markdown]
# ## Exercise 3.24 · The history of a customer
#
# Make a history of type 2 from a log of changes. Each version holds from `valid_from` up to, and without,
# `valid_to`; the one that holds now has `valid_to` NULL and `is_current` true. The log is in no order: changes come
# late, and twice. What counts is the day, `changed_on`; of several changes of a day, the one with the largest
# `change_id`. NULL is a city like any other: it says that we do not know it. A version begins only where something
# changes. A delete, `op` `D`, ends the history, until the customer comes back.
#
# `customer_id, change_id int, changed_on date, op, city` → `customer_id, city, valid_from date, valid_to date,
# is_current boolean`, one row a version


# %%
def customer_history(changes: DataFrame) -> DataFrame:
    """One row a version of a customer: a city, and the days on which it held."""
    # BEGIN SOLUTION
    by_day = Window.partitionBy("customer_id").orderBy("changed_on")
    last = F.max_by(F.struct("op", "city"), "change_id").alias("last")
    days = changes.groupBy("customer_id", "changed_on").agg(last)
    states = days.withColumn("state", F.when(F.col("last.op") != "D", F.struct("last.city")))
    turns = states.withColumn("before", F.lag("state").over(by_day)).where("NOT (state <=> before)")
    versions = turns.withColumn("valid_to", F.lead("changed_on").over(by_day)).where("state IS NOT NULL")
    return versions.select(
        "customer_id",
        "state.city",
        F.col("changed_on").alias("valid_from"),
        "valid_to",
        F.col("valid_to").isNull().alias("is_current"),
    )
    # END SOLUTION


# %%
check(customer_history)

# %% [markdown]
# ## Exercise 3.25 · A change that comes late
#
# A history of type 2 is complete, and then changes of older days arrive. Return the history as it would be had they
# come in time. Some of them come for the second time. A late change can begin before all versions, fall between
# two, or say what was known anyway: two versions that follow each other never hold the same city. Nobody is ever
# deleted, and where a late change falls on the first day of a version, both say the same.
#
# history: `customer_id, city, valid_from date, valid_to date`; late: `customer_id, city, changed_on date` → the
# columns of the history, where the version that holds now has `valid_to` NULL


# %%
def with_late_changes(history: DataFrame, late: DataFrame) -> DataFrame:
    """The history with the late changes in their places."""
    # BEGIN SOLUTION
    by_day = Window.partitionBy("customer_id").orderBy("valid_from")
    changes = late.withColumnRenamed("changed_on", "valid_from").unionByName(history.drop("valid_to"))
    with_before = changes.withColumn("before", F.lag(F.struct("city")).over(by_day))
    turns = with_before.where("NOT (struct(city) <=> before)").drop("before")
    return turns.withColumn("valid_to", F.lead("valid_from").over(by_day))
    # END SOLUTION


# %%
check(with_late_changes)
