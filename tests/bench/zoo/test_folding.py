"""Networks with operations folded into convolutions: what goes, what stays, and that outputs are the same."""

import copy

import pytest
import torch
from timm import create_model
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.nn.functional import batch_norm, conv2d

from bench.evaluation.classify import normalise
from bench.zoo.convolution import Convolution
from bench.zoo.folding import (
    fold_batch_norms,
    fold_normalisation,
    fuse_activations,
    speed_up,
)
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


def smaller(network):
    """The side of images that take less time and still reach the last layer."""
    size = network.preprocessing.size
    return 139 if size == 299 else size


def count_norms(module):
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


@pytest.mark.parametrize(
    ("name", "pairs"), [("v3", 94), ("v1", 57), ("bn", 69), ("v4", 149), ("mini-ir-v2", 60)]
)
def test_every_batch_normalisation_of_the_papers_networks_is_folded(name, pairs):
    network = untrained(name)
    module, size = with_random_statistics(network.module), smaller(network)
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


def count(module, kind):
    return sum(type(child) is kind for child in module.modules())


@pytest.mark.parametrize(
    ("name", "relus"), [("v3", 94), ("bn", 69), ("v4", 149), ("mini-ir-v2", 60), ("v1", 0)]
)
def test_every_relu_behind_a_convolution_of_the_papers_networks_is_fused(name, relus):
    """torchvision's v1 has them as functions, which stay."""
    network = untrained(name)
    size = smaller(network)
    module, _ = fold_batch_norms(with_random_statistics(network.module), size)
    fused = fuse_activations(module, size)
    assert sum(child.relu for child in fused.modules() if isinstance(child, Convolution)) == relus
    assert count(fused, nn.ReLU) == count(module, nn.ReLU) - relus
    assert count(module, Convolution) == 0  # it stays as it is
    images = torch.rand(2, 3, size, size)
    assert nearly_equal(fused(images), module(images))


class Twofold(nn.Module):
    """One ReLU behind two convolutions, the second of which is used before it, too."""

    def __init__(self, *, before):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU()
        self.before = before

    def forward(self, images):
        features = self.second(self.relu(self.first(images)))
        outputs = self.relu(features)
        return (features + outputs if self.before else outputs).mean((2, 3))


def test_relu_of_two_convolutions_stays():
    module = with_random_statistics(Twofold(before=False))
    fused = fuse_activations(module, 16)
    assert (count(fused, Convolution), count(fused, nn.ReLU)) == (2, 1)
    images = torch.randn(2, 3, 16, 16)
    assert nearly_equal(fused(images), module(images))


def test_network_that_uses_what_is_before_a_relu_stays_as_it_is():
    module = with_random_statistics(Twofold(before=True))
    fused = fuse_activations(module, 16)
    assert fused is not module
    assert count(fused, Convolution) == 0
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(fused(images), module(images))


def fused_and_packed(dtype=torch.float32):
    module = with_random_statistics(create_model("resnet18", num_classes=10))
    module, _ = fold_batch_norms(module, 64)
    fused = fuse_activations(module, 64).to(dtype)
    speed_up(fused, 64, 4)
    return module, fused


@pytest.mark.parametrize(("number", "size"), [(4, 64), (1, 64), (3, 64), (4, 96), (2, 65)])
def test_packed_network_has_the_same_outputs_for_inputs_of_any_size(number, size):
    module, packed = fused_and_packed()
    assert all(child.packed is not None for child in packed.modules() if isinstance(child, Convolution))
    images = torch.randn(number, 3, size, size)
    with torch.no_grad():
        assert nearly_equal(packed(images), module(images))
        assert nearly_equal(packed(images.to(memory_format=torch.channels_last)), module(images))


def test_packed_network_computes_in_bfloat16():
    module, packed = fused_and_packed(torch.bfloat16)
    images = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        outputs, expected = packed(images.bfloat16()), module(images)
    assert outputs.dtype == torch.bfloat16
    assert (outputs.float() - expected).abs().max() < 0.05 * expected.abs().max()


def test_packed_network_can_be_copied():
    """As dense evaluation does, which shares the weights."""
    _, packed = fused_and_packed()
    shared = {id(value): value for value in (*packed.parameters(), *packed.buffers())}
    copied = copy.deepcopy(packed, shared)
    images = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(copied(images), packed(images))


@pytest.mark.parametrize("wrong", [RuntimeError("unable to find an engine"), None])
def test_network_that_cudnn_cannot_fuse_runs_as_before(monkeypatch, wrong):
    """Or fuses so that something else comes out."""

    def cudnn_convolution_relu(images, weight, bias, stride, padding, dilation, groups):
        if wrong:
            raise wrong
        return conv2d(images, weight, bias, stride, padding, dilation, groups)

    def speed_up_on_gpu(self, shape):
        self._by_cudnn = self.relu

    monkeypatch.setattr(torch, "cudnn_convolution_relu", cudnn_convolution_relu)
    monkeypatch.setattr(Convolution, "speed_up", speed_up_on_gpu)
    module, fused = fused_and_packed()
    assert not any(child._by_cudnn for child in fused.modules() if isinstance(child, Convolution))
    images = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        assert nearly_equal(fused(images), module(images))


@pytest.mark.parametrize("wrong", [RuntimeError, AttributeError, None])
def test_network_that_onednn_cannot_pack_stays_as_it_is(monkeypatch, wrong):
    """Or packs so that something else comes out."""

    def pack(self, shape):
        if wrong:
            raise wrong("no such operation")
        self.packed, self._packed_for = torch.zeros_like(self.weight), shape[1:]

    monkeypatch.setattr(Convolution, "_pack", pack)
    module, packed = fused_and_packed()
    assert all(child.packed is None for child in packed.modules() if isinstance(child, Convolution))
    images = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        assert nearly_equal(packed(images), module(images))


def test_network_without_parameters_stays_as_it_is():
    network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    speed_up(network, 8, 4)
    assert network(torch.ones(2, 3, 8, 8)).tolist() == [[1.0] * 3] * 2


class ReadsItsNorm(nn.Module):
    """A network whose code calls its normalisation by keyword, or reads a parameter of it."""

    def __init__(self, *, by_keyword):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.by_keyword = by_keyword

    def forward(self, images):
        features = self.convolution(images)
        if self.by_keyword:
            return self.norm(input=features).mean((2, 3))
        return self.norm(features).mean((2, 3)) + self.norm.weight


@pytest.mark.parametrize("by_keyword", [False, True])
def test_network_whose_code_needs_the_norm_keeps_it(by_keyword):
    module = with_random_statistics(ReadsItsNorm(by_keyword=by_keyword))
    assert fold_batch_norms(module, 16) == (module, 0)
    images = torch.rand(2, 3, 16, 16)
    assert nearly_equal(fuse_activations(module, 16)(images), module(images))
