"""Single crops: how timm, torchvision, pytorchcv, TF-Slim and Caffe take the one central crop.

The published figure of weights is that of their provider's crop, which the protocol `native` takes. An
evaluation in another tool's dialect shows how much of a difference comes from preprocessing. The same weights
move by some tenths of a point from one dialect to the next, and by whole points in the wrong one.

- timm: resize as the weights' own configuration says, cut the centre.
- torchvision: as the weights say for torchvision's own weights, and bilinear at a fixed ratio for all others.
- pytorchcv: as its list of weights says, bilinear. It is no dialect, as it would be torchvision's for others.
- tf-slim: cut the central 87.5 % of each side, warp it to the input.
- caffe: warp to a square, cut its centre.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crops.geometry import central_part
from crops.lattice import BLACK, Colour, Fit, SingleView
from crops.normalisation import CAFFE, HALF, Normalisation
from crops.plan import Plan
from crops.protocols import Protocol

DialectName = Literal["timm", "torchvision", "tf-slim", "caffe"]
DIALECTS: tuple[DialectName, ...] = ("timm", "torchvision", "tf-slim", "caffe")

NORMALISATIONS: dict[str, Normalisation] = {"tf-slim": HALF, "caffe": CAFFE}
"""Those of the dialects that have one of their own. The others use that of the weights."""

ROUNDINGS: dict[str, Callable[[float], int]] = {
    "timm": math.floor,
    "torchvision": round,
    "pytorchcv": math.ceil,
}
"""How each provider of weights rounds the resized image's side."""


def native_view(
    provider: str, size: int, interpolation: str, crop_pct: float, fit: Fit = "shorter", fill: Colour = BLACK
) -> SingleView:
    """The single crop as the provider of weights with an input of `size` pixels takes it.

    `provider` is a key of `ROUNDINGS`. `interpolation`, `crop_pct`, the crop's share of the resized image's
    side, `fit` and `fill` are those of the weights.

    >>> [native_view(provider, 299, "bilinear", 0.875).resized for provider in ("timm", "pytorchcv")]
    [341, 342]
    """
    return SingleView(provider, ROUNDINGS[provider](size / crop_pct), interpolation, fit, fill)


def dialect_view(name: DialectName, size: int, timms: SingleView) -> SingleView:
    """The single crop in the dialect `name`, of a network with an input of `size` pixels.

    `timms` is what timm would make of the weights. The other dialects resize by a fixed rule: bilinear, and
    torchvision and Caffe to 256 pixels for an input of 224, and in the same ratio for other inputs.

    >>> dialect_view("torchvision", 299, native_view("timm", 299, "bicubic", 0.9)).resized
    342
    """
    if name == "timm":
        return timms
    if name == "tf-slim":
        return SingleView(name, size, name, "neither")
    resized = round(size * 256 / 224)
    if name == "caffe":
        return SingleView(name, resized, name, "both")
    return SingleView(name, resized, "bilinear")


def dialect_plan(name: DialectName, size: int, view: SingleView) -> Plan:
    """The plan of the single crop in the dialect `name`.

    >>> dialect_plan("caffe", 224, dialect_view("caffe", 224, native_view("timm", 224, "bicubic", 0.9))).names
    ('1/caffe',)
    """
    protocol = Protocol(f"1/{name}", (view,))
    return Plan((protocol,), size, interpolation=view.filter, normalisation=NORMALISATIONS.get(name))


def tf_slim(image: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """TF-Slim's inception_preprocessing for evaluation: warp the central 87.5 % of each side to the input.

    [height x width x 3] -> float32 [size x size x 3], in levels. TensorFlow 1 resized without antialiasing
    and put the centre of the first pixel at 0, so that output pixel i lies at i * length / size.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = central_part(width, height)
    centre = image[top:bottom, left:right]
    rows, columns = (np.arange(size) * (length / size) for length in centre.shape[:2])
    return _sample(centre, rows, columns).astype(np.float32)


def caffe(image: NDArray[np.uint8], size: int, resized: int) -> NDArray[np.uint8]:
    """Caffe's preprocessing: warp the image to `resized` x `resized`, cut the centre.

    [height x width x 3] -> uint8 [size x size x 3]. Caffe's convert_imageset resizes with OpenCV: bilinear,
    without antialiasing, and the centre of pixel i lies at i + 0.5.
    """
    rows, columns = ((np.arange(resized) + 0.5) * (length / resized) - 0.5 for length in image.shape[:2])
    begin = (resized - size) // 2
    crop = slice(begin, begin + size)
    return np.rint(_sample(image, rows[crop], columns[crop])).astype(np.uint8)


def _sample(
    image: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bilinear samples [rows x columns x 3] at each row and column. Outside, the border repeats."""
    top, bottom, down = _neighbours(rows, image.shape[0])
    left, right, across = _neighbours(columns, image.shape[1])
    y, x = down[:, None, None], across[None, :, None]
    upper = image[np.ix_(top, left)] * (1 - x) + image[np.ix_(top, right)] * x
    lower = image[np.ix_(bottom, left)] * (1 - x) + image[np.ix_(bottom, right)] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _neighbours(
    coordinates: NDArray[np.float64], length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """The pixels before and after each coordinate on an axis of `length` pixels, and how far, from 0 to 1, it
    lies from the one to the other.
    """
    inside = coordinates.clip(0, length - 1)
    before = np.floor(inside).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), inside - before
