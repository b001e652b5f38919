"""Chunks of images that a GPU renders as a whole: decoded into pinned memory, uploaded at once, resized
there.

Triton's kernels do it (`crops.chunk`), beside the stream that classifies, which cuts the crops of a batch
when it needs them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import first_line
from bench.evaluation.transfers import Mark, beside, room, upload
from crops import DenseView, Patch, Plan, SingleView, View
from crops.chunk import DeviceCrops, render_chunk
from crops.pillow import RESAMPLING

WITH_TRITON = ("cuda",)
"""The kinds of devices that Triton's kernels run on."""


def can_render(plan: Plan, device: torch.device) -> bool:
    """Whether whole chunks can be rendered on the device. Views of several sizes cannot be, nor those that
    reach beyond the image, or are resized by another filter.
    """
    return (
        device.type in WITH_TRITON
        and all(_can_cut(view, plan.size) for view in plan.views)
        and _has_kernels(device)
    )


def _can_cut(view: View | DenseView | SingleView, size: int) -> bool:
    if isinstance(view, SingleView):
        return view.interpolation in RESAMPLING and view.lies_inside(size)
    return isinstance(view, View)


@cache
def _has_kernels(device: torch.device) -> bool:
    """Whether Triton is here and its kernels run: it needs a C compiler when it is first used."""
    patch = Patch(resized=(1, 1), box=(0, 0, 1, 1), output=(1, 1), mirror=False, interpolation="bicubic")
    try:
        render(Slab(0, device), [np.zeros((2, 2, 3), dtype=np.uint8)], [(patch,)], device)
    except Exception as error:  # noqa: BLE001 - whatever a compiler or a driver raises
        reason = first_line(error)
        logger = logging.getLogger("inception-bench")
        logger.warning("Triton does not work here (%s): images are resized one by one", reason)
        return False
    return True


class Slab:
    """Room on the host for the levels of some images, one after the other."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._levels = room(size, device)
        self._array: NDArray[np.uint8] = self._levels.numpy()
        self._used = 0

    def take(self, size: int) -> NDArray[np.uint8] | None:
        """The next so many bytes; None where there are not so many left."""
        end = self._used + size
        if end > len(self._array):
            return None
        taken = self._array[self._used : end]
        self._used = end
        return taken

    def to(self, device: torch.device, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """The levels of the images on the device, [n] uint8. Those that were not decoded into the slab, one
        after the other, are copied.
        """
        begin = self._array.ctypes.data
        for image in images:
            if image.ctypes.data != begin:
                return upload(np.concatenate([each.ravel() for each in images]), device)
            begin += image.size
        return self._levels[: self._used].to(device, non_blocking=True)


@dataclass(frozen=True)
class ChunkCrops:
    """The crops of a chunk, as `render.Crops` has them."""

    crops: DeviceCrops
    rendered: Mark
    """Where the rendering ends."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)"""
        width, height = self.crops.output
        return height, width

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.crops.pixels.device

    @property
    def dtype(self) -> None:
        """They can be written as any type."""

    def copy_to(self, out: Tensor, first: int) -> None:
        """Fill `out` with the crops from `first` on."""
        self.rendered.precede((self.crops.pixels, self.crops.wide))
        self.crops.gather(out, first)


def render(
    slab: Slab,
    images: Sequence[NDArray[np.uint8]],
    patches: Sequence[tuple[Patch, ...]],
    device: torch.device,
) -> ChunkCrops:
    """The crops of images, which were decoded into the slab."""
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    with beside(device):
        levels = slab.to(device, images)
        crops = render_chunk(levels, sizes, patches, lambda data: upload(data, device))
        return ChunkCrops(crops, Mark(device))
