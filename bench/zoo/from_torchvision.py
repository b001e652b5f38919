"""Networks and weights of torchvision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torchvision.models
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from bench.zoo.preprocessing import Preprocessing
from bench.zoo.weights import download
from crops import Normalisation

POOL = "avgpool"
"""The module that pools the last feature map."""


def names() -> Sequence[str]:
    """The classifiers of torchvision."""
    return tuple(list_models(torchvision.models))


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
    weights = get_model_weights(architecture)
    default = getattr(weights, "DEFAULT", None)
    names = weights.__members__.keys() - {"DEFAULT"}
    return tuple(sorted(names, key=lambda tag: default is None or weights[tag] is not default))


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """That of the weights' own transforms."""
    weights = get_model_weights(architecture)
    transforms = (weights[tag] if tag else weights["DEFAULT"]).transforms()
    size = transforms.crop_size[0]
    return Preprocessing(
        size=size,
        normalisation=Normalisation(tuple(transforms.mean), tuple(transforms.std)),
        interpolation=transforms.interpolation.value,
        crop_pct=size / transforms.resize_size[0],
    )


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights.

    GoogLeNet and Inception-v3 take ImageNet's normalisation, and turn it into their own.
    """
    return _build(architecture, outputs)


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """As `build`; GoogLeNet drops 40 % of its features (1409.4842, section 5) for torchvision's 20 %."""
    options = {"dropout": 0.4} if architecture == "googlenet" else {}
    return _build(architecture, outputs, **options)


def _build(architecture: str, outputs: int, **options: Any) -> nn.Module:
    if architecture in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False, "transform_input": True}
    module: nn.Module = get_model(architecture, weights=None, num_classes=outputs, **options)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in torch's cache, downloaded if it is not there, and its address.

    Raises `WeightsError`.
    """
    url: str = get_model_weights(architecture)[tag].url
    return download(url), url
