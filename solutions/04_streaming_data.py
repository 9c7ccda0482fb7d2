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
# # Exercises: Streaming data
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.
#
# A column without a type is a string. Only what a task calls NULL is ever NULL. Tables are given by their names. A
# function that returns a stream does not start it: the check does, in append mode and in several batches.

# %%
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 4.1 · What is new, then stop
#
# A job calls this function every hour. It appends to the Delta table `target` those rows of the Delta table `source`
# that no earlier call has taken, and comes back when they are there. The first call takes all rows, and `target` is not
# there yet. In `source` rows only ever arrive; two equal rows are two orders. In `target` somebody also deletes rows:
# these do not come again. What has been taken is kept in the folder `checkpoint`.
#
# `order_id string, amount double`, in `"shop.orders"` → nothing is returned; the rows are in `"shop.all_orders"`


# %%
def append_new_rows(spark: SparkSession, source: str, target: str, checkpoint: str) -> None:
    """Append to the table `target` what is new in the table `source`, then end."""
    # BEGIN SOLUTION
    stream = spark.readStream.table(source).writeStream.option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).toTable(target).awaitTermination()
    # END SOLUTION


# %%
check(append_new_rows)

# %% [markdown]
# ## Exercise 4.2 · Which mode
#
# A streaming query is written in one of three modes. `append` writes a row once, when it can change no more; `update`
# writes the rows that have changed; `complete` writes the whole result of an aggregation, each time. A watermark ends
# the waiting for late rows, so it closes the windows of the column that it stands on.
#
# A Delta table takes `append` and `complete`, files take `append`, and a function of yours (`foreachBatch`) takes all
# three. A query is described so: whether it aggregates, the column whose windows are among the keys of that (None
# without windows), the column that has a watermark (None without one; it need not be the same), and the sink:
# `"delta"`, `"files"` or `"foreachBatch"`. In which modes does Spark let it start?
#
# `{"aggregates": True, "windows_of": "event_time", "watermark": "event_time", "sink": "delta"}` → `["append",
# "complete"]`, in the order append, update, complete


# %%
def output_modes(query: dict[str, Any]) -> list[str]:
    """The output modes in which the query may be written to its sink."""
    # BEGIN SOLUTION
    closes = query["watermark"] is not None and query["watermark"] == query["windows_of"]
    possible = {"append": closes or not query["aggregates"], "update": True, "complete": query["aggregates"]}
    takes = {"delta": ("append", "complete"), "files": ("append",), "foreachBatch": ("append", "update", "complete")}
    return [mode for mode in possible if possible[mode] and mode in takes[query["sink"]]]
    # END SOLUTION


# %%
check(output_modes)

# %% [markdown]
# ## Exercise 4.3 · Good messages and others
#
# `messages` is what Spark reads from Kafka, where a message is bytes at a place: a topic, a partition, an offset in it.
# A good value is a JSON object with the `order_id` and, unless it is missing or null, the `amount`, a number. Split the
# messages into orders and refused ones, in two DataFrames; each message is in one of them. The reason is the first that
# fits:
#
# * `tombstone`: the value is NULL, which says that the key is deleted;
# * `not JSON`: the value cannot be read as JSON, as an empty one cannot. What can be read is an object with an
#   `order_id`, which is a text;
# * `wrong type`: the amount is there, is not null, and is no number. `"12"` in quotes is a text.
#
# `key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp, timestampType int` →
# `order_id string, amount double, topic, partition, offset` and `reason string, value binary, topic, partition, offset`


