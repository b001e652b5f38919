"""Hits, errors and intervals. Counts are integers; errors are in percent."""

import math
from collections.abc import Sequence

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


def hit_margins(
    probabilities: NDArray[np.float32], right: NDArray[np.bool_], ks: Sequence[int]
) -> NDArray[np.float64]:
    """[ks x n] how far each image is from a tie that decides whether it is a top-k hit, for each of `ks`.

    It is the absolute logarithm of the ratio of two probabilities: that of the likeliest right class, and
    that of the k-th likeliest wrong one. `right` [n x classes] says which classes are right, at least one for
    each image. Infinite where fewer than k classes are wrong.

    >>> hit_margins(np.array([[0.5, 0.25, 0.25]]), np.array([[True, False, False]]), [1]).round(3)
    array([[0.693]])
    """
    enough = np.array(ks) <= right.shape[1]
    places = np.array(ks)[enough] - 1
    best = np.where(right, probabilities, 0).max(axis=1)
    rivals = -np.partition(np.where(right, 1, -probabilities), places, axis=1)[:, places].T
    smallest = np.finfo(np.float32).tiny
    margins = np.full((len(ks), len(right)), np.inf)
    found = np.abs(np.log(np.maximum(best, smallest)) - np.log(np.maximum(rivals, smallest)))
    margins[enough] = np.where(rivals < 0, np.inf, found)
    return margins


def chances_of_change(margins: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """The probability that a normal error of this standard deviation crosses each of the margins, in their
    shape.

    >>> chances_of_change(np.array([0.0, 0.1]), 0.1).round(3)
    array([0.5  , 0.159])
    """
    from scipy.special import ndtr

    return np.asarray(ndtr(-margins / deviation), dtype=np.float64)


def rounding_explains(changes: float) -> int:
    """By how many images rounding may change a number of hits, of which it changes so many, as expected.

    A change makes a hit or a miss, one as likely as the other. So the number of hits moves by less than two
    standard deviations of their difference in 95 of 100 cases.

    >>> rounding_explains(0.02), rounding_explains(100.0)
    (0, 20)
    """
    return int(2 * math.sqrt(changes))


def top_classes(probabilities: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """[n x k] the classes of the k highest probabilities, the highest first; ties as in `label_ranks`.

    >>> top_classes(np.array([[0.2, 0.5, 0.3]]), 2)
    array([[1, 2]])
    """
    if k == 1:  # the same without sorting
        return np.asarray(probabilities.argmax(axis=1)[:, None], dtype=np.int64)
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
