"""The Inception-ResNets against the paper's figures and timm's network."""

from functools import partial

import pytest
import torch
from pytorchcv.models.common.arch import Concurrent
from pytorchcv.models.inceptionresnetv1 import inceptionresnetv1
from timm import create_model
from timm.models.inception_resnet_v2 import Block8, Block17, Block35, Mixed_5b, Mixed_6a, Mixed_7a
from timm.models.inception_v4 import Mixed3a, Mixed4a, Mixed5a
from torch import nn

from bench.zoo import find
from bench.zoo.from_papers import build_for_training
from bench.zoo.papers.inception_resnet import UNSCALED, V1, V2, V2_DRAWN, inception_resnet
from tests.bench.zoo.papers.conftest import (
    NARROW,
    SMALL,
    convolution,
    count_modules,
    difference,
    on_meta,
    shapes,
    take_weights,
    with_random_weights,
    with_statistics,
)


@pytest.mark.parametrize(
    ("version", "channels", "blocks"),
    [
        (V1, (256, 896, 1792), [5, 10, 5]),
        (V2, (320, 1088, 2080), [10, 20, 10]),
        (V2_DRAWN, (384, 1152, 2144), [5, 10, 5]),
    ],
    ids=["v1", "v2", "v2-drawn"],
)
def test_stages_have_the_sizes_of_the_figures(version, channels, blocks):
    found = shapes(on_meta(lambda: inception_resnet(version)), 299)
    assert [found[name][:2] for name in ("a1", "b1", "c1")] == [(35, 35), (17, 17), (8, 8)]
    assert tuple(found[name][2] for name in ("a1", "b1", "c1")) == channels
    assert count_modules(found) == blocks


def test_v2_has_the_outputs_of_timms():
    """Tensor by tensor in the order of the figures, which is also timm's."""
    ours, theirs = inception_resnet(V2), with_statistics(create_model("inception_resnet_v2"), SMALL)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    assert difference(ours, theirs, SMALL) < 1e-5


def with_the_pool_first(branches):
    """pytorchcv's branches in the order of the paper's figures. The pool is the last at pytorchcv."""
    *others, pool = branches.children()
    reordered = Concurrent()
    for number, branch in enumerate((pool, *others)):
        reordered.add_module(str(number), branch)
    return reordered


def pytorchcvs_v1():
    """pytorchcv's network with what the paper has in other ways: see `Network.differences` of ir-v1."""
    theirs = inceptionresnetv1()
    del theirs.features.stage3.unit7  # the sixth C block, which is linear
    for stage in (theirs.features.stage2, theirs.features.stage3):
        stage.unit1.branches = with_the_pool_first(stage.unit1.branches)
    theirs.features.final_pool = nn.AdaptiveAvgPool2d(1)  # which takes maps that are smaller than 8 x 8
    theirs.output = nn.Linear(1792, 7)
    return theirs


def test_v1_has_the_outputs_of_pytorchcvs_with_the_blocks_and_the_head_of_the_paper():
    ours, theirs = on_meta(lambda: inception_resnet(V1, 7)), with_random_weights(pytorchcvs_v1, SMALL)
    take_weights(ours, theirs)
    assert difference(ours, theirs, SMALL) < 1e-5


def blocks(kind, number, channels, scale, conv):
    """timm's modules of a kind for so many channels."""
    made = [kind(scale=scale, conv_block=conv) for _ in range(number)]
    for block in made:
        block.conv2d = nn.LazyConv2d(channels, 1)
    return made


def v2_as_drawn():
    """timm's modules in the order of figure 15, behind the stem of timm's Inception-v4."""
    conv = convolution
    return nn.Sequential(
        conv(3, 32, kernel_size=3, stride=2),
        conv(32, 32, kernel_size=3),
        conv(32, 64, kernel_size=3, padding=1),
        *(mixed(conv) for mixed in (Mixed3a, Mixed4a, Mixed5a)),
        *blocks(Block35, 5, 384, 0.17, conv),
        Mixed_6a(conv),
        *blocks(Block17, 10, 1152, 0.1, conv),
        Mixed_7a(conv),
        *blocks(Block8, 5, 2144, 0.2, conv),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(7)),
    )


def mini_v2():
    """timm's network with an eighth of its filters, rounded, and fewer modules."""
    conv = partial(convolution, width=0.125)
    last = Block8(no_relu=True, conv_block=conv)
    last.conv2d = nn.LazyConv2d(260, 1)
    return nn.Sequential(
        conv(3, 32, kernel_size=3, stride=2),
        conv(32, 32, kernel_size=3),
        conv(32, 64, kernel_size=3, padding=1),
        nn.MaxPool2d(3, 2),
        conv(64, 80, kernel_size=1),
        conv(80, 192, kernel_size=3),
        nn.MaxPool2d(3, 2),
        Mixed_5b(conv),
        *blocks(Block35, 2, 40, 0.17, conv),
        Mixed_6a(conv),
        *blocks(Block17, 4, 136, 0.1, conv),
        Mixed_7a(conv),
        *blocks(Block8, 1, 260, 0.2, conv),
        last,
        conv(2080, 1536, kernel_size=1),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(7)),
    )


@pytest.mark.parametrize(
    ("name", "build", "size"), [("ir-v2-paper", v2_as_drawn, SMALL), ("mini-ir-v2", mini_v2, 80)]
)
def test_v2_has_the_outputs_of_timms_modules_in_its_order(name, build, size):
    ours = on_meta(lambda: build_for_training(find(name).architecture, 7))
    theirs = with_random_weights(build, size)
    take_weights(ours, theirs)
    assert difference(ours, theirs, size) < 1e-5


def test_residual_is_scaled():
    """With a scale of 0 a module passes its input on."""
    module = inception_resnet(V1, 7, width=NARROW, blocks=(1, 1, 1), scales=(0.0, 0.0, 0.0))
    features = torch.randn(1, 32, 5, 5).relu()
    assert torch.equal(module.stages["a1"](features), features)
    module.stages["a1"].scale = 0.17
    assert not torch.equal(module.stages["a1"](features), features)


def test_unscaled_residual_is_added_as_it_is():
    module = inception_resnet(V2, 7, width=NARROW, blocks=(1, 1, 2), scales=UNSCALED).eval()
    features = torch.randn(1, 260, 2, 2).relu()
    block = module.stages["c1"]
    torch.testing.assert_close(block(features), (features + block.change(features)).relu())
    found = [module.stages[name].scale for name in ("a1", "b1", "c1", "c2")]
    assert found == [1, 1, 1, 1]