# %%
def split_messages(messages: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The orders in the messages and the messages that hold none, both with their places in Kafka."""
    # BEGIN SOLUTION
    text = F.col("value").cast("string")
    columns = "order_id string, amount double, malformed string"
    order = F.from_json(text, columns, {"columnNameOfCorruptRecord": "malformed"})
    reason = (
        F.when(F.col("value").isNull(), "tombstone")
        .when(F.try_parse_json(text).isNull(), "not JSON")
        .when(order["malformed"].isNotNull(), "wrong type")
    )
    read = messages.withColumns({"order": order, "reason": reason})
    place = ("topic", "partition", "offset")
    orders = read.where("reason IS NULL").select("order.order_id", "order.amount", *place)
    return orders, read.where("reason IS NOT NULL").select("reason", "value", *place)
    # END SOLUTION


# %%
check(split_messages)

# %% [markdown]
# ## Exercise 4.4 · What runs again
#
# Before a stream runs a batch, it writes a file into the folder `offsets` of its checkpoint: these rows, and no others,
# are the batch. When the sink has them, it writes a file into `commits`. Both have the batch's number for a name: 0,
# 1, 2. Of old batches Spark removes the files. Other names, such as those of checksums and of what was half written,
# do not count. Both folders are there; before the first batch they are empty.
#
# The stream has ended, nobody knows how, and you have a copy of its checkpoint, made in no particular order. Say with
# which batch the stream goes on when it is started, and whether that batch has been planned before, so that it runs
# with the same rows as then.
#
# `offsets/6, offsets/7, commits/6` → `(7, True)`


# %%
def next_batch(checkpoint: Path) -> tuple[int, bool]:
    """The number of the batch that a start with this checkpoint runs, and whether its rows are fixed already."""

    # BEGIN SOLUTION
    def newest(folder: str) -> int:
        return max((int(file.name) for file in (checkpoint / folder).iterdir() if file.name.isdigit()), default=-1)

    planned, done = newest("offsets"), newest("commits")
    return (planned, True) if planned > done else (done + 1, False)
    # END SOLUTION


# %%
check(next_batch)

# %% [markdown]
# ## Exercise 4.5 · Another query, the same checkpoint
#
# A query was stopped, changed, and is started with the checkpoint that it had. A query is described so: of each key and
# each aggregate the expression, and the type that it has in the state; `where` is None without a filter, and `table` is
# what the query writes. Without aggregates a query keeps no state:
#
# ```text
# {"sources": 1, "where": "amount > 0", "keys": [("city", "string")], "aggregates": [("sum(amount)", "double")],
#  "table": "per_city", "shuffle_partitions": 2}
# ```
#
# Spark compares what it reads in the checkpoint with the new query: the number of sources, and number and types, in
# their order, of keys and aggregates. Where they differ, it refuses. Names, expressions and filters it does not
# compare: the state goes on as if the new query had made it. Say what comes of a change:
#
# * `"refused"`: the query fails when it starts;
# * `"wrong"`: it goes on, and what it gives is of two queries: its state holds what the new one would not have made;
# * `"right"`: it goes on, and gives for the rows that arrive what the new query says.
#
# the query above, and the same with `"where": "amount > 10"` → `"wrong"`


# %%
def after_restart(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What comes of it when the query `after` is started with the checkpoint of `before`."""

    # BEGIN SOLUTION
    kept = ("keys", "aggregates")
    old, new = ([[kind for _, kind in query[part]] for part in kept] for query in (before, after))
    if before["sources"] != after["sources"] or old != new:
        return "refused"
    changed = any(before[part] != after[part] for part in ("where", *kept))
    return "wrong" if after["aggregates"] and changed else "right"
    # END SOLUTION


# %%
check(after_restart)

# %% [markdown]
# ## Exercise 4.6 · Two tables, one batch
#
# A stream gives each of its batches to this function (`foreachBatch`). All orders go into the Delta table `orders`;
# those of more than 1,000 euro also go into the Delta table `mail`, from which another job takes what it sends. Both
# tables are there, and nobody else writes them.
#
# The process can die at any moment: also between the two writes, and also after both, before the stream has noted that
# the batch is done. Then the same batch comes again, with the same number. In the end each row of each batch is in its
# table once. Two equal rows are two orders.
#
# `order_id string, amount double`, and `0` → nothing is returned; the rows are in `"shop.orders"` and `"shop.mail"`


# %%
def write_batch_and_mail(batch: DataFrame, batch_id: int, orders: str, mail: str) -> None:
    """Append a batch to the tables `orders` and `mail`, each once, however often the batch comes."""
    # BEGIN SOLUTION
    for table, rows in ((orders, batch), (mail, batch.where("amount > 1000"))):
        writer = rows.write.mode("append").option("txnAppId", "orders_and_mail").option("txnVersion", batch_id)
        writer.saveAsTable(table)
    # END SOLUTION


# %%
check(write_batch_and_mail)

# %% [markdown]
# ## Exercise 4.7 · After the crash
#
# A stream had done its batches 0 to 4 when its process died in batch 5, and it was started again. How often is a row of
# batch 4 in the table now, and how often one of batch 5? It depends on four things:
#
# * `source`: `"replays"` gives rows again when asked for them, as Kafka, files and Delta tables do; `"forgets"` gives a
#   row once, as a socket does, and batch 5 had read its rows;
# * `crash`: `"before write"` or `"after write"` of batch 5. It was planned (its offsets are in the checkpoint), and not
#   done (its commit is not there);
# * `checkpoint`: `"kept"`, or `"deleted"` before the new start. Then all that the source gives is the new batch 0;
# * `sink`: `"append"` adds every batch; `"by batch"` skips one whose number is not above the last that it has written;
#   `"by key"` leaves out the rows that the table has.
#
# `"replays", "before write", "kept", "append"` → `(1, 1)`


# %%
def times_in_table(source: str, crash: str, checkpoint: str, sink: str) -> tuple[int, int]:
    """How often a row of batch 4, and one of batch 5, is in the table after the new start."""

    # BEGIN SOLUTION
    def times(written: int, again: bool) -> int:
        if source == "forgets" or not again:
            return written
        if sink == "by batch" and checkpoint == "deleted":
            return written  # the new batch 0 is skipped, whatever is in it
        return written + 1 if sink == "append" else 1

    return times(1, checkpoint == "deleted"), times(int(crash == "after write"), True)
    # END SOLUTION


# %%
check(times_in_table)

# %% [markdown]
# ## Exercise 4.8 · Each event once, in its window
#
# `events` is a stream. An event can be delivered again, up to ten minutes later, and events arrive in any order, less
# than ten minutes late. Of some the `event_time` is not known (NULL): they count at the `received_at` of the copy that
# the stream reads first. Return for each window of ten minutes how many events happened in it. The caller writes the
# result in append mode; so a window is to come out, and is forgotten, once no event can be expected for it any more.
#
# `event_id string, event_time timestamp, received_at timestamp` → `start timestamp, end timestamp, events bigint`


# %%
def events_per_window(events: DataFrame) -> DataFrame:
    """One row a window of ten minutes: its start, its end, and the number of events in it, each counted once."""
    # BEGIN SOLUTION
    timed = events.withColumn("moment", F.coalesce("event_time", "received_at")).withWatermark("moment", "10 minutes")
    once = timed.dropDuplicatesWithinWatermark(["event_id"])
    counts = once.groupBy(F.window("moment", "10 minutes")).agg(F.count("event_id").alias("events"))
    return counts.select("window.start", "window.end", "events")
    # END SOLUTION


# %%
check(events_per_window)

# %% [markdown]
# ## Exercise 4.9 · What has come out
#
# A query counts events in windows of `size` minutes with a watermark `delay` minutes behind, in append mode. One run
# with `availableNow` takes the given batches, one after the other. An event is the minute at which it happened, or None
# where that is not known; windows begin at 0, `size`, twice `size`. Say which windows have come out at the end of the
# run: pairs of start and count, in the order of their start. This is how Spark does it:
#
# * the watermark of a batch is the newest event of all batches *before* it, less the delay. It never goes back;
# * a window is closed when the watermark has reached its end. At the end of a batch those windows come out that its
#   watermark closes;
# * an event is dropped if its window was closed by the watermark of the batch before its own: one batch further back
#   than one would think;
# * behind the last batch Spark runs one more, without events.
#
# A batch may be empty. Until an event with a time has come there is no watermark.
#
# `[[1, 4], [12], [25]]`, a `delay` of 5 and a `size` of 10 → `[(0, 2), (10, 1)]`


# %%
def windows_given(batches: list[list[int | None]], delay: int, size: int) -> list[tuple[int, int]]:
    """The windows that an append-mode query has given after all batches, as pairs of start and count."""
    # BEGIN SOLUTION
    counts: Counter[int] = Counter()
    given = []
    newest = watermark = before = -math.inf
    for batch in [*batches, []]:
        before, watermark = watermark, newest - delay
        events = [event for event in batch if event is not None]
        for start in (event // size * size for event in events):
            if start + size > before:
                counts[start] += 1
        closed = [start for start in counts if start + size <= watermark]
        given += [(start, counts.pop(start)) for start in closed]
        newest = max([newest, *events])
    return sorted(given)
    # END SOLUTION


# %%
check(windows_given)

# %% [markdown]
# ## Exercise 4.10 · Pay once
#
# Shops send a message for each payment, and send it again when they hear no answer: with the same `payment_id`, and
# with a `sent_at` of its own, less than 30 minutes after the first. Each shop counts its payments from 1. Messages
# come in any order, and none is 30 minutes late. Let the first message of a payment through as soon as it
# comes, and no other. The stream runs for years: it must forget a payment that cannot come again.
#
# `shop, payment_id int, amount int, sent_at timestamp`, a stream → a stream of the same columns


# %%
def payments_once(messages: DataFrame) -> DataFrame:
    """The stream of payments: of each the message that came first."""
    # BEGIN SOLUTION
    timed = messages.withWatermark("sent_at", "30 minutes")
    return timed.dropDuplicatesWithinWatermark(["shop", "payment_id"])
    # END SOLUTION


# %%
check(payments_once)

# %% [markdown]
# ## Exercise 4.11 · A product that is not there yet
#
# Give the orders of a stream the category of their product. The products stand in a Delta table in the folder
# `products`, and another job appends to it while your stream runs: a row for each change of a product, of which the
# one with the newest `since` holds; no two of a product are of the same day. An order whose product is not in the
# table comes out all the same, with NULL. Once the product is there, the next batch knows it.
#
# orders, a stream: `order_id, product_id`; the table: `product_id, category, since date` → a stream: `order_id,
# product_id, category`


# %%
def with_category(orders: DataFrame, products: str) -> DataFrame:
    """The stream of orders, each with the newest category of its product, or NULL."""
    # BEGIN SOLUTION
    changes = orders.sparkSession.read.format("delta").load(products)
    newest = changes.groupBy("product_id").agg(F.max_by("category", "since").alias("category"))
    return orders.join(newest, "product_id", "left")
    # END SOLUTION


# %%
check(with_category)

# %% [markdown]
# ## Exercise 4.12 · Nobody has paid
#
# An order is paid within an hour: a payment belongs to it from `ordered_at` on, up to an hour later, both ends
# included. Give each order its payments; there may be several, and one without an order is left out. An order without
# any comes out too, once, with NULL, as soon as no payment can come any more. Rows of both streams come in any order,
# less than 10 minutes late. The streams run for years, and the state stays small.
#
# orders: `order_id, ordered_at timestamp`; payments: `order_id, amount int, paid_at timestamp`; both are streams → a
# stream: `order_id, ordered_at, paid_at, amount`


# %%
def payments_of_orders(orders: DataFrame, payments: DataFrame) -> DataFrame:
    """The stream of orders with their payments; NULL where nobody has paid."""
    # BEGIN SOLUTION
    ordered = orders.withWatermark("ordered_at", "10 minutes")
    paid = payments.withWatermark("paid_at", "10 minutes").withColumnRenamed("order_id", "paid_order")
    in_time = "paid_at >= ordered_at AND paid_at <= ordered_at + INTERVAL 1 HOUR"
    both = ordered.join(paid, F.expr(f"order_id = paid_order AND {in_time}"), "left")
    return both.drop("paid_order")
    # END SOLUTION


# %%
check(payments_of_orders)

# %% [markdown]
# ## Exercise 4.13 · What is still in the state
#
# A query counts orders in windows of 10 minutes by city, in append mode. So the newest windows wait in its state, and
# in no table. Read them from the checkpoint. The query may have other operators with a state, before or behind this
# one; `state-metadata` lists all, and the one that counts is called `stateStoreSave` there. Its key has `window` and
# `city`, its value `count`.
#
# `checkpoint`, the folder of a query that has ended → `start timestamp, city, orders bigint`


# %%
def waiting_windows(spark: SparkSession, checkpoint: str) -> DataFrame:
    """The windows that the query with this checkpoint still holds in its state, with their counts."""
    # BEGIN SOLUTION
    operators = spark.read.format("state-metadata").load(checkpoint)
    counting = operators.where("operatorName = 'stateStoreSave'").first()["operatorId"]
    state = spark.read.format("statestore").option("operatorId", counting).load(checkpoint)
    return state.select("key.window.start", "key.city", F.col("value.count").alias("orders"))
    # END SOLUTION


# %%
check(waiting_windows)

# %% [markdown]
# ## Exercise 4.14 · When a visit ends
#
# A visit to the shop ends with an order (an event of kind `order`), or when its customer has done nothing for 30
# minutes: an event 30 minutes after the last, or later, begins another visit, as does the first event after an order.
# Return the visits that have ended: when they started, how many events they had, the order among them, and whether
# they ended with an order. A customer's events have different times and come in their order, but those of one batch
# in any order; no event is 10 minutes late.
#
# No window can do this. Write a class of your own, a `StatefulProcessor` with a state and a timer, and return the
# stream that `transformWithState` makes with it. The check keeps the state in RocksDB, as it must be
# (`spark.sql.streaming.stateStore.providerClass`).
#
# events, a stream: `customer_id, kind, happened_at timestamp` → a stream: `customer_id, started timestamp, events
# int, ordered boolean`; of C1, a `view` at 10:00 and at 10:20 and an `order` at 10:25 make `C1, 10:00, 3, true`


# %%
def visits(events: DataFrame) -> DataFrame:
    """The stream of visits that have ended, with an order or by 30 minutes of silence."""
    # BEGIN SOLUTION
    silence = 30 * 60 * 1000  # in milliseconds, as timers are

    class Visits(StatefulProcessor):
        def init(self, handle: StatefulProcessorHandle) -> None:
            self.handle = handle
            self.visit = handle.getValueState("visit", "started bigint, newest bigint, events int")

        def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
            started, newest, count = self.visit.get() or (None, None, 0)
            for moment, kind in sorted((row["moment"], row["kind"]) for row in rows):
                if count and moment - newest >= silence:
                    yield Row(customer_id=key[0], started=started, events=count, ordered=False)
                    count = 0
                started, newest, count = started if count else moment, moment, count + 1
                if kind == "order":
                    yield Row(customer_id=key[0], started=started, events=count, ordered=True)
                    count = 0
            for timer in self.handle.listTimers():
                self.handle.deleteTimer(timer)
            if count:
                self.visit.update((started, newest, count))
                self.handle.registerTimer(newest + silence)
            else:
                self.visit.clear()

        def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Row]:
            started, _, count = self.visit.get()
            self.visit.clear()
            yield Row(customer_id=key[0], started=started, events=count, ordered=False)

    timed = events.withWatermark("happened_at", "10 minutes").withColumn("moment", F.unix_millis("happened_at"))
    shape = "customer_id string, started bigint, events int, ordered boolean"
    ended = timed.groupBy("customer_id").transformWithState(Visits(), shape, "append", "eventTime")
    return ended.withColumn("started", F.timestamp_millis("started"))
    # END SOLUTION


# %%
check(visits)

# %% [markdown]
# ## Exercise 4.15 · Changes in any order
#
# Bring a Delta table of customers up to date from a stream of changes; come back when all that is there has been read.
# A customer may have several changes in a batch, and they come in any order: the newest `changed_at` wins, and at one
# instant the larger `change_id`. A change may take a city away (NULL). The op `D` deletes, and leaves a mark: the row
# stays, with `deleted` true, `city` NULL, and time and number of the delete, so that an older change cannot bring the
# customer back; a newer one does. It is left also where the table did not know the customer. What has been
# read is kept in the folder `checkpoint`. A run may die after it has written a batch and before it has noted that:
# then the batch comes again.
#
# changes, a stream: `change_id int, customer_id, op, city, changed_at timestamp`, where `op` is `I`, `U` or `D`; the
# table: `customer_id, city, changed_at timestamp, change_id int, deleted boolean` → nothing is returned


# %%
def follow_customers(changes: DataFrame, table: str, checkpoint: str) -> None:
    """Merge the stream of changes into `table`, batch by batch, until all that is there has been read."""

    # BEGIN SOLUTION
    def upsert(batch: DataFrame, batch_id: int) -> None:
        newest = F.max(F.struct("changed_at", "change_id", "op", "city")).alias("newest")
        rows = batch.groupBy("customer_id").agg(newest).select("customer_id", "newest.*")
        city = F.when(F.col("op") != "D", F.col("city")).alias("city")
        deleted = (F.col("op") == "D").alias("deleted")
        rows.select("customer_id", city, "changed_at", "change_id", deleted).createOrReplaceTempView("newest_changes")
        batch.sparkSession.sql(f"""
            MERGE INTO {table} AS target
            USING newest_changes AS source ON target.customer_id = source.customer_id
            WHEN MATCHED AND struct(source.changed_at, source.change_id) > struct(target.changed_at, target.change_id)
                THEN UPDATE SET *
            WHEN NOT MATCHED THEN INSERT *
        """)

    stream = changes.writeStream.foreachBatch(upsert).option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).start().awaitTermination()
    # END SOLUTION


