"""From a view and an image's size to the pixels it looks at: integers only.

The rounding agrees with torchvision's Resize, CenterCrop and FiveCrop to the pixel.
"""

from dataclasses import dataclass

from crops.lattice import DenseView, View

Size = tuple[int, int]
"""(width, height) in pixels."""

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels, right and bottom excluded, as in Pillow."""


@dataclass(frozen=True)
class Patch:
    """What to cut: resize the image to `resized`, cut `box`, resize that to `output`, mirror.

    Two views of an image whose patches are equal are the same pixels.
    """

    resized: Size
    box: Box
    output: Size
    mirror: bool


def resized_size(width: int, height: int, shorter: int) -> Size:
    """The size with the shorter side `shorter` and the aspect ratio kept, the longer side rounded down (torchvision)."""
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter


def offset(length: int, size: int, place: str) -> int:
    """Where `size` pixels begin in `length`: at the start, at the end or centred (Python's round, as torchvision)."""
    return {"start": 0, "centre": round((length - size) / 2), "end": length - size}[place]


def place(view: View | DenseView, width: int, height: int, size: int) -> Patch:
    """The pixels that `view` looks at in an image of `width` x `height`, for a network with an input of `size`.

    Needs `size` <= `view.scale`. A crop that leaves the square, which no view of the lattice does then, is not made.
    """
    resized = resized_size(width, height, view.scale)
    if isinstance(view, DenseView):
        return Patch(resized, (0, 0, *resized), resized, mirror=False)
    side = view.scale
    left, top = (offset(length, side, view.square) for length in resized)
    if view.position == "whole":
        return Patch(resized, (left, top, left + side, top + side), (size, size), view.mirror)
    vertical, _, horizontal = view.position.partition("-")
    names = {"top": "start", "bottom": "end", "left": "start", "right": "end", "centre": "centre"}
    left += offset(side, size, names[horizontal or "centre"])
    top += offset(side, size, names[vertical])
    return Patch(resized, (left, top, left + size, top + size), (size, size), view.mirror)
