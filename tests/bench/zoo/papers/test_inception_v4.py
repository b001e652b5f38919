"""Inception-v4 against the paper's figures and timm's network."""

from functools import partial

from timm import create_model
from timm.models.inception_v4 import (
    InceptionA,
    InceptionB,
    InceptionC,
    Mixed3a,
    Mixed4a,
    Mixed5a,
    ReductionA,
    ReductionB,
)
from torch import nn

from bench.zoo.papers.inception_v4 import inception_v4
from tests.bench.zoo.papers.conftest import (
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

FIGURE_3 = {
    "stem1": (147, 147, 64),
    "stem2": (73, 73, 160),
    "stem3": (71, 71, 192),
    "stem4": (35, 35, 384),
}


def test_stages_have_the_sizes_of_the_figures():
    found = shapes(on_meta(inception_v4), 299)
    assert {name: found[name] for name in FIGURE_3} == FIGURE_3
    assert (found["a4"], found["b7"], found["c3"]) == ((35, 35, 384), (17, 17, 1024), (8, 8, 1536))
    assert count_modules(found) == [4, 7, 3]


def test_network_has_the_outputs_of_timms():
    """Tensor by tensor in the order of the figures, which is also timm's."""
    ours, theirs = inception_v4(), with_statistics(create_model("inception_v4"), SMALL)
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    assert difference(ours, theirs, SMALL) < 1e-5


def mini_v4():
    """timm's modules with an eighth of their filters, rounded, and fewer of them."""
    conv = partial(convolution, width=0.125)
    return nn.Sequential(
        conv(3, 32, kernel_size=3, stride=2),
        conv(32, 32, kernel_size=3),
        conv(32, 64, kernel_size=3, padding=1),
        *(module(conv) for module in (Mixed3a, Mixed4a, Mixed5a)),
        *(InceptionA(conv) for _ in range(2)),
        ReductionA(conv),
        *(InceptionB(conv) for _ in range(3)),
        ReductionB(conv),
        InceptionC(conv),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(7)),
    )


def test_narrow_network_has_the_outputs_of_timms_modules_with_fewer_filters():
    ours = on_meta(lambda: inception_v4(7, width=0.125, blocks=(2, 3, 1)))
    theirs = with_random_weights(mini_v4, 80)
    take_weights(ours, theirs)
    assert difference(ours, theirs, 80) < 1e-5
