"""The profile of a table: what is in each column, from one look at the rows."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

# So many values of a column are shown: the commonest.
TOP = 100
# With fewer different values than this their counts are exact.
TRACKED = 10_000
TENTHS = tuple(number / 10 for number in range(1, 10))
LONGEST_PATTERN = 40

Edges = Mapping[str, Sequence[float]]
Profile = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By column and measure: the numbers, by value; a measure that has one number only has it under ""."""


def profile(frame: DataFrame, edges: Edges | None = None) -> DataFrame:
    """What is in each column, by one aggregation however many columns there are.

    Columns: column, measure, value, number. Grain and key: column, measure and value. The measures, with what `value`
    says and what `number` is:

    * rows, nulls (of any type): "", how many;
    * distinct (values that can be compared): "", how many different ones, in two of three cases to within 5 %;
    * min, max (numbers, dates, times, texts): the value as text, and as a number where it is one;
    * quantile (numbers): 0.1 to 0.9, the value below or at which that share of the rows lies;
    * bin (numbers that `edges` names): the number of the bin from 0 on, how many rows; bin 0 is below the first edge;
    * top (texts, booleans): the value, how many rows: the hundred commonest values;
    * pattern (texts): the value with A for each letter and 9 for each digit, how many rows, of the hundred commonest.

    Columns of other types (arrays, structs, maps, VARIANT) have rows and nulls only.
    """
    bins = edges or {}
    kinds = {field.name: field.dataType for field in frame.schema.fields}
    found = {name: _measures(name, kind, bins.get(name)) for name, kind in kinds.items()}
    counted = frame.agg(
        F.count(F.lit(1)).alias("_rows"),
        *(
            value.alias(f"_{number}_{part}")
            for number, parts in enumerate(found.values())
            for part, value in parts.items()
        ),
    )
    rows = [
        row
        for number, (name, parts) in enumerate(found.items())
        for row in (
            F.array(_row(name, "rows", F.lit(""), F.col("_rows"))),
            *(_shown(name, part, F.col(f"_{number}_{part}"), kinds[name]) for part in parts),
        )
    ]
    # Of no rows some aggregates are NULL.
    return counted.select(F.inline(F.flatten(F.array_compact(F.array(*rows)))))


def as_profile(profiled: DataFrame) -> Profile:
    """The numbers of `profile` by column, measure and value: few, however many rows the table has."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in profiled.where("number IS NOT NULL").collect():
        found.setdefault(row["column"], {}).setdefault(row["measure"], {})[row["value"]] = row["number"]
    return found


def edges_of(profiled: Profile) -> Edges:
    """The edges of bins that hold about a tenth of the rows each, by the quantiles of each column of numbers."""
    quantiles = {name: measures["quantile"] for name, measures in profiled.items() if "quantile" in measures}
    return {name: sorted(set(found.values())) for name, found in quantiles.items()}


def _measures(name: str, kind: DataType, edges: Sequence[float] | None) -> dict[str, Column]:
    """The aggregates of one column, by the name of the measure."""
    quoted = f"`{name.replace('`', '``')}`"
    value = F.col(quoted)
    found = {"nulls": F.count_if(value.isNull())}
    if isinstance(kind, (NumericType, StringType, BooleanType, DateType, TimestampType, TimestampNTZType)):
        found["distinct"] = F.approx_count_distinct(value)
        found["min"], found["max"] = F.min(value), F.max(value)
    if isinstance(kind, NumericType):
        found["quantile"] = F.percentile_approx(value.cast("DOUBLE"), list(TENTHS))
        if edges:
            # Bin by bin: rows whose value has so many edges at or below it.
            number = F.size(F.filter(F.array(*map(F.lit, edges)), lambda edge: edge <= value))
            found["bin"] = F.array(*(F.count_if(value.isNotNull() & (number == at)) for at in range(len(edges) + 1)))
    if isinstance(kind, (StringType, BooleanType)):
        found["top"] = F.expr(f"approx_top_k(CAST({quoted} AS STRING), {TOP}, {TRACKED})")
    if isinstance(kind, StringType):
        letters = f"regexp_replace(substr({quoted}, 1, {LONGEST_PATTERN}), '\\\\p{{L}}', 'A')"
        found["pattern"] = F.expr(f"approx_top_k(regexp_replace({letters}, '\\\\p{{Nd}}', '9'), {TOP}, {TRACKED})")
    return found


def _shown(name: str, part: str, value: Column, kind: DataType) -> Column:
    """An aggregate as an array of rows of the profile."""
    if part in ("top", "pattern"):
        there = F.filter(value, lambda one: one["item"].isNotNull())
        return F.transform(there, lambda one: _row(name, part, one["item"], one["count"]))
    if part == "quantile":
        each = (_row(name, part, F.lit(str(tenth)), F.get(value, index)) for index, tenth in enumerate(TENTHS))
        return F.filter(F.array(*each), lambda one: one["number"].isNotNull())
    if part == "bin":
        return F.transform(value, lambda rows, at: _row(name, part, at.cast("STRING"), rows))
    if part in ("min", "max"):
        number = value if isinstance(kind, NumericType) else F.lit(None)
        return F.array(_row(name, part, F.coalesce(value.cast("STRING"), F.lit("")), number))
    return F.array(_row(name, part, F.lit(""), value))


def _row(name: str, measure: str, value: Column, number: Column) -> Column:
    return F.struct(
        F.lit(name).alias("column"),
        F.lit(measure).alias("measure"),
        value.alias("value"),
        number.cast("DOUBLE").alias("number"),
    )
