"""From a decoded image to the pixels of a plan's crops."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench.data.decode import LARGEST
from bench.errors import UnreadableImage
from crops import Dialect, Patch, Plan, pillow, tensor

RENDERERS = ("tensor", "pillow")


@dataclass(frozen=True)
class Rendered:
    """The crops of one image."""

    blocks: list[Tensor]
    """Levels, [n x 3 x height x width] for each stretch of crops of one shape."""
    weights: NDArray[np.float64]
    """[protocols x crops], which pool the crops."""

    @property
    def crops(self) -> int:
        """How many there are."""
        return sum(map(len, self.blocks))


Render = Callable[[NDArray[np.uint8]], Rendered]
"""From an image in levels, [height x width x 3], to its crops. Raises `UnreadableImage`."""


def make_renderer(plan: Plan | Dialect, kind: str, device: torch.device) -> Render:
    """What renders the crops of `plan`, by the renderer `kind`, one of `RENDERERS`; a dialect is always
    Pillow's.
    """
    if isinstance(plan, Dialect):
        return partial(_render_dialect, plan)
    if kind == "pillow":
        return partial(_render_by_pillow, plan)
    return partial(_render_by_tensor, plan, device)


def _render_dialect(dialect: Dialect, image: NDArray[np.uint8]) -> Rendered:
    crop = dialect(Image.fromarray(image))
    return Rendered([_to_tensor(crop)[None]], np.ones((1, 1)))


def _render_by_pillow(plan: Plan, image: NDArray[np.uint8]) -> Rendered:
    patches, weights = _patches(plan, image)
    crops = pillow.render(Image.fromarray(image), patches, plan.interpolation)
    return Rendered(_stack(_to_tensor(np.asarray(crop)) for crop in crops), weights)


def _render_by_tensor(plan: Plan, device: torch.device, image: NDArray[np.uint8]) -> Rendered:
    patches, weights = _patches(plan, image)
    crops = tensor.render(_to_tensor(image).to(device), patches, plan.interpolation)
    return Rendered(_stack(crops), weights)


def _patches(plan: Plan, image: NDArray[np.uint8]) -> tuple[tuple[Patch, ...], NDArray[np.float64]]:
    height, width = image.shape[:2]
    patches, weights = plan.patches(width, height)
    resized = max((patch.resized for patch in patches), key=lambda size: size[0] * size[1])
    if resized[0] * resized[1] > LARGEST:
        raise UnreadableImage(
            f"{width} x {height} pixels would be {resized[0]:,} x {resized[1]:,} when resized: "
            "too long and thin"
        )
    return patches, weights


def _stack(crops: Iterable[Tensor]) -> list[Tensor]:
    """The crops in blocks, [n x 3 x height x width] for each stretch of one shape, in channels-last order."""
    stretches = groupby((crop.permute(1, 2, 0) for crop in crops), lambda crop: crop.shape)
    return [torch.stack(list(same)).permute(0, 3, 1, 2) for _, same in stretches]


def _to_tensor(image: NDArray[Any]) -> Tensor:
    return torch.from_numpy(image if image.flags.writeable else image.copy()).permute(2, 0, 1)
