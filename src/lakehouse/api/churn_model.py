"""The churn model as the API uses it: one version from MLflow's registry, a Python function that needs no Spark."""

import asyncio
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lakehouse.api.schemas import Features
from lakehouse.errors import PlatformError, cause
from lakehouse.ml.store import MODEL

# The user and the password in an address.
PASSWORD = re.compile(r"//[^/@\s]+@")


class ChurnModel:
    """A version of the registered model `churn`.

    What is asked while it computes is answered together by its next call: a call costs the same for one row and for
    many. Ask from one event loop only.
    """

    def __init__(self, version: int, model: Any) -> None:
        """`model` is an MLflow pyfunc. Raises PlatformError where it wants other features than the API takes."""
        self.version = version
        self._model = model
        signature = model.metadata.get_input_schema()
        self.columns = list(signature.input_names()) if signature else []
        if sorted(self.columns) != sorted(Features.model_fields):
            wanted = ", ".join(self.columns) or "(none named)"
            raise PlatformError(
                f"Version {version} of the model {MODEL} wants the features {wanted}, "
                f"and the API takes {', '.join(Features.model_fields)}: train it again with `workbook run`."
            )
        self._waiting: list[tuple[list[Features], asyncio.Future[list[float]]]] = []
        self._working: asyncio.Task[None] | None = None

    async def predict(self, rows: list[Features]) -> list[float]:
        """The probability of churn of each row."""
        answer: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        """Answer until nobody waits: all who wait at a time, by one call of the model in a thread."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                found = iter(await asyncio.to_thread(self._compute, [row for rows, _ in batch for row in rows]))
                answers = [[next(found) for _ in rows] for rows, _ in batch]
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), probabilities in zip(batch, answers, strict=True):
                    if not answer.done():  # Who went away waits no more.
                        answer.set_result(probabilities)
        self._working = None

    def _compute(self, rows: Sequence[Features]) -> list[float]:
        import pandas as pd

        frame = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in self.columns}, dtype="float64")
        found = [float(value) for value in self._model.predict(frame)]
        if len(found) != len(rows) or not all(math.isfinite(value) and 0 <= value <= 1 for value in found):
            raise RuntimeError(f"Version {self.version} of the model {MODEL} gave something else than probabilities.")
        return found


def load(uri: str, version: int) -> ChurnModel:
    """A version of the model from MLflow's store. Raises PlatformError with the cure where that can't be.

    Takes seconds, and imports MLflow: not for the event loop.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
            # MLflow would make an empty one, and find no model in it.
            raise FileNotFoundError("there is no such file")
        import mlflow

        # By the place of its files: a name would be looked up in the store of the whole process.
        place = mlflow.MlflowClient(uri).get_model_version_download_uri(MODEL, str(version))
        model = mlflow.pyfunc.load_model(place, suppress_warnings=True)
    except Exception as error:
        said = f"Version {version} of the model {MODEL} cannot be loaded from MLflow's store {uri} ({cause(error)})"
        raise PlatformError(
            f"{PASSWORD.sub('//', said)}: bring the store back or point MLFLOW_TRACKING_URI to it, or train a model "
            "with `workbook run`."
        ) from error
    return ChurnModel(version, model)
