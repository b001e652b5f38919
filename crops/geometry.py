"""From a view and an image's size to the pixels to cut, in integers only.

The rounding agrees with torchvision's Resize, CenterCrop and FiveCrop to the pixel.
"""

from dataclasses import dataclass
from typing import Literal

from crops.lattice import DenseView, Position, View

Size = tuple[int, int]
"""(width, height) in pixels."""

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels, right and bottom excluded, as in Pillow."""

Alignment = Literal["start", "centre", "end"]
"""Where a shorter length lies in a longer one. `start` is left or top, `end` is right or bottom."""

_ALIGNMENTS: dict[Position, tuple[Alignment, Alignment]] = {
    "centre": ("centre", "centre"),
    "top-left": ("start", "start"),
    "top-right": ("end", "start"),
    "bottom-left": ("start", "end"),
    "bottom-right": ("end", "end"),
}
"""How a crop lies in its square, across and down."""


@dataclass(frozen=True)
class Patch:
    """What to cut: resize the image to `resized`, cut `box`, resize that to `output`, mirror.

    Two views whose patches of an image are equal have the same pixels there.
    """

    resized: Size
    """Size of the resized image."""

    box: Box
    """What to cut from the resized image."""

    output: Size
    """Size of the crop that the network gets."""

    mirror: bool
    """Whether the crop is flipped left to right at the end."""


def resized_size(width: int, height: int, shorter: int) -> Size:
    """The size with the same aspect ratio and a shorter side of `shorter` pixels; the longer is rounded down.

    >>> resized_size(500, 375, shorter=256)
    (341, 256)
    """
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter


def offset(length: int, size: int, alignment: Alignment) -> int:
    """The pixel of `length` where `size` pixels begin. `centre` rounds half to even, as torchvision does.

    >>> [offset(341, 256, alignment) for alignment in ("start", "centre", "end")]
    [0, 42, 85]
    """
    return {"start": 0, "centre": round((length - size) / 2), "end": length - size}[alignment]


def patch_of(view: View | DenseView, width: int, height: int, size: int) -> Patch:
    """The pixels of `view` in an image of `width` x `height`, for a network with an input of `size` pixels.

    `size` must not exceed the scale of a `View`, or its box leaves the square; `parse` refuses such scales.

    >>> patch_of(View(256, "centre", "top-left", mirror=False), 500, 375, 224)
    Patch(resized=(341, 256), box=(42, 0, 266, 224), output=(224, 224), mirror=False)
    """
    resized = resized_size(width, height, view.scale)
    if isinstance(view, DenseView):
        return Patch(resized, (0, 0, *resized), resized, mirror=False)

    side = view.scale
    left, top = (offset(length, side, view.square) for length in resized)
    if view.position == "whole":
        return Patch(resized, (left, top, left + side, top + side), (size, size), view.mirror)

    across, down = _ALIGNMENTS[view.position]
    left += offset(side, size, across)
    top += offset(side, size, down)
    return Patch(resized, (left, top, left + size, top + size), (size, size), view.mirror)
