"""Hits, errors and intervals. Counts are integers; errors are in percent."""

import math

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""95 % of a normal distribution lie within this many standard deviations of its mean."""


def label_ranks(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n] the number of classes ahead of the label, from [n x classes] and [n]; 0 where the label is first.

    Among equal probabilities the lower class index comes first, so that a tie counts the same everywhere.

    >>> label_ranks(np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]]), np.array([2, 1]))
    array([2, 1])
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    classes = np.arange(probabilities.shape[1])
    ahead = (probabilities > own) | ((probabilities == own) & (classes < labels[:, None]))
    return np.asarray(ahead.sum(axis=1), dtype=np.int64)


def label_rank_range(
    probabilities: NDArray[np.float32], right: NDArray[np.bool_], tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """([n], [n]) the lowest and the highest rank that the best-ranked right class could have, if the
    difference between two probabilities could be off by `tolerance`.

    `right` [n x classes] says which classes are right, at least one for each image.

    >>> label_rank_range(np.array([[0.5, 0.49, 0.01]]), np.array([[True, False, False]]), 0.02)
    (array([0]), array([1]))
    """
    own = np.where(right, probabilities, -np.inf).max(axis=1, keepdims=True)
    lowest = (probabilities > own + tolerance).sum(axis=1)
    highest = ((probabilities >= own - tolerance) & ~right).sum(axis=1)
    return lowest, highest


def top_classes(probabilities: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """[n x k] the classes of the k highest probabilities, the highest first; ties as in `label_ranks`.

    >>> top_classes(np.array([[0.2, 0.5, 0.3]]), 2)
    array([[1, 2]])
    """
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def error_percent(hits: int, n: int) -> float:
    """The error in percent.

    >>> error_percent(39_033, 50_000)
    21.934
    """
    return 100 * (n - hits) / n


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of the error in percent, at 95 %: (low, high).

    >>> low, high = wilson_interval(39_033, 50_000)
    >>> f"{low:.2f} to {high:.2f}"
    '21.57 to 22.30'
    """
    share = (n - hits) / n
    centre = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    low, high = ((centre + side) / (1 + Z**2 / n) for side in (-half, half))
    return 100 * max(0.0, low), 100 * min(1.0, high)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """The p value of McNemar's exact two-sided test: that two runs are equally good.

    `only_a` images are right in the first run alone, `only_b` in the second alone.

    >>> mcnemar_p(1, 9)
    0.021484375
    """
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def sign_flip_p(gains: NDArray[np.int64]) -> float:
    """The p value of the exact two-sided sign-flip test: that two groups of runs are equally good.

    `gains` [n] says for each image how many more runs of the second group than of the first have it right.
    If the groups are equally good, each image could as well have the opposite sign. With one run in each
    group this is McNemar's exact test.

    >>> sign_flip_p(np.array([1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0]))
    0.021484375
    """
    from scipy.stats import binom

    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)
    chances = np.ones(1)  # of the sums, from the lowest possible one on, in steps of 1
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        of_this_size = np.zeros(2 * size * count + 1)
        of_this_size[:: 2 * size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, of_this_size)
    sums = np.arange(len(chances)) - len(chances) // 2
    return min(1.0, float(chances[np.abs(sums) >= abs(int(gains.sum()))].sum()))


def difference_interval(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """The 95 % interval of b's error less a's, in points, for two runs on the same `n` images.

    `only_a` images are right in a alone, `only_b` in b alone. It is Wald's interval after half an image was
    added to each of the four cells (Agresti and Min, 2005).
    """
    b, c, total = only_a + 0.5, only_b + 0.5, n + 2
    centre = (b - c) / total
    half = Z * math.sqrt(b + c - (b - c) ** 2 / total) / total
    return 100 * (centre - half), 100 * (centre + half)
