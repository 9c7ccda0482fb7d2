"""Files of any format as records: one JSON text a row with the file it came from, or a reason why it is none."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StringType, StructField, StructType

RAW = "MAP<STRING, STRING>"
RECORD = "_record STRING, _file_path STRING, _file_modified_at TIMESTAMP, _file_size BIGINT, _reason STRING"
# What a line has that is not blank, as Spark's reader of CSV understands it.
SOMETHING = r"[^\x00-\x20]"
# RFC 4180 doubles a quotation mark; Spark's default is a backslash before it.
CSV = {"header": "true", "escape": '"'}
WHOLE = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"}

Options = Mapping[str, str]


@dataclass(frozen=True)
class Records:
    """The rows of some files or of other texts, and the schema that these suggest themselves.

    `rows` has _record (JSON text of a row, or the line as it is where `_reason` is not NULL), _reason, and where it is
    from: _file_path, _file_modified_at and _file_size, or else _origin. `schema` is a function: to find the types of
    JSON its rows are read.
    """

    rows: DataFrame
    schema: Callable[[], StructType]


def json_records(spark: SparkSession, files: Sequence[str], options: Options) -> Records:
    """JSON lines. A line that is no JSON object has a reason. Nested values are inferred as STRING, their JSON text."""
    lines = spark.read.text(_literal(files)).where(F.col("value").rlike(SOMETHING))
    rows = with_reasons(lines.select(F.col("value").alias("_record"), *_origin()))
    return Records(rows, lambda: json_schema(rows, options))


def with_reasons(texts: DataFrame) -> DataFrame:
    """The texts in `_record` with `_reason`: why one is no record; NULL where it is one."""
    # from_json ends where the object does. So a mark is put behind it, which is read only if nothing else stands there.
    mark = F.xxhash64("_record").cast("STRING")
    marked = F.concat(F.lit("["), "_record", F.lit(', {"mark": "'), mark, F.lit('"}]'))
    read = texts.withColumn("_read", F.from_json(marked, f"ARRAY<{RAW}>"))
    record, behind = F.get("_read", F.lit(0)), F.get("_read", F.lit(1))
    alone = F.coalesce((F.size("_read") == 2) & record.isNotNull() & (behind["mark"] == mark), F.lit(False))
    names = F.map_keys(record)
    reason = (
        F.when(~alone & F.from_json("_record", RAW).isNotNull(), "something stands behind the JSON object")
        .when(~alone, "not a JSON object")
        .when(F.size(F.array_distinct(names)) < F.size(names), "a field comes twice in the JSON object")
    )
    return read.withColumn("_reason", reason).drop("_read")


def json_schema(records: DataFrame, options: Options) -> StructType:
    """The schema that JSON records suggest; what is nested is STRING."""
    good = records.where("_reason IS NULL").select("_record")
    inferred = records.sparkSession.read.options(**options).json(good).schema
    nested = (ArrayType, MapType, StructType)
    return StructType(
        [StructField(f.name, StringType() if isinstance(f.dataType, nested) else f.dataType) for f in inferred]
    )


def csv_records(spark: SparkSession, files: Sequence[str], options: Options) -> Records:
    """CSV with a header, which gives each file columns of its own. All are STRING unless `inferSchema` is an option."""
    options = {**CSV, **options}
    parts = []
    for group in _by_header(spark, files):
        paths = _literal(group)
        inferred = spark.read.options(**options).csv(paths).schema
        # Columns go by their numbers until they are in a text: a header may have any name in it.
        names = {str(number): field.name for number, field in enumerate(inferred)}
        texts = StructType([StructField(name, StringType()) for name in [*names, "refused"]])
        table = spark.read.schema(texts).options(columnNameOfCorruptRecord="refused", **options).csv(paths)
        row = F.to_json(F.struct(*(F.col(number).alias(name) for number, name in names.items())))
        reason = F.when(F.col("refused").isNotNull(), F.lit("wrong number of columns"))
        record = F.coalesce("refused", row).alias("_record")
        parts.append((table.select(record, *_origin(), reason.alias("_reason")), inferred))
    return _together(spark, parts)


def parquet_records(spark: SparkSession, files: Sequence[str], options: Options) -> Records:
    """Parquet, whose files know their types; where they differ, the schema has that of the first file."""
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(spark.read.options(**options).parquet(*_literal([file])).schema.json(), []).append(file)
    parts = []
    for schema, group in groups.items():
        record = F.to_json(F.struct("*"), WHOLE).alias("_record")
        table = spark.read.options(**options).parquet(*_literal(group))
        nothing = F.lit(None).cast("STRING").alias("_reason")
        parts.append((table.select(record, *_origin(), nothing), StructType.fromJson(json.loads(schema))))
    return _together(spark, parts)


def nothing(spark: SparkSession) -> Records:
    """No rows, and no columns."""
    return Records(spark.createDataFrame([], RECORD), lambda: StructType([]))


FORMATS = {"json": json_records, "csv": csv_records, "parquet": parquet_records}


def _literal(paths: Sequence[str]) -> list[str]:
    """The paths as a reader takes them, which would otherwise read brackets and stars in a name as a pattern."""
    return [re.sub(r"([\\\[\]{}*?])", r"\\\1", path) for path in paths]


def _path() -> Column:
    """The file of a row, by the name that it has: `_metadata` writes a blank as %20."""
    return F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))


def _origin() -> list[Column]:
    return [
        _path().alias("_file_path"),
        F.col("_metadata.file_modification_time").alias("_file_modified_at"),
        F.col("_metadata.file_size").alias("_file_size"),
    ]


def _by_header(spark: SparkSession, files: Sequence[str]) -> list[list[str]]:
    """The files in groups with the same first line that is not blank; files without one are in no group."""
    position = F.struct("_metadata.file_block_start", F.monotonically_increasing_id().alias("line"))
    lines = spark.read.text(_literal(files)).select("value", position.alias("at"), _path().alias("file_path"))
    headers = (
        lines.where(F.col("value").rlike(SOMETHING)).groupBy("file_path").agg(F.min_by("value", "at").alias("header"))
    )
    grouped = headers.groupBy("header").agg(F.sort_array(F.collect_list("file_path")).alias("files"))
    return sorted(found for (found,) in grouped.select("files").collect())


def _together(spark: SparkSession, parts: Sequence[tuple[DataFrame, StructType]]) -> Records:
    rows = [rows for rows, _ in parts] or [nothing(spark).rows]
    return Records(reduce(DataFrame.unionByName, rows), lambda: merged(schema for _, schema in parts))


def merged(schemas: Iterable[StructType]) -> StructType:
    """All columns in order of their first appearance, with the type that they have there; capitals do not matter."""
    fields: dict[str, StructField] = {}
    for schema in schemas:
        for field in schema:
            fields.setdefault(field.name.lower(), field)
    return StructType(list(fields.values()))
