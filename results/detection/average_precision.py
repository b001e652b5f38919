"""Average precision, from what each detection counts as: once, and for many draws of the images at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

POINTS = np.linspace(0, 1, 101)
"""The recalls at which COCO averages the precision."""

DRAWS_AT_ONCE = 100


@dataclass(frozen=True)
class Matches:
    """The detections that count, the best first, and the objects that can be found."""

    images: int
    classes: int
    hit: NDArray[np.bool_]
    """[n] Whether a detection found an object."""
    image: NDArray[np.int64]
    """[n] Numbers of the detections' images."""
    category: NDArray[np.int64]
    """[n] Class indices of the detections."""
    object_image: NDArray[np.int64]
    """[m] Numbers of the objects' images."""
    object_category: NDArray[np.int64]
    """[m] Class indices of the objects."""


def average_precisions(
    matches: Matches, draws: NDArray[np.float64], *, points: bool = False
) -> NDArray[np.float64]:
    """[classes x d] the average precision of each class, from 0 to 1; NaN for a class without objects.

    It is the area below the highest precision at each recall or beyond, as PASCAL has it since 2010 and
    ILSVRC (`VOCap.m`); with `points` the mean of that precision at COCO's 101 recalls. `draws` [images x d]
    says how often each image counts, which is once where all are 1. Matching is within an image, so that it
    is the same in every draw, and only the sums below are made anew.
    """
    result = np.full((matches.classes, draws.shape[1]), np.nan)
    by_class = np.argsort(matches.category, kind="stable")
    bounds = np.searchsorted(matches.category[by_class], np.arange(matches.classes + 1))
    for category in np.unique(matches.object_category):
        own = by_class[bounds[category] : bounds[category + 1]]
        objects = draws[matches.object_image[matches.object_category == category]].sum(axis=0)
        result[category] = _average_precision(matches.hit[own], matches.image[own], objects, draws, points)
    return result


def _average_precision(
    hit: NDArray[np.bool_],
    image: NDArray[np.int64],
    objects: NDArray[np.float64],
    draws: NDArray[np.float64],
    points: bool,
) -> NDArray[np.float64]:
    """[d] of one class. The precision is only needed where an object is found: it falls until the next is."""
    own = draws[image[hit]]
    hits = np.cumsum(own, axis=0)
    found_before = np.cumsum(hit)[~hit]
    counts = found_before < len(own)  # what comes behind the last hit changes nothing
    places = (found_before[counts], image[~hit][counts])
    shape = (len(own), len(draws))
    between: Any = csr_matrix((np.ones(len(places[0])), places), shape=shape)  # type: ignore[arg-type]
    misses = np.cumsum(between @ draws, axis=0)
    precision = hits / np.maximum(hits + misses, 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    result = np.full(len(objects), np.nan)
    for i in np.flatnonzero(objects) if points else ():
        reached = np.searchsorted(hits[:, i] / objects[i], POINTS)
        result[i] = np.append(highest[:, i], 0)[reached].mean()
    if not points:
        np.divide((own * highest).sum(axis=0), objects, out=result, where=objects > 0)
    return result


def mean_over_classes(precisions: NDArray[np.float64]) -> NDArray[np.float64]:
    """[d] the mean over the classes that have objects, of [classes x d]; NaN where none has.

    >>> mean_over_classes(np.array([[0.25, 0.5], [np.nan, 1.0], [0.75, np.nan]]))
    array([0.5 , 0.75])
    """
    known = np.isfinite(precisions)
    result = np.full(precisions.shape[1:], np.nan)
    total = np.where(known, precisions, 0).sum(axis=0)
    np.divide(total, known.sum(axis=0), out=result, where=known.any(axis=0))
    return result


def draw_images(images: int, draws: int, seed: int) -> NDArray[np.float64]:
    """[images x draws] how often each image is in each draw of as many images, with replacement."""
    generator = np.random.default_rng(seed)
    drawn = np.empty((images, draws))
    for i in range(draws):
        drawn[:, i] = np.bincount(generator.integers(images, size=images), minlength=images)
    return drawn
