"""The renderer for GPUs with Triton: the crops of many images in a handful of launches, with Pillow's pixels.

The images of a chunk lie in one tensor. The host makes one array of numbers that says what to do with each.
One launch does the first pass of every resize of every image, and another the second pass. Two more do those
of the whole squares, which are resized again. One last launch for each batch cuts the crops that it needs.
`crops.kernels` has the kernels, and `crops.filters` the weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crops.filters import filter_table, is_down_first
from crops.geometry import Box, Patch, Size

Upload = Callable[[NDArray[np.uint8]], Tensor]
"""Brings numbers to the device."""


@dataclass(frozen=True)
class DeviceCrops:
    """The crops of a chunk, image after image. They are cut when a batch needs them."""

    pixels: Tensor
    """All resized images and whole squares, uint8, on the device."""

    wide: Tensor
    """Numbers of the passes and the crops, int64, on the device."""

    first: int
    """Where the numbers of the crops begin in `wide`."""

    number: int
    """How many crops there are."""

    output: Size
    """(width, height) of each."""

    def __len__(self) -> int:
        return self.number

    def gather(self, out: Tensor, first: int) -> None:
        """Write crops `first`, `first` + 1, ... into `out`, [n x 3 x height x width], in one launch.

        `out` is channels-last in memory, of uint8, float16, bfloat16 or float32. It gets levels, 0 to 255.
        Raises `ValueError` if its shape or memory order is another, or if there are not so many crops.
        """
        from crops import kernels

        width, height = self.output
        if out.shape[1:] != (3, height, width) or not out.permute(0, 2, 3, 1).is_contiguous():
            raise ValueError(f"crops need a channels-last tensor [n x 3 x {height} x {width}]")
        if not 0 <= first <= first + len(out) <= self.number:
            raise ValueError(f"no crops {first} to {first + len(out)}: there are {self.number}")
        if len(out):
            kernels.gather(self.pixels, self.wide, self.first + first * kernels.CROP_FIELDS, out)


def render_chunk(
    slab: Tensor,
    sizes: Sequence[Size],
    patches: Sequence[tuple[Patch, ...]],
    upload: Upload,
) -> DeviceCrops:
    """Resize the images in `slab` for their `patches`: one upload, and two or four launches.

    `slab` is uint8 on the device. The images lie in it one after the other, [height x width x 3] each.
    `sizes` are (width, height). `patches` are those of each image, from `crops.Plan.patches`: what follows
    from a tuple is kept for the next image with the same one. Their interpolations are keys of
    `crops.pillow.RESAMPLING`, and their boxes lie inside the resized image.

    The levels are those of `crops.pillow.render`, bit for bit. The work is queued on the current stream of
    the slab's device, and the tensors in the result belong to that stream.

    Raises `ValueError` if `slab` is too short, if an image is too large, or if the patches differ in their
    output size.
    """
    from crops import kernels

    layouts = [_layout_of(size, each) for size, each in zip(sizes, patches, strict=True)]
    outputs = {layout.output for layout in layouts}
    if len(outputs) != 1:
        raise ValueError(f"crops of one size are rendered together, not of {len(outputs)} sizes")
    extents = np.array([layout.extents for layout in layouts])
    if extents[:, _IMAGE].sum() > len(slab):
        raise ValueError(f"these images have {extents[:, _IMAGE].sum():,} bytes, the slab {len(slab):,}")

    numbers = _numbers_of(layouts, extents)
    uploaded = upload(numbers.data)
    wide, narrow = uploaded.view(torch.int64), uploaded.view(torch.int32)
    between, pixels = (
        torch.empty(int(extents[:, space].sum()), dtype=torch.uint8, device=slab.device)
        for space in (_BETWEEN, _PIXELS)
    )
    spaces = {_IMAGE: slab, _BETWEEN: between, _PIXELS: pixels}
    for source, target, (first, end) in zip(_SOURCES, _TARGETS, pairwise(numbers.tiles), strict=True):
        if first < end:
            kernels.resample(spaces[source], spaces[target], (wide, narrow), first, end - first)
    return DeviceCrops(pixels, wide, numbers.crops, sum(map(len, patches)), outputs.pop())


_IMAGE, _BETWEEN, _PIXELS = range(3)
"""Where levels are: as decoded, after the first pass, and after the second one."""

_SOURCES = (_IMAGE, _BETWEEN, _PIXELS, _BETWEEN)
_TARGETS = (_BETWEEN, _PIXELS, _BETWEEN, _PIXELS)
"""From where to where the four launches go: two passes of the images, then two of the whole squares."""

_LAUNCH, _SOURCE, _TARGET, _HEIGHT, _WIDTH, _TABLE = 0, 1, 3, 4, 5, 6
"""Fields of a pass (see `crops.kernels`). On the host, the first is the launch, and tables have numbers."""


_Table = tuple[int, int, str]
"""What a filter table is made from: lengths before and after, and the interpolation."""


@dataclass(frozen=True)
class _Layout:
    """What to do with an image of one size. Positions count from where the image's own levels begin."""

    patches: tuple[Patch, ...]
    output: Size
    passes: NDArray[np.int64]
    """[passes x fields]. Tables are indices of `tables`."""
    crops: NDArray[np.int64]
    """[crops x fields]"""
    tables: tuple[_Table, ...]
    extents: tuple[int, ...]
    """Bytes as decoded, after the first pass, and after the second one."""


_LAYOUTS: dict[tuple[int, Size], _Layout] = {}
"""By the `id` of the patches, which stays theirs since the layout keeps them: to hash them takes longer than
everything else. With it the image's size.
"""


