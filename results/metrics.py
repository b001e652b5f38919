"""Hits and intervals: integers in, percentages only when printed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def ranks(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n] how many classes stand before the label: [n x classes], [n] -> 0 where the label is the prediction.

    Among equal probabilities the lower class index stands first, so that a tie counts the same everywhere.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    classes = np.arange(probabilities.shape[1])
    before = (probabilities > own) | ((probabilities == own) & (classes < labels[:, None]))
    return np.asarray(before.sum(axis=1), dtype=np.int64)


def top(probabilities: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """[n x k] the classes of the k highest probabilities, the highest first, ties as in `ranks`."""
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def error(hits: int, n: int) -> float:
    """Error in percent."""
    return 100 * (n - hits) / n


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of the error in percent: (low, high)."""
    from scipy.stats import binomtest

    interval: Any = binomtest(n - hits, n).proportion_ci(confidence, method="wilson")
    return 100 * float(interval.low), 100 * float(interval.high)
