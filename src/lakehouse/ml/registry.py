"""The models of one platform: an MLflow registry in which the alias `champion` says which of them decides.

`lakehouse.ml.store` says where it is. MLflow is imported only when a registry is opened: that takes some seconds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import PlatformError, cause
from lakehouse.ml.churn import Trained, metrics
from lakehouse.ml.features import FEATURES
from lakehouse.ml.forest import Forest
from lakehouse.ml.pictures import pictures
from lakehouse.ml.store import MODEL, address
from lakehouse.places import Places
from lakehouse.quality.drift import Reference

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, PREVIOUS = "champion", "previous"
SERVED = Path(__file__).with_name("served.py")


@dataclass(frozen=True)
class Registered:
    """A version of the model: its number, the marks that were put on it, and the run that made it."""

    version: int
    tags: Mapping[str, str]
    run_id: str


@contextlib.contextmanager
def opened(places: Places) -> Iterator[Registry]:
    """The registry of a platform; made where there is none.

    Raises PlatformError where the store cannot be reached or does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = address(places)
    if places.local is not None and uri.startswith("sqlite"):
        (places.local / "mlflow").mkdir(parents=True, exist_ok=True)
    try:
        # Not mlflow.set_tracking_uri, which would be everybody's in this process, and in those that it starts.
        yield Registry(MlflowClient(uri), places)
    except MlflowException as error:
        raise PlatformError(
            f"MLflow's store {uri} does not do what is asked: {cause(error)}. Start it, or correct MLFLOW_TRACKING_URI."
        ) from error


def warm(places: Places) -> None:
    """Open the registry and close it again: the first time takes seconds. What goes wrong is said by the next one."""
    with contextlib.suppress(Exception), opened(places) as registry:
        registry.champion()


class Registry:
    """What `opened` gives."""

    def __init__(self, client: MlflowClient, places: Places) -> None:
        self._client, self._places = client, places
        databricks = places.schema and address(places).startswith("databricks")
        self.name = ".".join(filter(None, (places.catalog, places.schema, MODEL))) if databricks else MODEL

    def log(self, trained: Trained, known: Reference, tags: Mapping[str, str]) -> Registered:
        """Keep a model, all that is known of it, and its rows' reference for drift, as a new version of the name.

        `tags` are put on the version in the moment in which it comes to be, so none is ever without them.
        """
        run = self._client.create_run(self._experiment(), tags={"mlflow.runName": MODEL, **tags})
        run_id = run.info.run_id
        for name, value in {"depth": trained.depth, "rows": trained.rows, **tags}.items():
            self._client.log_param(run_id, name, value)
        for name, number in metrics(trained.test).items():
            self._client.log_metric(run_id, name, number)
        for name, figure in pictures(trained.test, trained.importances).items():
            self._client.log_figure(run_id, figure, name)
        self._client.log_dict(run_id, {"importances": trained.importances, "drift": known}, "known.json")
        self._log_model(run_id, trained.forest)
        self._client.set_terminated(run_id)
        if not self._client.search_registered_models(f"name = '{self.name}'"):
            self._client.create_registered_model(self.name, description="Who leaves within the quarter.")
        made = self._client.create_model_version(self.name, f"{run.info.artifact_uri}/model", run_id, tags=dict(tags))
        return Registered(int(made.version), dict(tags), run_id)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(MODEL)
        if found is not None:
            return str(found.experiment_id)
        local = self._places.local if address(self._places).startswith("sqlite") else None
        return self._client.create_experiment(MODEL, (local / "mlflow" / "artifacts").as_uri() if local else None)

    def _log_model(self, run_id: str, forest: Forest) -> None:
        """The model as MLflow serves it: the code by its path, and the trees beside it."""
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        inputs = Schema([ColSpec(DataType.double, name) for name in FEATURES])
        signature = ModelSignature(inputs, Schema([ColSpec(DataType.double)]))
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trees = Path(folder, "forest.json")
            trees.write_text(forest.to_json(), encoding="utf-8")
            mlflow.pyfunc.save_model(
                f"{folder}/model",
                python_model=str(SERVED),
                artifacts={"forest": str(trees)},
                signature=signature,
                pip_requirements=["mlflow", "numpy", "pandas"],
            )
            self._client.log_artifacts(run_id, f"{folder}/model", "model")

    def find(self, **tags: str) -> Registered | None:
        """The newest version that has all these tags."""
        versions = (self._read(one) for one in self._client.search_model_versions(f"name = '{self.name}'"))
        fitting = [one for one in versions if tags.items() <= one.tags.items()]
        return max(fitting, key=lambda one: one.version, default=None)

    def champion(self) -> Registered | None:
        """The version that decides; None where there is none yet."""
        return self._at(CHAMPION)

    def _at(self, alias: str) -> Registered | None:
        model = self._client.search_registered_models(f"name = '{self.name}'")
        version = model[0].aliases.get(alias) if model else None
        return self._read(self._client.get_model_version(self.name, version)) if version else None

    def _read(self, version: Any) -> Registered:
        return Registered(int(version.version), dict(version.tags), version.run_id)

    def promote(self, version: int) -> None:
        """Make a version the champion; the one before it can be rolled back to. Doing it again changes nothing."""
        before = self.champion()
        if before is not None and before.version != version:
            self._client.set_registered_model_alias(self.name, PREVIOUS, str(before.version))
        self._client.set_registered_model_alias(self.name, CHAMPION, str(version))

    def rollback(self) -> int:
        """Make the version before the champion the champion again. Returns its number; the next run scores by it.

        Raises PlatformError where there is none before.
        """
        previous = self._at(PREVIOUS)
        if previous is None:
            raise PlatformError(f"There is no champion of {self.name} before this one: nothing to roll back to.")
        self._client.set_registered_model_alias(self.name, CHAMPION, str(previous.version))
        self._client.delete_registered_model_alias(self.name, PREVIOUS)
        return previous.version

    def note(self, version: int, **tags: str) -> None:
        """Put tags on a version."""
        for name, value in tags.items():
            self._client.set_model_version_tag(self.name, str(version), name, value)

    def forest(self, model: Registered) -> Forest:
        """The trees of a version. Raises PlatformError where its files are gone."""
        return Forest.from_json(self._file(model, "model/artifacts/forest.json"))

    def reference(self, model: Registered) -> Reference:
        """What drift is measured against. Raises PlatformError where the files of the version are gone."""
        known: Reference = json.loads(self._file(model, "known.json"))["drift"]
        return known

    def metrics(self, model: Registered) -> dict[str, float]:
        """The figures that were measured when it was trained."""
        return dict(self._client.get_run(model.run_id).data.metrics)

    def _file(self, model: Registered, name: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            try:
                return Path(self._client.download_artifacts(model.run_id, name, folder)).read_text(encoding="utf-8")
            except Exception as error:
                raise PlatformError(
                    f"The file {name} of {self.name} version {model.version} cannot be read: {cause(error)}. Restore "
                    "it in MLflow's store, or roll back to the version before."
                ) from error
