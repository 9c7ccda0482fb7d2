"""The read replica: one release, read from its Delta tables into SQLite, so that a request costs a look-up by key.

A row is checked against its declared model and written as JSON when the replica is built, once; a request only puts
such texts together. A replica never changes. The next release is another one, in a file of its own.
"""

import sqlite3
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from pydantic import ValidationError

from lakehouse.api import schemas
from lakehouse.api.churn_model import ChurnModel
from lakehouse.errors import PlatformError, cause
from lakehouse.files import OwnFolder


@dataclass(frozen=True)
class Release:
    """A row of `api/releases`: what the API may show. `versions` has the version of each table by its path."""

    release: int
    published_at: datetime
    delivered_until: datetime | None
    as_of: date | None
    model_version: int | None
    versions: Mapping[str, int]


@dataclass(frozen=True)
class Shelf:
    """One kind of row that the API answers with.

    `made_from` are paths of Delta tables, `query` is SQL over them, named by the last part of their path: it yields the
    fields of `model`, and the columns of `key` and `filters`. Rows are found by the key or the first columns of it, by
    filters, and in the order of the key.
    """

    name: str
    model: type[schemas.Strict]
    made_from: tuple[str, ...]
    query: str
    key: tuple[str, ...]
    filters: tuple[str, ...] = ()


def _columns(model: type[schemas.Strict]) -> str:
    return ", ".join(model.model_fields)


def _sales(period: str, table: str, day: str) -> str:
    """The sales by period from a table with a day in each row: of all channels, and of each."""
    starts_on = f"CAST(date_trunc('{period}', {day}) AS DATE)"
    sums = ", ".join(f"SUM({name}) AS {name}" for name in ("orders", "lines", "units", "revenue_eur"))
    return " UNION ALL ".join(
        f"SELECT '{period}' AS period, {starts_on} AS starts_on, {channel} AS channel, '{dimension}' AS dimension, "
        f"{part} AS part, {sums} FROM {table} GROUP BY {', '.join([starts_on, *group])}"
        for dimension, channel, part, group in (
            ("none", "CAST(NULL AS VARCHAR)", "''", ()),
            ("channel", "channel", "channel", ("channel",)),
        )
    )


MOST_RULES = 1000
_ASKED = " AND ".join(f"f.{name} IS NOT NULL" for name in schemas.Features.model_fields)
_FEATURES = ", ".join(f"'{name}', f.{name}" for name in schemas.Features.model_fields)
_SOLD = "JOIN product_performance AS p ON p.product_id = {} WHERE p.discontinued_on IS NULL"
# Of the rules that the last audit measured: what each said when it last had data, and its last ten values.
_QUALITY = """
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY rule ORDER BY value IS NULL, batch DESC) AS age,
        max(batch) OVER (PARTITION BY rule) = max(batch) OVER () AS current
    FROM quality
), trends AS (
    SELECT rule, array_agg(value ORDER BY batch) AS trend FROM numbered WHERE age <= 10 AND value IS NOT NULL
    GROUP BY rule
)
SELECT n.*, coalesce(t.trend, make_array()) AS trend FROM numbered AS n LEFT JOIN trends AS t ON t.rule = n.rule
WHERE n.age = 1 AND n.current
"""

