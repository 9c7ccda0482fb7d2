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
# # Exercises: Data ingestion
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.

# %%
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 2.1 · A label is not a number
#
# Read a CSV file that has a header and three columns, with the types given below. A postal code is a label: what
# stands in the file stands in the table.
#
# ```text
# customer_id,postal_code,signed_up
# C1,0150,2026-03-01
# ```
#
# → `customer_id string, postal_code string, signed_up date`


# %%
def read_customers(spark: SparkSession, path: str) -> DataFrame:
    """The customers in the CSV file `path`, one row a line below the header."""
    # BEGIN SOLUTION
    columns = "customer_id string, postal_code string, signed_up date"
    return spark.read.csv(path, schema=columns, header=True)
    # END SOLUTION


# %%
check(read_customers)

# %% [markdown]
# ## Exercise 2.2 · Lose no line
#
# Some lines of a CSV file do not fit its two columns, `order_id string, amount double`. Read all of it. A line that
# does not fit keeps its whole text in a third column, `malformed`, beside whatever Spark could read of it; for any
# other line that column is NULL. An empty amount fits.
#
# ```text
# order_id,amount
# O1,9.5
# O2,12 euro
# ```
#
# → `order_id string, amount double, malformed string`: `("O1", 9.5, None), ("O2", None, "O2,12 euro")`


# %%
def read_orders(spark: SparkSession, path: str) -> DataFrame:
    """The orders in the CSV file `path`, one row a line below the header; `malformed` is the text of a bad one."""
    # BEGIN SOLUTION
    columns = "order_id string, amount double, malformed string"
    return spark.read.csv(path, schema=columns, header=True, columnNameOfCorruptRecord="malformed")
    # END SOLUTION


# %%
check(read_orders)

# %% [markdown]
# ## Exercise 2.3 · Infer once
#
# The first delivery of a source decides the schema of all later ones. Read the JSON files in the folder `delivery`.
# While there is no file `schema_file`, infer the schema and keep it there; once it is there, read with the schema
# that it holds.
#
# `{"event_id": "E1", "quantity": 2}` and, a day later, `{"event_id": "E2", "quantity": null}` → both times `event_id
# string, quantity bigint`


# %%
def read_events(spark: SparkSession, delivery: str, schema_file: Path) -> DataFrame:
    """The events in the folder `delivery`, read by the kept schema, which the first delivery makes."""
    # BEGIN SOLUTION
    if not schema_file.exists():
        schema_file.write_text(spark.read.json(delivery).schema.json())
    kept = StructType.fromJson(json.loads(schema_file.read_text()))
    return spark.read.schema(kept).json(delivery)
    # END SOLUTION


# %%
check(read_events)

# %% [markdown]
# ## Exercise 2.4 · Only what has arrived whole
#
# A partner copies files into a folder, and sends a manifest: `manifest.json`, with the name and the size of each
# file of the delivery. Files are there before they are whole, and some of the folder belong to nobody's delivery.
# Name the files that may be read now: those of the manifest that are there in their full size, in the manifest's
# order.
#
# ```text
# {"files": [{"name": "orders-1.csv", "bytes": 31}, {"name": "orders-2.csv", "bytes": 40}]}
# ```
#
# `orders-1.csv` with 31 bytes and `orders-2.csv` with 12 → `["orders-1.csv"]`


# %%
def finished_files(folder: Path) -> list[str]:
    """The names of the files in `folder` that its manifest lists and that are there to the last byte."""
    # BEGIN SOLUTION
    manifest = json.loads((folder / "manifest.json").read_text())
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    return [entry["name"] for entry in manifest["files"] if sizes.get(entry["name"]) == entry["bytes"]]
    # END SOLUTION


# %%
check(finished_files)

# %% [markdown]
# ## Exercise 2.5 · Where a row came from
#
# A shop delivers into a folder a day: `<landing>/2026-03-01/orders.json`. Read all days and add to each row its
# source: the file's path below the landing zone. The landing zone may move to another machine; the source of a row
# stays the same.
#
# `order_id, amount` → `order_id string, amount double, source_file string`: `("O1", 9.5, "2026-03-01/orders.json")`


