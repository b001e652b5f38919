"""The reference renderer: Pillow, one operation after the other, slow and obviously right."""

from collections.abc import Sequence

from PIL import Image, ImageOps

from crops.geometry import Patch

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def render(image: Image.Image, patches: Sequence[Patch], interpolation: str) -> list[Image.Image]:
    """Cut `patches` from an RGB image: resize, cut, resize what is a whole square, mirror. Antialiased, on uint8."""
    resample = RESAMPLING[interpolation]
    resized = {
        size: image.resize(size, resample) for size in dict.fromkeys(patch.resized for patch in patches)
    }
    rendered = []
    for patch in patches:
        crop = resized[patch.resized].crop(patch.box)
        if crop.size != patch.output:
            crop = crop.resize(patch.output, resample)
        rendered.append(ImageOps.mirror(crop) if patch.mirror else crop)
    return rendered