# %%
check(follow_customers)

# %% [markdown]
# ## Exercise 4.16 · Correct, do not recompute
#
# A table has the totals of each city. The orders below it changed, and a batch of their change data feed tells how:
# `insert` brings a row as it is now, `delete` a row as it was, and an update both, as `update_preimage` and
# `update_postimage`. Return the totals as they are now; the orders themselves are not there to be read. An update may
# move an order to another city, and an order may have changed several times. A city whose last order is gone has no
# row. Of some orders the city is not known (NULL): they have a total, too.
#
# totals: `city, orders bigint, amount bigint`; changes: `order_id, city, amount int, _change_type, _commit_version
# bigint` → `city, orders bigint, amount bigint`


# %%
def corrected_totals(totals: DataFrame, changes: DataFrame) -> DataFrame:
    """The totals of each city after `changes`, a batch of the change data feed of the orders."""
    # BEGIN SOLUTION
    sign = F.when(F.col("_change_type").isin("insert", "update_postimage"), 1).otherwise(-1)
    differences = changes.select("city", sign.alias("orders"), (sign * F.col("amount")).alias("amount"))
    both = totals.unionByName(differences).groupBy("city")
    return both.agg(F.sum("orders").alias("orders"), F.sum("amount").alias("amount")).where("orders > 0")
    # END SOLUTION


