"""Networks and weights of timm, from the Hugging Face hub."""

from collections.abc import Sequence
from pathlib import Path

import timm
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.data.config import resolve_data_config
from timm.models import PretrainedCfg, get_pretrained_cfg, list_models, list_pretrained
from torch import nn

from bench.errors import WeightsError
from bench.zoo.preprocessing import Preprocessing
from bench.zoo.weights import fetch_error
from crops import Normalisation
from crops.lattice import Fit

POOL = "global_pool"
"""The module that pools the last feature map."""

FITS: dict[str, Fit] = {"squash": "both", "border": "longer"}
"""Which sides of an image timm's crop modes resize; all others resize the shorter one."""

DROPOUT = dict.fromkeys(("inception_v3", "inception_v4", "inception_resnet_v2"), 0.2)
"""Share of the last features that training drops: figures 9 and 15 of 1602.07261 keep 0.8.

No paper has it for Inception-v3; the released code keeps as much.
"""


def names() -> Sequence[str]:
    """The networks of timm."""
    return tuple(list_models())


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
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
    """The network with random weights."""
    module: nn.Module = timm.create_model(architecture, num_classes=outputs)
    return module


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and the dropout of `DROPOUT`; any other network with timm's."""
    module: nn.Module = timm.create_model(
        architecture, num_classes=outputs, drop_rate=DROPOUT.get(architecture)
    )
    return module


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file in the hub's cache, downloaded if it is not there, and its repository.

    A pickle where the repository has no .safetensors. Raises `WeightsError`.
    """
    repository = _config(architecture, tag).hf_hub_id
    if not repository:
        raise WeightsError(f"timm names no hub repository for {architecture}.{tag}: pass --weights FILE")
    what = f"{repository} from the Hugging Face hub"
    try:
        path = _download(repository, "model.safetensors") or _download(repository, "pytorch_model.bin")
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        raise fetch_error(what, error, "its model.safetensors") from None
    if path is None:
        reason = FileNotFoundError("it has neither model.safetensors nor pytorch_model.bin")
        raise fetch_error(what, reason, "its model.safetensors")
    return path, f"hf://{repository}"


def _config(architecture: str, tag: str) -> PretrainedCfg:
    config = get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture)
    return config or PretrainedCfg()


def _download(repository: str, name: str) -> Path | None:
    """A file of the repository in the hub's cache. None where the repository has no such file."""
    try:
        return Path(hf_hub_download(repository, name))
    except LocalEntryNotFoundError:  # the hub cannot be reached, and the cache does not have it
        raise
    except EntryNotFoundError:
        return None
