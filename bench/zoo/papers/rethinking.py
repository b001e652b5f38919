"""Inception-v2 and -v3 of "Rethinking the Inception Architecture" (1512.00567), and their forms.

The paper's Table 1 and the released network differ: the table has three 3x3 convolutions after the first pool and an
output of 8x8x1280 between the last two modules, the release a 1x1 and a 3x3 convolution and the figures' modules. The
release is followed, as its weights are what exists. Rows of Table 3: with a 7x7 stem in place of the factorised 3x3s
and an auxiliary head whose 5x5, its "fully connected" layer, is not batch-normalised it is Inception-v2; the factorised
stem, and then the normalised head, make it Inception-v3. The 7x7 has stride 2 and no padding, so that all that follows
has the same sizes. Table 3 gives 3.8 billion multiply-adds with the 7x7 and 4.8 without; counted, the released modules
have 5.3 and 5.7.
"""

from dataclasses import replace
from typing import Literal

from torch import nn

from bench.zoo.papers.classifier import AuxiliaryHead, Classifier
from bench.zoo.papers.notation import Branch, Style, chain

Resolution = Literal[299, 151, 79]
"""Section 9: 299 as usual; 151 with stride 1 in the first layer; 79 with that and without the first pool.

Which stem its networks had is not said; with the factorised one the grids agree from the first pool on."""


def _a(pool: int) -> Branch:
    """Figure 5, for 35 x 35; the release has 5x5 for one of its 3x3 pairs."""
    return [[["1x1 64"], ["1x1 48", "5x5 64"], ["1x1 64", "3x3 96", "3x3 96"], ["avg", f"1x1 {pool}"]]]


def _b(inner: int) -> Branch:
    """Figure 6 with n = 7, for 17 x 17."""
    sevens = [f"1x1 {inner}", f"1x7 {inner}", "7x1 192"]
    double = [f"1x1 {inner}", f"7x1 {inner}", f"1x7 {inner}", f"7x1 {inner}", "1x7 192"]
    return [[["1x1 192"], [*sevens], [*double], ["avg", "1x1 192"]]]


def _c(pool: str) -> Branch:
    """Figure 7, for 8 x 8."""
    wide: list[Branch] = [["1x3 384"], ["3x1 384"]]
    return [[["1x1 320"], ["1x1 384", wide], ["1x1 448", "3x3 384", wide], [pool, "1x1 192"]]]


GRID_17: Branch = [[["3x3 384 /2 V"], ["1x1 64", "3x3 96", "3x3 96 /2 V"], ["max /2 V"]]]
"""Figure 10: the reduction to 17 x 17."""

GRID_8: Branch = [
    [["1x1 192", "3x3 320 /2 V"], ["1x1 192", "1x7 192", "7x1 192", "3x3 192 /2 V"], ["max /2 V"]]
]
"""The reduction to 8 x 8."""


def inception(
    classes: int = 1000,
    *,
    width: float = 1.0,
    factorised_stem: bool = True,
    auxiliary_norm: bool = True,
    resolution: Resolution = 299,
    tensorflow: bool = False,
    blocks: tuple[int, int, int] = (3, 4, 2),
) -> Classifier:
    """Inception-v3, or a row of Table 3 without `factorised_stem` or `auxiliary_norm`, or a row of Table 2.

    `tensorflow` is the form of the graph of 2015-12-05: average pools leave the padded zeros out, and the last module
    pools by maximum. `blocks` are the first so many modules of each kind, for networks smaller than the paper's.
    """
    style = Style(width, count_zeros=not tensorflow)
    stride = " /2" if resolution == 299 else ""
    factorised: Branch = [f"3x3 32{stride} V", "3x3 32 V", "3x3 64"]
    single: Branch = [f"7x7 64{stride} V"]
    tables: dict[str, Branch] = {
        "stem": factorised if factorised_stem else single,
        "pool1": [] if resolution == 79 else ["max /2 V"],
        "conv": ["1x1 80", "3x3 192 V"],
        "pool2": ["max /2 V"],
    }
    grids: list[dict[str, Branch]] = [
        {"5b": _a(32), "5c": _a(64), "5d": _a(64)},
        {"6b": _b(128), "6c": _b(160), "6d": _b(160), "6e": _b(192)},
        {"7b": _c("avg"), "7c": _c("max" if tensorflow else "avg")},
    ]
    for reduction, modules, number in zip(({}, {"6a": GRID_17}, {"7a": GRID_8}), grids, blocks, strict=True):
        tables |= reduction | dict(list(modules.items())[:number])
    before_head = list(grids[1])[blocks[1] - 1]
    stages: dict[str, nn.Module] = {}
    heads: dict[str, nn.Module] = {}
    channels = 3
    for name, steps in tables.items():
        stages[name], channels = chain(channels, steps, style)
        if name == before_head:
            first, depth = chain(channels, ["1x1 128"], style)
            second, depth = chain(depth, ["5x5 768 V"], replace(style, batch_norm=auxiliary_norm))
            heads[name] = AuxiliaryHead(nn.Sequential(first, second), depth, classes)
    return Classifier(stages, channels, classes, dropout=0.2, auxiliary=heads)
