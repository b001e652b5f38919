"""Random patches: their areas and aspects, and what decides them; and whole images."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, functional

from bench.data import open_images
from bench.errors import UnreadableImage
from bench.training.patches import Patches
from crops.normalisation import IMAGENET
from tests.conftest import drawn

IDS = sorted(str(number) for number in range(16))
"""Names of the pictures of a class, in the order of `Patches`."""


def patches(colours, *, distort, epoch=0, whole=False):
    found = Patches(open_images(str(colours)), 32, IMAGENET, distort=distort, seed=0, whole=whole)
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


def test_whole_images_are_resized_and_mirrored_and_no_more(colours):
    """Of a picture that is wider than high nothing is cut off."""
    path = colours / "n01440764" / "0.png"
    picture = drawn(100, 60)
    picture.save(path)
    resized = functional.resize(picture, [32, 32])
    expected = [functional.to_tensor(each) for each in (resized, functional.hflip(resized))]
    expected = [functional.normalize(each, IMAGENET.mean, IMAGENET.std) for each in expected]
    seen = [patches(colours, distort=False, epoch=epoch, whole=True)[0][0] for epoch in range(20)]
    which = [[torch.allclose(each, one, atol=1e-5) for one in expected] for each in seen]
    assert all(map(any, which))
    assert 3 < np.sum(which, axis=0)[0] < 17


def test_distortions_are_those_of_tf_slim(colours):
    """Its `distort_color`: brightness 32/255, contrast and saturation 0.5 to 1.5, hue 0.2."""
    distortion = patches(colours, distort=True).transform.transforms[2]
    torch.manual_seed(0)
    drawn = [distortion.make_params([]) for _ in range(2000)]
    for name, lowest, highest in (
        ("brightness_factor", 1 - 32 / 255, 1 + 32 / 255),
        ("contrast_factor", 0.5, 1.5),
        ("saturation_factor", 0.5, 1.5),
        ("hue_factor", -0.2, 0.2),
    ):
        values = [float(each[name]) for each in drawn]
        slack = (highest - lowest) / 100
        assert lowest <= min(values) < lowest + slack
        assert highest - slack < max(values) <= highest
    orders = {tuple(each["fn_idx"].tolist()) for each in drawn}
    assert len(orders) == 24  # any order of the four


def test_distorted_patch_is_what_the_functions_make_of_the_patch(colours):
    """Patch, mirror image, four changes of colour, levels: each by torchvision's function, one by one."""
    found = patches(colours, distort=True)
    picture, label = found[3]
    crop, flip, distortion, *_ = found.transform.transforms
    image = Image.open(colours / "n01440764" / f"{IDS[3]}.png")
    torch.manual_seed(hash((0, 0, 3)))
    box = crop.make_params([image])
    patch = functional.resized_crop(image, **box, size=[32, 32], interpolation=InterpolationMode.BILINEAR)
    if torch.rand(1) < flip.p:
        patch = functional.hflip(patch)
    drawn = distortion.make_params([])
    for number in drawn["fn_idx"]:
        name = ("brightness", "contrast", "saturation", "hue")[number]
        patch = getattr(functional, f"adjust_{name}")(patch, float(drawn[f"{name}_factor"]))
    levels = torch.from_numpy(np.array(patch)).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET.mean, IMAGENET.std))
    assert torch.allclose(picture, (levels - mean) / std, atol=1e-5)
    assert label == 0


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
