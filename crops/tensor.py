"""The fast renderer: the operations of the reference renderer on tensors, on a CPU or a GPU.

Torch's antialiased resize follows Pillow's. On a CPU it works on uint8 as Pillow does: less than 1 % of the
values differ, by one or two levels. Other devices have no such resize of uint8. There we resize floats, and
round to whole levels after each direction, as Pillow does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from crops.geometry import Box, Patch, Size
from crops.pillow import RESAMPLING


def can_render(patch: Patch) -> bool:
    """Whether `render` can cut the patch; `crops.pillow` can cut any."""
    return patch.interpolation in RESAMPLING and patch.lies_inside


def render(image: Tensor, patches: Sequence[Patch]) -> list[Tensor]:
    """Cut `patches` from `image`, uint8 [3 x height x width], in their order.

    `can_render` is true for each of them. Each crop is uint8 [3 x height x width], on the
    image's device. Most are windows of a resized image that other crops share, and not copies. The three
    colours of a pixel lie side by side in memory (channels-last), as in a decoded image; convolutions are
    fastest with this order.
    """
    sizes = dict.fromkeys((patch.resized, patch.interpolation) for patch in patches)
    resized = {key: resize(image, *key) for key in sizes}
    whole_squares: dict[tuple[Size, str, Box], Tensor] = {}  # both mirrors use the same one
    rendered = []
    for patch in patches:
        left, top, right, bottom = patch.box
        crop = resized[patch.resized, patch.interpolation][:, top:bottom, left:right]
        if (right - left, bottom - top) != patch.output:
            key = (patch.resized, patch.interpolation, patch.box)
            if key not in whole_squares:
                whole_squares[key] = resize(crop, patch.output, patch.interpolation)
            crop = whole_squares[key]
        rendered.append(crop.flip(-1) if patch.mirror else crop)
    return rendered


def resize(image: Tensor, size: Size, interpolation: str) -> Tensor:
    """`image`, uint8 [3 x height x width], resized to `size` (width, height) as Pillow does, antialiased.

    >>> resize(torch.zeros(3, 375, 500, dtype=torch.uint8), (341, 256), "bicubic").shape
    torch.Size([3, 256, 341])
    """
    if image.device.type == "cpu":
        return _resize_bytes(image, size, interpolation)
    return resize_floats(image, size, interpolation)


def resize_floats(image: Tensor, size: Size, interpolation: str) -> Tensor:
    """What `resize` does where torch has no antialiased resize of uint8: first across, then down."""
    width, height = size
    pixels = image[None].float()
    for shape in ((image.shape[1], width), (height, width)):
        pixels = interpolate(pixels, size=shape, mode=interpolation, antialias=True).round_().clamp_(0, 255)
    return pixels[0].to(torch.uint8)


def _resize_bytes(image: Tensor, size: Size, interpolation: str) -> Tensor:
    # Torch recognises channels-last by the strides. `image[None]` would give the new axis one that hides it.
    channels_last = image.permute(1, 2, 0)[None].permute(0, 3, 1, 2)
    return interpolate(channels_last, size=size[::-1], mode=interpolation, antialias=True)[0]
