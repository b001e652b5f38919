"""Hits and intervals: integers in, percentages only when printed."""

import math

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""Standard deviations of a normal distribution between which 95 % of it lie, to both sides."""


def ranks(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n] how many classes stand before the label: [n x classes], [n] -> 0 where the label is the prediction.

    Among equal probabilities the lower class index stands first, so that a tie counts the same everywhere.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    classes = np.arange(probabilities.shape[1])
    before = (probabilities > own) | ((probabilities == own) & (classes < labels[:, None]))
    return np.asarray(before.sum(axis=1), dtype=np.int64)


def rank_range(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """([n], [n]) the least and the greatest that `ranks` could be, were two probabilities' difference off by `tolerance`."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    least = (probabilities > own + tolerance).sum(axis=1)
    greatest = (probabilities >= own - tolerance).sum(axis=1) - 1  # itself
    return least, greatest


def top(probabilities: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """[n x k] the classes of the k highest probabilities, the highest first, ties as in `ranks`."""
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def error(hits: int, n: int) -> float:
    """Error in percent."""
    return 100 * (n - hits) / n


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of the error in percent, at 95 %: (low, high)."""
    share = (n - hits) / n
    centre = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    low, high = ((centre + side) / (1 + Z**2 / n) for side in (-half, half))
    return 100 * max(0.0, low), 100 * min(1.0, high)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test: `only_a` and `only_b` images are right in one of two runs alone."""
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def difference(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """The 95 % interval of b's error less a's, in percent, for a paired comparison of `n` images (Agresti and Min, 2005).

    Wald's interval after half an image was added to each of the four cells.
    """
    b, c, total = only_a + 0.5, only_b + 0.5, n + 2
    centre = (b - c) / total
    half = Z * math.sqrt(b + c - (b - c) ** 2 / total) / total
    return 100 * (centre - half), 100 * (centre + half)
