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
# # Exercises: Environment setup
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.

# %%
from collections.abc import Callable, Mapping

from pyspark.errors import PySparkException, SparkNoSuchElementException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 1.1 · Save and read back
#
# Save the rows as a Delta table in the folder `path`, and return the table as it is read from there. Tomorrow the
# function runs again on the same path with tomorrow's rows: then the table holds those, and only those.
#
# `order_id, amount` and `"…/orders"` → the same rows, read from `…/orders`


# %%
def save_and_read(rows: DataFrame, path: str) -> DataFrame:
    """The rows, saved as a Delta table in the folder `path` and read from there."""
    # BEGIN SOLUTION
    rows.write.format("delta").mode("overwrite").save(path)
    return rows.sparkSession.read.format("delta").load(path)
    # END SOLUTION


# %%
check(save_and_read)

# %% [markdown]
# ## Exercise 1.2 · The two settings
#
# A colleague starts Spark with Delta's jars and without any settings. Return the two settings that a session needs
# for the whole of Delta Lake: one teaches Spark's parser and planner Delta's commands, the other lets the
# session's own catalog, `spark_catalog`, make and find Delta tables by name.
#
# → a dictionary of two entries, `{setting: class}`


# %%
def delta_settings() -> dict[str, str]:
    """The two settings of a Spark session with Delta Lake, by name."""
    # BEGIN SOLUTION
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }
    # END SOLUTION


# %%
check(delta_settings)

# %% [markdown]
# ## Exercise 1.3 · Name the artifact
#
# A build file needs Delta Lake. Given the version of Spark, of Scala and of Delta, return the coordinates of the
# artifact as Maven writes them: `group:name:version`. From Delta 4.1 on, the name carries the Spark line and the
# Scala line, as in `io.delta:delta-spark_4.1_2.13:4.1.0`.
#
# `"4.2.0", "2.13.16", "4.4.0"` → `"io.delta:delta-spark_4.2_2.13:4.4.0"`


# %%
def delta_artifact(spark_version: str, scala_version: str, delta_version: str) -> str:
    """The Maven coordinates of Delta Lake for this Spark and this Scala."""
    # BEGIN SOLUTION
    spark_line = ".".join(spark_version.split(".")[:2])
    scala_line = ".".join(scala_version.split(".")[:2])
    return f"io.delta:delta-spark_{spark_line}_{scala_line}:{delta_version}"
    # END SOLUTION


# %%
check(delta_artifact)

# %% [markdown]
# ## Exercise 1.4 · Is it on?
#
# Say whether a setting that is true or false is on in this session, as Spark itself sees it: what someone set, and
# otherwise Spark's own default. A name that Spark does not know is off.
#
# `"spark.sql.adaptive.enabled"` → `True`


# %%
def is_on(spark: SparkSession, name: str) -> bool:
    """Whether the setting `name` is true in this session; False for one that Spark does not know."""
    # BEGIN SOLUTION
    try:
        return spark.conf.get(name).lower() == "true"
    except SparkNoSuchElementException:
        return False
    # END SOLUTION


# %%
check(is_on)

# %% [markdown]
# ## Exercise 1.5 · What may still change
#
# Somebody hands you a list of settings to change on a session that runs. Return those that the session accepts, in
# the given order. Only look: afterwards the session must be as it was.
#
# `["spark.sql.shuffle.partitions", "spark.executor.memory"]` → `["spark.sql.shuffle.partitions"]`


# %%
def changeable(spark: SparkSession, names: list[str]) -> list[str]:
    """The settings among `names` that can change on this running session, in their order."""
    # BEGIN SOLUTION
    return [name for name in names if spark.conf.isModifiable(name)]
    # END SOLUTION


# %%
check(changeable)

# %% [markdown]
# ## Exercise 1.6 · Where the rows are
#
# One task works on one partition. Count the rows of each partition of `frame`, as they lie, without moving any. A
# partition without rows does not appear. The code must run on Spark Connect too, which has no RDDs.
#
# any columns → `partition int, rows bigint`


# %%
def rows_per_partition(frame: DataFrame) -> DataFrame:
    """One row a partition that is not empty: its number and its number of rows."""
    # BEGIN SOLUTION
    return frame.groupBy(F.spark_partition_id().alias("partition")).agg(F.count("*").alias("rows"))
    # END SOLUTION


# %%
check(rows_per_partition)

# %% [markdown]
# ## Exercise 1.7 · Let the executors add
#
# Return the total of the column `amount` as a Python float. Some amounts are NULL and count for nothing; without
# any amount the total is 0.0. The table may be far larger than the memory of the driver.
#
# `sale_id, amount`: `(1, 2.5), (2, None), (3, 4.0)` → `6.5`


