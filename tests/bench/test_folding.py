"""Folding: what vanishes, what stays, and that the network stays the same."""

import pytest
import torch
from timm import create_model
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.nn.functional import batch_norm

from bench.evaluation.classify import normalise
from bench.zoo.folding import fold_batch_norms, fold_normalisation
from bench.zoo.loading import untrained
from crops import Normalisation
from crops.dialects import IMAGENET


def alive(module):
    """The network in evaluation mode, with batch statistics that are none of the first ones (0 and 1)."""
    generator = torch.Generator().manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2, generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
    return module.eval().requires_grad_(False)


def count(module):
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


def close(ours, theirs):
    return (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize(
    ("name", "pairs"), [("v3", 94), ("v1", 57), ("bn", 69), ("v4", 149), ("mini-ir-v2", 60)]
)
def test_every_batch_normalisation_of_the_papers_networks_is_folded(name, pairs):
    network = untrained(name)
    module, size = alive(network.module), network.preprocessing.size
    before = count(module)
    folded, number = fold_batch_norms(module, size)
    assert (before, number, count(folded), count(module)) == (pairs, pairs, 0, pairs)
    images = torch.rand(2, 3, size, size)
    assert close(folded(images), module(images))


def test_torchs_own_folding_finds_none_of_timms_v3():
    """The reason for doing it here."""
    fused = fuse(create_model("inception_v3").eval())
    assert sum(node.target is batch_norm for node in fused.graph.nodes) == 94


class Shared(nn.Module):
    """A convolution whose output goes to a normalisation and past it."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)

    def forward(self, images):
        features = self.first(images)
        return self.second(self.norm(features) + features).mean((2, 3))


class Twice(nn.Module):
    """A convolution that is used again, with another normalisation."""

    def __init__(self):
        super().__init__()
        self.convolution, self.one, self.other = (
            nn.Conv2d(3, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.BatchNorm2d(3),
        )

    def forward(self, images):
        return self.other(self.convolution(self.one(self.convolution(images)))).mean((2, 3))


class Before(nn.Module):
    """A normalisation before its convolution, which cannot take it over."""

    def __init__(self):
        super().__init__()
        self.norm, self.convolution = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return self.convolution(self.norm(images)).mean((2, 3))


@pytest.mark.parametrize("kind", [Shared, Twice, Before])
def test_what_cannot_be_folded_is_left_alone(kind):
    module = alive(kind())
    folded, number = fold_batch_norms(module, 16)
    assert number == 0
    assert folded is module


@pytest.mark.parametrize(
    "normalisation",
    [
        IMAGENET,
        Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        Normalisation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4), bgr=True),
    ],
)
def test_a_first_convolution_without_padding_takes_the_normalisation_over(normalisation):
    module = alive(create_model("inception_v3", num_classes=10))
    folded = fold_normalisation(module, 299, normalisation, normalise)
    levels = torch.randint(256, (2, 3, 320, 299), dtype=torch.uint8)
    assert close(folded(levels.float()), module(normalise(levels, normalisation)))


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_a_first_convolution_that_pads_does_not(name):
    """The zeros that it pads with are no level."""
    assert fold_normalisation(alive(create_model(name)), 96, IMAGENET, normalise) is None


def test_an_input_that_goes_elsewhere_too_is_not_folded():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 3, 3)

        def forward(self, images):
            return self.convolution(images).mean((2, 3)) + images.mean((2, 3))

    assert fold_normalisation(alive(Skip()), 16, IMAGENET, normalise) is None
