"""What weights expect of their input."""

from dataclasses import dataclass

from crops import Normalisation


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input that a network's weights were trained for."""

    size: int
    """Side of the square input in pixels."""

    normalisation: Normalisation
    """Mean and standard deviation of each channel, of levels scaled to 0 to 1."""

    interpolation: str
    """How the image is resized, in the provider's words: `bilinear`, `bicubic` and others."""

    crop_pct: float
    """Side of the crop over the shorter side of the resized image, from 0 to 1."""

    squash: bool = False
    """Whether the image is resized to a square, whatever its shape: timm's crop mode `squash`."""
