"""The crop lattice: every crop is one point of  scale x square x position x mirror.

Source: GoogLeNet (arXiv 1409.4842), section 7. Four scales, three squares, six positions and two mirrors
make its 144 crops; the usual 1, 10 and 12 crops are subsets of them on the centre square of the first scale.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

Square = Literal["start", "centre", "end"]
"""Where the square lies on the longer side: left, centre, right; top, centre, bottom for a portrait image."""

Position = Literal["centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole"]
"""Where the crop lies in the square; `whole` is the square itself, resized to the network's input."""

SQUARES: tuple[Square, ...] = ("centre", "start", "end")
POSITIONS: tuple[Position, ...] = ("centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole")
MIRRORS = (False, True)

GOOGLENET_SCALES = (256, 288, 320, 352)
"""Shorter sides of GoogLeNet's four scales, for its input of 224 pixels."""

DENSE_SCALES = (224, 256, 384, 480, 640)
"""Shorter sides of the ResNet paper's dense evaluation (He et al., 1512.03385, section 3.4), for an input of 224."""


@dataclass(frozen=True)
class View:
    """One crop. `scale` is the length in pixels of the resized image's shorter side."""

    scale: int
    square: Square
    position: Position
    mirror: bool


@dataclass(frozen=True)
class DenseView:
    """The whole resized image, seen by the network at every position; `scale` as for a `View`."""

    scale: int


def scale_set(size: int, scales_at_224: tuple[int, ...] = GOOGLENET_SCALES) -> tuple[int, ...]:
    """The scales for an input of `size` pixels: those for 224 in the same ratio, rounded.

    The papers give scales for 224 only. At 299 this rule gives 342, 384, 427 and 470; 342 is also what
    torchvision resizes to for its inception_v3.
    """
    return tuple(round(size * scale / 224) for scale in scales_at_224)


def lattice(
    scales: tuple[int, ...],
    squares: tuple[Square, ...] = SQUARES,
    positions: tuple[Position, ...] = POSITIONS,
    mirrors: tuple[bool, ...] = MIRRORS,
) -> tuple[View, ...]:
    """All points of the product, the first scale first."""
    return tuple(View(*point) for point in product(scales, squares, positions, mirrors))
