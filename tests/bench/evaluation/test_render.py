"""The crops of an image as tensors, by the fast renderer, by Pillow, and as a dialect."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import UnreadableImage
from bench.evaluation.render import make_renderer
from crops import Plan, make_dialect, parse
from tests.conftest import drawn

CPU = torch.device("cpu")
IMAGE = np.asarray(drawn(250, 187))


def plan_of(crops, size=64):
    return Plan(parse(crops, size), size)


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_crops_are_levels_in_one_block_with_weights_that_pool_them(kind):
    rendered = make_renderer(plan_of("12"), kind, CPU)(IMAGE)
    (block,) = rendered.blocks
    assert (block.shape, block.dtype) == ((12, 3, 64, 64), torch.uint8)
    assert rendered.crops == 12
    assert rendered.weights.shape == (3, 12)
    assert rendered.weights.sum(axis=1) == pytest.approx(1)


def test_fast_renderer_is_within_a_level_of_pillow():
    fast, reference = (make_renderer(plan_of("12"), kind, CPU)(IMAGE) for kind in ("tensor", "pillow"))
    difference = fast.blocks[0].int() - reference.blocks[0].int()
    assert difference.abs().max() <= 1


def test_dense_views_are_a_block_for_each_shape():
    rendered = make_renderer(plan_of("dense"), "tensor", CPU)(IMAGE)
    shapes = [tuple(block.shape[2:]) for block in rendered.blocks]
    assert len(set(shapes)) == len(shapes) == 5
    assert rendered.crops == 5


def test_dialect_is_its_single_crop_whatever_the_renderer():
    dialect = make_dialect("timm", 64, "bicubic", 0.875)
    for kind in ("tensor", "pillow"):
        rendered = make_renderer(dialect, kind, CPU)(IMAGE)
        expected = np.asarray(dialect(Image.fromarray(IMAGE))).transpose(2, 0, 1)
        assert np.array_equal(rendered.blocks[0][0], expected)
        assert rendered.weights.tolist() == [[1.0]]


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_image_too_thin_to_resize_is_unreadable(kind):
    thin = np.zeros((1, 20_000, 3), dtype=np.uint8)
    message = "20000 x 1 pixels would be 1,460,000 x 73 when resized: too long and thin"
    with pytest.raises(UnreadableImage, match=message):
        make_renderer(plan_of("1"), kind, CPU)(thin)
