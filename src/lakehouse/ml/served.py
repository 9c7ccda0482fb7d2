"""The model as MLflow loads it, by its path (models from code): features in, probabilities out, no Spark."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from lakehouse.ml.forest import Floats, Forest


class ServedForest(PythonModel):
    """Takes a pandas DataFrame with the columns of the signature; returns the probability of churn of each row."""

    def load_context(self, context: Any) -> None:
        """Read the trees, once."""
        self._forest = Forest.from_json(Path(context.artifacts["forest"]).read_text(encoding="utf-8"))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Floats:
        """One probability a row."""
        return self._forest.predict(model_input)


set_model(ServedForest())
