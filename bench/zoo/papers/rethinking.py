"""Inception-v2 and -v3 of "Rethinking the Inception Architecture" (1512.00567), and their variants.

The paper's Table 1 and the released network differ. This module follows the release, since the public weights
are the release's.

    Table 1 prints                     the release has
    3x3 80, 3x3 192 /2, 3x3 288        1x1 80, 3x3 192, a max pool with stride 2
    three modules of figure 5          three, with a 5x5 for one pair of 3x3s; the first has 256 filters
    five modules of figure 6           four

Neither counts the grid reductions. The table gives no filters inside the modules. With the release's (and 128
for the fifth) it makes 25.7 M parameters and 6.4 billion multiply-adds. The paper says less than 25 M and 5
billion. The release has 23.8 M and 5.7.

Table 3 goes from Inception-v2 to -v3 in steps. v2 has a 7x7 stem in place of three factorised 3x3s. The 5x5
of its auxiliary head, which the paper calls fully connected, has no batch normalisation. v3 has the
factorised stem and the normalised head. The 7x7 has stride 2 and no padding here, so that all later stages
have the same sizes. Table 3 gives 3.8 billion multiply-adds with the 7x7 and 4.8 without; the released
modules have 5.3 and 5.7.

The paper's experiments leave some things open.

- Linear factorisation (section 3.1, figure 2). Here the first of each two convolutions that make a larger one
  has no ReLU: of two 3x3, and of a 1x7 and a 7x1. It keeps its batch normalisation. The stem keeps its ReLUs.
- Grid reductions (section 5, figures 9 and 10). All three have the same convolutions, so the same parameters,
  at both reductions. They come beside the pool, after it or before it; then their stride is 1.
- Dropout in the auxiliary head (section 4). It has GoogLeNet's 70 %, before the last layer, and no batch
  normalisation of the 5x5.
- Naive low resolution (section 9). The network of 299 is used as it is, with all its strides, for an input of
  151 or 79.
"""

from dataclasses import replace
from typing import Literal

from torch import nn

from bench.zoo.papers.classifier import AuxiliaryHead, Classifier
from bench.zoo.papers.notation import Branch, Style, chain

Resolution = Literal[299, 151, 79]
"""Side of the input in pixels (section 9). 151 has stride 1 in the first layer; 79 has no first pool either.

The section does not say which stem its networks have. With the factorised one all grids agree from the first
pool on.
"""

Reduction = Literal["parallel", "pool-first", "pool-last"]
"""Where the pool of a grid reduction is (section 5).

It is beside the convolutions (figure 10), before them (figure 9, left: a bottleneck) or after them (figure 9,
right: expensive).
"""


def _module_35(pool: int) -> Branch:
    """Figure 5, for 35 x 35. The release has a 5x5 for one pair of 3x3s.

    `pool` is the number of filters behind the pool.
    """
    return [[["1x1 64"], ["1x1 48", "5x5 64"], ["1x1 64", "3x3 96 F", "3x3 96"], ["avg", f"1x1 {pool}"]]]


def _module_17(inner: int) -> Branch:
    """Figure 6 with n = 7, for 17 x 17. `inner` is the number of filters inside its branches."""
    single: Branch = [f"1x1 {inner}", f"1x7 {inner} F", "7x1 192"]
    double: Branch = [f"1x1 {inner}", f"7x1 {inner} F", f"1x7 {inner}", f"7x1 {inner} F", "1x7 192"]
    return [[["1x1 192"], single, double, ["avg", "1x1 192"]]]


def _module_8(pool: Literal["avg", "max"]) -> Branch:
    """Figure 7, for 8 x 8."""
    wide: list[Branch] = [["1x3 384"], ["3x1 384"]]
    return [[["1x1 320"], ["1x1 384", wide], ["1x1 448", "3x3 384", wide], [pool, "1x1 192"]]]


REDUCTION_17 = [["3x3 384 /2 V"], ["1x1 64", "3x3 96 F", "3x3 96 /2 V"]]
"""The convolutions of figure 10: from 35 x 35 to 17 x 17."""