# %%
def with_source(spark: SparkSession, landing: str) -> DataFrame:
    """The orders of all days in the folder `landing`, each with the path of its file below that folder."""
    # BEGIN SOLUTION
    orders = spark.read.schema("order_id string, amount double").json(f"{landing}/*")
    source = F.substring_index("_metadata.file_path", "/", -2)
    return orders.withColumn("source_file", source)
    # END SOLUTION


# %%
check(with_source)

# %% [markdown]
# ## Exercise 2.6 · Four connections
#
# A table in PostgreSQL has a hundred million rows. Return the options with which `spark.read.format("jdbc")` reads
# those whose `ordered_on` is `day` or later: filtered by the database, over four connections that split the rows
# by `order_id`, 10,000 rows a round trip. The `order_id` of these rows run from `lowest` to `highest`. Somebody else
# adds address and password.
#
# `"orders", "2026-03-01", 500, 900` → a dictionary of six options


# %%
def jdbc_options(table: str, day: str, lowest: int, highest: int) -> dict[str, Any]:
    """The options of a JDBC read of the rows of `table` from `day` on, in four partitions by `order_id`."""
    # BEGIN SOLUTION
    return {
        "dbtable": f"(SELECT * FROM {table} WHERE ordered_on >= DATE '{day}') AS recent",
        "partitionColumn": "order_id",
        "lowerBound": lowest,
        "upperBound": highest,
        "numPartitions": 4,
        "fetchsize": 10_000,
    }
    # END SOLUTION


# %%
check(jdbc_options)

# %% [markdown]
# ## Exercise 2.7 · Every row once
#
# Instead of bounds, `spark.read.jdbc` takes `predicates`: a list of SQL conditions, and reads one partition for each.
# Write them for a date column and the days between which to cut, in ascending order. Whatever the column holds, a
# row is in one partition and no other.
#
# `"ordered_on", ["2026-03-01", "2026-04-01"]` → three conditions: before March, March, and from April on


# %%
def partition_predicates(column: str, cuts: list[str]) -> list[str]:
    """One SQL condition a partition: before the first cut, between two cuts, from the last cut on."""
    # BEGIN SOLUTION
    before = f"{column} < DATE '{cuts[0]}' OR {column} IS NULL"
    between = [f"{column} >= DATE '{start}' AND {column} < DATE '{end}'" for start, end in pairwise(cuts)]
    return [before, *between, f"{column} >= DATE '{cuts[-1]}'"]
    # END SOLUTION


# %%
check(partition_predicates)

# %% [markdown]
# ## Exercise 2.8 · How far we have read
#
# After a batch, the next run must know from where to read on: the watermark, the newest `updated_at` that any batch
# has held. `before` is the watermark so far, None before the first batch. A batch can be empty, or bring only old
# rows that were committed late.
#
# `order_id, updated_at` and 12:00 → a `datetime`, or None as long as no batch has held a row


# %%
def next_watermark(batch: DataFrame, before: datetime | None) -> datetime | None:
    """The watermark after `batch`: the newest `updated_at` that was ever seen."""
    # BEGIN SOLUTION
    newest = batch.agg(F.max("updated_at")).first()[0]
    return max((moment for moment in (newest, before) if moment is not None), default=None)
    # END SOLUTION


# %%
check(next_watermark)

# %% [markdown]
# ## Exercise 2.9 · The long transaction
#
# A transaction in the source stamps its rows with `updated_at` and commits up to 15 minutes later. So rows can
# appear behind the watermark. Return what this run takes from `orders`: the rows from 15 minutes before the
# watermark on (a row on that moment counts), without the versions that `loaded` holds. A version is an `order_id`
# with its `updated_at`.
#
# `order_id, amount, updated_at`, twice, and 12:00 → the rows of `orders` to load


# %%
def rows_to_load(orders: DataFrame, loaded: DataFrame, watermark: datetime) -> DataFrame:
    """The versions of orders since 15 minutes before `watermark` that are not in `loaded`."""
    # BEGIN SOLUTION
    recent = orders.where(F.col("updated_at") >= F.lit(watermark) - F.expr("INTERVAL 15 MINUTES"))
    return recent.join(loaded, ["order_id", "updated_at"], "left_anti")
    # END SOLUTION


