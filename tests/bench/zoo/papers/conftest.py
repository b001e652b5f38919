"""What the tests of the papers' networks share: how large their features are, and how equal their outputs."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

NARROW = 0.125
"""A width at which networks are quick."""

SMALL = 139
"""An input in pixels at which networks are quick, and their last map still has several places."""


def on_meta(build):
    """A network in evaluation mode with shapes and no memory."""
    with torch.device("meta"):
        return build().eval()


def shapes(module, size):
    """(height, width, channels) after each stage for an input of `size` x `size`, as the papers list them."""
    found = {}
    features = torch.empty(1, 3, size, size, device="meta")
    with torch.no_grad():
        for name, stage in module.stages.items():
            features = stage(features)
            found[name] = (features.shape[2], features.shape[3], features.shape[1])
    return found


def count_modules(found):
    """How many modules a network has of the kinds a, b and c, from the names of its stages."""
    return [sum(name[0] == letter and name[1:].isdigit() for name in found) for letter in "abc"]


def millions_of_multiply_adds(module, channels, side):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, channels, side, side, device="meta"))
    return counter.get_total_flops() / 2e6


def with_statistics(module, size):
    """The network in evaluation mode, with batch statistics that keep activations in range."""
    torch.manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(2, 3, size, size))
    return module.eval()


def difference(ours, theirs, size):
    """The largest difference of two networks' outputs for an image, as a share of the largest output."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        mine, other = ours.eval()(image), theirs.eval()(image)
    assert other.std() > 1e-3
    return ((mine - other).abs().max() / other.abs().max()).item()
