"""A region of an image, warped to the network's input with context around it, as in R-CNN.

R-CNN (1311.2524, appendix A) enlarges a region's box so that in the warped frame there are p pixels of
context at each side, and resizes the enlarged box to the square input whatever its aspect ratio. What lies
beyond the image is filled with the mean colour. GoogLeNet's detector classifies such regions (1409.4842,
section 8).
"""

import math
from collections.abc import Sequence

from crops.geometry import Patch
from crops.lattice import Colour

CONTEXT = 16 / 227
"""R-CNN's context at each side, as a part of the input's side."""


def warp(
    box: Sequence[float],
    width: int,
    height: int,
    size: int,
    interpolation: str,
    fill: Colour,
) -> Patch:
    """What to cut from an image of `width` x `height` for the region `box`, and to resize to `size` x `size`.

    `box` is xmin, ymin, xmax, ymax in pixels from 0, both corners inside. `fill` is the colour beyond the
    image. The enlarged box is rounded to whole pixels. R-CNN's own code warps what is inside of the image and
    fills the rest then; here the rest is filled first, so that the two blend at the image's edge.

    >>> warp((95, 95, 289, 289), 500, 375, 227, "bilinear", (0, 0, 0)).box
    (79, 79, 306, 306)
    """
    enlarged = 1 / (1 - 2 * CONTEXT)
    xmin, ymin, xmax, ymax = box
    left, right = _enlarge(xmin, xmax + 1, enlarged)
    top, bottom = _enlarge(ymin, ymax + 1, enlarged)
    return Patch((width, height), (left, top, right, bottom), (size, size), False, interpolation, fill)


def _enlarge(start: float, end: float, factor: float) -> tuple[int, int]:
    """An interval enlarged around its centre, in whole pixels. Halves are rounded up at both ends, so that
    an interval of a pixel keeps one.
    """
    centre, half = (start + end) / 2, (end - start) / 2 * factor
    return math.floor(centre - half + 0.5), math.floor(centre + half + 0.5)
