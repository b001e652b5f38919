"""What weights expect of their input."""

from dataclasses import dataclass

from crops import Dialect, Normalisation, make_dialect
from crops.dialects import DialectName
from crops.pillow import RESAMPLING


@dataclass(frozen=True)
class StatedInput:
    """What the user says of a network's input. None where the weights' own preprocessing holds."""

    size: int | None = None
    """`--input-size`: side of the square input in pixels."""

    mean: tuple[float, float, float] | None = None
    """`--mean`, of levels scaled to 0 to 1."""

    std: tuple[float, float, float] | None = None
    """`--std`, of levels scaled to 0 to 1."""


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

    def resampling(self, interpolation: str = "auto") -> str:
        """The interpolation by its name in `RESAMPLING`. `auto` is that of the weights, or bicubic where
        `RESAMPLING` does not have it.
        """
        wanted = self.interpolation if interpolation == "auto" else interpolation
        return wanted if wanted in RESAMPLING else "bicubic"

    def dialect(self, name: DialectName, *, own: bool) -> Dialect:
        """The dialect `name` for these weights; `own` where they are of the tool that has it."""
        return make_dialect(name, self.size, self.resampling(), self.crop_pct, squash=self.squash, own=own)
