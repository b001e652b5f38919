"""The papers' notation as code: a network is a table of lines such as `3x3 64 /2 V`, lists of which are branches.

A step is a line or a list of branches whose outputs are concatenated; a branch is a list of steps.

    3x3 64         convolution, 64 filters, same padding, batch normalisation, ReLU
    3x3 64 /2 V    stride 2, without padding ("valid", the V of Inception-v4's figures)
    7x7 64 /2 sep8 separable: 8 filters a channel, then 1x1 (GoogLeNet's first layer, after its training code)
    max, avg       3x3 pooling with stride 1 and same padding
    max /2 V       3x3 pooling with stride 2; `C` in place of V rounds the size up (GoogLeNet)
    lrn            local response normalisation
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
    """What the notation leaves open.

    `width` multiplies every number of filters. Without `batch_norm` convolutions have a bias, as in GoogLeNet. With
    `count_zeros` an average pool divides by all nine places at the border, too, as PyTorch does and TensorFlow not.
    """

    width: float = 1.0
    batch_norm: bool = True
    count_zeros: bool = True

    def filters(self, number: int) -> int:
        return max(1, round(number * self.width))


class Parallel(nn.ModuleList):
    """Branches side by side, their outputs concatenated."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([branch(inputs) for branch in self], 1)


class Residual(nn.Module):
    """`inputs + scale * change(inputs)`, then ReLU unless `linear` (Inception-v4, section 3.3 and figure 20)."""

    def __init__(self, change: nn.Module, scale: float, *, linear: bool = False) -> None:
        super().__init__()
        self.change, self.scale, self.linear = change, scale, linear

    def forward(self, inputs: Tensor) -> Tensor:
        total: Tensor = inputs + self.scale * self.change(inputs)
        return total if self.linear else total.relu()


def chain(inputs: int, steps: Branch, style: Style) -> tuple[nn.Sequential, int]:
    """The module of `steps` for an input of `inputs` channels, and its number of output channels."""
    modules: list[nn.Module] = []
    for step in steps:
        if isinstance(step, str):
            module, inputs = _layer(inputs, step, style)
        else:
            branches = [chain(inputs, branch, style) for branch in step]
            module = Parallel([branch for branch, _ in branches])
            inputs = sum(channels for _, channels in branches)
        modules.append(module)
    return nn.Sequential(*modules), inputs


def residual(
    inputs: int, branches: list[Branch], style: Style, scale: float, *, linear: bool = False
) -> Residual:
    """Branches, a 1x1 convolution with a bias and nothing else back to `inputs` channels, scaled and added."""
    change, channels = chain(inputs, [branches], style)
    return Residual(nn.Sequential(change, nn.Conv2d(channels, inputs, 1)), scale, linear=linear)


def _layer(inputs: int, line: str, style: Style) -> tuple[nn.Module, int]:
    kind, *words = line.split()
    stride = 2 if "/2" in words else 1
    if kind == "lrn":
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75), inputs
    if kind == "max":
        return nn.MaxPool2d(3, stride, padding=1 if stride == 1 else 0, ceil_mode="C" in words), inputs
    if kind == "avg":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=style.count_zeros), inputs
    height, width = map(int, kind.split("x"))
    outputs = style.filters(int(words[0]))
    padding = (0, 0) if "V" in words else (height // 2, width // 2)
    parts: list[tuple[str, nn.Module]] = []
    if separable := re.search(r"sep(\d+)", line):
        between = inputs * int(separable[1])
        parts.append(
            (
                "depthwise",
                nn.Conv2d(inputs, between, (height, width), stride, padding, groups=inputs, bias=False),
            )
        )
        parts.append(("conv", nn.Conv2d(between, outputs, 1, bias=not style.batch_norm)))
    else:
        parts.append(
            ("conv", nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=not style.batch_norm))
        )
    if style.batch_norm:
        parts.append(("norm", nn.BatchNorm2d(outputs, eps=0.001)))
    parts.append(("act", nn.ReLU(inplace=True)))
    return nn.Sequential(OrderedDict(parts)), outputs