# %%
check(rows_to_load)

# %% [markdown]
# ## Exercise 2.10 · What to do with an answer
#
# An API answers a request for one page. Say what comes next, given the answer and how often this page has been asked
# for, now included:
#
# * status 200: `("page", cursor)` with the cursor in `next`; on the last page `next` is null or missing:
#   `("done", None)`;
# * 429 and anything from 500 on passes by itself: `("wait", seconds)`, as many whole seconds as the header
#   `Retry-After` says, otherwise 1, 2, 4, 8 after attempt 1, 2, 3, 4. After attempt 5 it is `("fail", status)`;
# * any other status: `("fail", status)` at once.
#
# Servers and proxies write the names of headers in capitals or small letters, as they like.
#
# `503, {}, {}, 2` → `("wait", 2)`


# %%
def next_step(
    status: int, headers: Mapping[str, str], body: Mapping[str, Any], attempt: int
) -> tuple[str, str | int | None]:
    """What follows an answer: `page` and its cursor, `done`, `wait` and its seconds, or `fail` and the status."""
    # BEGIN SOLUTION
    if status == 200:
        cursor = body.get("next")
        return ("done", None) if cursor is None else ("page", cursor)
    if attempt >= 5 or not (status == 429 or status >= 500):
        return "fail", status
    named = {name.lower(): value for name, value in headers.items()}
    return "wait", int(named.get("retry-after", 2 ** (attempt - 1)))
    # END SOLUTION


# %%
check(next_step)

# %% [markdown]
# ## Exercise 2.11 · Page by page
#
# `get(parameters)` asks an API for one page and returns `{"items": […], "next": cursor}`. Its parameters are
# `updated_since`, in every request, and `cursor`, in every one but the first. `next` is None on the last page; a page
# can be empty and not be the last. An item that changes while you read comes again on a later page: keep the one with
# the newest `updated_at`. Return the items in the order of their `id`.
#
# `"2026-03-01"` → `[{"id": 1, "updated_at": "2026-03-01T10:00", …}, …]`


# %%
def fetch_changed(get: Callable[[dict[str, Any]], dict[str, Any]], since: str) -> list[dict[str, Any]]:
    """All items that have changed since `since`, one an `id`, the newest version of each."""
    # BEGIN SOLUTION
    newest = {}
    page = get({"updated_since": since})
    while True:
        for item in page["items"]:
            known = newest.get(item["id"])
            if known is None or item["updated_at"] > known["updated_at"]:
                newest[item["id"]] = item
        if page["next"] is None:
            return [newest[key] for key in sorted(newest)]
        page = get({"updated_since": since, "cursor": page["next"]})
    # END SOLUTION


# %%
check(fetch_changed)

# %% [markdown]
# ## Exercise 2.12 · New files, once
#
# A job calls this function after each delivery. It appends the rows of new JSON files in the folder `landing` to the
# Delta table in the folder `path`, and comes back when they are all there. No file is loaded twice. Old files may
# stay in the landing zone or be moved away: their rows stay in the table. What has been loaded is kept in the folder
# `checkpoint`.
#
# `order_id string, amount double` → nothing is returned; the rows are in the table


# %%
def load_new_files(spark: SparkSession, landing: str, path: str, checkpoint: str) -> None:
    """Append the orders of files in `landing` that are not loaded yet to the Delta table in `path`, then end."""
    # BEGIN SOLUTION
    orders = spark.readStream.schema("order_id string, amount double").json(landing)
    stream = orders.writeStream.format("delta").option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).start(path).awaitTermination()
    # END SOLUTION


# %%
check(load_new_files)

# %% [markdown]
# ## Exercise 2.13 · Three kinds of change
#
# Compare the schema of a delivery with the one that is known. Name the columns that are new, those that are missing
# and those whose type is another one. The order of the columns and whether they may be NULL do not count, nor do
# capital letters: to Spark, `Email` is the column `email`. Names are as in `arrived` for new columns and as in `known`
# for the others, in the order of that schema.
#
# `id int, email string` and `id string, phone string` → `{"new": ["phone"], "missing": ["email"], "conflicts":
# ["id"]}`


