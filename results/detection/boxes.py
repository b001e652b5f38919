"""What was detected, and what is annotated.

A box is xmin, ymin, xmax, ymax in pixels, counted from 0. Both corners are inside, as in ILSVRC and PASCAL: a
box of one pixel has xmin == xmax. Files of the challenges count from 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating]
"""[n x 4] xmin, ymin, xmax, ymax."""

FARTHEST = 1e9
"""Pixels that a corner is away from the image's, at most: more than any image has."""


@dataclass(frozen=True)
class Detections:
    """Boxes that were detected, with a class and a score each. The names of the classes are kept beside."""

    image: list[str]
    """The id of each detection's image: the name of the image's file without folders and ending."""
    category: NDArray[np.int64]
    """[n] Class indices."""
    score: NDArray[np.floating]
    """[n] How sure the detector is; only the order counts. float32, or float64 as files of text have it."""
    box: Boxes
    """[n x 4] In the same precision."""


@dataclass(frozen=True)
class Annotations:
    """The objects of a set of images."""

    images: tuple[str, ...]
    """The ids of all images that count, also of those without objects."""
    classes: tuple[str, ...]
    """Names or WordNet ids."""
    image: list[str]
    """The id of each object's image."""
    category: NDArray[np.int64]
    """[m] Class indices."""
    box: Boxes
    """[m x 4]"""
    difficult: NDArray[np.bool_]
    """[m] Objects that count neither as found nor as missed, where the rule knows such."""
    blacklist: frozenset[tuple[str, int]] = frozenset()
    """Image and class index of the pairs that are left out."""


def are_near(box: Boxes) -> NDArray[np.bool_]:
    """[n] Whether all numbers of a box are finite, and of pixels as an image may have them.

    >>> are_near(np.array([[0, 0, 9, 9], [0, 0, np.nan, 9], [0, 0, 1e300, 9]]))
    array([ True, False, False])
    """
    return np.asarray((np.abs(box) <= FARTHEST).all(axis=-1))


def sides(box: Boxes) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Widths and heights [n] in pixels.

    >>> sides(np.array([[3.0, 5.0, 3.0, 6.0]]))
    (array([1.]), array([2.]))
    """
    return box[..., 2] - box[..., 0] + 1, box[..., 3] - box[..., 1] + 1


def overlaps(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """[n] The intersection over union of each box of `a` with that of the same row of `b`.

    >>> overlaps(np.array([[0, 0, 9, 9.0]]), np.array([[5, 0, 14, 9.0]]))
    array([0.33333333])
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    width, height = sides(np.concatenate([np.maximum(a, b)[..., :2], np.minimum(a, b)[..., 2:]], axis=-1))
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    (width_a, height_a), (width_b, height_b) = sides(a), sides(b)
    both: NDArray[np.float64] = shared / (width_a * height_a + width_b * height_b - shared)
    return both
