"""From a decoded image to the pixels of a plan's crops."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench.data.decode import LARGEST
from bench.errors import UnreadableImage, UsageError
from crops import Dialect, Plan, pillow, tensor

Rendered = tuple[list[Tensor], NDArray[np.float64]]
"""The crops of one image in levels, [n x 3 x height x width] for each stretch of one shape, and the weights [protocols x crops]
that pool them."""

Render = Callable[[NDArray[np.uint8]], Rendered]
RENDERERS = ("tensor", "pillow")


def renderer(plan: Plan | Dialect, kind: str, interpolation: str, device: torch.device) -> Render:
    """A function from an image [height x width x 3] to its crops. `kind` is one of `RENDERERS`; a dialect is Pillow's."""
    if kind not in RENDERERS or (isinstance(plan, Dialect) and kind != "pillow"):
        what = (
            "a dialect is rendered by pillow"
            if kind in RENDERERS
            else f"write auto, {' or '.join(RENDERERS)}"
        )
        raise UsageError(f"renderer {kind!r}: {what}")

    def single(image: NDArray[np.uint8]) -> Rendered:
        assert isinstance(plan, Dialect)
        return [_to_tensor(plan(Image.fromarray(image)))[None]], np.ones((1, 1))

    def by_pillow(image: NDArray[np.uint8]) -> Rendered:
        patches, weights = _patches(plan, image)
        crops = pillow.render(Image.fromarray(image), patches, interpolation)
        return _blocks(_to_tensor(np.asarray(crop)) for crop in crops), weights

    def by_tensor(image: NDArray[np.uint8]) -> Rendered:
        patches, weights = _patches(plan, image)
        return _blocks(tensor.render(_to_tensor(image).to(device), patches, interpolation)), weights

    return single if isinstance(plan, Dialect) else by_pillow if kind == "pillow" else by_tensor


def _patches(plan: Plan | Dialect, image: NDArray[np.uint8]) -> Any:
    assert isinstance(plan, Plan)
    height, width = image.shape[:2]
    patches, weights = plan.patches(width, height)
    resized = max((patch.resized for patch in patches), key=lambda size: size[0] * size[1])
    if resized[0] * resized[1] > LARGEST:
        raise UnreadableImage(
            f"{width} x {height} pixels would become {resized[0]:,} x {resized[1]:,} when resized: too long and thin"
        )
    return patches, weights


def _blocks(crops: Iterable[Tensor]) -> list[Tensor]:
    """The crops side by side, [n x 3 x height x width] for each stretch of one shape, in channels-last order."""
    stretches = groupby((crop.permute(1, 2, 0) for crop in crops), lambda crop: crop.shape)
    return [torch.stack(list(same)).permute(0, 3, 1, 2) for _, same in stretches]


def _to_tensor(image: NDArray[Any]) -> Tensor:
    return torch.from_numpy(image if image.flags.writeable else image.copy()).permute(2, 0, 1)