SHELVES = (
    Shelf(
        "customers",
        schemas.Customer,
        ("gold/customer_360",),
        f"SELECT {_columns(schemas.Customer)} FROM customer_360",
        ("customer_id",),
        ("tier", "segment", "country"),
    ),
    Shelf(
        "products",
        schemas.Product,
        ("gold/product_performance",),
        f"SELECT {_columns(schemas.Product)} FROM product_performance",
        ("product_id",),
        ("category",),
    ),
    Shelf(
        "sales",
        schemas.Sales,
        ("gold/daily_sales", "serving/sales_by_month"),
        " UNION ALL ".join(
            [_sales(period, "daily_sales", "ordered_on") for period in ("day", "week")]
            + [_sales(period, "sales_by_month", "month") for period in ("month", "quarter", "year")]
        ),
        ("period", "dimension", "starts_on", "part"),
    ),
    Shelf(
        "bought_together",
        schemas.BoughtTogether,
        ("ml/bought_together", "gold/product_performance"),
        "SELECT b.product_id AS asked, row_number() OVER (PARTITION BY b.product_id ORDER BY b.lift DESC, "
        "b.confidence DESC, b.with_product_id) AS place, b.with_product_id AS product_id, p.name, p.category, "
        "p.unit_price, b.orders, b.support, b.confidence, b.lift FROM bought_together AS b "
        + _SOLD.format("b.with_product_id"),
        ("asked", "place"),
    ),
    Shelf(
        "recommended",
        schemas.Recommendation,
        ("ml/recommendations", "gold/product_performance"),
        "SELECT r.customer_id, r.rank, r.product_id, p.name, p.category, p.unit_price, 'bought_together' AS reason, "
        "r.because_of, r.support, r.lift FROM recommendations AS r " + _SOLD.format("r.product_id"),
        ("customer_id", "rank"),
    ),
    Shelf(
        "popular",
        schemas.Recommendation,
        ("ml/popular", "gold/product_performance"),
        "SELECT s.segment, s.rank, s.product_id, p.name, p.category, p.unit_price, 'popular_in_segment' AS reason, "
        "CAST(NULL AS VARCHAR) AS because_of, CAST(NULL AS DOUBLE) AS support, CAST(NULL AS DOUBLE) AS lift "
        "FROM popular AS s " + _SOLD.format("s.product_id"),
        ("segment", "rank"),
    ),
    Shelf(
        "churn",
        schemas.Churn,
        ("ml/predictions", "ml/features"),
        "SELECT c.customer_id, c.as_of, c.probability, c.risk, "
        f"CASE WHEN {_ASKED} THEN named_struct({_FEATURES}) END AS features FROM predictions AS c "
        "LEFT JOIN features AS f ON f.customer_id = c.customer_id AND f.as_of = c.as_of",
        ("customer_id",),
        ("risk",),
    ),
    Shelf("quality", schemas.RuleVerdict, ("audit/quality",), _QUALITY, ("rule",), ("severity", "owner", "verdict")),
)


class Replica:
    """One release, ready to answer from: rows as JSON by shelf, the tiles of the dashboard, and the model.

    Its file goes away when nobody refers to the replica any more. Not to be shared between threads after it is built.
    """

    def __init__(self, base_path: Path, release: Release, model: ChurnModel | None) -> None:
        """Read a release from the Delta tables under `base_path`. Raises PlatformError with the cure where it can't."""
        self.release = release
        self.model = model
        folder = OwnFolder("lakehouse-api-")
        path = folder.path / "replica.db"
        try:
            tables = _Tables(base_path, release.versions)
            self._shelves = {shelf.name: shelf for shelf in SHELVES if set(shelf.made_from) <= set(release.versions)}
            with sqlite3.connect(path) as building:
                building.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
                for shelf in self._shelves.values():
                    _fill(building, shelf, tables)
            building.close()
            self.tiles = tables.rows(
                "SELECT tile, label, measure, value FROM dashboard "
                "WHERE release = (SELECT max(release) FROM dashboard) ORDER BY tile, label, measure"
            )
        except Exception as error:
            folder.remove()
            raise PlatformError(
                f"Release {release.release} of {base_path} cannot be read ({cause(error)}): "
                "run `workbook run`, which publishes another."
            ) from error
        self._connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, check_same_thread=False)
        weakref.finalize(self, _close, self._connection, folder)
        self.risks = self._risks()
        self.verdicts = self._verdicts()
        self._sources = {name: self._source(shelf) for name, shelf in self._shelves.items()}

    def has(self, shelf: str) -> bool:
        """Whether the release has what the shelf is made from."""
        return shelf in self._shelves

    def source(self, shelf: str) -> bytes:
        """The `source` of an answer from a shelf, as JSON."""
        return self._sources[shelf]

    def one(self, shelf: str, *key: str) -> bytes | None:
        """The row with a key, as JSON; None where there is none."""
        found = self._get(shelf, "body", key)
        return found and bytes(found)

    def value(self, shelf: str, column: str, *key: str) -> str | None:
        """The value of a column of the key or the filters; None where there is no such row, or no value."""
        found = self._get(shelf, column, key)
        return None if found is None else str(found)

    def rest(self, shelf: str, equal: Iterable[str]) -> list[str]:
        """The columns in whose order the rows come when those in `equal` are fixed."""
        return [name for name in self._shelves[shelf].key if name not in equal]

    def part(
        self,
        shelf: str,
        equal: Mapping[str, str],
        limit: int,
        after: Sequence[str | int] = (),
        between: tuple[str, str] | None = None,
    ) -> tuple[list[bytes], list[str | int]]:
        """The next rows as JSON, and the place of the last where more follow.

        `equal` fixes columns. The rows come in the order of the rest of the key, behind the place `after`; `between`
        limits the first column of that rest.
        """
        rest = self.rest(shelf, equal)
        wanted = [f"{name} = ?" for name in equal]
        values: list[str | int] = list(equal.values())
        if after:
            wanted.append(f"({', '.join(rest)}) > ({', '.join('?' * len(rest))})")
            values += after
        if between:
            wanted.append(f"{rest[0]} BETWEEN ? AND ?")
            values += between
        where, order = " AND ".join(wanted) or "TRUE", ", ".join(rest)
        query = f"SELECT body, {order} FROM {shelf} WHERE {where} ORDER BY {order} LIMIT ?"
        rows = self._connection.execute(query, [*values, limit + 1]).fetchall()
        return [row[0] for row in rows[:limit]], list(rows[limit - 1][1:]) if len(rows) > limit else []

    def _get(self, shelf: str, column: str, key: Sequence[str]) -> Any:
        where = " AND ".join(f"{name} = ?" for name in self._shelves[shelf].key)
        row = self._connection.execute(f"SELECT {column} FROM {shelf} WHERE {where}", key).fetchone()
        return row and row[0]

    def _risks(self) -> dict[str, int]:
        """How many customers have which risk of churn; empty without predictions."""
        if not self.has("churn"):
            return {}
        return dict(self._connection.execute("SELECT risk, count(*) FROM churn GROUP BY risk").fetchall())

    def _verdicts(self) -> list[schemas.RuleVerdict]:
        """What each rule said, those that are broken first; empty where the release has no audit."""
        rows = self.part("quality", {}, MOST_RULES)[0] if self.has("quality") else []
        found = [schemas.RuleVerdict.model_validate_json(row) for row in rows]
        return sorted(found, key=lambda one: one.verdict != "fail")

    def _source(self, shelf: Shelf) -> bytes:
        return source(self.release, shelf.made_from, self.release.model_version if shelf.name == "churn" else None)


