"""The crops of an image as tensors, by the fast renderer and by Pillow, also as tools take the single one."""

import numpy as np
import pytest
import torch

from bench.errors import UnreadableImage
from bench.evaluation.engine import shard_size
from bench.evaluation.render import Renderer
from crops import Plan, dialect_plan, dialect_view, native_view, parse
from crops.dialects import tf_slim
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


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_tf_slims_crop_has_levels_that_are_not_rounded(kind):
    dialect = dialect_plan("tf-slim", 64, dialect_view("tf-slim", 64, timms(0.875)))
    (block,) = rendered(dialect, kind, IMAGE)
    assert np.array_equal(block[0], tf_slim(IMAGE, 64).transpose(2, 0, 1))
    assert Renderer(dialect, kind, CPU).patches(IMAGE)[1].tolist() == [[1.0]]


def timms(crop_pct, fit="shorter", interpolation="bicubic"):
    fill = (9, 99, 199) if fit == "longer" else (0, 0, 0)
    return native_view("timm", 64, interpolation, crop_pct, fit, fill)


@pytest.mark.parametrize(
    "view",
    [timms(1.2), timms(1.0, "longer"), timms(0.9, "both", "lanczos"), timms(0.9, "shorter", "bilinear")],
    ids=["beyond the edges", "with borders", "another filter", "another of the fast filters"],
)
@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_native_crop_is_pillows_beside_other_crops(kind, view):
    """The fast renderer cuts the last one itself, within a level."""
    plan = Plan(parse("native,10", 64, native=view), 64)
    (block,) = rendered(plan, kind, IMAGE)
    (alone,) = rendered(Plan(plan.protocols[:1], 64), "pillow", IMAGE)
    (others,) = rendered(plan_of("10"), kind, IMAGE)
    by_itself = kind == "tensor" and view.interpolation == "bilinear"
    assert (block[:1].int() - alone.int()).abs().max() <= by_itself
    assert torch.equal(block[1:], others)


def test_native_crop_with_the_pixels_of_crop_1_is_classified_once():
    """Both resize the shorter side to 73 pixels."""
    plan = Plan(parse("native,10", 64, native=timms(0.87)), 64)
    patches, weights = Renderer(plan, "tensor", CPU).patches(IMAGE)
    assert (len(patches), plan.crops) == (10, 11)
    assert weights[plan.names.index("native")].tolist() == weights[plan.names.index("1")].tolist()


@pytest.mark.parametrize("kind", ["tensor", "pillow"])
def test_image_too_thin_to_resize_is_unreadable(kind):
    thin = np.zeros((1, 20_000, 3), dtype=np.uint8)
    message = "20000 x 1 pixels would be 1,460,000 x 73 when resized: too long and thin"
    with pytest.raises(UnreadableImage, match=message):
        Renderer(plan_of("1"), kind, CPU).patches(thin)


@pytest.mark.parametrize("crops", ["1", "10", "144", "dense"])
def test_native_crop_changes_no_shards(crops):
    """So that runs with and without it can be averaged."""
    assert shard_size(Plan(parse(f"native,{crops}", 64, native=timms(0.9)), 64)) == shard_size(plan_of(crops))
