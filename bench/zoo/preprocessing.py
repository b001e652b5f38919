"""What weights expect of their input."""

from dataclasses import dataclass

from crops import Normalisation


@dataclass(frozen=True)
class Preprocessing:
    """Input side in pixels, normalisation, interpolation, and the crop's share of the resized image's shorter side.

    `squash` is timm's crop mode in which the image is warped to a square.
    """

    size: int
    normalisation: Normalisation
    interpolation: str
    crop_pct: float
    squash: bool = False