REDUCTION_8 = [["1x1 192", "3x3 320 /2 V"], ["1x1 192", "1x7 192 F", "7x1 192", "3x3 192 /2 V"]]
"""Those from 17 x 17 to 8 x 8."""


def _reduction(convolutions: list[list[str]], order: Reduction) -> Branch:
    """A grid reduction with these convolutions. Where they have stride 1, their input passes beside them."""
    pool = "max /2 V"
    without = "" if order == "parallel" else " /2 V"
    branches: list[Branch] = [[line.removesuffix(without) for line in branch] for branch in convolutions]
    if order == "parallel":
        return [[*branches, [pool]]]
    return [pool, [*branches, []]] if order == "pool-first" else [[*branches, []], pool]


def inception(
    classes: int = 1000,
    *,
    width: float = 1.0,
    factorised_stem: bool = True,
    auxiliary: bool = True,
    auxiliary_norm: bool = True,
    auxiliary_dropout: float = 0.0,
    linear_factors: bool = False,
    reduction: Reduction = "parallel",
    resolution: Resolution = 299,
    tensorflow: bool = False,
    blocks: tuple[int, int, int] = (3, 4, 2),
) -> Classifier:
    """Inception-v3, or a variant of it.

    Without `factorised_stem` or `auxiliary_norm` it is a row of Table 3, and by `resolution` one of Table 2.
    `auxiliary` says whether it has the head, and `auxiliary_dropout` is the share that is dropped there.
    `width` multiplies the numbers of filters. `blocks` says how many modules for 35 x 35, 17 x 17 and 8 x 8
    to build: the first ones of each. `linear_factors` and `reduction` are for the experiments of sections 3.1
    and 5. `tensorflow` is the form of the graph of 2015-12-05: average pools do not count padded zeros, and
    the last module pools by maximum.
    """
    style = Style(width, count_zeros=not tensorflow, linear_factors=linear_factors)
    stride = " /2" if resolution == 299 else ""
    factorised: Branch = [f"3x3 32{stride} V", "3x3 32 V", "3x3 64"]
    single: Branch = [f"7x7 64{stride} V"]
    modules_35 = {"5b": _module_35(32), "5c": _module_35(64), "5d": _module_35(64)}
    modules_17 = {"6b": _module_17(128), "6c": _module_17(160), "6d": _module_17(160), "6e": _module_17(192)}
    modules_8 = {"7b": _module_8("avg"), "7c": _module_8("max" if tensorflow else "avg")}
    tables: dict[str, Branch] = {
        "stem": factorised if factorised_stem else single,
        "pool1": [] if resolution == 79 else ["max /2 V"],
        "conv": ["1x1 80", "3x3 192 V"],
        "pool2": ["max /2 V"],
        **_first(blocks[0], modules_35),
        "6a": _reduction(REDUCTION_17, reduction),
        **_first(blocks[1], modules_17),
        "7a": _reduction(REDUCTION_8, reduction),
        **_first(blocks[2], modules_8),
    }
    head_stage = list(modules_17)[blocks[1] - 1]
    stages: dict[str, nn.Module] = {}
    heads: dict[str, nn.Module] = {}
    channels = 3
    for name, steps in tables.items():
        stages[name], channels = chain(channels, steps, style)
        if name == head_stage:
            heads[name] = _auxiliary_head(channels, classes, style, auxiliary_norm, auxiliary_dropout)
    # The head is made in any case: so the other weights of one seed are the same with and without it.
    return Classifier(stages, channels, classes, dropout=0.2, auxiliary=heads if auxiliary else None)


def _first(number: int, modules: dict[str, Branch]) -> dict[str, Branch]:
    return dict(list(modules.items())[:number])


def _auxiliary_head(channels: int, classes: int, style: Style, norm: bool, dropout: float) -> AuxiliaryHead:
    """The head after the last module for 17 x 17 (figure 8); with `norm` its 5x5 is batch-normalised, too."""
    first, inner = chain(channels, ["1x1 128"], style)
    second, outputs = chain(inner, ["5x5 768 V"], replace(style, batch_norm=norm))
    return AuxiliaryHead(nn.Sequential(first, second), outputs, classes, grid=5, dropout=dropout)
