"""Networks and weights of timm, from the Hugging Face hub."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import timm
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.data.config import resolve_data_config
from timm.models import (
    PretrainedCfg,
    get_pretrained_cfg,
    is_model,
    list_models,
    list_pretrained,
    load_model_config_from_hf,
)
from torch import nn

from bench.downloads import Bar, shown_downloads
from bench.errors import WeightsError, first_line
from bench.zoo.networks import HUB
from bench.zoo.preprocessing import FITS, Preprocessing
from bench.zoo.weights import fetch_error
from crops import Normalisation

POOL = "global_pool"
"""The module that pools the last feature map."""

DROPOUT = dict.fromkeys(("inception_v3", "inception_v4", "inception_resnet_v2"), 0.2)
"""Share of the last features that training drops: figures 9 and 15 of 1602.07261 keep 0.8.

No paper has it for Inception-v3; the released code keeps as much.
"""


CONFIG = frozenset(item.name for item in fields(PretrainedCfg))
"""What timm knows of weights."""

NOT_OF_A_NETWORK = ("num_classes", "pretrained", "pretrained_cfg", "checkpoint_path", "cache_dir")
"""Arguments of timm's `create_model` that choose weights or outputs, which a repository does not do here."""


class _Repository(NamedTuple):
    """What the config.json of a repository says."""

    config: dict[str, Any]
    """What its weights expect, as timm's `pretrained_cfg`."""
    architecture: str
    arguments: dict[str, Any]
    """Of the architecture's constructor."""


def names() -> Sequence[str]:
    """The networks of timm."""
    return tuple(list_models())


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first. A repository has one set of weights, without one."""
    if architecture.startswith(HUB):
        return ("",)
    names = [name.partition(".")[2] for name in list_pretrained(f"{architecture}.*")]
    default = get_pretrained_cfg(architecture)
    first = default.tag if default else ""
    return tuple(sorted(names, key=lambda tag: tag != first))


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """What timm's validate.py would use for these weights. Raises `WeightsError` for an input that is no
    square.
    """
    config = _config(architecture, tag).to_dict()  # type: ignore[no-untyped-call]
    resolved = resolve_data_config(pretrained_cfg=config, use_test_size=True)  # type: ignore[no-untyped-call]
    _, height, width = resolved["input_size"]
    if width != height:
        raise WeightsError(
            f"the input of timm/{architecture}.{tag} is {height} x {width}: choose another network, "
            "as only square inputs can be evaluated"
        )
    return Preprocessing(
        size=width,
        normalisation=Normalisation(tuple(resolved["mean"]), tuple(resolved["std"])),
        interpolation=resolved["interpolation"],
        crop_pct=resolved["crop_pct"],
        fit=FITS.get(resolved["crop_mode"], "shorter"),
    )


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights. Raises `WeightsError` for a repository that timm cannot build."""
    if not architecture.startswith(HUB):
        return _create(architecture, outputs)
    repository = _repository(architecture)
    try:
        return _create(repository.architecture, outputs, **repository.arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise WeightsError(
            f"{architecture} cannot be built as its config.json says ({first_line(error)})"
        ) from None


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and the dropout of `DROPOUT`; any other network with timm's."""
    if architecture.startswith(HUB):
        return build(architecture, outputs)
    return _create(architecture, outputs, drop_rate=DROPOUT.get(architecture))


def _create(architecture: str, outputs: int, **arguments: Any) -> nn.Module:
    module: nn.Module = timm.create_model(architecture, num_classes=outputs, **arguments)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in the hub's cache, downloaded if it is not there, and its repository.

    A pickle where the repository has no .safetensors. Raises `WeightsError`.
    """
    repository = _config(architecture, tag).hf_hub_id
    if not repository:
        raise WeightsError(f"timm names no hub repository for {architecture}.{tag}: pass --weights FILE")
    source = architecture if architecture.startswith(HUB) else f"hf://{repository}"
    what = f"{repository} from the Hugging Face hub"
    try:
        path = _download(repository, "model.safetensors") or _download(repository, "pytorch_model.bin")
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        raise fetch_error(what, error, "its model.safetensors") from None
    if path is None:
        reason = FileNotFoundError("it has neither model.safetensors nor pytorch_model.bin")
        raise fetch_error(what, reason, "its model.safetensors")
    return path, source


def _config(architecture: str, tag: str) -> PretrainedCfg:
    if architecture.startswith(HUB):
        known = _repository(architecture).config
        return PretrainedCfg(**{name: known[name] for name in CONFIG & known.keys()})
    config = get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture)
    return config or PretrainedCfg()


@cache
def _repository(architecture: str) -> _Repository:
    """What the repository of hf-hub:ORG/NAME says. Raises `WeightsError`."""
    name = architecture.removeprefix(HUB)
    what = f"{name} from the Hugging Face hub"
    try:
        with shown_downloads(name):
            _download(name, "config.json")  # timm then finds it in the cache
            config, known, arguments = load_model_config_from_hf(name)
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{what}: its config.json is not one of a network of timm") from None
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        line = fetch_error(what, error, "its model.safetensors")
        raise WeightsError(f"{line} of --model timm/NAME") from None
    if not is_model(known):
        raise WeightsError(f"{what}: this timm has no network {known!r}")
    allowed = {key: value for key, value in (arguments or {}).items() if key not in NOT_OF_A_NETWORK}
    return _Repository(config, known, allowed)


def _download(repository: str, name: str) -> Path | None:
    """A file of the repository in the hub's cache. None where the repository has no such file."""
    repository, _, revision = repository.partition("@")
    try:
        return Path(hf_hub_download(repository, name, revision=revision or None, tqdm_class=Bar))
    except LocalEntryNotFoundError:  # the hub cannot be reached, and the cache does not have it
        raise
    except EntryNotFoundError:
        return None
