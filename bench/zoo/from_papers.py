"""The papers' networks that no library keeps, built here from the papers' tables."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from bench import mini
from bench.errors import WeightsError
from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.inception_resnet import V1, V2, inception_resnet
from bench.zoo.papers.inception_v4 import inception_v4
from bench.zoo.papers.rethinking import inception
from bench.zoo.preprocessing import Preprocessing
from crops.dialects import HALF

POOL = "pool"
"""The module that pools the last feature map."""

ARCHITECTURES: dict[str, tuple[Callable[..., Classifier], int]] = {
    "googlenet": (googlenet, 224),
    "googlenet-separable": (partial(googlenet, separable=True), 224),
    "bn-googlenet": (partial(googlenet, batch_norm=True), 224),
    "inception-v2": (partial(inception, factorised_stem=False, auxiliary_norm=False), 299),
    "inception-v2-factorised": (partial(inception, auxiliary_norm=False), 299),
    "inception-v2-bn-auxiliary": (partial(inception, factorised_stem=False), 299),
    "inception-v3": (inception, 299),
    "inception-v2-151": (partial(inception, auxiliary_norm=False, resolution=151), 151),
    "inception-v2-79": (partial(inception, auxiliary_norm=False, resolution=79), 79),
    "inception-v3-2015": (partial(inception, tensorflow=True), 299),
    "inception-resnet-v1": (partial(inception_resnet, V1), 299),
    "mini-bn-googlenet": (partial(googlenet, batch_norm=True, width=0.22), 64),
    "mini-inception-v3": (partial(inception, width=0.165, blocks=(2, 2, 1)), 80),
    "mini-inception-v4": (partial(inception_v4, width=0.125, blocks=(2, 3, 1)), 80),
    "mini-inception-resnet-v2": (partial(inception_resnet, V2, width=0.125, blocks=(2, 4, 2)), 80),
}
"""Name -> what builds it from a number of classes, and its input in pixels."""

GRAPH_OF_2015 = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
"""The public PyTorch port of the graph that TensorFlow published on 2015-12-05, made for the Frechet inception distance."""


def tags(architecture: str) -> tuple[str, ...]:
    """Inception-v3 takes timm's weights; the form of 2015-12-05 has its own; those of the mini networks come along."""
    if architecture.startswith("mini-"):
        return ("mini",)
    if architecture == "inception-v3":
        from bench.zoo import from_timm  # which takes seconds, for this network alone

        return from_timm.tags("inception_v3")
    return ("2015-12-05",) if architecture == "inception-v3-2015" else ()


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """[-1, 1] and bicubic, unless the weights are timm's and say otherwise."""
    if architecture == "inception-v3" and tag:
        from bench.zoo import from_timm

        return from_timm.preprocessing("inception_v3", tag)
    return Preprocessing(ARCHITECTURES[architecture][1], HALF, "bicubic", crop_pct=0.875)


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and without its auxiliary heads, which evaluation does not use."""
    module = build_for_training(architecture, outputs)
    module.auxiliary = nn.ModuleDict()
    return module


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and its auxiliary heads."""
    return ARCHITECTURES[architecture][0](outputs)


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in its cache, downloaded if it is not there, and where it is from."""
    if architecture == "inception-v3":
        from bench.zoo import from_timm

        return from_timm.fetch("inception_v3", tag)
    if tag == "mini":
        return mini.FOLDER / f"{architecture}.safetensors", "bench/mini"
    try:
        torch.hub.load_state_dict_from_url(GRAPH_OF_2015, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"cannot fetch {GRAPH_OF_2015} ({error}): bring the file here and pass it as --weights"
        ) from None
    return Path(torch.hub.get_dir(), "checkpoints", Path(GRAPH_OF_2015).name), GRAPH_OF_2015
