"""What factorised convolutions cost (Rethinking, section 3), counted with the layers of the notation."""

from dataclasses import dataclass

from torch import nn

from bench.zoo.papers.notation import Style, chain

FILTERS = 64
"""Of the input and of every layer; the ratios are the same for any number."""

PAIRS = (
    (("5x5",), ("3x3",), "2.78 times"),
    (("3x3", "3x3"), ("5x5",), "28 % less"),
    (("3x1", "1x3"), ("3x3",), "33 % less"),
    (("2x2", "2x2"), ("3x3",), "11 % less"),
)
"""Kernels one after the other, those they are compared with, and what the paper says."""


@dataclass(frozen=True)
class Cost:
    """What some layers cost beside others that see the same area."""

    layers: str
    multiply_adds: int
    """For each position of the grid."""
    against: str
    against_multiply_adds: int
    ratio: float
    """The first cost over the second."""
    paper: str


def costs() -> list[Cost]:
    """A row for each comparison of the paper's section 3."""
    rows = []
    for kernels, others, paper in PAIRS:
        cost, other = multiply_adds(kernels), multiply_adds(others)
        rows.append(Cost(" + ".join(kernels), cost, " + ".join(others), other, cost / other, paper))
    return rows


def multiply_adds(kernels: tuple[str, ...]) -> int:
    """Of convolutions with these kernels, one after the other, for each position of the grid.

    >>> multiply_adds(("3x3",))
    36864
    """
    module, _ = chain(FILTERS, [f"{kernel} {FILTERS}" for kernel in kernels], Style())
    return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, nn.Conv2d))
