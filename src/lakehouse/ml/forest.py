"""A random forest without Spark: the trees that MLlib grew, as arrays, so that an API answers in a millisecond."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees, one below the other; `root` has the first node of each tree.

    A row goes to `left` where its feature is at most `threshold`, else to `right`; a leaf leads to itself.
    `probability` is the mean of the labels, 0 and 1, of the training rows that came to a node.
    """

    root: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    probability: Floats

    @classmethod
    def of(cls, nodes: Iterable[Mapping[str, Any]]) -> "Forest":
        """From the nodes that a RandomForestRegressionModel is saved as: `treeID` and `nodeData`, in any order."""
        ordered = sorted(((node["treeID"], node["nodeData"]) for node in nodes), key=lambda one: (one[0], one[1]["id"]))
        root = np.array([number for number, (_, node) in enumerate(ordered) if node["id"] == 0], np.int64)
        rows = []
        for number, (tree, node) in enumerate(ordered):
            if node["leftChild"] < 0:
                rows.append((0, 0.0, number, number, node["prediction"]))
            else:
                split, below = node["split"], root[tree]
                children = below + node["leftChild"], below + node["rightChild"]
                threshold = split["leftCategoriesOrThreshold"][0]
                rows.append((split["featureIndex"], threshold, *children, node["prediction"]))
        return cls(root, *(np.array(values) for values in zip(*rows, strict=True)))

    def predict(self, features: pd.DataFrame) -> Floats:
        """The probability of a label of 1 of each row: the mean over the trees. The features are in their order."""
        rows = features.to_numpy("float64")
        node = np.broadcast_to(self.root, (len(rows), len(self.root)))
        line = np.arange(len(rows))[:, None]
        while True:
            goes_left = rows[line, self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(below, node):
                mean: Floats = self.probability[node].mean(axis=1)
                return mean
            node = below

    def to_json(self) -> str:
        """The arrays as a JSON object."""
        return json.dumps({name: values.tolist() for name, values in vars(self).items()})

    @classmethod
    def from_json(cls, text: str) -> "Forest":
        """What `to_json` wrote."""
        return cls(**{name: np.array(values) for name, values in json.loads(text).items()})
