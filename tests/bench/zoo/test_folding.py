"""Networks with operations folded into convolutions: what goes, what stays, and that outputs are the same."""

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
from crops.normalisation import IMAGENET
from tests.bench.zoo.conftest import nearly_equal


def with_random_statistics(module):
    """The network in evaluation mode, with batch statistics that differ from the initial 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2, generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
    return module.eval().requires_grad_(False)


def count_norms(module):
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


@pytest.mark.parametrize(
    ("name", "pairs"), [("v3", 94), ("v1", 57), ("bn", 69), ("v4", 149), ("mini-ir-v2", 60)]
)
def test_every_batch_normalisation_of_the_papers_networks_is_folded(name, pairs):
    network = untrained(name)
    module, size = with_random_statistics(network.module), network.preprocessing.size
    assert count_norms(module) == pairs
    folded, number = fold_batch_norms(module, size)
    assert (number, count_norms(folded), count_norms(module)) == (pairs, 0, pairs)
    images = torch.rand(2, 3, size, size)
    assert nearly_equal(folded(images), module(images))


def test_torch_folds_none_of_timms_v3():
    """The reason for `fold_batch_norms`."""
    fused = fuse(create_model("inception_v3").eval())
    assert sum(node.target is batch_norm for node in fused.graph.nodes) == 94


class Shared(nn.Module):
    """A convolution whose output goes to a normalisation, and to another layer too."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)

    def forward(self, images):
        features = self.first(images)
        return self.second(self.norm(features) + features).mean((2, 3))


class Twice(nn.Module):
    """A convolution that runs twice, before different normalisations."""

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
    """A normalisation before a convolution."""

    def __init__(self):
        super().__init__()
        self.norm, self.convolution = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return self.convolution(self.norm(images)).mean((2, 3))


@pytest.mark.parametrize("kind", [Shared, Twice, Before])
def test_norms_that_cannot_be_folded_stay(kind):
    module = with_random_statistics(kind())
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
def test_first_convolution_without_padding_takes_over_the_normalisation(normalisation):
    module = with_random_statistics(create_model("inception_v3", num_classes=10))
    folded = fold_normalisation(module, 151, normalisation, normalise)
    levels = torch.randint(256, (2, 3, 171, 151), dtype=torch.uint8)
    assert nearly_equal(folded(levels.float()), module(normalise(levels, normalisation)))


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_first_convolution_with_padding_does_not_take_over_the_normalisation(name):
    """The zeros that it pads with are no level."""
    assert fold_normalisation(with_random_statistics(create_model(name)), 96, IMAGENET, normalise) is None


def test_normalisation_of_an_input_that_is_used_elsewhere_too_is_not_folded():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 3, 3)

        def forward(self, images):
            return self.convolution(images).mean((2, 3)) + images.mean((2, 3))

    assert fold_normalisation(with_random_statistics(Skip()), 16, IMAGENET, normalise) is None
