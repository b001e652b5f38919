"""The pictures that are in the repository, and what draws them."""

import runpy

import numpy as np
import pytest
from PIL import Image

from tests.docs.pages import ROOT

IMAGES = ROOT / "docs" / "images"


def pixels_that_differ(one, other):
    """How many pixels of two pictures of the same size differ clearly."""
    levels = [np.asarray(picture.convert("L"), dtype=np.int64) for picture in (one, other)]
    return (abs(levels[0] - levels[1]) > 60).sum()


def test_scene_is_what_its_script_draws():
    scene = runpy.run_path(str(IMAGES / "scene.py"))["scene"]()
    with Image.open(IMAGES / "scene.png") as picture:
        assert pixels_that_differ(picture, scene) == 0


def test_first_picture_has_the_errors_of_the_baseline():
    drawn = runpy.run_path(str(IMAGES / "first_picture.py"))["draw"]()
    with Image.open(IMAGES / "first-picture.png") as picture:
        assert pixels_that_differ(picture, drawn) < 40  # another digit is more


@pytest.mark.parametrize("picture", sorted(IMAGES.glob("*.[pw]*")), ids=lambda path: path.name)
def test_pictures_load_quickly(picture):
    assert picture.stat().st_size < 300_000