# %%
check(corrected_totals)

# %% [markdown]
# ## Exercise 4.17 · Where the time goes
#
# A stream reads from Kafka, and tells of each batch how long its parts took. Say from these records, oldest first,
# and from the number of cores where to look. It `keeps up` if the backlog (`avgOffsetsBehindLatest` among the metrics
# of its source, a text with a number in it) is no larger at the last record than at the first. Otherwise take the
# batches that read rows, add up the milliseconds of four parts, and name the largest. Batches that read rows have all
# of these times, and those without a stateful operator an empty list:
#
# * `source`, to find what is new: `latestOffset` and `getBatch`;
# * `state`: `allUpdatesTimeMs`, `allRemovalsTimeMs` and `commitTimeMs` of each stateful operator. They add up what its
#   tasks took, one a shuffle partition, and tasks run side by side: divide by the number of cores, or by
#   `numShufflePartitions` if that is smaller;
# * `sink`, the rest of `addBatch`: to compute and to write;
# * `bookkeeping`: `queryPlanning`, `walCommit` and `commitOffsets`.
#
# `[{"numInputRows": 900, "durationMs": {"addBatch": 4000, …}, "sources": [{"metrics": {…}, …}], "stateOperators": […],
# …}, …]`, as `recentProgress` has them, and `cores` → one of the five texts


