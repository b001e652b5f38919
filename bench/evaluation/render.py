"""From decoded images to the pixels of a plan's crops."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.decode import LARGEST
from bench.errors import UnreadableImage
from bench.evaluation import device_chunk
from bench.evaluation.device_chunk import Slab
from crops import Patch, Plan, pillow, tensor

RENDERERS = ("triton", "tensor", "pillow")

Patches = tuple[Patch, ...]


class Crops(Protocol):
    """Crops of one shape, of one image or of several."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)"""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def device(self) -> torch.device:
        """Where they are."""

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of their levels; None where they can be written as any."""

    def copy_to(self, out: Tensor, first: int) -> None:
        """Fill `out`, [n x 3 x height x width] channels-last, with the crops from `first` on."""


@dataclass(frozen=True)
class TensorCrops:
    """Crops that are a tensor."""

    levels: Tensor
    """[n x 3 x height x width]"""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)"""
        height, width = self.levels.shape[2:]
        return height, width

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.levels.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of their levels: whole ones are bytes, those of TF-Slim are floats."""
        return self.levels.dtype

    def copy_to(self, out: Tensor, first: int) -> None:
        """Fill `out` with the crops from `first` on."""
        out.copy_(self.levels[first : first + len(out)])


@dataclass(frozen=True)
class Renderer:
    """Makes the crops of a plan from decoded images, [height x width x 3] levels."""

    plan: Plan
    kind: str
    """One of `RENDERERS`; a dialect is always Pillow's."""
    device: torch.device

    def patches(self, image: NDArray[np.uint8]) -> tuple[Patches, NDArray[np.float64]]:
        """What to cut from the image, and the weights [protocols x crops] that pool it. Raises
        `UnreadableImage`.
        """
        height, width = image.shape[:2]
        patches, weights = self.plan.patches(width, height)
        resized = max((patch.resized for patch in patches), key=lambda size: size[0] * size[1])
        if resized[0] * resized[1] > LARGEST:
            raise UnreadableImage(
                f"{width} x {height} pixels would be {resized[0]:,} x {resized[1]:,} when resized: "
                "too long and thin"
            )
        return patches, weights

    @property
    def renders_chunks(self) -> bool:
        """Whether a GPU renders many images at once."""
        return self.kind == "triton"

    def slab(self, size: int) -> Slab | None:
        """Room for so many bytes of decoded images, where they are rendered as a whole."""
        return Slab(size, self.device) if self.renders_chunks else None

    def crops(
        self, images: Sequence[NDArray[np.uint8]], patches: Sequence[Patches], slab: Slab | None = None
    ) -> list[Crops]:
        """The crops of the images, in order. `patches` are those of each; with `slab` the images were decoded
        into that.
        """
        if not images:
            return []
        if slab:
            return [device_chunk.render(slab, images, patches, self.device)]
        rendered = chain.from_iterable(map(self._render, images, patches))
        stretches = groupby((crop.permute(1, 2, 0) for crop in rendered), lambda crop: crop.shape)
        return [TensorCrops(torch.stack(list(same)).permute(0, 3, 1, 2)) for _, same in stretches]

    def _render(self, image: NDArray[np.uint8], patches: Patches) -> Iterable[Tensor]:
        """The crops of an image, [3 x height x width] each."""
        if self.kind == "pillow":
            return map(_to_tensor, pillow.render_levels(image, patches))
        others = [patch for patch in patches if not tensor.can_render(patch)]
        if not others:
            return tensor.render(_to_tensor(image).to(self.device), patches)
        by_pillow = (_to_tensor(levels).to(self.device) for levels in pillow.render_levels(image, others))
        rendered = dict(zip(others, by_pillow, strict=True))
        rest = [patch for patch in patches if patch not in rendered]
        rendered |= zip(rest, tensor.render(_to_tensor(image).to(self.device), rest), strict=True)
        return [rendered[patch] for patch in patches]


def _to_tensor(image: NDArray[Any]) -> Tensor:
    return torch.from_numpy(image if image.flags.writeable else image.copy()).permute(2, 0, 1)
