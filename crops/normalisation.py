"""How the levels of an image, 0 to 255, are scaled before a network sees them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Normalisation:
    """Each level becomes `(level / 255 - mean) / std`, with a mean and a std for each channel."""

    mean: tuple[float, float, float]
    """As fractions of 255 levels, in the order of the network's channels."""

    std: tuple[float, float, float]
    """As fractions of 255 levels, in the order of the network's channels."""

    bgr: bool = False
    """Whether the network's channels are blue, green, red. Images are red, green, blue."""


HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""From -1 to 1: TF-Slim and most Inception weights."""

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The mean and standard deviation of ImageNet's pixels: torchvision."""

CAFFE = Normalisation((104 / 255, 117 / 255, 123 / 255), (1 / 255, 1 / 255, 1 / 255), bgr=True)
"""Levels minus the mean colour, blue 104, green 117 and red 123: Caffe."""
