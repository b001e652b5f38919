"""Inception-v4 against the paper's figures and timm's network."""

from timm import create_model

from bench.zoo.papers.inception_v4 import inception_v4
from tests.bench.zoo.papers.conftest import SMALL, count_modules, difference, on_meta, shapes, with_statistics

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
