"""The schema that a stream of files keeps beside its checkpoint: one version a change, numbered from 0."""

import json
import re

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql.types import StructField, StructType

COLUMNS = "version INT, schema STRING"
# What the name of a column of a Delta table cannot have, and what would be read as more than a name.
NO_NAME = re.compile(r"[\x00-\x20,;{}()=.`]")


def schema_versions(spark: SparkSession, checkpoint: str) -> list[StructType]:
    """The versions that a checkpoint knows, the first one first; none before the first file was read."""
    try:
        stored = spark.read.schema(COLUMNS).json(_folder(checkpoint)).collect()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return []
    texts = {row["version"]: row["schema"] for row in stored}
    return [StructType.fromJson(json.loads(texts[version])) for version in sorted(texts)]


def add_version(spark: SparkSession, checkpoint: str, version: int, schema: StructType) -> None:
    """Store a version, in one small file."""
    row = spark.createDataFrame([(version, schema.json())], COLUMNS)
    row.coalesce(1).write.mode("append").json(_folder(checkpoint))


def can_be_a_column(name: str) -> bool:
    """Whether a field of that name can be a column; a name that begins with `_` is kept for what the platform adds."""
    return bool(name) and not name.startswith("_") and not NO_NAME.search(name)


def hinted(schema: StructType, hints: str | None) -> StructType:
    """The schema with the types that `hints`, such as `amount DECIMAL(12,2)`, give; columns it lacks are added."""
    if not hints:
        return schema
    given = {field.name.lower(): field for field in struct(hints)}
    fields = [StructField(f.name, given[f.name.lower()].dataType) if f.name.lower() in given else f for f in schema]
    present = {field.name.lower() for field in schema}
    return StructType(fields + [field for name, field in given.items() if name not in present])


def struct(ddl: str) -> StructType:
    """The columns of a DDL text. Raises Spark's ParseException for what is none."""
    found = StructType.fromDDL(ddl)
    assert isinstance(found, StructType)
    return found


def _folder(checkpoint: str) -> str:
    return f"{checkpoint}/_schemas"
