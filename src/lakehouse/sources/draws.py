"""Chance that is the same everywhere: draws from named streams, and exact shares of a whole.

Only the raw stream of PCG64 and arithmetic on it are used. NumPy promises that stream for good; the methods
of its Generator (choice, permutation, normal) may change between releases.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Stream(IntEnum):
    """The first step of a stream's name, so that no two uses share draws."""

    CATALOGUE = 1
    PEOPLE = 2
    PEOPLE_DEFECTS = 3
    HISTORY = 4
    NEWCOMERS = 5
    ERASURES = 6
    UPDATES = 7
    DELIVERY = 8
    LINES = 9
    LINE_DEFECTS = 10
    REDELIVERED = 11
    BROKEN_LINES = 12


class Dice:
    """One stream of draws, named by a seed and a path of whole numbers such as (table, day, piece)."""

    def __init__(self, seed: int, *path: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=path))

    def uniform(self, n: int) -> Floats:
        """`n` numbers in [0, 1)."""
        raw: NDArray[np.uint64] = self._bits.random_raw(n)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, n: int, limit: int | Ints) -> Ints:
        """`n` whole numbers in [0, limit)."""
        return (self.uniform(n) * limit).astype(np.int64)

    def pick(self, n: int, weights: Floats) -> Ints:
        """`n` positions in `weights`, each as likely as its weight."""
        edges = np.cumsum(weights)
        drawn = np.searchsorted(edges, self.uniform(n) * edges[-1], side="right")
        position: Ints = np.minimum(drawn, len(weights) - 1)
        return position

    def order(self, n: int) -> Ints:
        """The numbers 0 to n-1, shuffled."""
        return np.argsort(self.uniform(n), kind="stable").astype(np.int64)

    def among(self, eligible: Mask, k: int) -> Ints:
        """`k` different positions at which `eligible` is true, in random order."""
        positions = np.flatnonzero(eligible)
        if k > len(positions):
            raise AssertionError(f"{k} rows are asked for and {len(positions)} can be had")
        chosen: Ints = positions[self.order(len(positions))[:k]]
        return chosen


def portion(total: int, piece: int, pieces: int) -> int:
    """What piece number `piece` of `pieces` gets of `total`: equal shares that add up to it."""
    return total * (piece + 1) // pieces - total * piece // pieces


def portions(total: int, weights: Floats) -> list[int]:
    """`total` split in whole numbers in proportion to `weights`; they add up to it."""
    edges = np.floor(np.cumsum(weights) / np.sum(weights) * total + 1e-6).astype(int)
    edges[-1] = total
    return [int(share) for share in np.diff(edges, prepend=0)]
