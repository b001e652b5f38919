"""Inception-v4 (1602.07261), figures 3 to 9 line by line. Unlike timm's, it can have fewer filters."""

from torch import nn

from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.notation import Branch, Style, chain

STEM: dict[str, Branch] = {
    "stem1": ["3x3 32 /2 V", "3x3 32 V", "3x3 64"],
    "stem2": [[["max /2 V"], ["3x3 96 /2 V"]]],
    "stem3": [[["1x1 64", "3x3 96 V"], ["1x1 64", "1x7 64", "7x1 64", "3x3 96 V"]]],
    "stem4": [[["3x3 192 /2 V"], ["max /2 V"]]],
}
"""Figure 3."""

A: Branch = [[["1x1 96"], ["1x1 64", "3x3 96"], ["1x1 64", "3x3 96", "3x3 96"], ["avg", "1x1 96"]]]
"""Figure 4, for 35 x 35."""

REDUCTION_A: Branch = [[["3x3 384 /2 V"], ["1x1 192", "3x3 224", "3x3 256 /2 V"], ["max /2 V"]]]
"""Figure 7 with Table 1's numbers of filters: from 35 x 35 to 17 x 17."""

B: Branch = [
    [
        ["1x1 384"],
        ["1x1 192", "1x7 224", "7x1 256"],
        ["1x1 192", "7x1 192", "1x7 224", "7x1 224", "1x7 256"],
        ["avg", "1x1 128"],
    ]
]
"""Figure 5, for 17 x 17."""

REDUCTION_B: Branch = [
    [["1x1 192", "3x3 192 /2 V"], ["1x1 256", "1x7 256", "7x1 320", "3x3 320 /2 V"], ["max /2 V"]]
]
"""Figure 8: from 17 x 17 to 8 x 8."""

C: Branch = [
    [
        ["1x1 256"],
        ["1x1 384", [["1x3 256"], ["3x1 256"]]],
        ["1x1 384", "3x1 448", "1x3 512", [["1x3 256"], ["3x1 256"]]],
        ["avg", "1x1 256"],
    ]
]
"""Figure 6, for 8 x 8."""


def inception_v4(
    classes: int = 1000, *, width: float = 1.0, blocks: tuple[int, int, int] = (4, 7, 3)
) -> Classifier:
    """Inception-v4 for 299 x 299 (figure 9), with 20 % dropout. `width` multiplies its numbers of filters.

    `blocks` are the numbers of modules A, B and C. The average pools do not count padded zeros, as in
    TensorFlow and timm.
    """
    tables = STEM | _repeated("a", A, blocks[0]) | {"reduction_a": REDUCTION_A}
    tables |= _repeated("b", B, blocks[1]) | {"reduction_b": REDUCTION_B}
    tables |= _repeated("c", C, blocks[2])
    style = Style(width, count_zeros=False)
    stages: dict[str, nn.Module] = {}
    channels = 3
    for name, steps in tables.items():
        stages[name], channels = chain(channels, steps, style)
    return Classifier(stages, channels, classes, dropout=0.2)


def _repeated(letter: str, module: Branch, number: int) -> dict[str, Branch]:
    """`number` stages of the same module, named a1, a2 and so on."""
    return {f"{letter}{i}": module for i in range(1, number + 1)}
