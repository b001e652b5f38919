"""Regions warped with context, as R-CNN's appendix A has them."""

import numpy as np
import pytest
from PIL import Image

from crops import pillow
from crops.warp import CONTEXT, warp
from tests.conftest import drawn

MEAN = (124, 116, 104)


def test_context_of_16_pixels_of_227_is_around_the_region():
    """A region of 195 x 195 pixels is 195 + 2 x 16 = 227 with its context, and is not resized."""
    patch = warp((100, 50, 294, 244), 500, 375, 227, "bicubic", MEAN)
    assert (patch.box, patch.output, CONTEXT * 227) == ((84, 34, 311, 261), (227, 227), 16)


@pytest.mark.parametrize("size", [32, 224, 299])
def test_context_grows_with_the_input(size):
    """In the image it is the same rectangle for every input."""
    expected = warp((100, 50, 294, 244), 500, 375, 227, "bicubic", MEAN).box
    assert warp((100, 50, 294, 244), 500, 375, size, "bicubic", MEAN).box == expected


@pytest.mark.parametrize(("context", "box"), [(8 / 32, (5, 10, 25, 50)), (0, (10, 20, 20, 40))])
def test_context_is_a_part_of_the_warped_frame(monkeypatch, context, box):
    """With 8 of 32 pixels at each side half of the frame is the region."""
    monkeypatch.setattr("crops.warp.CONTEXT", context)
    assert warp((10, 20, 19, 39), 100, 100, 32, "bilinear", MEAN).box == box


def test_region_of_a_pixel_keeps_a_pixel(monkeypatch):
    monkeypatch.setattr("crops.warp.CONTEXT", 0)
    for x in (7, 7.25, 7.5, 7.75):
        left, top, right, bottom = warp((x, 3, x, 3), 20, 20, 32, "bilinear", MEAN).box
        assert (right - left, bottom - top) == (1, 1)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("box", [(40, 30, 99, 49), (0, 0, 60, 80), (90, 20, 119, 99), (0, 0, 119, 99)])
def test_pixels_are_those_of_pillow_by_hand(box, interpolation):
    """The enlarged box on a canvas of the mean colour, resized to the square."""
    image = drawn(120, 100, seed=3)
    xmin, ymin, xmax, ymax = box
    more_x, more_y = ((xmax + 1 - xmin) * 16 / 195, (ymax + 1 - ymin) * 16 / 195)
    left, top = int(np.floor(xmin - more_x + 0.5)), int(np.floor(ymin - more_y + 0.5))
    right, bottom = int(np.floor(xmax + 1 + more_x + 0.5)), int(np.floor(ymax + 1 + more_y + 0.5))
    canvas = Image.new("RGB", (320, 300), MEAN)
    canvas.paste(image, (100, 100))
    tile = canvas.crop((left + 100, top + 100, right + 100, bottom + 100))
    expected = tile.resize((64, 64), Image.Resampling[interpolation.upper()])
    (found,) = pillow.render(image, [warp(box, 120, 100, 64, interpolation, MEAN)])
    assert found.tobytes() == expected.tobytes()


def test_what_is_missing_outside_has_the_mean_colour():
    """A region at the top left corner: 16 of 227 pixels at each side are beyond the image."""
    image = Image.new("RGB", (390, 390), (255, 0, 0))
    (found,) = pillow.render(image, [warp((0, 0, 194, 194), 390, 390, 227, "bilinear", MEAN)])
    levels = np.asarray(found)
    assert (levels[:16] == MEAN).all()
    assert (levels[:, :16] == MEAN).all()
    assert (levels[16:, 16:] == (255, 0, 0)).all()
