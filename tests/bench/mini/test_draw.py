"""The mini set, and the program that drew it."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from bench.data import open_images
from bench.data.devkit import find_blacklist
from bench.mini import IMAGES as MINI
from bench.mini.draw import CLASSES, draw, picture


def test_set_is_a_tar_of_a_thousand_images_of_all_shapes():
    assert MINI.stat().st_size < 4e6
    with tarfile.open(MINI) as archive:
        sizes = np.array([Image.open(archive.extractfile(member)).size for member in archive])
    widths, heights = sizes.T
    shorter = sizes.min(axis=1)
    assert len(sizes) == 1000
    assert 96 <= shorter.min() < 110 < 180 < shorter.max() <= 200
    shares = [(widths > heights).mean(), (widths < heights).mean(), (widths == heights).mean()]
    assert shares == pytest.approx([0.55, 0.3, 0.15], abs=0.05)


def test_set_has_labels_classes_and_a_blacklist_beside_it():
    images = open_images("mini")
    assert images.classes == CLASSES
    assert images.ids[0] == "mini_val_00000001"
    assert set(images.labels.tolist()) == set(range(50))
    two_classes = {number for number in range(1, 201) if picture(2012, number)[2]}
    blacklist = find_blacklist(MINI, None).numbers
    assert {number for number in blacklist if number <= 200} == two_classes


def test_set_is_what_the_program_draws(tmp_path):
    """To a level on average, since another version of Pillow may compress differently."""
    draw(tmp_path / "mini_val.tar", 20, 2012)
    drawn, packaged = open_images(str(tmp_path / "mini_val.tar")), open_images("mini")
    assert drawn.labels.tolist() == packaged.labels[:20].tolist()
    for i in range(20):
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(images.read(i))), dtype=float) for images in (drawn, packaged)
        )
        assert np.abs(ours - theirs).mean() < 1


def test_another_seed_draws_other_images():
    ours, theirs = picture(2011, 1), picture(2012, 1)
    assert ours[0].size != theirs[0].size or np.asarray(ours[0]).tolist() != np.asarray(theirs[0]).tolist()
