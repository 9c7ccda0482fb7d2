"""The books: what became of every row that was read, counted where it lies now, and how good the rows are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import bronze
from lakehouse.lake import Lake
from lakehouse.outcome import Book, Books, Kept, Nulls
from lakehouse.quality import KEPT_OUT, Rule
from lakehouse.silver import ENTITIES, Entity

PROCESSED = {"customers": ("customer_changes",), "products": ("products",), "transactions": bronze.PAYMENTS}
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


def closed(lake: Lake) -> Books:
    """Count everything, in two queries side by side, and reading each table as seldom as can be."""
    with ThreadPoolExecutor(1) as beside:
        nulls = beside.submit(_nulls, lake)
        entries = reduce(DataFrame.union, [*_processed(lake), *_balance(lake)])
        counts = entries.groupBy("kind", "name").agg(F.sum("rows").alias("rows"))
        found = Counter({(row["kind"], row["name"]): row["rows"] for row in counts.collect()})
    kinds = ("read", "clean", "quarantined", "duplicate")
    books = tuple(Book(source, *(found[kind, source] for kind in kinds)) for source in bronze.SOURCES)
    rules = tuple(
        Kept(entity.table, rule, _judged(entity, rule, books), found["broken", rule.name])
        for entity in ENTITIES
        for rule in entity.rules
    )
    return Books({name: found["processed", name] for name in PROCESSED}, books, nulls.result(), rules)


def _there(lake: Lake, layer: str, names: Iterable[str]) -> dict[str, DataFrame]:
    """The tables of a layer that exist, by name: what was never delivered has none."""
    return {name: lake.read(f"{layer}/{name}") for name in names if lake.exists(f"{layer}/{name}")}


def _processed(lake: Lake) -> Iterator[DataFrame]:
    """The entries of the customers, products and transactions that were delivered, good or bad: one for each."""
    for name, sources in PROCESSED.items():
        column = f"{name[:-1]}_id"
        ids = [rows.select(column) for rows in _there(lake, "bronze", sources).values()]
        if ids:
            known = reduce(DataFrame.union, ids).where(F.col(column).isNotNull()).distinct()
            yield _entries(known, "processed", F.lit(name))


def _balance(lake: Lake) -> Iterator[DataFrame]:
    """The entries of the rows that were read, by the audit table, and of the three others, each where the rows lie.

    A broken rule is an entry too: one of severity drop or fail of a quarantined row, a warn of a clean one.
    """
    arrivals = lake.read(bronze.ARRIVALS)
    yield _entries(arrivals, "read", F.col("source"), F.col("rows") + F.col("refused"))
    for rows in _there(lake, "silver", [entity.table for entity in ENTITIES]).values():
        yield _entries(rows, "clean", F.col("_source"), broken=F.col("_warnings"))
    quarantine, duplicates = (lake.read(f"silver/{name}") for name in ("quarantine", "duplicates"))
    yield _entries(quarantine, "quarantined", F.col("source"), broken=F.col("reasons.rule"))
    yield _entries(duplicates, "duplicate", F.col("source"))
    refused = {f"{source}_refused": source for source in bronze.PAYMENTS}
    for name, rows in _there(lake, "bronze", refused).items():
        yield _entries(rows, "quarantined", F.lit(refused[name]))


def _entries(
    rows: DataFrame, kind: str, name: Column, number: Column | None = None, broken: Column | None = None
) -> DataFrame:
    """What each row adds to the books: one entry of its kind and name, and one for each rule in `broken`.

    Columns: kind, name, rows. Grain: an entry.
    """
    one = F.lit(1).cast("BIGINT")

    def entry(kind: str, name: Column, number: Column) -> Column:
        return F.struct(F.lit(kind).alias("kind"), name.alias("name"), number.alias("rows"))

    own = entry(kind, name, one if number is None else number)
    if broken is None:
        return rows.select(own.alias("entry")).select("entry.*")
    rules = F.transform(broken, lambda rule: entry("broken", rule, one))
    return rows.select(F.inline(F.concat(F.array(own), rules)))


def _judged(entity: Entity, rule: Rule, books: Sequence[Book]) -> int:
    own = [book for book in books if book.source in entity.sources]
    return sum(book.clean + (book.quarantined if rule.severity in KEPT_OUT else 0) for book in own)


def _nulls(lake: Lake) -> tuple[Nulls, ...]:
    """The NULLs of each column of `customers` (current versions), `products` and `transactions`."""
    counts = [_null_counts(rows, table) for table, rows in _there(lake, "silver", MAY_BE_NULL).items()]
    return tuple(
        Nulls(row["table"], row["column"], row["rows"], row["nulls"], MAY_BE_NULL[row["table"]].get(row["column"], 0.0))
        for row in (reduce(DataFrame.union, counts).collect() if counts else [])
    )


def _null_counts(rows: DataFrame, table: str) -> DataFrame:
    """Columns: table, rows, column, nulls. Grain: a column of the table, in their order."""
    if "is_current" in rows.columns:
        rows = rows.where("is_current")
    names = [name for name in rows.columns if not name.startswith("_")]
    missing = [F.count_if(F.col(name).isNull()).alias(name) for name in names]
    counts = rows.agg(F.count("*").alias("rows"), *missing)
    columns = F.array(*(F.struct(F.lit(name).alias("column"), F.col(name).alias("nulls")) for name in names))
    return counts.select(F.lit(table).alias("table"), "rows", F.inline(columns))
