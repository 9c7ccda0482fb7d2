"""Machine learning: who is about to leave, and what goes with what, from what silver knows.

`features` and `baskets` are DataFrames to DataFrames; `churn` trains, `gate` judges, `registry` keeps the models,
`drift` watches what they are asked about, and `refresh` reads and writes.
"""

from lakehouse.ml.churn import Known
from lakehouse.ml.refresh import INPUTS, TABLES, Churn, refresh, standing
from lakehouse.ml.registry import opened

__all__ = ["INPUTS", "TABLES", "Churn", "Known", "opened", "refresh", "standing"]
