"""Checkpoints: read in the safe mode, fitted name by name, and identified by their hash."""

import hashlib
import inspect
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.data.file_names import first_of
from bench.errors import WeightsError

State = dict[str, Tensor]
ENDINGS = (".safetensors", ".pth", ".pt", ".bin")
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.", "auxiliary.")
"""Heads that checkpoints carry for training, torchvision's and ours; evaluation does without."""


@dataclass(frozen=True)
class Weights:
    """Where a network's weights are from: the tag, if they were fetched by one, the file and its sha256."""

    tag: str
    source: str
    sha256: str


def read(path: Path) -> State:
    """The tensors of a checkpoint by name. Runs no code of the file's. Raises `WeightsError`."""
    if path.suffix not in ENDINGS:
        raise WeightsError(
            f"{path} is no checkpoint that is read here: its name should end in {', '.join(ENDINGS)}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # torch wonders at foreign pickles; what matters of that becomes an error
            state = _load(path)
    except FileNotFoundError:
        raise WeightsError(f"no weights at {path}: there is no such file") from None
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a whole .safetensors file ({error}): fetch it again") from None
    except Exception as error:  # noqa: BLE001 - a broken pickle can raise anything
        if "Unsupported global" in str(error) or "Unsupported class" in str(error):
            raise WeightsError(
                f"{path} is a pickle with code in it, which is not run: save its state_dict() as .safetensors"
            ) from None
        no_pickle = "weights_only" in str(error)  # of which torch says much that does not help
        reason = (
            "no pickle of tensors" if no_pickle else (str(error).splitlines() or [type(error).__name__])[0]
        )
        raise WeightsError(f"{path} cannot be read as a checkpoint ({reason}): fetch it again") from None
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"{path} has no tensors: save the network's state_dict()")
    if broken := [
        name for name, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()
    ]:
        raise WeightsError(
            f"{path}: {first_of(broken)} not finite (NaN or infinity): the training diverged, take another checkpoint"
        )
    return tensors


def _load(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        return {
            re.sub(r"^(module|_orig_mod)\.", "", name): value for name, value in load_file(path).items()
        }  # wrappers' prefixes
    from timm.models import load_state_dict

    return dict(load_state_dict(str(path), weights_only=True))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def verify(path: Path, digest: str) -> None:
    """Raise `WeightsError` where the name of a fetched file has its hash, as caches of hubs have it, and the hash is another."""
    blob = path.resolve().name
    named = re.search(r"-([0-9a-f]{8,64})\.\w+$", path.name)
    expected = blob if re.fullmatch(r"[0-9a-f]{64}", blob) else named[1] if named else ""
    if not digest.startswith(expected) and not _sha1(path).startswith(
        expected
    ):  # which pytorchcv's names have
        raise WeightsError(
            f"{path} is damaged, its sha256 is {digest[:8]}..., not {expected[:8]}...: delete it, and it is fetched again"
        )


def named_for(module: nn.Module, state: State) -> State:
    """`state` under the names of `module`, as far as they can be told, and without auxiliary heads."""
    expected = module.state_dict().keys()
    state = {
        name: value for name, value in state.items() if name in expected or not name.startswith(AUXILIARY)
    }
    rename = getattr(inspect.getmodule(type(module)), "checkpoint_filter_fn", None)
    if rename and state.keys() != expected:  # timm's hook for the names of earlier or foreign checkpoints
        state = rename(state, module)
    return state


def fit(module: nn.Module, state: State, path: Path) -> None:
    """Load `state` into `module`, all of it and nothing else. Raises `WeightsError` that names what does not fit."""
    expected = module.state_dict()
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    left_over = [name for name in state if name not in expected]
    shapes = [
        f"{name} is {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    faults = [
        f"{len(names)} {what}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for what, names in (("missing", missing), ("left over", left_over), ("of another shape", shapes))
        if names
    ]
    if faults:
        raise WeightsError(f"{path} does not fit {type(module).__name__}: {'; '.join(faults)}")
    module.load_state_dict(state, strict=False)
