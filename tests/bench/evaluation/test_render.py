"""The crops of an image as tensors, by the fast renderer, by Pillow, and as a dialect."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import UnreadableImage
from bench.evaluation.render import Renderer
from crops import Plan, make_dialect, parse
from tests.conftest import drawn

CPU = torch.device("cpu")
IMAGE = np.asarray(drawn(250, 187))


def plan_of(crops, size=64):
    return Plan(parse(crops, size), size)


def rendered(plan, kind, *images):
    """The tensors of the crops, one for each stretch of one shape."""
    renderer = Renderer(plan, kind, CPU)
    blocks = renderer.crops(images, [renderer.patches(image)[0] for image in images])
    return [block.levels for block in blocks]


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_crops_are_levels_in_one_block_with_weights_that_pool_them(kind):
    (block,) = rendered(plan_of("12"), kind, IMAGE)
    assert (block.shape, block.dtype) == ((12, 3, 64, 64), torch.uint8)
    patches, weights = Renderer(plan_of("12"), kind, CPU).patches(IMAGE)
    assert weights.shape == (3, len(patches)) == (3, 12)
    assert weights.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_crops_of_several_images_come_one_after_the_other(kind):
    images = [IMAGE, np.asarray(drawn(160, 222)), IMAGE]
    together = rendered(plan_of("10,dense"), kind, *images)
    alone = [block for image in images for block in rendered(plan_of("10,dense"), kind, image)]
    assert torch.equal(together[0], alone[0])
    assert [len(block) for block in together] == [len(block) for block in alone]
    assert all(map(torch.equal, together, alone))
    (crops,) = rendered(plan_of("10"), kind, *images)
    assert torch.equal(crops, torch.cat([rendered(plan_of("10"), kind, image)[0] for image in images]))


def test_fast_renderer_is_within_a_level_of_pillow():
    (fast,), (reference,) = (rendered(plan_of("12"), kind, IMAGE) for kind in ("tensor", "pillow"))
    difference = fast.int() - reference.int()
    assert difference.abs().max() <= 1


def test_dense_views_are_a_block_for_each_shape():
    blocks = rendered(plan_of("dense"), "tensor", IMAGE)
    assert len({tuple(block.shape[2:]) for block in blocks}) == 5
    assert [len(block) for block in blocks] == [1] * 5


def test_dialect_is_its_single_crop_whatever_the_renderer():
    dialect = make_dialect("timm", 64, "bicubic", 0.875)
    for kind in ("tensor", "pillow"):
        (block,) = rendered(dialect, kind, IMAGE)
        expected = np.asarray(dialect(Image.fromarray(IMAGE))).transpose(2, 0, 1)
        assert np.array_equal(block[0], expected)
        assert Renderer(dialect, kind, CPU).patches(IMAGE)[1].tolist() == [[1.0]]


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_image_too_thin_to_resize_is_unreadable(kind):
    thin = np.zeros((1, 20_000, 3), dtype=np.uint8)
    message = "20000 x 1 pixels would be 1,460,000 x 73 when resized: too long and thin"
    with pytest.raises(UnreadableImage, match=message):
        Renderer(plan_of("1"), kind, CPU).patches(thin)
