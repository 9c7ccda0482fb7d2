"""Delta tables by name or by path: what has a `/` is a path, anything else a name in the catalog."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

CHANGE_FEED = {"delta.enableChangeDataFeed": "true"}


def identifier(target: str) -> str:
    """The table as SQL and `spark.table` name it: a path as delta.`path`."""
    return f"delta.`{target}`" if "/" in target else target


def exists(spark: SparkSession, target: str) -> bool:
    """Whether there is a table that can be read under this name or path."""
    try:
        return bool(spark.table(identifier(target)).columns)
    except AnalysisException:
        return False


def create(spark: SparkSession, target: str, columns: str) -> None:
    """Make an empty table, unless there is one: those who would make it at the same time get in each other's way."""
    if not exists(spark, target):
        spark.sql(f"CREATE TABLE IF NOT EXISTS {identifier(target)} ({columns}) USING delta")


def append(rows: DataFrame, target: str, **options: str | int | bool) -> None:
    """Append rows to a table, which the first write makes. `options` are Delta's, such as `mergeSchema`."""
    writer = rows.write.format("delta").mode("append").options(**options)
    if "/" in target:
        writer.save(target)
        return
    if not exists(rows.sparkSession, target):
        # The commit that makes a table by name forgets `userMetadata` and `txnAppId`, so no rows come with it.
        properties = {name: value for name, value in options.items() if name.startswith("delta.")}
        rows.limit(0).write.format("delta").options(**properties).saveAsTable(target)
    writer.saveAsTable(target)


def write_once(batch: DataFrame, target: str, application: str, version: int, **options: str | int | bool) -> None:
    """Append a batch to the Delta table `target`, unless that batch, or a later one, is in it already.

    `application` names the writer, for good; `version` numbers its batches upwards. Both are kept in the table's own
    log (`txnAppId`, `txnVersion`), in the same commit as the rows, so there is no moment at which one is without the
    other. A version that is not larger than the last one is skipped in silence, **whatever its rows are**: who counts
    from 0 again loses data. `options` are Delta's, such as `mergeSchema`.
    """
    append(batch, target, txnAppId=application, txnVersion=version, **options)


def overwrite(rows: DataFrame, target: str, where: str | None = None) -> None:
    """Put the rows in the place of all that the table holds, in one commit: a reader sees the old ones or the new.

    `where` limits it to the rows of the table for which the condition is true; the new ones must fulfil it too.
    """
    writer = rows.write.format("delta").mode("overwrite").options(**CHANGE_FEED)
    if where is not None:
        writer = writer.option("replaceWhere", where)
    if "/" in target:
        writer.save(target)
    else:
        writer.saveAsTable(target)


def version(spark: SparkSession, target: str) -> int:
    """The number of the newest version; -1 where there is no such table yet."""
    try:
        [row] = spark.sql(f"DESCRIBE HISTORY {identifier(target)} LIMIT 1").select("version").collect()
    except AnalysisException:
        return -1
    return int(row["version"])


def versions(spark: SparkSession, targets: Mapping[str, str]) -> dict[str, int]:
    """The newest version of each table, by the name that it has in `targets`; tables that do not exist are left out."""
    with ThreadPoolExecutor(len(targets)) as pool:
        found = pool.map(lambda target: version(spark, target), targets.values())
        return {name: number for name, number in zip(targets, found, strict=True) if number >= 0}


def read(spark: SparkSession, target: str, at: int | None = None) -> DataFrame:
    """The table as it is, or as it was at a version."""
    if at is None:
        return spark.table(identifier(target))
    return spark.sql(f"SELECT * FROM {identifier(target)} VERSION AS OF {at}")


def changes(spark: SparkSession, target: str, after: int, until: int) -> DataFrame:
    """The rows that the versions later than `after` inserted, updated or deleted, up to `until`.

    `after` is -1 for the beginning. Columns: those of the table, and `_change_type`. The table needs its change data
    feed. Grain: a change of a row; an update has its row before and after.
    """
    if after < 0:
        return read(spark, target, until).withColumn("_change_type", F.lit("insert"))
    reader = spark.read.format("delta").options(readChangeFeed=True, startingVersion=after + 1, endingVersion=until)
    found = reader.load(target) if "/" in target else reader.table(target)
    return found.drop("_commit_version", "_commit_timestamp")


def differences(stored: DataFrame, wanted: DataFrame, keys: Sequence[str]) -> DataFrame:
    """What turns the stored rows of some keys into the wanted ones: the source of one `merge`.

    Both frames have the same columns and hold all rows of the same keys; no key is NULL. The result has these columns
    and `remove`: false for a row that is new or differs, true for a stored one that is wanted no longer, whose other
    columns are NULL. It is empty where nothing changed. Grain: a row; key: `keys`.
    """
    rest = [name for name in wanted.columns if name not in keys]
    new = wanted.select(*keys, F.struct(*rest).alias("_new"))
    old = stored.select(*keys, F.struct(*rest).alias("_old"))
    differing = new.join(old, list(keys), "full").where("NOT _new <=> _old")
    return differing.select(*keys, "_new.*", F.col("_new").isNull().alias("remove"))


def content_hash(columns: Sequence[str]) -> str:
    """SQL for the hash of a row by its columns, a BIGINT; rows that differ in any of them have different ones.

    xxhash64 alone passes over NULL: a value that moved to the next column would change nothing. So it counts too which
    columns are NULL.
    """
    names = [f"`{name.replace('`', '``')}`" for name in columns]
    return f"xxhash64({', '.join([*names, *(f'{name} IS NULL' for name in names)])})"


@contextlib.contextmanager
def kept(rows: DataFrame) -> Iterator[DataFrame]:
    """The rows, computed once and kept by the executors: for a while, or until what they come from is written to."""
    rows = rows.persist()
    try:
        yield rows
    finally:
        rows.unpersist()


def staged(rows: DataFrame, folder: str) -> DataFrame:
    """The rows, written to a folder as Parquet and read from there: computed once, and kept by no executor.

    Spark would compute rows that are only cached again as soon as a table that they come from is written to.
    """
    rows.write.mode("overwrite").parquet(folder)
    return rows.sparkSession.read.schema(rows.schema).parquet(folder)


def merge(differing: DataFrame, target: str, keys: Sequence[str], staging: str) -> int:
    """Apply the result of `differences` to a table in one commit, none where it is empty. Returns its number of rows.

    They are staged in the folder `staging`. It is SQL, because DeltaTable.merge needs what Spark Connect lacks.
    """
    differing = staged(differing, staging)
    rows = differing.count()
    if rows:
        _merge(differing.sparkSession, differing, target, keys)
    return rows


def _merge(spark: SparkSession, differing: DataFrame, target: str, keys: Sequence[str]) -> None:
    names = [f"`{name}`" for name in differing.columns if name != "remove"]
    same = " AND ".join(f"old.`{key}` = new.`{key}`" for key in keys)
    pairs = ", ".join(f"{name} = new.{name}" for name in names)
    values = ", ".join(f"new.{name}" for name in names)
    spark.sql(
        f"MERGE INTO {identifier(target)} AS old USING {{new}} AS new ON {same} "
        f"WHEN MATCHED AND new.remove THEN DELETE WHEN MATCHED THEN UPDATE SET {pairs} "
        f"WHEN NOT MATCHED AND NOT new.remove THEN INSERT ({', '.join(names)}) VALUES ({values})",
        new=differing,
    )
