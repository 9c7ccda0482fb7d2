"""One row a key, the same one on every run."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def latest_per_key(changes: DataFrame, keys: Sequence[str], order: Sequence[str]) -> DataFrame:
    """The newest row of each key: the largest by the columns of `order`, each breaking the ties of those before it.

    Columns: those of `changes`. Grain: one row a `keys`; rows whose key is NULL count as one key. A NULL in `order` is
    older than any value. Rows that are equal in all of `order` should be the same row delivered twice: either is kept.
    """
    newest_first = Window.partitionBy(*keys).orderBy(*(F.col(name).desc_nulls_last() for name in order))
    numbered = changes.withColumn("_number", F.row_number().over(newest_first))
    return numbered.where("_number = 1").drop("_number")
