"""How far probabilities can be believed: negative log-likelihood, Brier score, expected calibration error."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Of equal width, for the calibration error (Guo et al., 1706.04599, section 3)."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""A probability below this counts as this: a single label with probability 0 would make any mean infinite."""


def _zeros() -> NDArray[np.float64]:
    return np.zeros(BINS)


@dataclass(frozen=True)
class Calibration:
    """Sums over some images, from which the three figures follow. Add those of other images with `+`."""

    n: int = 0
    """Images."""
    log_loss: float = 0.0
    """The sum of the negative logarithms of the labels' probabilities."""
    squares: float = 0.0
    """The sum of the squared differences from a certain and right prediction, over all classes."""
    images: NDArray[np.float64] = field(default_factory=_zeros)
    """[15] images by the probability of the predicted class."""
    confidence: NDArray[np.float64] = field(default_factory=_zeros)
    """[15] the sum of those probabilities."""
    hits: NDArray[np.float64] = field(default_factory=_zeros)
    """[15] images whose predicted class is the label."""

    def __add__(self, other: "Calibration") -> "Calibration":
        return Calibration(
            self.n + other.n,
            self.log_loss + other.log_loss,
            self.squares + other.squares,
            self.images + other.images,
            self.confidence + other.confidence,
            self.hits + other.hits,
        )

    @property
    def nll(self) -> float:
        """The mean negative log-likelihood of the labels, in nats."""
        return self.log_loss / self.n

    @property
    def brier(self) -> float:
        """The Brier score, from 0 to 2: the mean over the images of the sum over the classes."""
        return self.squares / self.n

    @property
    def ece(self) -> float:
        """The expected calibration error, from 0 to 1."""
        return float(np.abs(self.confidence - self.hits).sum() / self.n)

    def reliability(self) -> list[tuple[float, float, int]]:
        """(mean probability of the predicted class, share that is right, images) of each bin with images."""
        return [
            (confidence / images, hits / images, int(images))
            for images, confidence, hits in zip(self.images, self.confidence, self.hits, strict=True)
            if images
        ]


def calibration(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """The calibration of [n x classes] probabilities against [n] class indices.

    They are divided by their sum, because those of a set of classes do not sum to 1, and neither do the
    highest ones over several crops. Where all of them are 0, all classes are equally likely. A bin has the
    probabilities above its lower end, and up to its upper end.

    >>> found = calibration(np.array([[0.8, 0.2], [0.6, 0.4]]), np.array([0, 1]))
    >>> round(found.nll, 3), round(found.brier, 3), round(found.ece, 3)
    (0.57, 0.4, 0.4)
    """
    sums = probabilities.sum(axis=1)
    if not sums.all():
        return calibration(np.where(sums[:, None] > 0, probabilities, np.float32(1)), labels)
    total = sums.astype(np.float64)
    best = probabilities.argmax(axis=1)
    images = np.arange(len(labels))
    own, confidence = probabilities[images, labels] / total, probabilities[images, best] / total
    squares = np.einsum("ij,ij->i", probabilities, probabilities) / total**2  # with no copy of them all
    ends = np.linspace(0, 1, BINS + 1)[1:-1]
    bins = np.searchsorted(ends, confidence, side="left")
    return Calibration(
        n=len(labels),
        log_loss=float(-np.log(np.maximum(own, SMALLEST)).sum()),
        squares=float((squares - 2 * own + 1).sum()),
        images=np.bincount(bins, minlength=BINS).astype(np.float64),
        confidence=np.bincount(bins, weights=confidence, minlength=BINS).astype(np.float64),
        hits=np.bincount(bins, weights=best == labels, minlength=BINS).astype(np.float64),
    )
