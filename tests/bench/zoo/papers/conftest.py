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


def convolution(_inputs, filters, *, width=1.0, norm=True, **options):
    """A convolution for another library's modules: it takes the number of input channels that comes.

    So those modules can stand in any order, and with `width` times their filters.
    """
    layers = [nn.LazyConv2d(max(1, round(filters * width)), bias=not norm, **options)]
    if norm:
        layers.append(nn.LazyBatchNorm2d(eps=0.001))
    return nn.Sequential(*layers, nn.ReLU())


def with_random_weights(build, size):
    """What `build` makes, with sizes for images of `size` x `size`, and weights that keep them in range."""
    with torch.device("meta"), torch.no_grad():
        module = build()
        _outputs(module, torch.empty(1, 3, size, size))
    torch.manual_seed(0)
    for name, value in module.to_empty(device="cpu").state_dict().items():
        if value.ndim > 1:
            value.normal_(std=(2 / value[0].numel()) ** 0.5)
        elif name.endswith(("weight", "running_var")):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point():
            value.normal_(std=0.1)
        else:
            value.zero_()
    return module


def take_weights(ours, *parts):
    """Give our network, which has none yet, the weights of the `parts` of another one in this order."""
    values = [value for part in parts for value in part.state_dict().values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)), assign=True)


def difference_with_heads(ours, theirs, size):
    """As `difference`, the largest of the outputs and those of the auxiliary heads."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        pairs = list(zip(_outputs(ours, image), _outputs(theirs, image), strict=True))
    assert all(other.std() > 1e-3 for _, other in pairs)
    return max(((mine - other).abs().max() / other.abs().max()).item() for mine, other in pairs)


def _outputs(module, image):
    """Logits, and those of auxiliary heads in order: torchvision names the last first. Nothing is dropped."""
    module.eval().training = True
    logits, *sides = found if isinstance(found := module(image), tuple) else [found]
    return [logits, *(sides[0] if sides and isinstance(sides[0], list) else reversed(sides))]


def difference(ours, theirs, size):
    """The largest difference of two networks' outputs for an image, as a share of the largest output."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        mine, other = ours.eval()(image), theirs.eval()(image)
    assert other.std() > 1e-3
    return ((mine - other).abs().max() / other.abs().max()).item()
