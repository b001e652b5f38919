"""What weights expect of their input."""

from dataclasses import dataclass

from crops import Normalisation, Plan, SingleView, dialect_plan, dialect_view, native_view
from crops.dialects import ROUNDINGS, DialectName
from crops.lattice import BLACK, Fit
from crops.pillow import FILTERS, RESAMPLING


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
    """Side of the crop over that of the resized image; above 1 where the crop reaches beyond the edges."""

    fit: Fit = "shorter"
    """Which side of the resized image that is: timm's crop mode."""

    def resampling(self, interpolation: str = "auto") -> str:
        """The interpolation by its name in `RESAMPLING`. `auto` is that of the weights, or bicubic where
        `RESAMPLING` does not have it.
        """
        wanted = self.interpolation if interpolation == "auto" else interpolation
        return wanted if wanted in RESAMPLING else "bicubic"

    def native(self, provider: str) -> SingleView | None:
        """The single crop as the provider of these weights takes it; None where no library provides them, or
        where Pillow has no such interpolation.
        """
        if provider not in ROUNDINGS or self.interpolation not in FILTERS:
            return None
        return self._view(provider, self.interpolation)

    def dialect(self, name: DialectName, provider: str) -> Plan:
        """The plan of the dialect `name` for these weights, which are from `provider`."""
        own = self.native(provider) if name == provider else None
        view = own or dialect_view(name, self.size, self._view("timm", self.resampling()))
        return dialect_plan(name, self.size, view)

    def _view(self, provider: str, interpolation: str) -> SingleView:
        fill = BLACK
        if self.fit == "longer":  # timm's `border`, which fills with the mean colour
            red, green, blue = (round(255 * value) for value in self.normalisation.mean)
            fill = (red, green, blue)
        return native_view(provider, self.size, interpolation, self.crop_pct, self.fit, fill)