# %%
def schema_changes(known: StructType, arrived: StructType) -> dict[str, list[str]]:
    """The names of the columns that are `new`, `missing` and in `conflicts` (another type)."""
    # BEGIN SOLUTION
    before = {field.name.lower(): field for field in known}
    now = {field.name.lower(): field for field in arrived}
    both = [(field, now[key]) for key, field in before.items() if key in now]
    return {
        "new": [field.name for key, field in now.items() if key not in before],
        "missing": [field.name for key, field in before.items() if key not in now],
        "conflicts": [field.name for field, other in both if field.dataType != other.dataType],
    }
    # END SOLUTION


# %%
check(schema_changes)

# %% [markdown]
# ## Exercise 2.14 · Rescue what does not fit
#
# A delivery has come as text. Give `quantity` and `amount` their types. A value that does not fit becomes NULL, and
# its text goes into `_rescued`, a JSON object with an entry for each such value, in the order of the columns.
# `_rescued` is NULL where all values fit.
#
# `order_id, quantity, amount`, all text: `("O1", "two", "9.5")` → `order_id string, quantity int, amount double,
# _rescued string`: `("O1", None, 9.5, '{"quantity":"two"}')`


# %%
def cast_or_rescue(orders: DataFrame) -> DataFrame:
    """The orders with their types; `_rescued` keeps the text of every value that did not fit."""
    # BEGIN SOLUTION
    quantity, amount = F.col("quantity").try_cast("int"), F.col("amount").try_cast("double")
    misfits = F.struct(
        F.when(quantity.isNull(), F.col("quantity")).alias("quantity"),
        F.when(amount.isNull(), F.col("amount")).alias("amount"),
    )
    rescued = F.nullif(F.to_json(misfits), F.lit("{}"))
    return orders.withColumns({"quantity": quantity, "amount": amount, "_rescued": rescued})
    # END SOLUTION


# %%
check(cast_or_rescue)

# %% [markdown]
# ## Exercise 2.15 · Four modes
#
# A batch brings columns that the table does not have, and may lack some that it has. Return the batch as it is to be
# written, in one of Auto Loader's modes. In all of them come the known columns first, in their order, NULL where the
# batch lacks one. A new column is then, by `mode`:
#
# * `"addNewColumns"`: added behind them;
# * `"rescue"`: put into `_rescued`, a JSON object of the new columns of the row, in the order of the batch; NULL where
#   the row has no value in any, and a column also of a batch without new columns;
# * `"failOnNewColumns"`: refused, by a `ValueError` that names it;
# * `"none"`: left out.
#
# known `order_id string, amount double`, batch `order_id, amount, coupon`, `"rescue"` → `order_id string, amount
# double, _rescued string`: `("O1", 9.5, '{"coupon":"SPRING"}')`


# %%
def evolve(batch: DataFrame, known: StructType, mode: str) -> DataFrame:
    """The batch in the shape that the table gets by `mode`. Raises ValueError where that refuses new columns."""
    # BEGIN SOLUTION
    new = [name for name in batch.columns if name not in known.names]
    if new and mode == "failOnNewColumns":
        raise ValueError(f"The table does not have {', '.join(new)}.")
    lacking = {f.name: F.lit(None).cast(f.dataType) for f in known if f.name not in batch.columns}
    rescued = F.nullif(F.to_json(F.struct(*new)), F.lit("{}"))
    more = {"addNewColumns": new, "rescue": [rescued.alias("_rescued")]}
    return batch.withColumns(lacking).select(*known.names, *more.get(mode, []))
    # END SOLUTION


# %%
check(evolve)

# %% [markdown]
# ## Exercise 2.16 · Only new files, in batch
#
# `arriving` holds the rows of all files in the landing zone, loaded before or not. Return those to append to `table`:
# the rows of files of which the table holds nothing yet, and all rows of these. Somebody added rows to the table by
# hand: their `source_file` is NULL.
#
# `order_id, amount, source_file`, twice → the rows of `arriving` to append


