"""The papers' notation as code: a network is a list of lines such as `3x3 64 /2 V`.

A step is a line, or a list of branches whose outputs are concatenated. A branch is a list of steps. Lines
are:

    3x3 64           convolution: 64 filters of 3 x 3, same padding, batch normalisation, ReLU
    3x3 64 /2 V      with stride 2 and without padding (V for "valid", as in Inception-v4's figures)
    3x3 64 F         the first factor of a larger convolution: without ReLU where the style says so
    7x7 64 /2 sep8   separable: 8 filters for each channel, then 1x1 (GoogLeNet's first layer, by its costs)
    max, avg         3x3 pooling with stride 1 and same padding
    max /2 V         3x3 pooling with stride 2
    max /2 C         the same with the output's size rounded up (C for "ceil", as in GoogLeNet)
    lrn              local response normalisation

An example: 32 filters, then two branches of 16 and 8 filters.

>>> module, channels = chain(3, ["3x3 32 /2 V", [["1x1 16"], ["max", "1x1 8"]]], Style())
>>> channels, tuple(module(torch.zeros(1, 3, 9, 9)).shape)
(24, (1, 24, 4, 4))
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

Branch: TypeAlias = "list[str | list[Branch]]"
"""A list of steps, each a line or a list of branches."""


@dataclass(frozen=True)
class Style:
    """What the notation leaves open, the same for all of a network."""

    width: float = 1.0
    """Multiplies every number of filters."""

    batch_norm: bool = True
    """Whether convolutions have batch normalisation. Without it they have a bias, as in GoogLeNet."""

    count_zeros: bool = True
    """Whether an average pool counts padded zeros, as in PyTorch. TensorFlow leaves them out."""

    linear_factors: bool = False
    """Whether lines marked F have no ReLU. They keep their batch normalisation."""

    sigmoid: bool = False
    """Whether sigmoids take the place of ReLUs."""

    def filters(self, number: int) -> int:
        """The number of filters at this width, at least 1.

        >>> Style(width=0.125).filters(96)
        12
        """
        return max(1, round(number * self.width))


class Parallel(nn.ModuleList):
    """Branches side by side, their outputs concatenated."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The branches' outputs, concatenated along the channels."""
        return torch.cat([branch(inputs) for branch in self], 1)


class Residual(nn.Module):
    """`inputs + scale * change(inputs)`, then ReLU unless `linear` (1602.07261, section 3.3, figure 20)."""

    def __init__(self, change: nn.Module, scale: float, *, linear: bool = False) -> None:
        super().__init__()
        self.change, self.scale, self.linear = change, scale, linear

    def forward(self, inputs: Tensor) -> Tensor:
        """The inputs with the scaled change added."""
        total: Tensor = inputs + self.scale * self.change(inputs)
        return total if self.linear else total.relu()


class ResponseNorm(nn.LocalResponseNorm):
    """Local response normalisation in fp32: the square of 256 is beyond half precision."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The normalised inputs, in the type they have."""
        return super().forward(inputs.float()).to(inputs.dtype)


def chain(channels: int, steps: Branch, style: Style) -> tuple[nn.Sequential, int]:
    """The module of `steps` for an input of so many `channels`, and its number of output channels.

    >>> chain(192, [[["1x1 64"], ["1x1 96", "3x3 128"]]], Style())[1]
    192
    >>> chain(3, ["3x3 64", "max /2 V"], Style(width=0.5))[1]
    32
    """
    modules: list[nn.Module] = []
    for step in steps:
        if isinstance(step, str):
            module, channels = _layer(channels, step, style)
        else:
            module, channels = _parallel(channels, step, style)
        modules.append(module)
    return nn.Sequential(*modules), channels


def residual(
    channels: int, branches: list[Branch], style: Style, scale: float, *, linear: bool = False
) -> Residual:
    """A module that adds `scale` times its branches to its input, by a 1x1 convolution back to `channels`.

    That convolution has a bias, no normalisation and no ReLU.
    """
    parallel, inner = chain(channels, [branches], style)
    return Residual(nn.Sequential(parallel, nn.Conv2d(inner, channels, 1)), scale, linear=linear)


def _parallel(channels: int, branches: list[Branch], style: Style) -> tuple[Parallel, int]:
    modules, outputs = zip(*(chain(channels, branch, style) for branch in branches), strict=True)
    return Parallel(modules), sum(outputs)


def _layer(channels: int, line: str, style: Style) -> tuple[nn.Module, int]:
    """The module of one line, and its number of output channels.

    >>> _layer(3, "max /2 C", Style())
    (MaxPool2d(kernel_size=3, stride=2, padding=0, dilation=1, ceil_mode=True), 3)
    >>> _layer(3, "1x7 64 V", Style())[0].conv
    Conv2d(3, 64, kernel_size=(1, 7), stride=(1, 1), bias=False)
    """
    kind, *words = line.split()
    stride = 2 if "/2" in words else 1
    if kind == "lrn":
        return ResponseNorm(5, alpha=1e-4, beta=0.75), channels
    if kind == "max":
        return nn.MaxPool2d(3, stride, padding=1 if stride == 1 else 0, ceil_mode="C" in words), channels
    if kind == "avg":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=style.count_zeros), channels
    return _convolution(channels, line, style)


def _convolution(channels: int, line: str, style: Style) -> tuple[nn.Sequential, int]:
    """A convolution, its batch normalisation where the style has it, and its ReLU or sigmoid."""
    kernel, number, *words = line.split()
    height, width = map(int, kernel.split("x"))
    filters = style.filters(int(number))
    stride = 2 if "/2" in words else 1
    padding = (0, 0) if "V" in words else (height // 2, width // 2)
    bias = not style.batch_norm
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if separable := re.search(r"sep(\d+)", line):
        inner = channels * int(separable[1])
        parts["depthwise"] = nn.Conv2d(
            channels, inner, (height, width), stride, padding, groups=channels, bias=False
        )
        parts["conv"] = nn.Conv2d(inner, filters, 1, bias=bias)
    else:
        parts["conv"] = nn.Conv2d(channels, filters, (height, width), stride, padding, bias=bias)
    if style.batch_norm:
        parts["norm"] = nn.BatchNorm2d(filters, eps=0.001)
    if not (style.linear_factors and "F" in words):
        parts["act"] = nn.Sigmoid() if style.sigmoid else nn.ReLU(inplace=True)
    return nn.Sequential(parts), filters
