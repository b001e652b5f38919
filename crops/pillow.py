"""The reference renderer: Pillow, one operation after the other. It is slow, and easy to check by reading."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crops.dialects import caffe, tf_slim
from crops.geometry import Patch

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
"""The interpolations that all renderers know."""

FILTERS = {each.name.lower(): each for each in Image.Resampling}
"""All of Pillow's, of which a `SingleView` may have any."""


def render(image: Image.Image, patches: Sequence[Patch]) -> list[Image.Image]:
    """Cut `patches` from an RGB image, in their order. Their interpolations are keys of `FILTERS`.

    Pillow resizes with antialiasing, and rounds to whole levels; a crop that has its size already stays as it
    is.

    >>> from crops import Plan, parse
    >>> patches, _ = Plan(parse("12", 224), 224).patches(500, 375)
    >>> crops = render(Image.new("RGB", (500, 375)), patches)
    >>> len(crops), crops[0].size
    (12, (224, 224))
    """
    sizes = dict.fromkeys((patch.resized, patch.interpolation) for patch in patches)
    resized = {(size, name): image.resize(size, FILTERS[name]) for size, name in sizes}
    rendered = []
    for patch in patches:
        crop = _cut(resized[patch.resized, patch.interpolation], patch)
        crop = crop.resize(patch.output, FILTERS[patch.interpolation])
        rendered.append(ImageOps.mirror(crop) if patch.mirror else crop)
    return rendered


def _cut(image: Image.Image, patch: Patch) -> Image.Image:
    """The box of the resized image, filled where it reaches beyond the edges."""
    if patch.lies_inside:
        return image.crop(patch.box)
    left, top, right, bottom = patch.box
    crop = Image.new("RGB", (right - left, bottom - top), patch.fill)
    crop.paste(image, (-left, -top))
    return crop


def render_levels(
    image: NDArray[np.uint8], patches: Sequence[Patch]
) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
    """As `render`, from levels to levels, [height x width x 3]; and the crops of TF-Slim and Caffe.

    Those of TF-Slim are float32, as it does not round.
    """
    by_pillow = [patch for patch in patches if patch.interpolation in FILTERS]
    crops = dict(zip(by_pillow, render(Image.fromarray(image), by_pillow), strict=True))
    return [
        np.asarray(crops[patch]) if patch in crops else _render_as_tool(image, patch) for patch in patches
    ]


def _render_as_tool(image: NDArray[np.uint8], patch: Patch) -> NDArray[np.uint8] | NDArray[np.float32]:
    if patch.interpolation == "tf-slim":
        return tf_slim(image, patch.output[0])
    return caffe(image, patch.output[0], patch.resized[0])
