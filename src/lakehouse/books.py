"""The books: what became of every row that was read, counted where it lies now, and how good the rows are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import bronze, tables
from lakehouse.places import Places
from lakehouse.quality import Rule
from lakehouse.silver import ENTITIES, Entity

# What may be NULL in a table of silver, and how often; a column that is not named here never.
MAY_BE_NULL = {
    "customers": {
        "email": 0.05,
        "phone": 0.05,
        "name": 0.01,
        "city": 0.01,
        "segment": 0.01,
        "marketing_consent": 0.01,
        "birth_date": 0.01,
        "signed_up_on": 0.01,
        "ended_on": 1.0,
        "valid_to": 1.0,
    },
    "products": {"name": 0.01, "category": 0.02, "weight_g": 0.05, "discontinued_on": 1.0},
    "transactions": {"coupon": 1.0, "payment_method": 0.01},
}


@dataclass(frozen=True)
class Book:
    """What became of the rows of one source. `quarantined` has those that could not even be read."""

    source: str
    read: int
    clean: int
    quarantined: int
    duplicate: int

    @property
    def balanced(self) -> bool:
        """Whether every row that was read is in exactly one place."""
        return self.read == self.clean + self.quarantined + self.duplicate


@dataclass(frozen=True)
class Nulls:
    """The NULLs of one column of silver."""

    table: str
    column: str
    rows: int
    nulls: int
    tolerance: float

    @property
    def share(self) -> float:
        """The part of the rows, 0 to 1."""
        return self.nulls / self.rows if self.rows else 0.0

    @property
    def passed(self) -> bool:
        """Whether there are no more than the column may have."""
        return self.share <= self.tolerance


@dataclass(frozen=True)
class Kept:
    """How often a rule is broken, among the rows that it judged."""

    table: str
    rule: Rule
    rows: int
    broken: int

    @property
    def share(self) -> float:
        """The part of the rows, 0 to 1."""
        return self.broken / self.rows if self.rows else 0.0

    @property
    def passed(self) -> bool:
        """Whether it is broken no more often than the rule tolerates."""
        return self.share <= self.rule.tolerance


def balance(spark: SparkSession, places: Places) -> tuple[Book, ...]:
    """One book a source: read by the audit table, and the three others each counted where the rows lie."""
    quarantine, duplicates = places.table("silver", "quarantine"), places.table("silver", "duplicates")
    counted = [_counted(spark, "read", bronze.audit(places), F.col("source"), F.sum(F.col("rows") + F.col("refused")))]
    for kind, target in (("quarantined", quarantine), ("duplicate", duplicates)):
        counted.append(_counted(spark, kind, target, F.col("source"), F.count("*")))
    for entity in ENTITIES:
        counted.append(_counted(spark, "clean", places.table("silver", entity.table), F.col("_source"), F.count("*")))
    for source in bronze.FILES:
        refused = f"{places.table('bronze', source)}_refused"
        counted.append(_counted(spark, "quarantined", refused, F.lit(source), F.count("*")))
    found: Counter[tuple[str, str]] = Counter()
    for row in _together(counted).collect():
        found[row["source"], row["kind"]] += row["rows"]
    kinds = ("read", "clean", "quarantined", "duplicate")
    return tuple(Book(source, *(found[source, kind] for kind in kinds)) for source in bronze.SOURCES)


def processed(spark: SparkSession, places: Places) -> dict[str, int]:
    """How many different customers, transactions and products were delivered, good or bad."""
    keys = {"customers": ("customer_changes",), "products": ("products",), "transactions": tuple(bronze.FILES)}
    counted = []
    for name, sources in keys.items():
        found = [places.table("bronze", source) for source in sources]
        ids = [tables.read(spark, target).select(f"{name[:-1]}_id") for target in found if tables.exists(spark, target)]
        if ids:
            number = F.count_distinct(f"{name[:-1]}_id").alias("rows")
            counted.append(reduce(DataFrame.union, ids).agg(number).select(F.lit(name).alias("name"), "rows"))
    found_rows = _together(counted).collect() if counted else []
    return {**dict.fromkeys(keys, 0), **{row["name"]: row["rows"] for row in found_rows}}


def nulls(spark: SparkSession, places: Places) -> tuple[Nulls, ...]:
    """The NULLs of each column of `customers` (current versions), `products` and `transactions`."""
    found = []
    for table, tolerances in MAY_BE_NULL.items():
        rows = tables.read(spark, places.table("silver", table))
        if "is_current" in rows.columns:
            rows = rows.where("is_current")
        names = [name for name in rows.columns if not name.startswith("_")]
        missing = [F.count_if(F.col(name).isNull()).alias(name) for name in names]
        counts = rows.agg(F.count("*").alias("_rows"), *missing)
        [row] = counts.collect()
        found += [Nulls(table, name, row["_rows"], row[name], tolerances.get(name, 0.0)) for name in names]
    return tuple(found)


def rules(spark: SparkSession, places: Places, books: Sequence[Book]) -> tuple[Kept, ...]:
    """Every rule, and how many rows break it: errors among clean and quarantined rows, warnings among clean ones."""
    quarantine = tables.read(spark, places.table("silver", "quarantine"))
    reasons = quarantine.select("source", F.explode("reasons.rule").alias("rule"))
    counted = [reasons.groupBy("source", "rule").agg(F.count("*").alias("rows"))]
    for entity in ENTITIES:
        target = places.table("silver", entity.table)
        if tables.exists(spark, target):
            noted = tables.read(spark, target).where("size(_warnings) > 0")
            broken = noted.select(F.col("_source").alias("source"), F.explode("_warnings").alias("rule"))
            counted.append(broken.groupBy("source", "rule").agg(F.count("*").alias("rows")))
    found: Counter[str] = Counter()
    for row in _together(counted).collect():
        found[row["rule"]] += row["rows"]
    return tuple(
        Kept(entity.table, rule, _judged(entity, rule, books), found[rule.name])
        for entity in ENTITIES
        for rule in entity.rules
    )


def _judged(entity: Entity, rule: Rule, books: Sequence[Book]) -> int:
    own = [book for book in books if book.source in entity.sources]
    return sum(book.clean + (book.quarantined if rule.severity == "error" else 0) for book in own)


def _counted(spark: SparkSession, kind: str, target: str, source: Column, rows: Column) -> DataFrame | None:
    if not tables.exists(spark, target):
        return None
    grouped = tables.read(spark, target).groupBy(source.alias("source")).agg(rows.alias("rows"))
    return grouped.select("source", F.lit(kind).alias("kind"), "rows")


def _together(parts: Sequence[DataFrame | None]) -> DataFrame:
    """One query of several: each costs a job of its own otherwise."""
    return reduce(DataFrame.union, [part for part in parts if part is not None])
