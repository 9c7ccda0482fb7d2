"""Publishing: the last thing that a run does. The only module of the API that needs Spark."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import SparkSession

from lakehouse import tables
from lakehouse.places import Places
from lakehouse.serving import MONTHLY, newest_release

COLUMNS = (
    "release BIGINT, published_at TIMESTAMP, delivered_until TIMESTAMP, as_of DATE, model_version BIGINT, "
    "versions MAP<STRING, BIGINT>"
)


def publish(
    spark: SparkSession,
    places: Places,
    release: int,
    ml: Mapping[str, int],
    as_of: date | None,
    model_version: int | None,
) -> None:
    """Let the API show what is there now, in one commit. Publishing a release again does nothing.

    Adds a row to `api/releases`: release, published_at, delivered_until, as_of, model_version, versions. `ml` has the
    versions of the tables of machine learning by name, such as `predictions`; `as_of` is the day of the predictions,
    and `model_version` the champion's, both None where there is none. Raises PlatformError where serving has published
    nothing.
    """
    served = newest_release(spark, places)
    versions = {
        **{f"{'serving' if name == MONTHLY else 'gold'}/{name}": at for name, at in served["versions"].items()},
        "serving/dashboard": tables.version(spark, places.table("serving", "dashboard")),
        **{f"ml/{name}": at for name, at in ml.items()},
    }
    row = (release, served["delivered_until"], as_of, model_version, versions)
    given = spark.createDataFrame([row], COLUMNS.replace("published_at TIMESTAMP, ", ""))
    published = given.selectExpr("release", "current_timestamp() AS published_at", *given.columns[1:])
    tables.write_once(published, places.table("api", "releases"), "api", release)
