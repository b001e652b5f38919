import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from crops.filters import PRECISION_BITS, filter_table, is_down_first
from crops.pillow import RESAMPLING

INTERPOLATIONS = st.sampled_from(sorted(RESAMPLING))
LENGTHS = st.integers(1, 70)


def resize(image, size, interpolation):
    """`image`, [height x width x 3], resized with the tables alone."""
    down_first = is_down_first(image.shape[1::-1], size)
    for axis in (0, 1) if down_first else (1, 0):
        table = filter_table(image.shape[axis], size[1 - axis], interpolation)
        image = weighted_sums(image.swapaxes(0, axis), table).swapaxes(0, axis)
    return image


def weighted_sums(image, table):
    """Along the first axis."""
    first, weights = table[0], table[1:]
    total = np.full((len(first), *image.shape[1:]), 1 << PRECISION_BITS - 1, dtype=np.int32)
    for tap, weight in enumerate(weights):
        total += image[first + tap] * weight[:, None, None]
    return (total >> PRECISION_BITS).clip(0, 255).astype(np.uint8)


def resize_by_pillow(image, size, interpolation):
    return np.asarray(Image.fromarray(image).resize(size, RESAMPLING[interpolation]))


@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS, INTERPOLATIONS, st.integers(0, 2**32 - 1))
@example(1, 1, 7, 5, "bicubic", 0)
@example(9, 9, 9, 9, "bicubic", 0)
@example(70, 70, 1, 1, "bilinear", 0)
def test_tables_give_the_pixels_of_pillow_bit_for_bit(width, height, across, down, interpolation, seed):
    """Half of the levels are black or white, so that bicubic weights lead beyond them."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    extreme = generator.random(image.shape) < 0.5
    image[extreme] = 255 * (image[extreme] >> 7)
    ours = resize(image, (across, down), interpolation)
    np.testing.assert_array_equal(ours, resize_by_pillow(image, (across, down), interpolation))


@pytest.mark.parametrize("interpolation", sorted(RESAMPLING))
@pytest.mark.parametrize(
    ("dimensions", "size"),
    [
        ((500, 375), (456, 342)),
        ((333, 500), (342, 513)),
        ((427, 427), (299, 299)),
        ((2848, 90), (299, 9)),
        ((90, 284), (70, 220)),
    ],
)
def test_tables_give_the_pixels_of_pillow_at_usual_sizes(dimensions, size, interpolation):
    image = np.random.default_rng(0).integers(0, 256, (*dimensions[::-1], 3), dtype=np.uint8)
    ours = resize(image, size, interpolation)
    np.testing.assert_array_equal(ours, resize_by_pillow(image, size, interpolation))


@given(st.integers(1, 3000), st.integers(1, 600), INTERPOLATIONS)
def test_every_input_pixel_of_a_table_exists(length, output, interpolation):
    table = filter_table(length, output, interpolation)
    assert table.dtype == np.int32
    assert table[0].min() >= 0
    assert table[0].max() + len(table) - 1 <= length


def test_table_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        filter_table(10, 5, "bilinear")[0] = 0
