"""Delta tables by name or by path: what has a `/` is a path, anything else a name in the catalog."""

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession


def identifier(target: str) -> str:
    """The table as SQL and `spark.table` name it: a path as delta.`path`."""
    return f"delta.`{target}`" if "/" in target else target


def exists(spark: SparkSession, target: str) -> bool:
    """Whether there is a table that can be read under this name or path."""
    try:
        return bool(spark.table(identifier(target)).columns)
    except AnalysisException:
        return False


def append(rows: DataFrame, target: str, **options: str | int | bool) -> None:
    """Append rows to a table, which the first write makes. `options` are Delta's, such as `mergeSchema`."""
    writer = rows.write.format("delta").mode("append").options(**options)
    if "/" in target:
        writer.save(target)
        return
    if not exists(rows.sparkSession, target):
        # The commit that makes a table by name forgets `userMetadata` and `txnAppId`, so no rows come with it.
        rows.limit(0).write.format("delta").saveAsTable(target)
    writer.saveAsTable(target)
