import numpy as np
import pytest
import torch
from PIL import Image

from crops import Plan, parse
from crops.geometry import resized_size
from crops.pillow import RESAMPLING
from crops.pillow import render as by_pillow
from crops.tensor import on_floats, resize
from crops.tensor import render as by_tensor
from tests.conftest import drawn

SIZES = [(500, 375), (375, 500), (300, 300), (437, 371), (90, 61)]


def tensor_of(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_the_reference_by_hand():
    """Resize, cut, resize the whole square, mirror: each step of one view written out with Pillow."""
    image = drawn(500, 375)
    patches, _ = Plan(parse("144", 224), 224).patches(*image.size)
    crops = {
        (patch.resized, patch.box, patch.mirror): crop
        for patch, crop in zip(patches, by_pillow(image, patches, "bicubic"), strict=True)
    }
    resized = image.resize((384, 288), Image.Resampling.BICUBIC)
    whole = resized.crop((96, 0, 384, 288)).resize((224, 224), Image.Resampling.BICUBIC)
    corner = resized.crop((96, 64, 320, 288)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert crops[(384, 288), (96, 0, 384, 288), False].tobytes() == whole.tobytes()
    assert crops[(384, 288), (96, 64, 320, 288), True].tobytes() == corner.tobytes()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dimensions", SIZES)
def test_the_tensor_renderer_is_the_reference_within_two_levels(dimensions, interpolation):
    image = drawn(*dimensions)
    patches, _ = Plan(parse("144", 160), 160).patches(*dimensions)
    fast = by_tensor(tensor_of(image), patches, interpolation)
    slow = [tensor_of(crop) for crop in by_pillow(image, patches, interpolation)]
    assert [crop.shape for crop in fast] == [crop.shape for crop in slow]
    difference = (torch.stack(fast).int() - torch.stack(slow).int()).abs()
    assert difference.max() <= 3  # a level or two, and one more where a whole square is resized twice
    assert (difference > 0).float().mean() < 0.02


@pytest.mark.parametrize(("resizer", "share"), [(resize, 0.01), (on_floats, 0.02)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dimensions", SIZES)
def test_both_ways_to_resize_are_pillows(dimensions, interpolation, resizer, share):
    """`on_floats` is what a GPU does; it is measured here on a CPU."""
    image = drawn(*dimensions)
    size = resized_size(*dimensions, 299)
    ours = resizer(tensor_of(image), size, interpolation)
    difference = (ours.int() - tensor_of(image.resize(size, RESAMPLING[interpolation])).int()).abs()
    assert difference.max() <= 2
    assert (difference > 0).float().mean() < share


def test_crops_of_one_scale_share_its_pixels():
    image = tensor_of(drawn(500, 375))
    patches, _ = Plan(parse("1x1x5x1", 160), 160).patches(500, 375)
    crops = by_tensor(image, patches, "bilinear")
    assert len({crop.untyped_storage().data_ptr() for crop in crops}) == 1


def test_the_dense_view_is_the_whole_image():
    image = drawn(200, 100)
    patches, _ = Plan(parse("dense", 224, [50]), 224).patches(200, 100)
    (crop,) = by_pillow(image, patches, "bilinear")
    assert crop.size == (100, 50)
    assert crop.tobytes() == image.resize((100, 50), Image.Resampling.BILINEAR).tobytes()
