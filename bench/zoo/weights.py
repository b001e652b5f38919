"""Checkpoints: fetched, identified by their hash, read in the safe mode, and fitted name by name."""

import hashlib
import inspect
import math
import re
import warnings
from argparse import Namespace
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.data.file_names import first_of
from bench.downloads import fetch_file, first_cause
from bench.errors import UsageError, WeightsError
from bench.zoo.wrappers import Checkpoint, State, unwrap

CAFFE_ENDINGS = (".caffemodel", ".onnx")
"""How the names of checkpoints end that `bench.zoo.caffe` reads."""

ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar", *CAFFE_ENDINGS)
"""How the names of checkpoints end. PyTorch's own example of training writes `.pth.tar`."""

PREFIXES = ("module.", "_orig_mod.", "model.", "_model.", "net.", "network.", "backbone.", "timm_model.")
"""What DataParallel, torch.compile, Lightning and other wrappers of a network put before all of its names."""

AUXILIARY = ("AuxLogits.", "aux1.", "aux2.", "auxiliary.", "loss1/", "loss2/")
"""How the names of auxiliary heads' parameters begin: torchvision's, ours and Caffe's. Only training uses
them.
"""

MOST_EXPANDED = 2**30
"""Most bytes of a tensor that is larger than its file: an expanded one is, and claims any size."""


@dataclass(frozen=True)
class Weights:
    """Which weights a network has."""

    tag: str
    """The tag that they were fetched by, empty for a file."""

    source: str
    """Where they are from: an address or a path."""

    sha256: str
    """Of the file, in hexadecimal digits."""

    ema: bool | None = None
    """Whether they are a running average. None where the file has no average."""

    note: str = ""
    """Which of several weights in the file they are, or of what kind; empty where there is nothing to say."""


def download(url: str) -> Path:
    """The file at `url` in torch's cache, downloaded if it is not there. Raises `WeightsError`."""
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    if path.exists():
        return path
    try:
        fetch_file(url, path, _hash_in_name(path))
    except (OSError, HTTPException, ValueError) as error:
        raise fetch_error(url, error, "the file") from None
    return path


