"""Single-crop dialects: how other tools take the one central crop.

An evaluation in another tool's dialect shows how much of a difference comes from preprocessing. The same
weights move by some tenths of a point from one dialect to the next, and by whole points in the wrong one.

- timm: resize as the weights' own configuration says, cut the centre.
- torchvision: as the weights say for torchvision's own weights, and bilinear at a fixed ratio for all others.
- tf-slim: cut the central 87.5 % of each side, warp it to the input.
- caffe: warp to a square, cut its centre.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crops.geometry import Box, Patch, offset, resized_size
from crops.normalisation import CAFFE, HALF, Normalisation
from crops.pillow import render
from crops.plan import Pool

DialectName = Literal["timm", "torchvision", "tf-slim", "caffe"]
DIALECTS: tuple[DialectName, ...] = ("timm", "torchvision", "tf-slim", "caffe")

NORMALISATIONS: dict[str, Normalisation] = {"tf-slim": HALF, "caffe": CAFFE}
"""Those of the dialects that have one of their own. The others use that of the weights."""


@dataclass(frozen=True)
class Dialect:
    """One way to take the single crop. Call it with an RGB image to get the pixels.

    It has the properties and methods of a `crops.Plan`, except `protocols`, `views` and `patches`.
    """

    name: DialectName

    size: int
    """Side of the network's input in pixels."""

    resized: int
    """Length of the resized image's shorter side in pixels; of both sides where the dialect warps."""

    interpolation: str
    """A key of `crops.pillow.RESAMPLING`."""

    squash: bool = False
    """Whether timm warps the image to a square before the crop. It calls this crop mode `squash`."""

    pool: Pool = "mean"
    """A single crop needs no pooling; `mean` leaves its probabilities as they are."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the one protocol.

        >>> make_dialect("timm", 299, "bicubic").names
        ('1/timm',)
        """
        return (f"1/{self.name}",)

    @property
    def crops(self) -> int:
        """Number of crops of an image."""
        return 1

    @property
    def normalisation(self) -> Normalisation | None:
        """The dialect's own normalisation. None where it uses that of the weights."""
        return NORMALISATIONS.get(self.name)

    def single_crop(self) -> "Dialect":
        """The dialect itself, as it has a single crop anyway."""
        return self

    def describe(self) -> dict[str, Any]:
        """The exact dialect as plain values, for a manifest.

        `protocols` decides the identity of stored runs, so the interpolation stays in it. It is also at the
        top, where a `crops.Plan` has it.
        """
        protocol = {
            "crops": 1,
            "dialect": self.name,
            "resized": self.resized,
            "interpolation": self.interpolation,
            "squash": self.squash,
        }
        return {
            "size": self.size,
            "pool": self.pool,
            "protocols": {self.names[0]: protocol},
            "interpolation": self.interpolation,
        }

    def patch(self, width: int, height: int) -> Patch:
        """Where the crop lies in an image of `width` x `height`.

        timm and torchvision centre it in the resized image, and not in the central square as on the lattice.
        The two centres can differ by a pixel, as each offset is rounded. TF-Slim resizes the crop alone.

        >>> make_dialect("tf-slim", 299, "bicubic").patch(500, 375)
        Patch(resized=(500, 375), box=(31, 23, 469, 352), output=(299, 299), mirror=False)
        """
        output = (self.size, self.size)
        if self.name == "tf-slim":
            return Patch((width, height), _central_part(width, height), output, mirror=False)
        warps = self.squash or self.name == "caffe"
        resized = (self.resized, self.resized) if warps else resized_size(width, height, self.resized)
        if self.name == "caffe":
            left = top = (self.resized - self.size) // 2
        else:
            left, top = (offset(length, self.size, "centre") for length in resized)
        return Patch(resized, (left, top, left + self.size, top + self.size), output, mirror=False)

    def __call__(self, image: Image.Image) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Levels [size x size x 3]: uint8, or float32 for tf-slim, which does not round after resizing."""
        if self.name == "tf-slim":
            return tf_slim(np.asarray(image), self.size)
        if self.name == "caffe":
            return caffe(np.asarray(image), self.size, self.resized)
        return self._resize_and_crop(image)

    def _resize_and_crop(self, image: Image.Image) -> NDArray[np.uint8]:
        """What timm and torchvision do."""
        (crop,) = render(image, [self.patch(*image.size)], self.interpolation)
        return np.asarray(crop)


def make_dialect(
    name: DialectName,
    size: int,
    interpolation: str,
    crop_pct: float = 0.875,
    *,
    squash: bool = False,
    own: bool = False,
) -> Dialect:
    """The dialect `name` for a network with an input of `size` pixels.

    `interpolation`, `crop_pct` and `squash` are those of the weights; `crop_pct` is the crop's share of the
    resized image's shorter side. timm uses all three. torchvision uses the first two if the weights are its
    `own`. In all other cases the interpolation is bilinear. torchvision and Caffe then resize to 256 pixels
    for an input of 224, and in the same ratio for other inputs.

    >>> make_dialect("timm", 299, "bicubic").resized, make_dialect("torchvision", 299, "bicubic").resized
    (341, 342)
    """
    if name == "timm":
        return Dialect(name, size, math.floor(size / crop_pct), interpolation, squash)
    if name == "torchvision" and own:
        return Dialect(name, size, round(size / crop_pct), interpolation)
    if name == "tf-slim":
        return Dialect(name, size, size, "bilinear")
    return Dialect(name, size, round(size * 256 / 224), "bilinear")


def tf_slim(image: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """TF-Slim's inception_preprocessing for evaluation: warp the central 87.5 % of each side to the input.

    [height x width x 3] -> float32 [size x size x 3], in levels. TensorFlow 1 resized without antialiasing
    and put the centre of the first pixel at 0, so that output pixel i lies at i * length / size.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = _central_part(width, height)
    centre = image[top:bottom, left:right]
    rows, columns = (np.arange(size) * (length / size) for length in centre.shape[:2])
    return _sample(centre, rows, columns).astype(np.float32)


def _central_part(width: int, height: int) -> Box:
    """The central 87.5 % of each side, as TF-Slim cuts them."""
    return width // 16, height // 16, width - width // 16, height - height // 16


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
