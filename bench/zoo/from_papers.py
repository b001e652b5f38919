"""The papers' networks that no library has, built here from the papers' tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from bench import mini
from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.inception_resnet import V1, V2, inception_resnet
from bench.zoo.papers.inception_v4 import inception_v4
from bench.zoo.papers.rethinking import inception
from bench.zoo.preprocessing import Preprocessing
from bench.zoo.weights import download
from crops.normalisation import HALF

POOL = "pool"
"""The module that pools the last feature map."""


@dataclass(frozen=True)
class Architecture:
    """One of the networks that are built here."""

    build: Callable[[int], Classifier]
    """From a number of classes to the network with its auxiliary heads."""

    size: int
    """Side of the input in pixels."""


ARCHITECTURES = {
    "googlenet": Architecture(googlenet, 224),
    "googlenet-separable": Architecture(partial(googlenet, separable=True), 224),
    "googlenet-wide": Architecture(partial(googlenet, width=1.25), 224),
    "bn-googlenet": Architecture(partial(googlenet, batch_norm=True), 224),
    "inception-v2": Architecture(partial(inception, factorised_stem=False, auxiliary_norm=False), 299),
    "inception-v2-factorised": Architecture(partial(inception, auxiliary_norm=False), 299),
    "inception-v2-bn-auxiliary": Architecture(partial(inception, factorised_stem=False), 299),
    "inception-v3": Architecture(inception, 299),
    "inception-v2-151": Architecture(partial(inception, auxiliary_norm=False, resolution=151), 151),
    "inception-v2-79": Architecture(partial(inception, auxiliary_norm=False, resolution=79), 79),
    "inception-v3-2015": Architecture(partial(inception, tensorflow=True), 299),
    "inception-resnet-v1": Architecture(partial(inception_resnet, V1), 299),
    "mini-bn-googlenet": Architecture(partial(googlenet, batch_norm=True, width=0.22), 64),
    "mini-inception-v3": Architecture(partial(inception, width=0.165, blocks=(2, 2, 1)), 80),
    "mini-inception-v4": Architecture(partial(inception_v4, width=0.125, blocks=(2, 3, 1)), 80),
    "mini-inception-resnet-v2": Architecture(
        partial(inception_resnet, V2, width=0.125, blocks=(2, 4, 2)), 80
    ),
}

TIMM_V3 = "inception_v3"
"""timm's name of Inception-v3, whose weights `inception-v3` takes."""

GRAPH_OF_2015 = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
"""The public PyTorch port of the graph that TensorFlow published on 2015-12-05.

It was made for the Frechet inception distance.
"""


def names() -> Sequence[str]:
    """The networks that are built here."""
    return tuple(ARCHITECTURES)


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
    if architecture.startswith("mini-"):
        return ("mini",)
    if architecture == "inception-v3":
        from bench.zoo import from_timm  # takes seconds, and only this network needs it

        return from_timm.tags(TIMM_V3)
    return ("2015-12-05",) if architecture == "inception-v3-2015" else ()


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """Levels from -1 to 1, bicubic, and a crop of 0.875; for weights of timm what timm says."""
    if architecture == "inception-v3" and tag:
        from bench.zoo import from_timm

        return from_timm.preprocessing(TIMM_V3, tag)
    return Preprocessing(ARCHITECTURES[architecture].size, HALF, "bicubic", crop_pct=0.875)


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and without its auxiliary heads, which evaluation does not use."""
    module = ARCHITECTURES[architecture].build(outputs)
    module.auxiliary = nn.ModuleDict()
    return module


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and its auxiliary heads.

    The mini networks have none: their maps are smaller than the 5x5 pool that a head begins with.
    """
    if architecture.startswith("mini-"):
        return build(architecture, outputs)
    return ARCHITECTURES[architecture].build(outputs)


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file, downloaded if it is not in a cache, and where it is from. Raises `WeightsError`."""
    if architecture == "inception-v3":
        from bench.zoo import from_timm

        return from_timm.fetch(TIMM_V3, tag)
    if tag == "mini":
        return mini.FOLDER / f"{architecture}.safetensors", "bench/mini"
    return download(GRAPH_OF_2015), GRAPH_OF_2015