def _layout_of(size: Size, patches: tuple[Patch, ...]) -> _Layout:
    key = (id(patches), size)
    layout = _LAYOUTS.get(key)
    if layout is None:
        if len(_LAYOUTS) >= 4096:  # as many as `Plan.patches` keeps
            _LAYOUTS.clear()
        layout = _LAYOUTS[key] = _make_layout(size, patches)
    return layout


def _make_layout(size: Size, patches: tuple[Patch, ...]) -> _Layout:
    output = patches[0].output
    if any(patch.output != output for patch in patches):
        raise ValueError("crops of one image differ in size")
    passes: list[tuple[int, ...]] = []
    tables: dict[_Table, int] = {}
    extents = [0, 0, 0]

    def take(space: int, size: Size) -> int:
        """Where an image of this size begins."""
        extent = size[0] * size[1] * 3
        if extent >= 2**31:
            raise ValueError(f"an image of {size[0]:,} x {size[1]:,} pixels is too large")
        extents[space] += extent
        return extents[space] - extent

    def add_pass(
        launch: int, source: int, stride: int, before: Size, after: Size, down: bool, interpolation: str
    ) -> int:
        wanted = (before[down], after[down], interpolation)
        target = take(_TARGETS[launch], after)
        table = tables.setdefault(wanted, len(tables))
        taps = len(filter_table(*wanted)) - 1
        passes.append((launch, source, stride, target, after[1], after[0], table, taps, down))
        return target

    def resize(launch: int, source: int, stride: int, before: Size, after: Size, interpolation: str) -> int:
        """Add both passes. Returns where the result begins."""
        down_first = is_down_first(before, after)
        middle = (before[0], after[1]) if down_first else (after[0], before[1])
        between = add_pass(launch, source, stride, before, middle, down_first, interpolation)
        return add_pass(launch + 1, between, middle[0] * 3, middle, after, not down_first, interpolation)

    take(_IMAGE, size)
    resized: dict[tuple[Size, str], int] = {}
    cut: dict[tuple[Size, str, Box], tuple[int, int]] = {}  # both mirrors use the same one
    crops = []
    for patch in patches:
        of, name = (patch.resized, patch.interpolation), patch.interpolation
        if of not in resized:
            resized[of] = resize(0, 0, size[0] * 3, size, patch.resized, name)
        if (*of, patch.box) not in cut:
            left, top, right, bottom = patch.box
            stride = patch.resized[0] * 3
            start = resized[of] + top * stride + left * 3
            window = (right - left, bottom - top)
            if window != output:
                start, stride = resize(2, start, stride, window, output, name), output[0] * 3
            cut[*of, patch.box] = (start, stride)
        start, stride = cut[*of, patch.box]
        crops.append((start + (output[0] - 1) * 3, stride, -3) if patch.mirror else (start, stride, 3))
    return _Layout(patches, output, np.array(passes), np.array(crops), tuple(tables), tuple(extents))


@dataclass(frozen=True)
class _Numbers:
    """What the kernels of a chunk need to know, as they get it."""

    data: NDArray[np.uint8]
    """Passes and crops as int64, then tiles and tables as int32."""
    crops: int
    """Where the crops begin, in int64."""
    tiles: list[int]
    """Where the tiles of each launch begin and the last end, in int32."""


def _numbers_of(layouts: list[_Layout], extents: NDArray[np.int64]) -> _Numbers:
    """`extents` are those of the layouts."""
    from crops.kernels import BYTES, ROWS

    begin = np.cumsum(extents, axis=0) - extents  # [images x spaces]: where the levels of an image begin
    image = np.repeat(np.arange(len(layouts)), [len(layout.passes) for layout in layouts])
    passes = np.concatenate([layout.passes for layout in layouts])
    launch = passes[:, _LAUNCH].copy()
    passes[:, _SOURCE] += begin[image, np.take(_SOURCES, launch)]
    passes[:, _TARGET] += begin[image, np.take(_TARGETS, launch)]
    crops = np.concatenate([layout.crops for layout in layouts])
    crops[:, 0] += np.repeat(begin[:, _PIXELS], [len(layout.crops) for layout in layouts])

    tiles_of_pass = -(-passes[:, _HEIGHT] // ROWS) * -(-passes[:, _WIDTH] * 3 // BYTES)
    tiles = []
    for number in range(len(_SOURCES)):
        (chosen,) = (launch == number).nonzero()
        count = tiles_of_pass[chosen]
        passes[chosen, _LAUNCH] = np.cumsum(count) - count
        tiles.append(np.repeat(chosen, count))

    known: dict[_Table, int] = {}
    used = [known.setdefault(wanted, len(known)) for layout in layouts for wanted in layout.tables]
    tables = [filter_table(*wanted).ravel() for wanted in known]
    wide = passes.size + crops.size
    bounds = np.cumsum([2 * wide, *map(len, tiles), *map(len, tables)])
    number_of_tables = np.array([len(layout.tables) for layout in layouts])
    first_table = np.cumsum(number_of_tables) - number_of_tables
    table = np.array(used)[first_table[image] + passes[:, _TABLE]]
    passes[:, _TABLE] = bounds[len(tiles) + table]

    data = np.empty(bounds[-1] + bounds[-1] % 2, dtype=np.int32)
    np.concatenate([passes.ravel(), crops.ravel()], out=data[: 2 * wide].view(np.int64))
    np.concatenate([*tiles, *tables], out=data[2 * wide : bounds[-1]], casting="same_kind")
    return _Numbers(data.view(np.uint8), passes.size, bounds[: len(tiles) + 1].tolist())
