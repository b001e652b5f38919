"""Networks and weights of pytorchcv (osmr), which alone has BN-Inception and Inception-ResNet-v1. Needs the extra."""

from pathlib import Path

from torch import nn

from bench.errors import UsageError, WeightsError
from bench.zoo.networks import unknown
from bench.zoo.preprocessing import Preprocessing
from crops.dialects import IMAGENET

try:
    from pytorchcv.model_provider import _models, get_model
    from pytorchcv.models.common.model_store import get_model_file, get_model_metainfo_dict
except ImportError:
    raise UsageError(
        "this network needs the `pytorchcv` library: pip install 'inception-bench[pytorchcv]'"
    ) from None

POOL = "features.final_pool"
"""The module that pools the last feature map."""


def tags(architecture: str) -> tuple[str, ...]:
    """One tag, `osmr`, where pytorchcv has ImageNet weights."""
    return ("osmr",) if architecture in get_model_metainfo_dict() else ()


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """osmr's: ImageNet's normalisation, bilinear, and the input's share of the resized image."""
    _check(architecture)
    size = getattr(get_model(architecture), "in_size", (224, 224))[0]
    return Preprocessing(size, IMAGENET, "bilinear", crop_pct=0.875)


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights."""
    _check(architecture)
    module: nn.Module = get_model(architecture, num_classes=outputs)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in pytorchcv's cache, downloaded if it is not there, and where it is from."""
    try:
        path = Path(get_model_file(architecture))
    except Exception as error:  # noqa: BLE001 - the library lets every client's error through
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"cannot fetch pytorchcv's {architecture} ({reason}): bring its .pth here and pass it as --weights"
        ) from None
    return path, f"pytorchcv {path.stem}"


def _check(architecture: str) -> None:
    if architecture not in _models:
        raise unknown("network", f"pytorchcv/{architecture}", tuple(f"pytorchcv/{name}" for name in _models))
