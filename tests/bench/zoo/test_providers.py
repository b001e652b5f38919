"""What each provider knows of its networks and weights."""

import pytest
import torch

from bench.zoo import find
from bench.zoo.providers import blueprint, provider_of


@pytest.mark.parametrize(
    ("name", "tag", "mean", "interpolation"),
    [
        ("v1", "IMAGENET1K_V1", 0.485, "bilinear"),
        ("bn", "osmr", 0.485, "bilinear"),
        ("v3", "tf_in1k", 0.5, "bicubic"),
        ("v3", "gluon_in1k", 0.485, "bicubic"),
        ("v2-all", "gluon_in1k", 0.485, "bicubic"),
        ("v2", "", 0.5, "bicubic"),
        ("ir-v2", "tf_in1k", 0.5, "bicubic"),
    ],
)
def test_preprocessing_is_that_of_the_weights(name, tag, mean, interpolation):
    network = find(name)
    preprocessing = provider_of(network).preprocessing(network.architecture, tag)
    assert (preprocessing.normalisation.mean[0], preprocessing.interpolation) == (mean, interpolation)


@pytest.mark.parametrize(("name", "default"), [("v1", "IMAGENET1K_V1"), ("v3", "tv_in1k"), ("bn", "osmr")])
def test_default_tag_of_the_provider_comes_first(name, default):
    network = find(name)
    assert provider_of(network).tags(network.architecture)[0] == default


@pytest.mark.parametrize("name", ["v1", "v2", "v3", "bn", "mini-v3"])
def test_blueprint_takes_no_memory(name):
    module = blueprint(find(name), 10)
    assert {parameter.device for parameter in module.parameters()} == {torch.device("meta")}