# %%
def total_amount(sales: DataFrame) -> float:
    """The total of `amount`, 0.0 where there is none."""
    # BEGIN SOLUTION
    return sales.agg(F.sum("amount")).first()[0] or 0.0
    # END SOLUTION


# %%
check(total_amount)

# %% [markdown]
# ## Exercise 1.8 · Make the table once
#
# The first step of a pipeline makes sure that its table is there: a managed Delta table with the columns `order_id
# string, amount double`, empty at first. The pipeline runs every night, and what the table holds stays.
#
# `"shop.orders"` → nothing is returned; the table is there


# %%
def ensure_table(spark: SparkSession, name: str) -> None:
    """Make the managed Delta table `name` of orders, unless it is there."""
    # BEGIN SOLUTION
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} (order_id STRING, amount DOUBLE) USING delta")
    # END SOLUTION


# %%
check(ensure_table)

# %% [markdown]
# ## Exercise 1.9 · Give files a name
#
# Another team writes a Delta table into the folder `path`. Register it under `name`, so that people can query it
# by that name: the files stay where they are and as they are, what the team writes tomorrow is seen, and who drops
# the name loses no file.
#
# `"shop.orders"` and `"…/orders of the shop"` → nothing is returned; the table is there


# %%
def register(spark: SparkSession, name: str, path: str) -> None:
    """Register the Delta table in the folder `path` as the external table `name`."""
    # BEGIN SOLUTION
    spark.sql(f"CREATE TABLE {name} USING delta LOCATION '{path}'")
    # END SOLUTION


# %%
check(register)

# %% [markdown]
# ## Exercise 1.10 · Which kind of session
#
# A library must know whether it was given a classic session or one of Spark Connect; both kinds may live in one
# process. Some platforms refuse `sparkContext` on classic sessions too, so whether it answers tells nothing.
#
# a session → `"classic"` or `"connect"`


# %%
def session_kind(spark: SparkSession) -> str:
    """`"connect"` for a session of Spark Connect, `"classic"` for any other."""
    # BEGIN SOLUTION
    return "connect" if type(spark).__module__.startswith("pyspark.sql.connect") else "classic"
    # END SOLUTION


# %%
check(session_kind)

# %% [markdown]
# ## Exercise 1.11 · Move it to serverless
#
# This runs on a classic cluster and fails on serverless compute. Write it so that it runs on both, with the same
# result.
#
# ```python
# lookup = spark.sparkContext.broadcast(names)
# rows = customers.rdd.map(lambda row: (row.customer_id, lookup.value.get(row.country, "unknown")))
# return rows.toDF(["customer_id", "country"])
# ```
#
# `customer_id, country`: `("C1", "NO"), ("C2", "XX")` and `{"NO": "Norway"}` → `customer_id, country`: `("C1",
# "Norway"), ("C2", "unknown")`


# %%
def country_names(customers: DataFrame, names: Mapping[str, str]) -> DataFrame:
    """Every customer with the name of the country in place of its code, `unknown` where it has none."""
    # BEGIN SOLUTION
    lookup = customers.sparkSession.createDataFrame(list(names.items()), "country string, name string")
    named = customers.join(F.broadcast(lookup), "country", "left")
    return named.select("customer_id", F.coalesce("name", F.lit("unknown")).alias("country"))
    # END SOLUTION


# %%
check(country_names)

# %% [markdown]
# ## Exercise 1.12 · What does not go together
#
# Spark 4.2 runs on Python 3.10 or later and on Java 17 or 21. Delta's artifact must carry the line of the Spark
# and of the Scala that run it, as in `io.delta:delta-spark_4.2_2.13:4.4.0`; an artifact without a Spark line is
# one of Delta 4.0 or older, made for an older Spark. Given the five versions of a cluster with some Spark 4.2,
# name what does not fit.
#
# `"3.9.18", "17.0.12", "4.2.0", "2.13.16", "io.delta:delta-spark_4.1_2.13:4.1.0"` → `["python", "spark"]`: those
# among `python`, `java`, `spark`, `scala`, in this order


# %%
def misfits(python: str, java: str, spark: str, scala: str, artifact: str) -> list[str]:
    """What does not fit: Python or Java to Spark 4.2, this Spark or this Scala to the artifact of Delta."""
    # BEGIN SOLUTION
    lines = artifact.split(":")[1].split("_")
    fits = {
        "python": tuple(map(int, python.split(".")[:2])) >= (3, 10),
        "java": java.split(".")[0] in ("17", "21"),
        "spark": ".".join(spark.split(".")[:2]) in lines,
        "scala": ".".join(scala.split(".")[:2]) in lines,
    }
    return [part for part, fit in fits.items() if not fit]
    # END SOLUTION


# %%
check(misfits)

