"""The history of each key as slowly changing dimension (SCD) type 2, rebuilt from all its changes.

A late change can fall anywhere between two versions, and then alters both. So nothing is patched: the history of
every key that a delivery touches is made again from the stored log of changes, and compared with the stored one.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import tables
from lakehouse.silver.deduplicate import latest_per_key


def scd2_history(
    changes: DataFrame, keys: Sequence[str], tracked: Sequence[str], order: Sequence[str], deleted: Column
) -> DataFrame:
    """The versions of each key, from changes in any order, late or repeated.

    The first column of `order` is the instant from which a change holds, and must not be NULL; the others break ties.
    Of several changes of a key at one instant the newest counts. A change that changes no tracked column makes no
    version, and NULL is a value like any other. Where `deleted` is true, the key ends, and may begin again later.

    Columns: `keys`, `tracked`, valid_from, valid_to (exclusive; NULL while the version is open), is_current.
    Grain: a version; key: `keys` and valid_from.
    """
    in_time = Window.partitionBy(*keys).orderBy("valid_from")
    exists = ~F.coalesce(deleted, F.lit(False))
    states = latest_per_key(changes, [*keys, order[0]], order).select(
        *keys, F.col(order[0]).alias("valid_from"), F.when(exists, F.struct(*tracked)).alias("_state")
    )
    changed = states.withColumn("_before", F.lag("_state").over(in_time)).where("NOT _state <=> _before")
    versions = changed.withColumn("valid_to", F.lead("valid_from").over(in_time)).where("_state IS NOT NULL")
    return versions.select(*keys, "_state.*", "valid_from", "valid_to", F.col("valid_to").isNull().alias("is_current"))


def history_changes(stored: DataFrame, rebuilt: DataFrame, keys: Sequence[str]) -> DataFrame:
    """What turns the stored versions of some keys into the rebuilt ones: the source of one MERGE.

    Both frames hold all versions of the same keys, in the columns of `scd2_history`; no key is NULL. The result has
    those columns and `remove`: false for a version that is new or differs, true for a stored one that no longer exists,
    whose other columns are NULL. It is empty where nothing changed. Grain: a version; key: `keys` and valid_from.
    """
    return tables.differences(stored, rebuilt, [*keys, "valid_from"])
