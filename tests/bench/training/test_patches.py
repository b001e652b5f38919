"""Random patches: their areas and aspects, and what decides them."""

import pytest
import torch

from bench.data import open_images
from bench.errors import UnreadableImage
from bench.training.patches import Patches
from crops.normalisation import IMAGENET


def patches(colours, *, distort, epoch=0):
    found = Patches(open_images(str(colours)), 32, IMAGENET, distort=distort, seed=0)
    found.epoch = epoch
    return found


def test_patch_depends_on_seed_epoch_and_image_only(colours):
    patch = patches(colours, distort=False)[3][0]
    torch.rand(7)
    assert torch.equal(patch, patches(colours, distort=False)[3][0])
    assert not torch.equal(patch, patches(colours, distort=False, epoch=1)[3][0])
    assert not torch.equal(patch, patches(colours, distort=True)[3][0])


def test_patches_have_8_to_100_percent_of_the_area(colours):
    """GoogLeNet, section 6, and an aspect ratio of 3/4 to 4/3."""
    crop = patches(colours, distort=True).transform.transforms[0]
    torch.manual_seed(0)
    boxes = [crop.make_params([torch.zeros(3, 400, 400)]) for _ in range(500)]
    areas = [box["height"] * box["width"] / 400**2 for box in boxes]
    aspects = [box["width"] / box["height"] for box in boxes]
    assert 0.079 < min(areas) < 0.1
    assert 0.9 < max(areas) <= 1.0
    assert 0.74 < min(aspects) < 0.78
    assert 1.3 < max(aspects) < 1.35


def test_batch_with_an_unreadable_image_names_it(colours):
    (colours / "n01443537" / "5.png").write_text("x")
    found = patches(colours, distort=True)
    batches = [
        torch.utils.data.default_collate([found[i] for i in range(start, start + 16)]) for start in (0, 16)
    ]
    readable = found.readable(batches)
    assert next(readable)[1].tolist() == [0] * 16
    with pytest.raises(
        UnreadableImage,
        match=r"^n01443537/5\.png in .*: this is not an image of a known format; repair or remove it$",
    ):
        next(readable)
