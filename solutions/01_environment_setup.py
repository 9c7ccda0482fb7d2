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
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it.
# Every exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.

# %%
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 1.1 · Name the artifact
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
