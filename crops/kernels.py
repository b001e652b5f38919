"""The kernels of `crops.chunk`, in Triton: Pillow's resize of 8 bits, and the copy of crops into a batch.

All numbers come in one tensor. A kernel reads it as int64 (`wide`: passes and crops) and as int32 (`narrow`:
tiles and filter tables). Positions in a tensor have 64 bits, those within an image 32.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from crops.filters import PRECISION_BITS

ROWS, BYTES = 16, 128
"""Size of a tile, the part of a pass that one program does: rows, and bytes of each. A pixel has 3 bytes."""

PASS_FIELDS = 9
"""Numbers of a pass, int64, in this order:

- the number of its first tile in the launch
- where its source begins, and how many bytes a row has there
- where its target begins
- how many rows the target has, and how many pixels each
- where its filter table begins in `narrow`, and how many taps that has
- 1 if it resizes down, 0 if across
"""

CROP_FIELDS = 3
"""Numbers of a crop, int64: where its first pixel is, and the bytes to the next row and to the next pixel."""

_BLOCK = 2048
"""Bytes of a crop that one program copies."""

_HALF = tl.constexpr(1 << PRECISION_BITS - 1)
_BITS = tl.constexpr(PRECISION_BITS)
_PASS_FIELDS = tl.constexpr(PASS_FIELDS)
_CROP_FIELDS = tl.constexpr(CROP_FIELDS)


def resample(source: Tensor, target: Tensor, numbers: tuple[Tensor, Tensor], first: int, tiles: int) -> None:
    """Do passes of several images: weighted sums of pixels of `source`, into `target`, both uint8.

    `numbers` are `wide`, which begins with the passes, and `narrow`. `narrow[first : first + tiles]` is the
    pass of each tile of `ROWS` x `BYTES`.
    """
    with torch.cuda.device(source.get_device()):
        _resample[(tiles,)](source, target, *numbers, first, ROWS, BYTES, enable_fp_fusion=False)


def gather(pixels: Tensor, wide: Tensor, first: int, out: Tensor) -> None:
    """Copy crops from `pixels`, uint8, into `out`, [n x 3 x height x width] in channels-last order.

    The numbers of the first crop begin at `wide[first]`.
    """
    number, _, height, width = out.shape
    blocks = triton.cdiv(height * width * 3, _BLOCK)
    with torch.cuda.device(pixels.get_device()):
        _gather[(number * blocks,)](pixels, wide, first, out, height, width, _BLOCK, enable_fp_fusion=False)


@triton.jit(do_not_specialize=["first"])
def _resample(
    source: tl.tensor,
    target: tl.tensor,
    wide: tl.tensor,
    narrow: tl.tensor,
    first: tl.tensor,
    rows: tl.constexpr,
    columns: tl.constexpr,
) -> None:
    program = tl.program_id(0)
    fields = wide + tl.load(narrow + first + program).to(tl.int64) * _PASS_FIELDS
    tile = program - tl.load(fields).to(tl.int32)
    source += tl.load(fields + 1)
    stride = tl.load(fields + 2).to(tl.int32)
    target += tl.load(fields + 3)
    height = tl.load(fields + 4).to(tl.int32)
    width = tl.load(fields + 5).to(tl.int32)
    table = narrow + tl.load(fields + 6)
    taps = tl.load(fields + 7).to(tl.int32)
    down = tl.load(fields + 8)

    tiles_across = (width * 3 + columns - 1) // columns
    row = (tile // tiles_across * rows + tl.arange(0, rows))[:, None]
    byte = (tile % tiles_across * columns + tl.arange(0, columns))[None, :]
    inside = (row < height) & (byte < width * 3)
    if down != 0:
        total = _weighted_sums(
            source + byte, stride, table + row, height, row < height, inside, taps, rows, columns
        )
    else:
        start = source + row * stride + byte % 3
        total = _weighted_sums(
            start, 3, table + byte // 3, width, byte < width * 3, inside, taps, rows, columns
        )
    level = tl.minimum(tl.maximum(total >> _BITS, 0), 255)
    tl.store(target + row * (width * 3) + byte, level.to(tl.uint8), mask=inside)


@triton.jit
def _weighted_sums(
    source: tl.tensor,
    step: tl.tensor,
    table: tl.tensor,
    outputs: tl.tensor,
    weighted: tl.tensor,
    inside: tl.tensor,
    taps: tl.tensor,
    rows: tl.constexpr,
    columns: tl.constexpr,
) -> tl.tensor:
    """Of `taps` levels each, `step` bytes apart; weights are `outputs` numbers apart in the table."""
    total = tl.full((rows, columns), _HALF, tl.int32)
    level = source + tl.load(table, mask=weighted, other=0) * step
    for _ in range(taps):
        table += outputs
        total += tl.load(level, mask=inside, other=0).to(tl.int32) * tl.load(table, mask=weighted, other=0)
        level += step
    return total


@triton.jit(do_not_specialize=["first"])
def _gather(
    pixels: tl.tensor,
    wide: tl.tensor,
    first: tl.tensor,
    out: tl.tensor,
    height: tl.constexpr,
    width: tl.constexpr,
    block: tl.constexpr,
) -> None:
    blocks: tl.constexpr = (height * width * 3 + block - 1) // block
    program = tl.program_id(0)
    crop = (program // blocks).to(tl.int64)
    at = program % blocks * block + tl.arange(0, block)
    inside = at < height * width * 3
    byte = at % (width * 3)
    fields = wide + first + crop * _CROP_FIELDS
    start = tl.load(fields)
    row_step = tl.load(fields + 1).to(tl.int32)
    pixel_step = tl.load(fields + 2).to(tl.int32)
    source = at // (width * 3) * row_step + byte // 3 * pixel_step + byte % 3
    level = tl.load(pixels + start + source, mask=inside, other=0)
    if out.dtype.element_ty != tl.uint8:
        level = level.to(tl.float32).to(out.dtype.element_ty)
    tl.store(out + crop * (height * width * 3) + at, level, mask=inside)
