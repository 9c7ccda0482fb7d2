"""Publishing: the last thing that a run does. The only module of the API that needs Spark."""

from datetime import date

from lakehouse.batch import Batch, Refreshed
from lakehouse.lake import Lake
from lakehouse.ml.refresh import TABLES
from lakehouse.serving import MONTHLY, newest_release

COLUMNS = (
    "release BIGINT, published_at TIMESTAMP, delivered_until TIMESTAMP, as_of DATE, model_version BIGINT, "
    "versions MAP<STRING, BIGINT>"
)


def refresh(lake: Lake, batch: Batch, *, as_of: date | None, model_version: int | None) -> Refreshed:
    """Let the API show what is there now, in one commit. A release has the number of its batch, and comes once.

    Adds a row to `api/releases`: release, published_at, delivered_until, as_of, model_version, versions. `as_of` is the
    day of the predictions, and `model_version` the champion's, both None where there is none. Raises PlatformError
    where serving has published nothing.
    """
    served = newest_release(lake)
    versions = {
        **{f"{'serving' if name == MONTHLY else 'gold'}/{name}": at for name, at in served["versions"].items()},
        "serving/dashboard": lake.version("serving/dashboard"),
        **{f"audit/{name}": at for name, at in lake.versions("audit", ("quality",)).items()},
        **{f"ml/{name}": at for name, at in lake.versions("ml", TABLES).items()},
    }
    row = (batch.number, served["delivered_until"], as_of, model_version, versions)
    given = lake.spark.createDataFrame([row], COLUMNS.replace("published_at TIMESTAMP, ", ""))
    published = given.selectExpr("release", "current_timestamp() AS published_at", *given.columns[1:])
    lake.write_once(published, "api/releases", "api", batch.number)
    return Refreshed(1)
