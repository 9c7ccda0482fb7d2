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

# %%
import math
from collections import Counter
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

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
# ## Exercise 4.3 · Good messages and others
#
# `messages` is what Spark reads from Kafka, where a message is bytes at a place: a topic, a partition, an offset in it.
# A good value is a JSON object with the `order_id` and, unless it is missing or null, the `amount`, a number. Split the
# messages into orders and refused ones, in two DataFrames; each message is in one of them. The reason is the first that
# fits:
#
# * `tombstone`: the value is NULL, which says that the key is deleted;
# * `not JSON`: the value cannot be read as JSON;
# * `wrong type`: the amount is no number.
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
# do not count.
#
# The stream has ended, nobody knows how. Say with which batch it goes on when it is started, and whether that batch has
# been planned before, so that it runs with the same rows as then.
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
# ## Exercise 4.8 · Each event once, in its window
#
# `events` is a stream. An event can be delivered again, up to ten minutes later, and events arrive in any order, up to
# ten minutes late. Of some the `event_time` is not known (NULL): they count at the moment of their first arrival,
# `received_at`. Return for each window of ten minutes how many events happened in it. The caller writes the result in
# append mode; so a window is to come out, and is forgotten, once no event can be expected for it any more.
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
# `[[1, 4], [12], [25]], 10, 10` → `[(0, 2)]`


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
