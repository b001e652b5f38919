"""What weights expect of their input."""

import math
from dataclasses import dataclass, replace

from bench.errors import UsageError
from crops import Dialect, Normalisation, make_dialect
from crops.dialects import DialectName
from crops.pillow import RESAMPLING

LARGEST_INPUT = 4096
"""Most pixels of a side of a network's input: those of a larger one are too many to keep a batch of."""

Channels = tuple[float, float, float]
"""A value for each of red, green and blue."""


@dataclass(frozen=True)
class StatedInput:
    """What the user says of a network's input. None where the weights' own preprocessing holds."""

    size: int | None = None
    """`--input-size`: side of the square input in pixels."""

    mean: Channels | None = None
    """`--mean`, of levels scaled to 0 to 1."""

    std: Channels | None = None
    """`--std`, of levels scaled to 0 to 1."""

    @property
    def missing(self) -> list[str]:
        """The options that are not given.

        >>> StatedInput(size=224).missing
        ['--mean', '--std']
        """
        values = {"--input-size": self.size, "--mean": self.mean, "--std": self.std}
        return [name for name, value in values.items() if value is None]


def parse_stated(size: int | None, mean: str | None, std: str | None) -> StatedInput:
    """What `--input-size`, `--mean` and `--std` say; one value of the last two stands for three.

    Raises `UsageError`.

    >>> parse_stated(224, "0.5", "0.229,0.224,0.225")
    StatedInput(size=224, mean=(0.5, 0.5, 0.5), std=(0.229, 0.224, 0.225))
    """
    if size is not None and not 1 <= size <= LARGEST_INPUT:
        raise UsageError(f"--input-size {size}: write a number of pixels from 1 to {LARGEST_INPUT:,}")
    means, stds = _channels("--mean", mean), _channels("--std", std)
    if stds and min(stds) <= 0:
        raise UsageError(f"--std {std}: levels are divided by it, so write numbers above 0")
    return StatedInput(size, means, stds)


def _channels(option: str, text: str | None) -> Channels | None:
    """One value for each channel, from one or three with commas between. Raises `UsageError`."""
    if text is None:
        return None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 1:
        values *= 3
    if len(values) != 3 or not all(map(math.isfinite, values)):
        raise UsageError(f"{option} {text}: write one number, or three with commas, such as 0.5,0.5,0.5")
    red, green, blue = values
    return red, green, blue


NOTHING_STATED = StatedInput()


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

    def restated(self, stated: StatedInput) -> "Preprocessing":
        """The same with what the user states of it."""
        normalisation = self.normalisation
        return replace(
            self,
            size=stated.size or self.size,
            normalisation=replace(
                normalisation, mean=stated.mean or normalisation.mean, std=stated.std or normalisation.std
            ),
        )

    def resampling(self, interpolation: str = "auto") -> str:
        """The interpolation by its name in `RESAMPLING`. `auto` is that of the weights, or bicubic where
        `RESAMPLING` does not have it.
        """
        wanted = self.interpolation if interpolation == "auto" else interpolation
        return wanted if wanted in RESAMPLING else "bicubic"

    def dialect(self, name: DialectName, *, own: bool) -> Dialect:
        """The dialect `name` for these weights; `own` where they are of the tool that has it."""
        return make_dialect(name, self.size, self.resampling(), self.crop_pct, squash=self.squash, own=own)