# %%
def bottleneck(progress: list[dict[str, Any]], cores: int) -> str:
    """Where a stream loses its time: source, state, sink, bookkeeping; or `keeps up`."""
    # BEGIN SOLUTION
    backlog = [float(record["sources"][0]["metrics"]["avgOffsetsBehindLatest"]) for record in progress]
    if backlog[-1] <= backlog[0]:
        return "keeps up"
    batches = [record for record in progress if record["numInputRows"]]

    def took(*parts: str) -> float:
        return sum(record["durationMs"][part] for record in batches for part in parts)

    operators = [operator for record in batches for operator in record["stateOperators"]]
    state = sum(
        (operator["allUpdatesTimeMs"] + operator["allRemovalsTimeMs"] + operator["commitTimeMs"])
        / min(cores, operator["numShufflePartitions"])
        for operator in operators
    )
    spent = {
        "source": took("latestOffset", "getBatch"),
        "state": state,
        "sink": took("addBatch") - state,
        "bookkeeping": took("queryPlanning", "walCommit", "commitOffsets"),
    }
    return max(spent, key=lambda part: spent[part])
    # END SOLUTION


# %%
check(bottleneck)

# %% [markdown]
# ## Exercise 4.18 · The silent till
#
# Two shops send what they sell, as rows of kind `sale`. Rows of one shop are up to 5 minutes late, and one shop may
# be hours behind the other. While a shop sells nothing, it sends a row of kind `heartbeat` now and then, so that one
# knows how far it is. Count the sales of both in windows of 10 minutes, for a sink that appends: a window comes out
# once, when no sale of either shop can fall into it any more. No sale is lost, and no shop holds the other up by
# selling nothing. A window without a sale does not come out.
#
# north and south, both streams: `kind, sold_at timestamp` → a stream: `start timestamp, sales bigint`


# %%
def sales_of_both(north: DataFrame, south: DataFrame) -> DataFrame:
    """The stream of windows of 10 minutes, with the number of sales of both shops."""
    # BEGIN SOLUTION
    both = north.withWatermark("sold_at", "5 minutes").unionByName(south.withWatermark("sold_at", "5 minutes"))
    sales = F.count_if(F.col("kind") == "sale").alias("sales")
    windows = both.groupBy(F.window("sold_at", "10 minutes")).agg(sales)
    return windows.where("sales > 0").select("window.start", "sales")
    # END SOLUTION


# %%
check(sales_of_both)
