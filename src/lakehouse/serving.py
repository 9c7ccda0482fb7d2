"""Serving: what dashboards and analysts read, published as a whole, and never staler than it says.

A **release** is one consistent state of gold: a row of `serving/releases` that names the version of each table. Who
reads through `released` gets all tables as of one release, however long it takes and whatever is rebuilt meanwhile.
`serving/sales_by_month` is a materialised view, refreshed by the months that changed; `serving/dashboard` is the data
behind a dashboard, computed once a release and kept with it.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from lakehouse import bronze, gold, tables
from lakehouse.batch import Batch, Refreshed
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake

TABLES = tuple(table.name for table in gold.GOLD_TABLES)
MONTHLY = "sales_by_month"
BEST_SELLERS = 10


def sales_by_month(daily_sales: DataFrame) -> DataFrame:
    """Sales a calendar month and channel, from those a day.

    Columns: month (its first day), channel, orders, lines, units, revenue_eur. Key: month and channel.
    """
    sums = [F.sum(name).alias(name) for name in ("orders", "lines", "units")]
    revenue = F.sum("revenue_eur").cast(gold.MONEY).alias("revenue_eur")
    return daily_sales.groupBy(_month(), "channel").agg(*sums, revenue)


def dashboard(
    daily_sales: DataFrame,
    customer_360: DataFrame,
    product_performance: DataFrame,
    broken: DataFrame,
    arrivals: DataFrame,
    health: DataFrame,
) -> DataFrame:
    """What a dashboard shows. Columns: tile, label, measure, value. Key: tile, label and measure.

    `broken` has rule and rows; `arrivals` source, delivered_at and rows; `health` layer, seconds and rows of the last
    batch of each. Tiles: sales (a month), tiers (of customers), products (best sellers), quality (rows that broke a
    rule), freshness (seconds since 1970 of the newest delivery of a source), health (of each layer).
    """
    revenue = F.sum("revenue_eur")
    tiers = customer_360.groupBy("tier").agg(F.count("*").alias("customers"), revenue.alias("revenue_eur"))
    best = product_performance.orderBy(F.desc("revenue_eur"), "product_id").limit(BEST_SELLERS)
    titled = best.withColumn("title", F.concat_ws(" ", "product_id", "name"))
    months = daily_sales.groupBy(_month()).agg(F.sum("orders").alias("orders"), revenue.alias("revenue_eur"))
    delivered = arrivals.withColumn("delivered_at", F.unix_timestamp("delivered_at"))
    return reduce(
        DataFrame.unionByName,
        [
            _tile("sales", months, "month", "orders", "revenue_eur"),
            _tile("tiers", tiers, "tier", "customers", "revenue_eur"),
            _tile("products", titled, "title", "units", "revenue_eur"),
            _tile("quality", broken, "rule", "rows"),
            _tile("freshness", delivered, "source", "delivered_at", "rows"),
            _tile("health", health, "layer", "seconds", "rows"),
        ],
    )


def _tile(name: str, rows: DataFrame, label: str, *measures: str) -> DataFrame:
    values = [
        F.struct(F.lit(measure).alias("measure"), F.col(measure).cast("DOUBLE").alias("value")) for measure in measures
    ]
    return rows.select(
        F.lit(name).alias("tile"), F.col(label).cast("STRING").alias("label"), F.inline(F.array(*values))
    )


def _month() -> Column:
    return F.trunc("ordered_on", "month").alias("month")


def refresh(lake: Lake, batch: Batch, *, health: list[tuple[str, float, int]]) -> Refreshed:
    """Publish gold, as it was at the versions of the batch, as the release of its number.

    `health` has a layer, its seconds and its rows. The rows are those of the dashboard. Publishing a release again does
    nothing, and until its last step nobody sees any of it.
    """
    release, until = F.lit(batch.number).cast("BIGINT").alias("release"), batch.until
    with ThreadPoolExecutor(1) as beside:
        monthly = beside.submit(_refresh_months, lake, batch)
        now = {name: lake.read(f"gold/{name}", until[name]) for name in TABLES}
        arrivals = _arrivals(lake)
        measured = lake.spark.createDataFrame(health, "layer STRING, seconds DOUBLE, rows BIGINT")
        rows = dashboard(
            now["daily_sales"],
            now["customer_360"],
            now["product_performance"],
            _broken(lake),
            arrivals,
            measured,
        )
        lake.write_once(rows.select("*", release).coalesce(1), "serving/dashboard", "serving", batch.number)
    versions = {**until, MONTHLY: monthly.result()}
    noted = arrivals.agg(F.max("delivered_at").alias("delivered_until")).select(
        release,
        F.current_timestamp().alias("published_at"),
        "delivered_until",
        F.create_map(*(F.lit(part) for pair in versions.items() for part in pair))
        .cast("MAP<STRING, BIGINT>")
        .alias("versions"),
    )
    lake.write_once(noted, "serving/releases", "serving", batch.number)
    _create_views(lake, versions)
    return Refreshed(lake.read("serving/dashboard").where(F.col("release") == batch.number).count())


def _refresh_months(lake: Lake, batch: Batch) -> int:
    """Bring the materialised view up to date with daily sales. Returns its version."""
    target, until = f"serving/{MONTHLY}", batch.until["daily_sales"]
    daily = lake.read("gold/daily_sales", until)
    if not lake.exists(target):
        lake.append(sales_by_month(daily), target)
    elif batch.news(["daily_sales"]):
        changed = lake.changes("gold/daily_sales", batch.seen("daily_sales"), until)
        key, dated = ["month", "channel"], daily.withColumn("month", _month())
        with tables.kept(changed.select(_month()).distinct()) as touched:
            wanted = sales_by_month(dated.join(F.broadcast(touched), "month", "left_semi").drop("month"))
            stored = lake.read(target).join(F.broadcast(touched), "month", "left_semi")
            lake.merge(tables.differences(stored, wanted, key), target, key)
    return lake.version(target)


def _broken(lake: Lake) -> DataFrame:
    """How many rows are in quarantine for each rule: rule, rows."""
    reasons = lake.read("silver/quarantine").select(F.inline("reasons"))
    return reasons.groupBy("rule").agg(F.count("*").alias("rows"))


def _arrivals(lake: Lake) -> DataFrame:
    """When each source delivered last, and how much in all: source, delivered_at, rows."""
    arrived = lake.read(bronze.ARRIVALS)
    return arrived.groupBy("source").agg(F.max("arrived_at").alias("delivered_at"), F.sum("rows").alias("rows"))


def _create_views(lake: Lake, versions: Mapping[str, int]) -> None:
    """A view for each table of gold, as of the release: `serving_daily_sales`, in the schema or of this session."""
    for name in TABLES:
        source = lake.identifier(f"gold/{name}")
        if lake.places.schema:
            view, kind = lake.table(f"serving/{name}"), "VIEW"
        else:
            view, kind = f"serving_{name}", "TEMPORARY VIEW"
        lake.spark.sql(f"CREATE OR REPLACE {kind} {view} AS SELECT * FROM {source} VERSION AS OF {versions[name]}")


def newest_release(lake: Lake) -> Row:
    """The newest release: release, published_at, delivered_until, and versions, a map of tables.

    Raises PlatformError where there is none.
    """
    target = "serving/releases"
    found = lake.read(target).orderBy(F.desc("release")).first() if lake.exists(target) else None
    if found is None:
        raise PlatformError(f"Nothing has been released under {lake.places.base_path}: run `workbook run` first.")
    return found


def released(lake: Lake, name: str, release: Row | None = None) -> DataFrame:
    """A table of gold, `sales_by_month` or `dashboard`, as of a release; the newest one unless told."""
    release = release or newest_release(lake)
    if name == "dashboard":
        return lake.read(f"serving/{name}").where(F.col("release") == release["release"])
    layer = "serving" if name == MONTHLY else "gold"
    return lake.read(f"{layer}/{name}", release["versions"][name])
