"""Which detections find an object, by the rules of ILSVRC's and PASCAL's detection challenges.

An object is found by a box of its class in its image that overlaps with it enough. Overlap is the
intersection over the union, and detections choose in the order of their scores.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.detection.boxes import Boxes, overlaps, sides

PAIRS_AT_ONCE = 2_000_000
"""Pairs of a detection and an object whose overlap is computed at a time: some 500 MB."""

HIT, MISS, LEFT_OUT = 1, 0, -1
"""What a detection counts as: a true positive, a false positive, or neither."""


@dataclass(frozen=True)
class Located:
    """Boxes of detections, the best first, or of objects."""

    image: NDArray[np.int64]
    """[n] Numbers of the images."""
    category: NDArray[np.int64]
    """[n] Class indices."""
    box: Boxes
    """[n x 4]"""


def match_ilsvrc(found: Located, objects: Located, left_out: NDArray[np.bool_]) -> NDArray[np.int8]:
    """[n] What each detection counts as by the rule of ILSVRC's detection (Russakovsky et al., 1409.0575,
    section 4.3), as its devkit computes it (`eval_detection.m`, 2014).

    A detection finds the object that overlaps most of those that are not found yet and that it overlaps by
    min(0.5, w h / ((w + 10) (h + 10))) or more, where w and h are the sides of the object. Of equal overlaps
    the first object counts. `left_out` [n] says whose class is on the blacklist of their image.
    """
    width, height = sides(objects.box.astype(np.float64))
    enough = np.minimum(0.5, width * height / ((width + 10) * (height + 10)))
    counts = np.where(left_out, LEFT_OUT, MISS).astype(np.int8)
    taken = set[int]()
    last = -1
    for detection, target in _pairs(found, objects, enough):
        for i, j in zip(detection.tolist(), target.tolist(), strict=True):
            if i != last and j not in taken and counts[i] != LEFT_OUT:
                counts[i] = HIT
                taken.add(j)
                last = i
    return counts


def match_pascal(found: Located, objects: Located, difficult: NDArray[np.bool_]) -> NDArray[np.int8]:
    """[n] What each detection counts as by PASCAL's rule (Everingham et al., IJCV 2010, section 4.2), as its
    devkit computes it (`VOCevaldet.m`).

    A detection goes to the object that overlaps most, whether it is found already or not, if that is 0.5 or
    more. The first one finds it, and the others miss. One of a `difficult` [m] object counts as neither.
    """
    counts = np.full(len(found.image), MISS, dtype=np.int8)
    taken = set[int]()
    last = -1
    for detection, target in _pairs(found, objects, np.full(len(objects.image), 0.5)):
        for i, j in zip(detection.tolist(), target.tolist(), strict=True):
            if i == last:
                continue
            last = i
            if difficult[j]:
                counts[i] = LEFT_OUT
            elif j not in taken:
                counts[i] = HIT
                taken.add(j)
    return counts


def _pairs(
    found: Located, objects: Located, enough: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of a detection and an object of its class and image that overlap, and `enough` [m]: two arrays of
    indices at a time. Detections come in their order, and for each the objects that overlap most first.
    """
    classes = 1 + max(found.category.max(initial=0), objects.category.max(initial=0))
    cell = objects.image * classes + objects.category
    by_cell = np.argsort(cell, kind="stable")
    cell = cell[by_cell]
    own = found.image * classes + found.category
    first = np.searchsorted(cell, own, "left")
    count = np.searchsorted(cell, own, "right") - first
    ends = np.cumsum(count)
    start = 0
    while start < len(own):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PAIRS_AT_ONCE, "right")))
        some = count[start:stop]
        detection = np.repeat(np.arange(start, stop), some)
        offset = np.arange(len(detection)) - np.repeat(np.cumsum(some) - some, some)
        target = by_cell[np.repeat(first[start:stop], some) + offset]
        with np.errstate(invalid="ignore", over="ignore"):  # 0 / 0 of boxes without area is not enough
            overlap = overlaps(found.box[detection], objects.box[target])
            kept = np.flatnonzero((overlap > 0) & (overlap >= enough[target]))
        detection, target, overlap = detection[kept], target[kept], overlap[kept]
        order = np.lexsort((target, -overlap, detection))
        yield detection[order], target[order]
        start = stop
