"""Records and a schema: what fits becomes columns, and what does not is rescued."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructField, StructType

from lakehouse.ingestion.formats import RAW

RESCUED = "_rescued_data"


def fitted(records: DataFrame, schema: StructType, texts: bool, rescue: bool) -> DataFrame:
    """The columns of `schema` from the JSON texts in `_record`, then `_rescued_data`, then the other columns.

    A value fits if it is of the column's type: neither "3" nor 2.5 is a BIGINT; any value fits a STRING. `texts` says
    that all values are texts (CSV): then what `try_cast` can read fits. `_rescued_data` is JSON, the values of unknown
    columns and those that did not fit as texts, with `_file_path` or else `_origin`; NULL where there are none, and
    left out unless `rescue`. A field that has the name of that itself gets one more underscore. In a nested value, a
    field that its type lacks is dropped.
    """
    raw, typed = F.from_json("_record", RAW), F.from_json("_record", schema)
    parsed = records.withColumns({"_raw": raw, "_typed": typed})
    values = {f.name: _text(f) if texts else F.col("_typed")[f.name] for f in schema}
    columns = [value.alias(name) for name, value in values.items()]
    if not rescue:
        return parsed.select(*columns, *records.columns)
    known = F.array(*(F.lit(name) for name in schema.names)) if schema.names else F.array().cast("ARRAY<STRING>")
    misfits = [F.when(_misfit(f, values[f.name], texts), F.lit(f.name)) for f in schema]
    # Most rows lose nothing. So the names are found first, with functions that Spark compiles (`filter` is none), and
    # only a row that has some pays for looking at each of its values.
    unknown = F.array_except(F.map_keys("_raw"), known)
    nobody = F.array(F.lit(None).cast("STRING"))
    names = F.array_except(F.concat(unknown, F.array(*misfits)) if misfits else unknown, nobody)
    judged = parsed.withColumn("_lost", names)
    lost = F.map_filter("_raw", lambda name, value: value.isNotNull() & F.array_contains("_lost", name))
    found = judged.withColumn("_lost", F.when(F.size("_lost") > 0, lost))
    place = origin(records)
    where = F.create_map(F.lit(place), F.col(place))
    named = F.transform_keys("_lost", lambda name, value: F.regexp_replace(name, rf"^(_*{place})\z", "_$1"))
    rescued = F.when(F.size("_lost") > 0, F.to_json(F.map_concat(named, where))).alias(RESCUED)
    return found.select(*columns, rescued, *records.columns)


def origin(records: DataFrame) -> str:
    """The column that says where records are from."""
    return "_file_path" if "_file_path" in records.columns else "_origin"


def _text(field: StructField) -> Column:
    # By its name, because Spark Connect would give a StringType a collation, which not every reader of Delta knows.
    return F.col("_raw")[field.name].try_cast(field.dataType.simpleString())


def _misfit(field: StructField, value: Column, texts: bool) -> Column:
    """Whether there is a value, and it was lost or, in a nested one, a part of it."""
    given = F.col("_raw")[field.name]
    lost = value.isNull()
    if isinstance(field.dataType, ArrayType | MapType | StructType) and not texts:
        whole = F.concat(F.lit('{"value": '), given, F.lit("}"))
        schema = f"value {field.dataType.simpleString()}, refused STRING"
        lost |= F.from_json(whole, schema, {"columnNameOfCorruptRecord": "refused"})["refused"].isNotNull()
    return given.isNotNull() & lost
