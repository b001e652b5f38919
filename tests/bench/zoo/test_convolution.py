"""A convolution and its ReLU in one operation: which layers, and that outputs are the same."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from bench.zoo.convolution import Convolution, is_plain
from tests.bench.zoo.conftest import nearly_equal

SETTINGS = [
    {"kernel_size": 3},
    {"kernel_size": (1, 7), "padding": (0, 3)},
    {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False},
    {"kernel_size": 3, "dilation": 2, "groups": 8},
    {"kernel_size": 1},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_outputs_are_those_of_the_convolution_and_its_relu(settings, relu, packed):
    plain = nn.Conv2d(16, 8, **settings).requires_grad_(False)
    images = torch.randn(2, 16, 20, 21)
    convolution = Convolution(plain, relu=relu)
    if packed:
        convolution.speed_up(images.shape)
    expected = plain(images)
    assert nearly_equal(convolution(images), expected.relu() if relu else expected)


class OnGPU(nn.Parameter):
    """A weight that says so, and is not."""

    is_cuda = True


def on_gpu(plain, *, relu):
    plain.weight = OnGPU(plain.weight.detach(), requires_grad=False)
    convolution = Convolution(plain, relu=relu)
    convolution.speed_up(torch.Size((2, plain.in_channels, 20, 21)))
    return convolution


def test_gpu_has_one_operation_for_both(monkeypatch):
    """cuDNN's takes the stride before the padding."""
    calls = []

    def cudnn_convolution_relu(images, weight, bias, stride, padding, dilation, groups):
        calls.append(weight.shape)
        return conv2d(images, weight, bias, stride, padding, dilation, groups).relu()

    monkeypatch.setattr(torch, "cudnn_convolution_relu", cudnn_convolution_relu)
    plain = nn.Conv2d(16, 8, (1, 3), stride=2, padding=(0, 1)).requires_grad_(False)
    images = torch.randn(2, 16, 20, 21)
    expected = plain(images)
    assert nearly_equal(on_gpu(plain, relu=True)(images), expected.relu())
    assert nearly_equal(on_gpu(plain, relu=False)(images), expected)
    assert calls == [(8, 16, 1, 3)]


@pytest.mark.parametrize(
    ("channels", "groups", "one_operation"), [((16, 8), 1, True), ((3, 8), 1, False), ((16, 8), 8, False)]
)
def test_layers_that_gpus_fuse_are_those_of_aligned_channels(channels, groups, one_operation, monkeypatch):
    monkeypatch.setattr(torch, "cudnn_convolution_relu", lambda images, *settings: images)
    images = torch.randn(2, channels[0], 20, 21)
    outputs = on_gpu(nn.Conv2d(*channels, 3, groups=groups), relu=True)(images)
    assert (outputs is images) is one_operation


def test_layers_that_differ_from_torchs_are_not_replaced():
    class Own(nn.Conv2d):
        pass

    hooked = nn.Conv2d(3, 8, 3)
    hooked.register_forward_hook(lambda *arguments: None)
    others = [Own(3, 8, 3), nn.Conv2d(3, 8, 3, padding="same"), nn.Conv2d(3, 8, 3, padding_mode="circular")]
    assert not any(map(is_plain, [*others, hooked, nn.Linear(3, 8)]))
    assert is_plain(nn.Conv2d(3, 8, 3, padding=1))
