"""Whether predictions and labels can be about the same classes in the same order."""

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_indices

ENOUGH = 200
"""Images before anything is said: at chance, 200 images of 1000 classes have 0.2 hits."""

MOST = 2000
"""Images after which nothing more is asked: a mix-up shows by then."""


class Doubt:
    """`doubt` of an evaluation's images as they come."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._predicted = self._labels = np.empty(0, dtype=np.int64)

    def after(self, predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> str | None:
        """What `doubt` says once these images are added."""
        if len(self._labels) >= MOST:
            return None
        self._predicted = np.concatenate([self._predicted, predicted])
        self._labels = np.concatenate([self._labels, labels])
        return doubt(self._predicted, self._labels, self._classes)


def doubt(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> str | None:
    """What is wrong with the order of the classes, in one line, or None. Both arrays are [n] class indices.

    Names the reading of labels or outputs that explains the predictions far better; or says that they are no better
    than chance (exact binomial test at 0.001).
    """
    n = len(labels)
    if n < ENOUGH:
        return None
    from scipy.stats import binomtest

    hits = int((predicted == labels).sum())
    measured = f"{hits} of {n} images are right"
    if classes == 1000:
        order = class_indices()
        readings = {
            "the labels look like ILSVRC ids (1 to 1000) in place of class indices: pass --devkit instead": order[
                labels - 1
            ]
            == predicted,
            "the labels look like ILSVRC ids less one in place of class indices: pass --devkit instead": order[
                labels
            ]
            == predicted,
            "the network's outputs look like ILSVRC ids: pass --label-order ilsvrc": order[predicted]
            == labels,
            "the labels look one too high, as if counted from 1: subtract one": labels - 1 == predicted,
            "the labels look one too low against the outputs: is there a background class (--label-order background-first)?": labels
            + 1
            == predicted,
        }
        reading, better = max(
            ((text, int(right.sum())) for text, right in readings.items()), key=lambda pair: pair[1]
        )
        if better > max(3 * hits, n // 10):
            return f"{measured}, but {better} would be: {reading}"
    if binomtest(hits, n, 1 / classes, alternative="greater").pvalue > 0.001:
        return f"{measured}, which is chance: wrong weights, labels or normalisation? --allow-implausible goes on all the same"
    return None
