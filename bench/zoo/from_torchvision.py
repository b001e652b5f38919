"""Networks and weights of torchvision."""

from pathlib import Path
from typing import Any

import torch
import torchvision.models
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from bench.errors import WeightsError
from bench.zoo.networks import unknown
from bench.zoo.preprocessing import Preprocessing
from crops import Normalisation

POOL = "avgpool"
"""The module that pools the last feature map."""


def _weights(architecture: str) -> Any:
    if architecture not in list_models(torchvision.models):
        raise unknown(
            "network",
            f"torchvision/{architecture}",
            tuple(f"torchvision/{name}" for name in list_models(torchvision.models)),
        )
    return get_model_weights(architecture)


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
    weights = _weights(architecture)
    default = getattr(weights, "DEFAULT", None)
    return tuple(
        sorted(
            weights.__members__.keys() - {"DEFAULT"},
            key=lambda tag: default is None or weights[tag] is not default,
        )
    )


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """As the weights' own transforms have it."""
    weights = _weights(architecture)
    transforms = (weights[tag] if tag else weights["DEFAULT"]).transforms()
    size = transforms.crop_size[0]
    return Preprocessing(
        size=size,
        normalisation=Normalisation(tuple(transforms.mean), tuple(transforms.std)),
        interpolation=transforms.interpolation.value,
        crop_pct=size / transforms.resize_size[0],
    )


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights; GoogLeNet and Inception-v3 turn ImageNet's normalisation into their own."""
    _weights(architecture)
    options: dict[str, Any] = {"num_classes": outputs}
    if architecture in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False, "transform_input": True}
    module: nn.Module = get_model(architecture, weights=None, **options)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in torch's cache, downloaded if it is not there, and where it is from."""
    weights = _weights(architecture)[tag]
    try:
        weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"cannot fetch {weights.url} ({error}): bring the file here and pass it as --weights"
        ) from None
    return Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name), weights.url
