"""Inception-ResNet-v1 and -v2 (1602.07261, figures 10 to 19).

`V1` and `V2_DRAWN` are as drawn, `V2` is as its authors released it: twice as many modules behind the stem of
Inception-v3 and one of its modules, and a 1x1 convolution before the average. The network that the paper
draws costs a quarter less than the Inception-v4 that it is said to match. So the paper's errors must belong
to the released network.

The linear 1x1 convolution at the end of each module has a bias and no normalisation. It returns as many
channels as it adds to: 1152 and 2144 in `V2_DRAWN`, where figures 17 and 19 print 1154 and 2048. No ReLU
follows the last module of `V2`, as released.
"""

from dataclasses import dataclass, replace

from torch import nn

from bench.zoo.papers import inception_v4
from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.notation import Branch, Style, chain, residual


@dataclass(frozen=True)
class Design:
    """The tables of one version, in the notation of `bench.zoo.papers.notation`."""

    stem: Branch
    """What comes before the first module."""

    modules: dict[str, list[Branch]]
    """The branches of the modules `a`, `b` and `c`, without the 1x1 convolution at their end."""

    reductions: dict[str, Branch]
    """What follows the modules `a` and the modules `b`."""

    blocks: tuple[int, int, int]
    """How many modules `a`, `b` and `c` the network has."""

    scales: tuple[float, float, float]
    """What the residual of each kind of module is multiplied by (section 3.3)."""

    last: Branch
    """What comes after the last module, before the average."""

    last_is_linear: bool
    """Whether the last module has neither a scale nor a ReLU."""


V1 = Design(
    stem=["3x3 32 /2 V", "3x3 32 V", "3x3 64", "max /2 V",  # figure 14
          "1x1 80", "3x3 192 V", "3x3 256 /2 V"],
    modules={
        "a": [["1x1 32"], ["1x1 32", "3x3 32"], ["1x1 32", "3x3 32", "3x3 32"]],  # figure 10
        "b": [["1x1 128"], ["1x1 128", "1x7 128", "7x1 128"]],  # figure 11
        "c": [["1x1 192"], ["1x1 192", "1x3 192", "3x1 192"]],  # figure 13
    },
    reductions={  # figure 7 with table 1's numbers, and figure 12
        "a": [[["max /2 V"], ["3x3 384 /2 V"], ["1x1 192", "3x3 192", "3x3 256 /2 V"]]],
        "b": [[["max /2 V"], ["1x1 256", "3x3 384 /2 V"], ["1x1 256", "3x3 256 /2 V"],
               ["1x1 256", "3x3 256", "3x3 256 /2 V"]]],
    },
    blocks=(5, 10, 5),
    scales=(0.17, 0.1, 0.2),
    last=[],
    last_is_linear=False,
)  # fmt: skip
V2 = Design(
    stem=["3x3 32 /2 V", "3x3 32 V", "3x3 64", "max /2 V", "1x1 80", "3x3 192 V", "max /2 V",
          [["1x1 96"], ["1x1 48", "5x5 64"], ["1x1 64", "3x3 96", "3x3 96"], ["avg", "1x1 64"]]],
    modules={
        "a": [["1x1 32"], ["1x1 32", "3x3 32"], ["1x1 32", "3x3 48", "3x3 64"]],  # figure 16
        "b": [["1x1 192"], ["1x1 128", "1x7 160", "7x1 192"]],  # figure 17
        "c": [["1x1 192"], ["1x1 192", "1x3 224", "3x1 256"]],  # figure 19
    },
    reductions={  # figure 7 with table 1's numbers, and figure 18
        "a": [[["3x3 384 /2 V"], ["1x1 256", "3x3 256", "3x3 384 /2 V"], ["max /2 V"]]],
        "b": [[["1x1 256", "3x3 384 /2 V"], ["1x1 256", "3x3 288 /2 V"],
               ["1x1 256", "3x3 288", "3x3 320 /2 V"], ["max /2 V"]]],
    },
    blocks=(10, 20, 10),
    scales=(0.17, 0.1, 0.2),
    last=["1x1 1536"],
    last_is_linear=True,
)  # fmt: skip
V2_DRAWN = replace(
    V2,
    stem=[step for steps in inception_v4.STEM.values() for step in steps],  # figure 3
    blocks=(5, 10, 5),  # figure 15
    last=[],
    last_is_linear=False,
)
UNSCALED = (1.0, 1.0, 1.0)
"""Scales for residuals that are added as they are.

By section 3.3 networks with more than 1000 filters then become unstable, and die early in the training.
"""


def inception_resnet(
    version: Design,
    classes: int = 1000,
    *,
    width: float = 1.0,
    blocks: tuple[int, int, int] | None = None,
    scales: tuple[float, float, float] | None = None,
) -> Classifier:
    """`V1`, `V2` or `V2_DRAWN` for 299 x 299. `width` multiplies its numbers of filters.

    `blocks` and `scales` replace those of `version`. Section 3.3 recommends scales between 0.1 and 0.3.
    """
    style = Style(width, count_zeros=False)
    stages: dict[str, nn.Module] = {}
    stages["stem"], channels = chain(3, version.stem, style)
    for letter, number, scale in zip("abc", blocks or version.blocks, scales or version.scales, strict=True):
        for i in range(1, number + 1):
            is_linear = version.last_is_linear and letter == "c" and i == number
            stages[f"{letter}{i}"] = residual(
                channels, version.modules[letter], style, 1.0 if is_linear else scale, linear=is_linear
            )
        if letter in version.reductions:
            stages[f"reduction_{letter}"], channels = chain(channels, version.reductions[letter], style)
    if version.last:
        stages["last"], channels = chain(channels, version.last, style)
    return Classifier(stages, channels, classes, dropout=0.2)
