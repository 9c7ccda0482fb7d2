"""Where a platform keeps its models, and what the model is called: without Spark, because the API asks too."""

import os

from lakehouse.errors import PlatformError
from lakehouse.places import Places

MODEL = "churn"


def address(places: Places) -> str:
    """The address of MLflow's store: MLFLOW_TRACKING_URI where that is set, the workspace's own on Databricks, and else
    a SQLite file under the base path.

    Raises PlatformError where it would be that file, and the base path is not on this machine.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return "databricks"
    if places.local is None:
        raise PlatformError(
            f"MLflow's default store is a file of this machine, and {places.base_path} is elsewhere: set "
            "MLFLOW_TRACKING_URI to the address of your MLflow server."
        )
    return f"sqlite:///{places.local / 'mlflow' / 'mlflow.db'}"
