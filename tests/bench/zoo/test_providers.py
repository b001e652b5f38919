"""What each provider knows of its networks and weights."""

import pytest
import torch
from torch import nn

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


def dropouts(module):
    """The shares that the network's layers drop, in order, as far as they drop anything."""
    return [part.p for part in module.modules() if isinstance(part, nn.Dropout) and part.p]


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        *((name, [0.2]) for name in ("v4", "ir-v2", "ir-v1", "ir-v1-paper", "ir-v2-paper")),
        *((name, [0.2]) for name in ("v3", "v2", "v2-all", "v2-79")),
        ("v1", [0.4]),
        ("v1-paper", [0.7, 0.7, 0.4]),
        ("bn", []),
    ],
)
def test_training_drops_the_share_of_features_that_the_paper_drops(name, shares):
    """Inception-v4's figures 9 and 15 keep 0.8. GoogLeNet's section 5 drops 70 % in its two heads."""
    network = find(name)
    with torch.device("meta"):
        module = provider_of(network).build_for_training(network.architecture, 10)
    assert dropouts(module) == shares


@pytest.mark.parametrize(
    ("name", "features"), [("v3", 2048), ("v4", 1536), ("ir-v1", 1792), ("ir-v2", 1536), ("v1", 1024)]
)
def test_dropout_comes_right_behind_the_last_average(name, features):
    """As in the papers' figures and tables; the features are what the average leaves of the last map."""
    network = find(name)
    dropped = []
    with torch.device("meta"):
        module = provider_of(network).build_for_training(network.architecture, 10)
        (dropout,) = (part for part in module.modules() if isinstance(part, nn.Dropout))
        dropout.register_forward_hook(lambda part, inputs, output: dropped.append(tuple(output.shape)))
        module.train()(torch.empty(2, 3, network.input_size, network.input_size))
    assert dropped == [(2, features)]


@pytest.mark.parametrize("name", ["timm/resnet50", "torchvision/mobilenet_v2", "pytorchcv/resnet18"])
def test_other_networks_are_trained_with_the_dropout_of_their_library(name):
    network = find(name)
    provider = provider_of(network)
    with torch.device("meta"):
        usual, trained = (
            dropouts(build(network.architecture, 10))
            for build in (provider.build, provider.build_for_training)
        )
    assert trained == usual
