"""The Inception-ResNets against the paper's figures and timm's network."""

import pytest
import torch
from timm import create_model

from bench.zoo.papers.inception_resnet import V1, V2, V2_DRAWN, inception_resnet
from tests.bench.zoo.papers.conftest import (
    NARROW,
    SMALL,
    count_modules,
    difference,
    on_meta,
    shapes,
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


def test_residual_is_scaled():
    """With a scale of 0 a module passes its input on."""
    module = inception_resnet(V1, 7, width=NARROW, blocks=(1, 1, 1), scales=(0.0, 0.0, 0.0))
    features = torch.randn(1, 32, 5, 5).relu()
    assert torch.equal(module.stages["a1"](features), features)
    module.stages["a1"].scale = 0.17
    assert not torch.equal(module.stages["a1"](features), features)
