"""What weights expect of their input."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.errors import UsageError
from crops import Normalisation, Plan, SingleView, dialect_plan, dialect_view, native_view
from crops.dialects import ROUNDINGS, DialectName
from crops.lattice import BLACK, Fit
from crops.pillow import FILTERS, RESAMPLING

SMALLEST_INPUT, LARGEST_INPUT = 16, 4096
"""Pixels of a side of a network's input. The scales of a smaller one would not differ; of a larger one no
batch would fit.
"""

FITS: dict[str, Fit] = {"squash": "both", "border": "longer"}
"""Which sides of an image timm's crop modes resize; all others resize the shorter one."""

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
    if size is not None and not SMALLEST_INPUT <= size <= LARGEST_INPUT:
        raise UsageError(
            f"--input-size {size}: write a number of pixels from {SMALLEST_INPUT} to {LARGEST_INPUT:,}"
        )
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
    """Side of the crop over that of the resized image; above 1 where the crop reaches beyond the edges."""

    fit: Fit = "shorter"
    """Which side of the resized image that is: timm's crop mode."""

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


def read_config(config: Mapping[str, Any], stated: StatedInput, name: str) -> Preprocessing:
    """What a configuration like timm's `pretrained_cfg` says, read as timm's validate.py does; what is stated
    goes before that. `name` is the network that it is of.

    Raises `UsageError` where neither says the size, the mean or the standard deviation.

    >>> read_config({"input_size": (3, 32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)}, StatedInput(), "net")
    Preprocessing(size=32, normalisation=..., interpolation='bicubic', crop_pct=0.875, fit='shorter')
    """
    size = config.get("test_input_size") or config.get("input_size")
    found = StatedInput(
        stated.size or _side(size, name),
        stated.mean or _of_channels(config.get("mean"), "mean", name),
        stated.std or _of_channels(config.get("std"), "std", name),
    )
    if found.missing:
        raise UsageError(f"{name} does not say all of its input: pass {', '.join(found.missing)}")
    assert found.size
    assert found.mean
    assert found.std
    if min(found.std) <= 0:
        raise UsageError(
            f"{name} has the std {found.std}: levels are divided by it, so write numbers above 0"
        )
    return Preprocessing(
        size=found.size,
        normalisation=Normalisation(found.mean, found.std),
        interpolation=str(config.get("interpolation") or "bicubic"),
        crop_pct=float(config.get("test_crop_pct") or config.get("crop_pct") or 0.875),
        fit=FITS.get(str(config.get("crop_mode")), "shorter"),
    )


def _side(shape: Any, name: str) -> int | None:
    """The side of a square input of three channels; None where it is not known. Raises `UsageError`."""
    if shape is None:
        return None
    try:
        channels, height, width = shape
    except (TypeError, ValueError):
        channels, height, width = 0, 0, 0
    if channels != 3 or height != width or not SMALLEST_INPUT <= height <= LARGEST_INPUT:
        raise UsageError(f"{name} has the input {shape}: a network here takes (3, side, side)")
    return int(height)


def _of_channels(values: Any, what: str, name: str) -> Channels | None:
    if values is None:
        return None
    try:
        red, green, blue = values
    except (TypeError, ValueError):
        raise UsageError(f"{name} has the {what} {values}: write three numbers") from None
    return red, green, blue
