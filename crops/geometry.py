"""From a view and an image's size to the pixels to cut, in integers only.

The rounding agrees with torchvision's Resize, CenterCrop and FiveCrop to the pixel.
"""

from dataclasses import dataclass
from typing import Literal

from crops.lattice import BLACK, Colour, DenseView, Position, SingleView, View

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
    """What to cut from the resized image. It may reach beyond the edges, where the crop is filled."""

    output: Size
    """Size of the crop that the network gets."""

    mirror: bool
    """Whether the crop is flipped left to right at the end."""

    interpolation: str
    """How it is resized: the name of one of Pillow's filters, in lower case, or `tf-slim` or `caffe` for
    what `crops.dialects` does.
    """

    fill: Colour = BLACK
    """What is beyond the edges of the resized image."""

    @property
    def lies_inside(self) -> bool:
        """Whether the box is within the resized image.

        >>> Patch((389, 400), (-29, -24, 419, 424), (448, 448), False, "bicubic").lies_inside
        False
        """
        left, top, right, bottom = self.box
        width, height = self.resized
        return 0 <= left <= right <= width and 0 <= top <= bottom <= height


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


def patch_of(
    view: View | DenseView | SingleView, width: int, height: int, size: int, interpolation: str
) -> Patch:
    """The pixels of `view` in an image of `width` x `height`, for a network with an input of `size` pixels.

    `interpolation` is for all views but a `SingleView`, which has its own. `size` must not exceed the scale
    of a `View`, or its box leaves the square; `parse` refuses such scales.

    >>> patch_of(View(256, "centre", "top-left", mirror=False), 500, 375, 224, "bicubic").box
    (42, 0, 266, 224)
    """
    if isinstance(view, SingleView):
        return _single_patch(view, width, height, size)
    resized = resized_size(width, height, view.scale)
    if isinstance(view, DenseView):
        return Patch(resized, (0, 0, *resized), resized, mirror=False, interpolation=interpolation)

    side = view.scale
    left, top = (offset(length, side, view.square) for length in resized)
    if view.position == "whole":
        return Patch(resized, (left, top, left + side, top + side), (size, size), view.mirror, interpolation)

    across, down = _ALIGNMENTS[view.position]
    left += offset(side, size, across)
    top += offset(side, size, down)
    return Patch(resized, (left, top, left + size, top + size), (size, size), view.mirror, interpolation)


def _single_patch(view: SingleView, width: int, height: int, size: int) -> Patch:
    """The centre of the resized image, and not of its central square as on the lattice. The two can differ by
    a pixel, as each offset is rounded.
    """
    if view.fit == "neither":
        resized, box = (width, height), central_part(width, height)
    else:
        resized = _fitted_size(view, width, height)
        centred = _caffe_offset if view.tool == "caffe" else _centre_offset
        left, top = (centred(length, size) for length in resized)
        box = (left, top, left + size, top + size)
    return Patch(resized, box, (size, size), mirror=False, interpolation=view.interpolation, fill=view.fill)


def _fitted_size(view: SingleView, width: int, height: int) -> Size:
    if view.fit == "both":
        return view.resized, view.resized
    if view.fit == "shorter":
        return resized_size(width, height, view.resized)
    ratio = max(width, height) / view.resized  # as timm's ResizeKeepRatio, which rounds
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def _centre_offset(length: int, size: int) -> int:
    """Where torchvision's CenterCrop begins: before the image where that is shorter than the crop."""
    return offset(length, size, "centre") if length >= size else -((size - length) // 2)


def _caffe_offset(length: int, size: int) -> int:
    return (length - size) // 2


def central_part(width: int, height: int) -> Box:
    """The central 87.5 % of each side, as TF-Slim cuts them.

    >>> central_part(500, 375)
    (31, 23, 469, 352)
    """
    return width // 16, height // 16, width - width // 16, height - height // 16
