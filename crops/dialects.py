"""Single-crop dialects: how other tools take the one central crop, to tell preprocessing from everything else.

The same weights move by some tenths of a point from one dialect to the next, and by points in a wrong one.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crops.geometry import Patch, offset, resized_size
from crops.pillow import render
from crops.protocols import Pool

DialectName = Literal["timm", "torchvision", "tf-slim", "caffe"]
DIALECTS: tuple[DialectName, ...] = ("timm", "torchvision", "tf-slim", "caffe")


@dataclass(frozen=True)
class Normalisation:
    """Pixels / 255, minus `mean`, over `std`, per channel; the channels are turned round first where `bgr`."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""[-1, 1], of TF-Slim and most Inception weights."""

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""torchvision's."""

CAFFE = Normalisation((104 / 255, 117 / 255, 123 / 255), (1 / 255, 1 / 255, 1 / 255), bgr=True)
"""BGR minus (104, 117, 123), in levels."""


@dataclass(frozen=True)
class Dialect:
    """One way to take the single crop; call it with an RGB image to get the pixels.

    `resized` is the side in pixels that the image is resized to before the crop: its shorter side, or both sides
    where the dialect warps. `squash` is timm's crop mode of that name. `normalisation` is None where the dialect
    takes that of the weights.
    """

    name: DialectName
    size: int
    resized: int
    interpolation: str
    squash: bool = False
    pool: Pool = "mean"

    @property
    def names(self) -> tuple[str, ...]:
        """The one protocol's name, such as `1/timm`."""
        return (f"1/{self.name}",)

    @property
    def normalisation(self) -> Normalisation | None:
        return {"tf-slim": HALF, "caffe": CAFFE}.get(self.name)

    def describe(self) -> dict[str, Any]:
        """The exact dialect as plain values, for a manifest."""
        how = {"crops": 1, "dialect": self.name, "resized": self.resized, "interpolation": self.interpolation}
        return {
            "size": self.size,
            "pool": self.pool,
            "protocols": {self.names[0]: how | {"squash": self.squash}},
        }

    def __call__(self, image: Image.Image) -> NDArray[np.uint8] | NDArray[np.float32]:
        """[size x size x 3] in levels: uint8, or float32 for tf-slim, which does not round after resizing."""
        if self.name == "tf-slim":
            return tf_slim(np.asarray(image), self.size)
        if self.name == "caffe":
            return caffe(np.asarray(image), self.size, self.resized)
        resized = (self.resized, self.resized) if self.squash else resized_size(*image.size, self.resized)
        left, top = (
            offset(length, self.size, "centre") for length in resized
        )  # centred once, not in a square first
        patch = Patch(
            resized, (left, top, left + self.size, top + self.size), (self.size, self.size), mirror=False
        )
        return np.asarray(render(image, [patch], self.interpolation)[0])


def dialect(
    name: DialectName,
    size: int,
    interpolation: str,
    crop_pct: float = 0.875,
    *,
    squash: bool = False,
    own: bool = False,
) -> Dialect:
    """The dialect `name` for a network with an input of `size` pixels.

    `interpolation`, `crop_pct` and `squash` are the weights' own. timm goes by them and resizes to floor(size /
    crop_pct). torchvision goes by them for its `own` weights. It otherwise resizes to 256 for an input of 224, as
    Caffe does, and others in the same ratio; both are bilinear.
    """
    if name == "timm":
        return Dialect(name, size, math.floor(size / crop_pct), interpolation, squash)
    if name == "torchvision" and own:
        return Dialect(name, size, round(size / crop_pct), interpolation)
    return Dialect(name, size, size if name == "tf-slim" else round(size * 256 / 224), "bilinear")


def tf_slim(image: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """TF-Slim's inception_preprocessing for evaluation: the central 87.5 % of each side, warped to `size` x `size`.

    [height x width x 3] -> float32 [size x size x 3]. TensorFlow 1 resized without antialiasing and put the centre of
    the first pixel at 0, so that output pixel i lies at i * length / size.
    """
    height, width = image.shape[:2]
    centre = image[height // 16 : height - height // 16, width // 16 : width - width // 16]
    rows, columns = (np.arange(size) * (length / size) for length in centre.shape[:2])
    return _sample(centre, rows, columns).astype(np.float32)


def caffe(image: NDArray[np.uint8], size: int, resized: int) -> NDArray[np.uint8]:
    """Caffe's: warped to `resized` x `resized`, then the centre. [height x width x 3] -> uint8 [size x size x 3].

    Caffe's convert_imageset resizes with OpenCV: bilinear, half-pixel centres, no antialiasing.
    """
    rows, columns = ((np.arange(resized) + 0.5) * (length / resized) - 0.5 for length in image.shape[:2])
    begin = (resized - size) // 2
    warped = _sample(image, rows[begin : begin + size], columns[begin : begin + size])
    return np.rint(warped).astype(np.uint8)


def _sample(
    image: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bilinear samples at the product of `rows` and `columns`, the border repeated outside."""
    top, down = _neighbours(rows, image.shape[0])
    left, right = _neighbours(columns, image.shape[1])
    y = (rows.clip(0, image.shape[0] - 1) - top)[:, None, None]
    x = (columns.clip(0, image.shape[1] - 1) - left)[None, :, None]
    upper = image[np.ix_(top, left)] * (1 - x) + image[np.ix_(top, right)] * x
    lower = image[np.ix_(down, left)] * (1 - x) + image[np.ix_(down, right)] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _neighbours(at: NDArray[np.float64], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    before = np.floor(at.clip(0, length - 1)).astype(np.intp)
    return before, np.minimum(before + 1, length - 1)
