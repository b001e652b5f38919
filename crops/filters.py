"""Pillow's filters for a resize of 8 bits, as whole numbers: with them any device gives Pillow's own pixels.

Pillow resizes in two passes, across and down. In each, a level is a weighted sum of a few neighbours. The
weights are whole numbers with `PRECISION_BITS` bits behind the point. The sum begins with one half, is
shifted right by that many bits, and is cut off to 0..255. The weights are those of `precompute_coeffs` and
`normalize_coeffs_8bpc` in Pillow's src/libImaging/Resample.c, operation by operation.
"""

from functools import lru_cache

import numpy as np
import PIL
from numpy.typing import NDArray

from crops.geometry import Size

PRECISION_BITS = 32 - 8 - 2
"""Bits of a weight behind the point. Sums of 8-bit levels then fit in 32 bits, with a sign."""

_SUPPORTS = {"bilinear": 1.0, "bicubic": 2.0}
"""How far a filter reaches on each side, in pixels of the longer of the two lengths per pixel of output."""

_ALWAYS_ACROSS_FIRST = int(PIL.__version__.partition(".")[0]) < 13


def is_down_first(size: Size, resized: Size) -> bool:
    """Whether the installed Pillow resizes down first, and then across, from `size` to `resized`.

    Pillow 13 and later do so for tall images that shrink. The order shows, since each pass rounds.
    """
    across, down = (before - after for before, after in zip(size, resized, strict=True))
    return not _ALWAYS_ACROSS_FIRST and down > 0 and down > 2 * across


@lru_cache(maxsize=4096)  # about 10 KB each
def filter_table(length: int, output: int, interpolation: str) -> NDArray[np.int32]:
    """What resizes `length` pixels to `output` pixels: [1 + taps x output].

    `interpolation` is a key of `crops.pillow.RESAMPLING`. The first row is the first input pixel of each
    output pixel. The others are the weights of that pixel and the next ones. All outputs have the same number
    of taps, and all their input pixels exist: where Pillow has fewer taps, the other weights are 0. The array
    is cached, so it cannot be written to.

    >>> filter_table(4, 2, "bilinear")
    array([[      0,       1],
           [1797559,  599186],
           [1797559, 1797559],
           [ 599186, 1797559]], dtype=int32)
    """
    scale = length / output
    stretch = max(scale, 1.0)  # a filter that shrinks covers more pixels
    support = _SUPPORTS[interpolation] * stretch
    centres = (np.arange(output) + 0.5) * scale
    begin = np.floor(np.maximum(centres - support + 0.5, 0))
    end = np.floor(np.minimum(centres + support + 0.5, length))
    taps = int((end - begin).max())
    first = np.minimum(begin, length - taps)

    pixels = first + np.arange(taps)[:, None]
    weights = _weights((pixels - centres + 0.5) * (1 / stretch), interpolation)
    weights *= (pixels >= begin) & (pixels < end)
    weights /= sum(weights)  # one after the other: NumPy's sum may take another order
    table = np.empty((1 + taps, output), dtype=np.int32)
    table[0] = first
    # The conversion cuts the fraction off, so this rounds half away from zero.
    table[1:] = weights * (1 << PRECISION_BITS) + np.copysign(0.5, weights)
    table.setflags(write=False)
    return table


def _weights(distances: NDArray[np.float64], interpolation: str) -> NDArray[np.float64]:
    """The weights of pixels at these distances from the centre, not yet of sum 1."""
    x = np.abs(distances)
    if interpolation == "bilinear":
        return np.where(x < 1, 1 - x, 0)
    a = -0.5
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))
