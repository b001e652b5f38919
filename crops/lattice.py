"""The crop lattice: every crop is one point of  scale x square x position x mirror.

Source: GoogLeNet (arXiv 1409.4842), section 7. It resizes the image to four scales, takes three squares of
each, and six crops of each square: the four corners, the centre and the whole square. With their mirror
images these are 4 x 3 x 6 x 2 = 144 crops. The usual 1, 10 and 12 crops are subsets, on the centre square
of the first scale.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

Square = Literal["start", "centre", "end"]
"""Where the square lies on the longer side. `start` is left or top, `end` is right or bottom."""

Position = Literal["centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole"]
"""Where the crop lies in the square. `whole` is the square itself, resized to the network's input."""

SQUARES: tuple[Square, ...] = ("centre", "start", "end")
POSITIONS: tuple[Position, ...] = ("centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole")
MIRRORS = (False, True)

Colour = tuple[int, int, int]
"""Levels of red, green and blue, 0 to 255."""

BLACK: Colour = (0, 0, 0)

AXES = {
    "scale": "the image is resized until its shorter side has so many pixels",
    "square": "the largest square at the left, in the centre or at the right of the resized image; of a "
    "portrait image at the top, in the centre or at the bottom",
    "position": "a corner or the centre of the square, as large as the input, or the whole square resized to "
    "the input",
    "mirror": "as it is, or flipped left to right",
}
"""The axes of the lattice in words."""

GOOGLENET_SCALES = (256, 288, 320, 352)
"""GoogLeNet's four scales for its input of 224 pixels: lengths of the shorter side in pixels."""

DENSE_SCALES = (224, 256, 384, 480, 640)
"""The scales of dense evaluation, for an input of 224 (ResNet: He et al., arXiv 1512.03385, section 3.4)."""


@dataclass(frozen=True)
class View:
    """One crop."""

    scale: int
    """Length in pixels of the shorter side of the resized image."""

    square: Square
    """Which square of the resized image; its side is `scale`."""

    position: Position
    """Where the crop lies in the square."""

    mirror: bool
    """Whether the crop is flipped left to right."""


@dataclass(frozen=True)
class DenseView:
    """The whole resized image, to which a dense network is applied at every position."""

    scale: int
    """Length in pixels of the shorter side of the resized image."""


Fit = Literal["shorter", "longer", "both", "neither"]
"""Which sides of the resized image are given.

Its shorter one is timm's crop mode `center`, and its longer one timm's `border`. With both the image becomes
a square: timm's `squash`. `neither` stands for TF-Slim, which cuts the central 87.5 % of each side of the
image and resizes that.
"""


@dataclass(frozen=True)
class SingleView:
    """The single crop as a tool takes it: the image is resized, and its centre cut."""

    tool: str
    """Whose rule it is: `timm`, `torchvision`, `pytorchcv`, `tf-slim` or `caffe`."""

    resized: int
    """Length in pixels of the given sides of the resized image."""

    interpolation: str
    """How the image is resized; see `crops.geometry.Patch`."""

    fit: Fit = "shorter"
    """Which sides `resized` is of."""

    fill: Colour = BLACK
    """What lies beyond the edges of the resized image where the crop is larger."""

    @property
    def filter(self) -> str:
        """The filter that resizes, by the name that all tools have for it.

        >>> SingleView("caffe", 256, "caffe", "both").filter
        'bilinear'
        """
        return "bilinear" if self.interpolation in ("tf-slim", "caffe") else self.interpolation

    def lies_inside(self, size: int) -> bool:
        """Whether a crop of `size` pixels never reaches beyond the edges of the resized image."""
        return self.fit == "neither" or (self.fit != "longer" and self.resized >= size)


def scale_set(size: int, scales_at_224: tuple[int, ...] = GOOGLENET_SCALES) -> tuple[int, ...]:
    """The scales for an input of `size` pixels: those for 224 pixels in the same ratio, rounded.

    The papers give scales for 224 only, so this rule is ours. Its 342 for an input of 299 is also what
    torchvision resizes to for its inception_v3.

    >>> scale_set(299)
    (342, 384, 427, 470)
    """
    return tuple(round(size * scale / 224) for scale in scales_at_224)


def lattice(
    scales: tuple[int, ...],
    squares: tuple[Square, ...] = SQUARES,
    positions: tuple[Position, ...] = POSITIONS,
    mirrors: tuple[bool, ...] = MIRRORS,
) -> tuple[View, ...]:
    """Every combination of the values, scale by scale; mirrors vary fastest.

    >>> len(lattice(GOOGLENET_SCALES))
    144
    >>> lattice((256,), ("centre",), ("centre",))[1]
    View(scale=256, square='centre', position='centre', mirror=True)
    """
    return tuple(View(*point) for point in product(scales, squares, positions, mirrors))
