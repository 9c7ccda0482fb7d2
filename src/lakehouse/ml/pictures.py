"""The pictures that are kept with a model: how well it ranks, whether it can be believed, and what it looks at."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from lakehouse.ml.gate import fifths

Points = tuple[Any, Any]
NAMES = {"probability": ("forest", "-"), "recency_days": ("recency alone", "--"), "best": ("best possible", ":")}


def pictures(test: pd.DataFrame, importances: Mapping[str, float]) -> dict[str, Figure]:
    """By file name: the ROC curve, precision and recall, the calibration, and the importances of the features."""
    return {
        "roc.png": _curves(test, _roc, "false positive rate", "true positive rate"),
        "precision_recall.png": _curves(test, _precision_recall, "recall", "precision"),
        "calibration.png": _calibration(test),
        "importances.png": _importances(importances),
    }


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _curves(test: pd.DataFrame, points: Callable[[pd.DataFrame, str], Points], across: str, up: str) -> Figure:
    figure, axes = _figure()
    for column, (name, line) in NAMES.items():
        if column in test:
            axes.plot(*points(test, column), line, label=name)
    axes.set(xlabel=across, ylabel=up)
    axes.legend(frameon=False)
    return figure


def _roc(test: pd.DataFrame, column: str) -> Points:
    false, true, _ = roc_curve(test["churned"], test[column])
    return false, true


def _precision_recall(test: pd.DataFrame, column: str) -> Points:
    precision, recall, _ = precision_recall_curve(test["churned"], test[column])
    return recall, precision


def _calibration(test: pd.DataFrame) -> Figure:
    figure, axes = _figure()
    means = test.groupby(fifths(test["probability"]))[["probability", "churned"]].mean()
    axes.plot([0, 1], [0, 1], ":", label="perfect")
    axes.plot(means["probability"], means["churned"], "o-", label="forest")
    highest = 1.1 * float(means.to_numpy().max())
    axes.set(xlabel="what it says", ylabel="what happened", xlim=(0, highest), ylim=(0, highest))
    axes.legend(frameon=False)
    return figure


def _importances(importances: Mapping[str, float]) -> Figure:
    figure, axes = _figure()
    ordered = sorted(importances.items(), key=lambda one: one[1])
    axes.barh([name for name, _ in ordered], [share for _, share in ordered])
    axes.set_xlabel("importance")
    return figure