# %% [markdown]
# ## Exercise 1.13 · What this session lacks
#
# You are given all the settings of a session. Which of Delta's two, `spark.sql.extensions` and
# `spark.sql.catalog.spark_catalog`, are missing or wrong? Other tools bring extensions too: the first setting is a
# list of classes with commas between them, and people put spaces there.
#
# `{"spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension"}` → `["spark.sql.catalog.spark_catalog"]`


# %%
def delta_faults(settings: Mapping[str, str]) -> list[str]:
    """The names of Delta's two settings that are missing or wrong, the extension first."""
    # BEGIN SOLUTION
    extensions = [name.strip() for name in settings.get("spark.sql.extensions", "").split(",")]
    catalog = settings.get("spark.sql.catalog.spark_catalog")
    fits = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension" in extensions,
        "spark.sql.catalog.spark_catalog": catalog == "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }
    return [name for name, fit in fits.items() if not fit]
    # END SOLUTION


# %%
check(delta_faults)

# %% [markdown]
# ## Exercise 1.14 · Change it for a moment
#
# One step of a job needs a setting of its own. Run `action` with the setting changed, return what it returns, and
# leave the session as it was: also when `action` fails, whose error must come through, and also when nobody had
# set `name` before.
#
# `"spark.sql.shuffle.partitions", "7", lambda: 42` → `42`


# %%
def with_setting(spark: SparkSession, name: str, value: str, action: Callable[[], object]) -> object:
    """What `action` returns, run while the setting `name` is `value`; afterwards the session is as before."""
    # BEGIN SOLUTION
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        return action()
    finally:
        if before is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, before)
    # END SOLUTION


# %%
check(with_setting)

# %% [markdown]
# ## Exercise 1.15 · Four failed nights
#
# The notebook worked, the pipeline did not, and the log holds one of these (shortened; in a log, other words and
# lines may stand in front, and behind them comes a stack trace full of `delta` and `spark`):
#
# ```text
# [DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG] This Delta operation requires the SparkSession to be …
# [DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta. Make sure the provider name is correct …
# java.lang.NoClassDefFoundError: org/apache/spark/sql/catalyst/expressions/TimeAdd
# java.lang.NoClassDefFoundError: scala/Serializable
# ```
#
# Name the cause: `"jar"` where Delta's jar is not there, `"settings"` where only the settings are missing,
# `"spark"` and `"scala"` where the jar was made for another one, `"unknown"` for any other error.
#
# `"[PATH_NOT_FOUND] Path does not exist: …"` → `"unknown"`


# %%
def cause_of(error: str) -> str:
    """Why Delta fails: `jar`, `settings`, `spark`, `scala`, or `unknown`."""
    # BEGIN SOLUTION
    signs = {
        "settings": "[DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG]",
        "jar": "Failed to find the data source: delta.",
        "spark": "NoClassDefFoundError: org/apache/spark/",
        "scala": "NoClassDefFoundError: scala/",
    }
    return next((cause for cause, sign in signs.items() if sign in error), "unknown")
    # END SOLUTION


# %%
check(cause_of)

# %% [markdown]
# ## Exercise 1.16 · It works in my notebook
#
# Delta works in the notebook and fails in the pipeline. From the settings of both, return what the pipeline must
# change, with the new values, and nothing else. Three settings decide: `spark.sql.catalog.spark_catalog`, and the
# lists `spark.sql.extensions` and `spark.jars.packages`, of which the entries that begin with `io.delta` are
# Delta's. In a list that changes, first come the pipeline's own other entries, as they were, and behind them the
# notebook's entries of Delta; an entry of Delta that the notebook has not goes.
#
# `spark.sql.extensions` is `"io.delta.sql.DeltaSparkSessionExtension"` in the notebook and `"org.acme.Audit"` in
# the pipeline → `{"spark.sql.extensions": "org.acme.Audit,io.delta.sql.DeltaSparkSessionExtension"}`


# %%
def pipeline_changes(notebook: Mapping[str, str], pipeline: Mapping[str, str]) -> dict[str, str]:
    """The settings that the pipeline must change, so that Delta works there as in the notebook."""
    # BEGIN SOLUTION
    catalog = "spark.sql.catalog.spark_catalog"
    changes = {catalog: notebook[catalog]} if pipeline.get(catalog) != notebook[catalog] else {}
    for name in ("spark.sql.extensions", "spark.jars.packages"):
        wanted, present = (
            [entry.strip() for entry in settings.get(name, "").split(",")] for settings in (notebook, pipeline)
        )
        delta = [entry for entry in wanted if entry.startswith("io.delta")]
        others = [entry for entry in present if entry and not entry.startswith("io.delta")]
        if set(present) != {*others, *delta}:
            changes[name] = ",".join([*others, *delta])
    return changes
    # END SOLUTION


# %%
check(pipeline_changes)