def fetch_error(what: str, error: Exception, file: str) -> WeightsError:
    """The error to raise where `what` could not be downloaded because of `error`.

    `file` is what the user can bring in its place.

    >>> print(fetch_error("v3.pth", OSError(28, "No space left on device"), "the file"))
    cannot fetch v3.pth (No space left on device): bring the file here and pass it as --weights
    """
    return WeightsError(
        f"cannot fetch {what} ({first_cause(error)}): bring {file} here and pass it as --weights"
    )


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal digits."""
    return _digest(path, "sha256")


def verify(path: Path, digest: str) -> None:
    """Raise `WeightsError` where a fetched file does not have the hash that its name says.

    `digest` is its sha256. The names of pytorchcv say the sha1.
    """
    expected = _hash_in_name(path)
    if not expected or digest.startswith(expected) or _digest(path, "sha1").startswith(expected):
        return
    raise WeightsError(
        f"{path} is damaged, its sha256 is {digest[:8]}..., not {expected[:8]}...: "
        "delete it, and it is fetched again"
    )


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _hash_in_name(path: Path) -> str:
    """The hash that a download's name has, or its first digits; empty where it has none.

    The Hugging Face hub's cache has links to files that are named by their hash.

    >>> _hash_in_name(Path("googlenet-1378be20.pth"))
    '1378be20'
    """
    target = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", target):
        return target
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", path.name)
    return match[1] if match else ""


def read(path: Path, ema: bool | None = None) -> Checkpoint:
    """The weights in a file. Runs no code of the file's.

    `ema` is that of `unwrap`. Raises `WeightsError`, and `UsageError` where the file does not have what `ema`
    asks for.
    """
    if path.suffix not in ENDINGS:
        raise WeightsError(f"{path} is not a checkpoint: its name should end in {', '.join(ENDINGS)}")
    try:
        with warnings.catch_warnings():
            # torch warns about unfamiliar pickles. Where one matters, reading it fails.
            warnings.simplefilter("ignore")
            content = _load(path)
    except UsageError:  # a library is missing
        raise
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a whole .safetensors file ({error}): fetch it again") from None
    except Exception as error:  # noqa: BLE001 - a broken pickle can raise anything
        raise _unreadable(path, error) from None
    checkpoint = unwrap(content, path, ema)
    check_tensors(checkpoint.tensors, path, max(path.stat().st_size, MOST_EXPANDED))
    return checkpoint


def _load(path: Path) -> dict[Any, Any]:
    """The content of a checkpoint."""
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    if path.suffix in CAFFE_ENDINGS:
        from bench.zoo import caffe  # needs a library of its own

        return dict(caffe.read(path))
    with torch.serialization.safe_globals([Namespace]):  # the arguments of timm's trainings and others
        return dict(torch.load(path, map_location="cpu", weights_only=True))


def _unreadable(path: Path, error: Exception) -> WeightsError:
    text = str(error)
    if "Unsupported global" in text or "Unsupported class" in text:
        return WeightsError(
            f"{path} is a pickle with code in it, which is not run: save its state_dict() as .safetensors"
        )
    if "weights_only" in text:  # torch's long advice on unsafe loading
        reason = "not a pickle of tensors"
    else:
        reason = (text.splitlines() or [type(error).__name__])[0]
    return WeightsError(f"{path} cannot be read as a checkpoint ({reason}): fetch it again")


def check_tensors(tensors: State, source: Path | str, most: float = math.inf) -> None:
    """Raise `WeightsError` that names what cannot be weights: these are real, finite numbers, of at most so
    many bytes. `source` is where they are from.
    """
    faults = {name: fault for name, value in tensors.items() if (fault := _fault(value, most))}
    if faults:
        first = next(iter(faults.values()))
        alike = [name for name, fault in faults.items() if fault == first]
        raise WeightsError(f"{source}: {first_of(alike)} {first}")


def _fault(value: Tensor, most: float) -> str:
    """Why a tensor cannot be weights of at most so many bytes, and what to do; empty where it can."""
    if value.is_meta:
        return "without numbers, on torch's device meta: save the network once it has its weights"
    if value.is_quantized:
        return "quantised: save the network as it was before that"
    if value.layout is not torch.strided:  # not every torch checks that the indices are inside the tensor
        return "sparse: save what .to_dense() returns"
    if value.is_complex():
        return "complex, and would lose the imaginary part: save real weights"
    if value.numel() * value.element_size() > most:
        return "larger than the file, as expanded tensors can be: take another checkpoint"
    if value.is_floating_point() and not value.isfinite().all():
        return "not finite (NaN or infinity): the training diverged, take another checkpoint"
    return ""


def named_for(module: nn.Module, state: State) -> State:
    """`state` without prefixes and auxiliary heads, under the names that `module` has, as far as these are
    known.

    The Python module of a network may have a function `checkpoint_filter_fn`, as in timm. It knows the names
    in checkpoints of earlier versions or of other libraries.
    """
    expected = module.state_dict().keys()
    state = _without_prefixes(state, expected)
    state = {
        name: value for name, value in state.items() if name in expected or not name.startswith(AUXILIARY)
    }
    rename = getattr(inspect.getmodule(type(module)), "checkpoint_filter_fn", None)
    return rename(state, module) if rename and state.keys() != expected else state


def _without_prefixes(state: State, expected: Collection[str]) -> State:
    """`state` without those of `PREFIXES` that all of its names have, and no `expected` name."""
    first = next(iter(state), "")
    for prefix in filter(first.startswith, PREFIXES):
        shared = all(name.startswith(prefix) for name in state)
        if shared and not any(name.startswith(prefix) for name in expected):
            shorter = {name.removeprefix(prefix): value for name, value in state.items()}
            return _without_prefixes(shorter, expected)
    return state


def fit(module: nn.Module, state: State, path: Path) -> None:
    """Load `state` into `module`, all of it and nothing else.

    Raises `WeightsError` that names what does not fit. `path` is the checkpoint that it names.
    """
    if faults := misfit(module, state):
        raise WeightsError(f"{path} does not fit {type(module).__name__}: {faults}")
    module.load_state_dict(state, strict=False)


def misfit(module: nn.Module, state: State) -> str:
    """What of `state` does not fit `module`, in words; empty where all of it does."""
    expected = module.state_dict()
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    left_over = [name for name in state if name not in expected]
    misshapen = [
        f"{name} is {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    kinds = {"missing": missing, "left over": left_over, "of another shape": misshapen}
    return "; ".join(_first_three(names, kind) for kind, names in kinds.items() if names)


def _first_three(names: Sequence[str], kind: str) -> str:
    """How many `names` are of a kind, and the first of them.

    >>> _first_three(["a", "b", "c", "d"], "missing")
    '4 missing: a, b, c, ...'
    """
    return f"{len(names)} {kind}: {', '.join((*names[:3], '...') if len(names) > 3 else names)}"
