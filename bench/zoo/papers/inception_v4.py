"""Inception-v4 (1602.07261), figures 3 to 9 line by line. timm has it at full width; here it can be made narrow."""

from torch import nn

from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.notation import Branch, Style, chain

STEM: dict[str, Branch] = {  # figure 3
    "stem1": ["3x3 32 /2 V", "3x3 32 V", "3x3 64"],
    "stem2": [[["max /2 V"], ["3x3 96 /2 V"]]],
    "stem3": [[["1x1 64", "3x3 96 V"], ["1x1 64", "1x7 64", "7x1 64", "3x3 96 V"]]],
    "stem4": [[["3x3 192 /2 V"], ["max /2 V"]]],
}
A: Branch = [
    [["1x1 96"], ["1x1 64", "3x3 96"], ["1x1 64", "3x3 96", "3x3 96"], ["avg", "1x1 96"]]
]  # figure 4
REDUCTION_A: Branch = [[["3x3 384 /2 V"], ["1x1 192", "3x3 224", "3x3 256 /2 V"], ["max /2 V"]]]  # figure 7
B: Branch = [
    [
        ["1x1 384"],
        ["1x1 192", "1x7 224", "7x1 256"],
        ["1x1 192", "7x1 192", "1x7 224", "7x1 224", "1x7 256"],
        ["avg", "1x1 128"],
    ]
]  # figure 5
REDUCTION_B: Branch = [
    [["1x1 192", "3x3 192 /2 V"], ["1x1 256", "1x7 256", "7x1 320", "3x3 320 /2 V"], ["max /2 V"]]
]  # figure 8
C: Branch = [
    [
        ["1x1 256"],
        ["1x1 384", [["1x3 256"], ["3x1 256"]]],
        ["1x1 384", "3x1 448", "1x3 512", [["1x3 256"], ["3x1 256"]]],
        ["avg", "1x1 256"],
    ]
]  # figure 6


def inception_v4(
    classes: int = 1000, *, width: float = 1.0, blocks: tuple[int, int, int] = (4, 7, 3)
) -> Classifier:
    """Inception-v4 for 299 x 299: figure 9, with `blocks` modules of each kind; 20 % dropout.

    The average pools leave the padded zeros out, as TensorFlow's and timm's do.
    """
    tables = dict(STEM)
    for letter, module, number, reduction in zip(
        "abc", (A, B, C), blocks, (REDUCTION_A, REDUCTION_B, None), strict=True
    ):
        tables |= {f"{letter}{i + 1}": module for i in range(number)}
        if reduction:
            tables[f"reduction_{letter}"] = reduction
    style = Style(width, count_zeros=False)
    stages: dict[str, nn.Module] = {}
    channels = 3
    for name, steps in tables.items():
        stages[name], channels = chain(channels, steps, style)
    return Classifier(stages, channels, classes, dropout=0.2)
