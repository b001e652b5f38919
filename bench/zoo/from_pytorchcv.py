"""Networks and weights of pytorchcv (osmr), the only library with BN-Inception and Inception-ResNet-v1.

Importing this needs the extra `pytorchcv`, and raises `UsageError` without it.
"""

import csv
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from torch import nn

from bench.downloads import fetch_file
from bench.errors import UsageError
from bench.zoo.preprocessing import Preprocessing
from bench.zoo.weights import fetch_error
from crops.normalisation import IMAGENET

try:
    from pytorchcv.model_provider import _models, get_model
    from pytorchcv.models.common.model_store import (
        get_model_file,
        get_model_metainfo_dict,
        get_model_metainfos_file_path,
        get_model_name_suffix_data,
        imgclsmob_repo_url,
    )
except ImportError:
    raise UsageError(
        "this network needs the `pytorchcv` library: pip install 'inception-bench[pytorchcv]'"
    ) from None

CACHE = Path("~/.torch/models")
"""Where pytorchcv keeps its weights."""

POOL = "features.final_pool"
"""The module that pools the last feature map."""


def names() -> Sequence[str]:
    """The networks of pytorchcv."""
    return tuple(_models)


def tags(architecture: str) -> tuple[str, ...]:
    """One tag, `osmr`, where pytorchcv has ImageNet weights."""
    return ("osmr",) if architecture in get_model_metainfo_dict() else ()


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """ImageNet's normalisation and bilinear, osmr's for all networks, with the size and the share of the crop
    that its list of weights has, or else with a share of 0.875.
    """
    if architecture in _listed_crops():
        size, crop_pct = _listed_crops()[architecture]
        return Preprocessing(size, IMAGENET, "bilinear", crop_pct)
    size = getattr(get_model(architecture), "in_size", (224, 224))[0]
    return Preprocessing(size, IMAGENET, "bilinear", crop_pct=0.875)


@cache
def _listed_crops() -> dict[str, tuple[int, float]]:
    """Size and share of the crop by the network's name, where pytorchcv's list of weights has both."""
    with Path(get_model_metainfos_file_path()).open(encoding="utf-8", newline="") as file:
        return {
            row["model_name"]: (int(row["img_size"]), float(row["img_scale"]))
            for row in csv.DictReader(file)
            if row["test_dataset"] == "in1k" and row["img_size"] != "NA"
        }


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights."""
    module: nn.Module = get_model(architecture, num_classes=outputs)
    return module


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """As `build`; Inception-ResNet-v1 drops 20 % of its features (1602.07261, figure 15) for osmr's 60 %."""
    options = {"dropout_prob": 0.2} if architecture == "inceptionresnetv1" else {}
    module: nn.Module = get_model(architecture, num_classes=outputs, **options)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in pytorchcv's cache, downloaded if it is not there, and its name.

    Raises `WeightsError`.
    """
    try:
        _fetch_archive(architecture)
        path = Path(get_model_file(architecture, str(CACHE)))
    except Exception as error:  # noqa: BLE001 - the library lets every client's error through
        raise fetch_error(f"pytorchcv's {architecture} from github.com", error, "its .pth") from None
    return path, f"pytorchcv {path.stem}"


def _fetch_archive(architecture: str) -> None:
    """Fetch the weights to where `get_model_file` looks for them, since pytorchcv shows no progress."""
    error, sha1, release = get_model_name_suffix_data(architecture)
    path = CACHE.expanduser() / f"{architecture}-{error}-{sha1[:8]}.pth"
    if path.exists():
        return
    archive = path.with_name(f"{path.name}.zip")
    fetch_file(f"{imgclsmob_repo_url}/releases/download/{release}/{archive.name}", archive)
    shutil.unpack_archive(archive, path.parent)
    archive.unlink()
