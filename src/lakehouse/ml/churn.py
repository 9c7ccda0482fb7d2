"""Training: a random forest on the quarters that are over, and how good it is on the newest of them.

It is MLlib's forest for regression, on labels 0 and 1, whose mean in a leaf is a probability. For such labels variance
and Gini impurity choose the same splits. MLlib's classifier would take back every split whose two leaves predict the
same class (SPARK-3159): where few leave, that is every split, and it would say the same of everybody.

The split is by time. The newest quarter is for the test alone; the one before it chooses among the candidates; the
forest is then grown on all quarters but the newest. So nothing is tuned on the rows that it is judged by.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import RandomForestRegressionModel, RandomForestRegressor
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import brier_score_loss, roc_auc_score

from lakehouse import tables
from lakehouse.ml.features import FEATURES
from lakehouse.ml.forest import Floats, Forest

TREES = 40
SEED = 7
DEPTHS = (3, 5, 7)  # the candidates
FEWEST_ROWS_A_LEAF = 5
ROWS_A_LEAF = 0.01  # of the training rows
FEWEST_LEAVERS = 5
FEWEST_QUARTERS = 3

Known = Callable[[Floats, Floats, Floats], Floats]
"""The true probability of leaving, from recency_days, purchases_90 and value_trend, where somebody knows it."""


@dataclass(frozen=True)
class Trained:
    """A forest, what was chosen, and the rows that it is judged by.

    `test` has the features, churned, segment, `probability` (the forest's), `baseline` and, where it is known,
    `best` (the true probability). Grain: a customer of the newest quarter.
    """

    forest: Forest
    depth: int
    rows: int
    importances: dict[str, float]
    train: pd.DataFrame = field(repr=False)
    test: pd.DataFrame = field(repr=False)


def too_few(members: Mapping[date, tuple[float, int]], quarters: Sequence[date]) -> str | None:
    """Why no model can be trained; None where one can. `members` has, by quarter, those who left and those asked."""
    if len(quarters) < FEWEST_QUARTERS:
        return f"{len(quarters)} quarters are over, and {FEWEST_QUARTERS} are needed: to train, to choose and to test"
    for quarter in quarters:
        left, asked = members.get(quarter, (0, 0))
        if min(left, asked - left) < FEWEST_LEAVERS:
            return f"in the quarter from {quarter} {left:.0f} of {asked} members left, too few to learn from"
    return None


def train(labelled: DataFrame, quarters: Sequence[date], staging: str, known: Known | None) -> Trained:
    """Grow and try the forests. `labelled` has the features, at, churned and segment, one row a customer and quarter.

    The same rows give the same forest, in whatever order and on however many workers: they are put in one partition,
    in the order of their keys. `staging` is a folder for the trees.
    """
    test_from, chosen_by = quarters[-1], quarters[-2]
    assembler = VectorAssembler(inputCols=list(FEATURES), outputCol="features")
    ordered = assembler.transform(labelled).coalesce(1).sortWithinPartitions("customer_id", "at")
    with tables.kept(ordered.where(F.col("at") < test_from)) as past:
        earlier, later = past.where(F.col("at") < chosen_by), past.where(F.col("at") == chosen_by)
        # One after the other: Spark Connect knows the session of a model by the thread.
        scores = {depth: _score(earlier, later, depth) for depth in DEPTHS}
        depth = min(DEPTHS, key=lambda one: (scores[one], one))
        model = _grown(past, depth)
        seen = past.select("customer_id", "at", "churned", *FEATURES).toPandas()
    model.write().overwrite().save(staging)
    nodes = labelled.sparkSession.read.parquet(f"{staging}/data").collect()
    forest = Forest.of(row.asDict(recursive=True) for row in nodes)
    importances = dict(zip(FEATURES, map(float, model.featureImportances.toArray()), strict=True))
    test = labelled.where(F.col("at") == test_from).orderBy("customer_id").toPandas()
    return Trained(forest, depth, len(seen), importances, seen, judged(test, seen, forest, known))


def judged(test: pd.DataFrame, seen: pd.DataFrame, forest: Forest, known: Known | None) -> pd.DataFrame:
    """The rows of the test with what the forest, the baseline and whoever knows the truth say of them.

    The baseline says the same of everybody: the share of the rows seen that left.
    """
    said = forest.predict(test[list(FEATURES)])
    rows = test.assign(probability=said, baseline=seen["churned"].mean())
    if known is None:
        return rows
    return rows.assign(best=known(*(test[name].to_numpy() for name in ("recency_days", "purchases_90", "value_trend"))))


def metrics(test: pd.DataFrame) -> dict[str, float]:
    """How good the forest is on the test's rows.

    AUC: how often one who left is ranked above one who stayed; 0.5 is a coin. `best_auc` is that of the true
    probability, where it is known, and `recency_auc` that of the days since the last purchase, which need no model.
    Brier: the mean squared error of a probability; 0 is perfect.
    """
    ranked = {"auc": "probability", "recency_auc": "recency_days", "best_auc": "best"}
    squared = {"brier": "probability", "baseline_brier": "baseline", "best_brier": "best"}
    measured = {name: roc_auc_score(test["churned"], test[by]) for name, by in ranked.items() if by in test}
    measured |= {name: brier_score_loss(test["churned"], test[by]) for name, by in squared.items() if by in test}
    return {name: float(value) for name, value in measured.items()}


def _grown(rows: DataFrame, depth: int) -> RandomForestRegressionModel:
    smallest = max(FEWEST_ROWS_A_LEAF, int(rows.count() * ROWS_A_LEAF))
    forest = RandomForestRegressor(
        labelCol="churned", numTrees=TREES, maxDepth=depth, minInstancesPerNode=smallest, seed=SEED
    )
    grown: RandomForestRegressionModel = forest.fit(rows)
    return grown


def _score(earlier: DataFrame, later: DataFrame, depth: int) -> float:
    """The Brier score, on the later rows, of a forest that knows the earlier ones."""
    error = F.avg((F.col("prediction") - F.col("churned")) ** 2)
    [row] = _grown(earlier, depth).transform(later).agg(error).collect()
    return float(row[0])
