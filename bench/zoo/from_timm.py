"""Networks and weights of timm, from the Hugging Face hub."""

from pathlib import Path

import timm
from timm.data.config import resolve_data_config
from timm.models import PretrainedCfg, get_pretrained_cfg, list_models, list_pretrained
from torch import nn

from bench.errors import WeightsError
from bench.zoo.networks import unknown
from bench.zoo.preprocessing import Preprocessing
from crops import Normalisation

POOL = "global_pool"
"""The module that pools the last feature map."""


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
    names = list_pretrained(f"{architecture}.*")
    default = get_pretrained_cfg(architecture)
    first = default.tag if default else ""
    return tuple(sorted((name.partition(".")[2] for name in names), key=lambda tag: tag != first))


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """As timm's validate.py resolves it for these weights."""
    config = _config(architecture, tag).to_dict()  # type: ignore[no-untyped-call]
    resolved = resolve_data_config(pretrained_cfg=config, use_test_size=True)  # type: ignore[no-untyped-call]
    return Preprocessing(
        size=resolved["input_size"][-1],
        normalisation=Normalisation(tuple(resolved["mean"]), tuple(resolved["std"])),
        interpolation=resolved["interpolation"],
        crop_pct=resolved["crop_pct"],
        squash=resolved["crop_mode"] == "squash",
    )


def _config(architecture: str, tag: str) -> PretrainedCfg:
    config = get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture)
    return config or PretrainedCfg()


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights."""
    if architecture not in list_models():
        raise unknown("network", f"timm/{architecture}", tuple(f"timm/{name}" for name in list_models()))
    module: nn.Module = timm.create_model(architecture, num_classes=outputs)
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in the hub's cache, downloaded if it is not there, and where it is from."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    hub_id = _config(architecture, tag).hf_hub_id
    if not hub_id:
        raise WeightsError(f"timm names no hub repository for {architecture}.{tag}: pass --weights FILE")
    try:
        try:
            return Path(hf_hub_download(hub_id, "model.safetensors")), f"hf://{hub_id}"
        except EntryNotFoundError as error:
            if isinstance(error, LocalEntryNotFoundError):  # the hub could not be asked
                raise
            return Path(hf_hub_download(hub_id, "pytorch_model.bin")), f"hf://{hub_id}"
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"cannot fetch {hub_id} from the hub ({reason}): bring its model.safetensors here and pass it as --weights"
        ) from None