def source(release: Release, made_from: Sequence[str], model_version: int | None) -> bytes:
    """The `source` of an answer, as JSON."""
    return (
        schemas.Source(
            release=release.release,
            published_at=release.published_at,
            tables={name: release.versions[name] for name in made_from},
            model_version=model_version,
        )
        .model_dump_json()
        .encode()
    )


def newest(base_path: Path) -> Release | None:
    """The newest release under a path; None where nothing has been published yet."""
    table = base_path / "api" / "releases"
    if not (table / "_delta_log").is_dir():
        return None
    rows = _rows(QueryBuilder().register("t", DeltaTable(table)), "SELECT * FROM t ORDER BY release DESC LIMIT 1")
    return Release(**{**rows[0], "versions": dict(rows[0]["versions"])}) if rows else None


class _Tables:
    """The Delta tables of a release at their versions, for SQL: each goes by the last part of its path."""

    def __init__(self, base_path: Path, versions: Mapping[str, int]) -> None:
        self._query = QueryBuilder()
        for name, version in versions.items():
            self._query.register(name.rpartition("/")[2], DeltaTable(base_path / name, version=version))

    def batches(self, query: str) -> Any:
        """The rows of a query, a few thousand at a time."""
        for batch in self._query.execute(query):
            yield pa.record_batch(batch).to_pylist()

    def rows(self, query: str) -> list[dict[str, Any]]:
        return _rows(self._query, query)


def _rows(builder: QueryBuilder, query: str) -> list[dict[str, Any]]:
    return [row for batch in builder.execute(query) for row in pa.record_batch(batch).to_pylist()]


def _fill(building: sqlite3.Connection, shelf: Shelf, tables: _Tables) -> None:
    """Make a shelf's table, with an index for each filter."""
    key = ", ".join(shelf.key)
    building.execute(
        f"CREATE TABLE {shelf.name} ({key}, {''.join(f'{name}, ' for name in shelf.filters)}body BLOB, "
        f"PRIMARY KEY ({key})) WITHOUT ROWID"
    )
    places = ", ".join("?" * (len(shelf.key) + len(shelf.filters) + 1))
    for rows in tables.batches(shelf.query):
        building.executemany(f"INSERT INTO {shelf.name} VALUES ({places})", (_stored(shelf, row) for row in rows))
    for name in shelf.filters:
        building.execute(f"CREATE INDEX {shelf.name}_{name} ON {shelf.name} ({name}, {key})")


def _stored(shelf: Shelf, row: dict[str, Any]) -> list[Any]:
    """A row as it lies on the shelf: its key, its filters, and itself as JSON."""
    try:
        body = shelf.model.model_validate({name: row[name] for name in shelf.model.model_fields}).model_dump_json()
    except ValidationError as error:
        fault = error.errors()[0]
        column = ".".join(str(part) for part in fault["loc"])
        raise ValueError(f"{column} in {' or '.join(shelf.made_from)}: {fault['msg']}") from error
    found = [row[name] for name in shelf.key + shelf.filters]
    return [value.isoformat() if isinstance(value, date) else value for value in found] + [body.encode()]


def _close(connection: sqlite3.Connection, folder: OwnFolder) -> None:
    connection.close()
    folder.remove()
