"""The reference renderer: Pillow, one operation after the other. It is slow, and easy to check by reading."""

from collections.abc import Sequence

from PIL import Image, ImageOps

from crops.geometry import Patch

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
"""The interpolations that both renderers know."""


def render(image: Image.Image, patches: Sequence[Patch], interpolation: str) -> list[Image.Image]:
    """Cut `patches` from an RGB image, in their order; `interpolation` is a key of `RESAMPLING`.

    Pillow resizes with antialiasing, and rounds to whole levels; a crop that has its size already stays as it
    is.

    >>> from crops import Plan, parse
    >>> patches, _ = Plan(parse("12", 224), 224).patches(500, 375)
    >>> crops = render(Image.new("RGB", (500, 375)), patches, "bicubic")
    >>> len(crops), crops[0].size
    (12, (224, 224))
    """
    resample = RESAMPLING[interpolation]
    sizes = dict.fromkeys(patch.resized for patch in patches)
    resized = {size: image.resize(size, resample) for size in sizes}
    rendered = []
    for patch in patches:
        crop = resized[patch.resized].crop(patch.box).resize(patch.output, resample)
        rendered.append(ImageOps.mirror(crop) if patch.mirror else crop)
    return rendered