# %%
def rows_of_new_files(arriving: DataFrame, table: DataFrame) -> DataFrame:
    """The rows of `arriving` whose file the table does not hold."""
    # BEGIN SOLUTION
    return arriving.join(table, "source_file", "left_anti")
    # END SOLUTION


# %%
check(rows_of_new_files)

# %% [markdown]
# ## Exercise 2.17 · One day again
#
# The orders of one day come again, corrected. Put them into the Delta table in the folder `path` in the place of what
# the table holds of that day, in one commit: readers see the old day or the new one. All rows of the batch are of
# that day. It may have become a day without any order.
#
# `order_id string, amount double, ordered_on date` and `"2026-03-02"` → nothing is returned; the table has changed


# %%
def replace_day(orders: DataFrame, day: str, path: str) -> None:
    """Replace the rows of the Delta table in `path` whose `ordered_on` is `day` by `orders`."""
    # BEGIN SOLUTION
    writer = orders.write.format("delta").mode("overwrite")
    writer.option("replaceWhere", f"ordered_on = '{day}'").save(path)
    # END SOLUTION


# %%
check(replace_day)

# %% [markdown]
# ## Exercise 2.18 · Run it again
#
# Several jobs append to one Delta table, in the folder `path`. Each numbers its runs: 1, 2, 3. When a run fails
# after its write, the scheduler starts it again with the same number and the same rows. Append so that the repeat
# changes nothing. Rows have no key: two equal rows of one batch are two sales.
#
# `sku string, quantity int` and `"tills", 7` → nothing is returned; the rows are in the table


# %%
def append_once(sales: DataFrame, path: str, job: str, run: int) -> None:
    """Append `sales` to the Delta table in `path`, unless this run of this job has done so before."""
    # BEGIN SOLUTION
    writer = sales.write.format("delta").mode("append")
    writer.option("txnAppId", job).option("txnVersion", run).save(path)
    # END SOLUTION


# %%
check(append_once)

# %% [markdown]
# ## Exercise 2.19 · The books of a delivery
#
# `manifest` says how many rows each file was to have; `rows` holds one row a row that came, with what became of it:
# `clean`, `quarantined` or `duplicate`. Return the audit: one row a file, also for a file that never came and for one
# that nobody announced (0 rows are promised of it). The books balance where the three add up to what was promised.
#
# `source_file, promised` and `source_file, outcome` → `source_file string, promised bigint, clean bigint, quarantined
# bigint, duplicates bigint, balanced boolean`


# %%
def audit(manifest: DataFrame, rows: DataFrame) -> DataFrame:
    """One row a file that was promised or came: how many rows were promised, what became of them, and the balance."""
    # BEGIN SOLUTION
    counted = rows.groupBy("source_file").agg(
        F.count_if(F.col("outcome") == "clean").alias("clean"),
        F.count_if(F.col("outcome") == "quarantined").alias("quarantined"),
        F.count_if(F.col("outcome") == "duplicate").alias("duplicates"),
    )
    books = manifest.join(counted, "source_file", "outer").fillna(0)
    total = F.col("clean") + F.col("quarantined") + F.col("duplicates")
    return books.withColumn("balanced", total == F.col("promised"))
    # END SOLUTION


# %%
check(audit)

# %% [markdown]
# ## Exercise 2.20 · The checkpoint is gone
#
# A stream writes each of its batches by this function. Yesterday its checkpoint was deleted, and it began anew: with
# batch 0, with every file that is still there, cut into other batches than the first time. Write a batch to the Delta
# table in the folder `path` so that the table ends with one row an event. `event_id` is unique; the same event can
# also come twice in one batch.
#
# `event_id string, amount double` → nothing is returned; what the table lacked is in it


# %%
def write_batch(batch: DataFrame, batch_id: int, path: str) -> None:
    """Add the events of `batch` that the Delta table in `path` does not hold; used by `foreachBatch`."""
    # BEGIN SOLUTION
    events = batch.dropDuplicates(["event_id"])
    batch.sparkSession.sql(
        f"""
        MERGE INTO delta.`{path}` AS known USING {{events}} AS arrived
        ON known.event_id = arrived.event_id
        WHEN NOT MATCHED THEN INSERT *
        """,
        events=events,
    )
    # END SOLUTION


# %%
check(write_batch)
