import numpy as np
import pytest
import torch
from PIL import Image

from crops import Plan, parse
from crops.geometry import resized_size
from crops.pillow import RESAMPLING
from crops.pillow import render as render_by_pillow
from crops.tensor import render as render_by_tensor
from crops.tensor import resize, resize_floats
from tests.conftest import drawn

SIZES = [(500, 375), (375, 500), (300, 300), (437, 371), (90, 61)]


def tensor_of(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_reference_renders_two_views_as_pillow_does_step_by_step():
    """One view is a whole square, the other a mirrored corner."""
    image = drawn(500, 375)
    patches, _ = Plan(parse("144", 224), 224).patches(*image.size)
    crops = {
        (patch.resized, patch.box, patch.mirror): crop
        for patch, crop in zip(patches, render_by_pillow(image, patches), strict=True)
    }
    resized = image.resize((384, 288), Image.Resampling.BICUBIC)
    whole = resized.crop((96, 0, 384, 288)).resize((224, 224), Image.Resampling.BICUBIC)
    corner = resized.crop((96, 64, 320, 288)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert crops[(384, 288), (96, 0, 384, 288), False].tobytes() == whole.tobytes()
    assert crops[(384, 288), (96, 64, 320, 288), True].tobytes() == corner.tobytes()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dimensions", SIZES)
def test_tensor_renderer_equals_the_reference_within_three_levels(dimensions, interpolation):
    image = drawn(*dimensions)
    patches, _ = Plan(parse("144", 160), 160, interpolation=interpolation).patches(*dimensions)
    fast = render_by_tensor(tensor_of(image), patches)
    slow = [tensor_of(crop) for crop in render_by_pillow(image, patches)]
    assert [crop.shape for crop in fast] == [crop.shape for crop in slow]
    difference = (torch.stack(fast).int() - torch.stack(slow).int()).abs()
    assert difference.max() <= 3  # two levels, and one more if a whole square is resized again
    assert (difference > 0).float().mean() < 0.02


@pytest.mark.parametrize(("resizer", "share"), [(resize, 0.01), (resize_floats, 0.02)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dimensions", SIZES)
def test_both_ways_to_resize_equal_pillow_within_two_levels(dimensions, interpolation, resizer, share):
    """A GPU uses `resize_floats`. Here it runs on the CPU."""
    image = drawn(*dimensions)
    size = resized_size(*dimensions, 299)
    ours = resizer(tensor_of(image), size, interpolation)
    difference = (ours.int() - tensor_of(image.resize(size, RESAMPLING[interpolation])).int()).abs()
    assert difference.max() <= 2
    assert (difference > 0).float().mean() < share


def test_other_devices_than_the_cpu_resize_floats(monkeypatch):
    """They have no resize of uint8. `meta` is such a device: it has shapes only."""
    monkeypatch.setattr("crops.tensor._resize_bytes", None)
    image = torch.zeros(3, 375, 500, dtype=torch.uint8, device="meta")
    resized = resize(image, (341, 256), "bicubic")
    assert (resized.shape, resized.dtype) == ((3, 256, 341), torch.uint8)


@pytest.mark.parametrize("resizer", [resize, resize_floats])
@pytest.mark.parametrize("length", [40, 299])
def test_levels_beyond_black_and_white_are_cut_off_as_in_pillow(resizer, length):
    """Bicubic interpolation gives such levels at sharp edges."""
    blocks = 255 * np.random.default_rng(0).integers(0, 2, (12, 16), dtype=np.uint8)
    image = Image.fromarray(blocks.repeat(8, axis=0).repeat(8, axis=1)).convert("RGB")
    size = resized_size(*image.size, length)
    ours = resizer(tensor_of(image), size, "bicubic")
    difference = (ours.int() - tensor_of(image.resize(size, Image.Resampling.BICUBIC)).int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.02


def test_crops_of_one_scale_share_its_memory():
    image = tensor_of(drawn(500, 375))
    patches, _ = Plan(parse("1x1x5x1", 160), 160).patches(500, 375)
    crops = render_by_tensor(image, patches)
    assert len({crop.untyped_storage().data_ptr() for crop in crops}) == 1


def test_whole_square_is_resized_once_for_both_mirrors(monkeypatch):
    sizes = []

    def recorded(image, size, interpolation):
        sizes.append(size)
        return resize(image, size, interpolation)

    monkeypatch.setattr("crops.tensor.resize", recorded)
    patches, _ = Plan(parse("1x1x2x2", 160), 160).patches(500, 375)
    assert len(render_by_tensor(tensor_of(drawn(500, 375)), patches)) == 4
    assert sizes == [patches[0].resized, (160, 160)]


def test_dense_view_is_the_whole_image():
    image = drawn(200, 100)
    patches, _ = Plan(parse("dense", 224, [50]), 224, interpolation="bilinear").patches(200, 100)
    (crop,) = render_by_pillow(image, patches)
    assert crop.size == (100, 50)
    assert crop.tobytes() == image.resize((100, 50), Image.Resampling.BILINEAR).tobytes()
