"""What a training writes after each epoch: a checkpoint, a line of the log, and the state to go on from."""

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save as to_safetensors
from torch import nn

from bench.errors import BenchError, UsageError
from bench.zoo.weights import AUXILIARY
from results.storage import write

Log = list[dict[str, float]]
"""For each epoch the values of `COLUMNS`."""

COLUMNS = ("epoch", "rate", "loss", "images", "seconds")
"""Number of the epoch, from 1; its learning rate; its mean loss; how many images it saw; how long it took."""


def checkpoint_path(out: Path, epoch: int) -> Path:
    """Where the parameters after an epoch, counted from 1, are for evaluation.

    >>> checkpoint_path(Path("v2"), 12).as_posix()
    'v2/epoch-0012.safetensors'
    """
    return out / f"epoch-{epoch:04d}.safetensors"


def resume(out: Path, description: str, parts: dict[str, Any]) -> Log:
    """Load the state in `out` into `parts`, and return the log up to there; empty where there is no state.

    `description` is that of the training, and has to be that of the one in `out`. Raises `UsageError` with
    what differs where it is not, and `BenchError` for a state that is damaged.
    """
    path = out / "state.pt"
    if not path.exists():
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored: str = state["training"]
        if stored == description:
            for name, part in parts.items():
                part.load_state_dict(state[name])
        log: Log = [{name: row[name] for name in COLUMNS} for row in state["log"]]
    except Exception:  # noqa: BLE001 - a broken pickle can raise anything
        raise BenchError(
            f"{path} is damaged: use the last checkpoint beside it as it is, or begin in another --out"
        ) from None
    if stored != description:
        other, wanted = (
            _difference(*pair) or "the default" for pair in ((stored, description), (description, stored))
        )
        raise UsageError(f"{out} has a training with {other}, not with {wanted}: choose another --out")
    return log


def _difference(description: str, other: str) -> str:
    """The parts of a training's description that the other one does not have.

    >>> _difference("v1, {'rate': 0.1, 'decay': 0.94}, seed 0", "v1, {'rate': 0.2, 'decay': 0.94}, seed 1")
    'rate 0.1, seed 0'
    """
    parts, others = (re.sub(r"[{}':]", "", text).split(", ") for text in (description, other))
    return ", ".join(part for part in parts if part not in others)


def save(out: Path, description: str, parts: dict[str, Any], log: Log, evaluated: nn.Module) -> None:
    """Write the checkpoint of the last epoch in `log`, the log, and the state.

    The state comes last: what was written of an epoch that is cut off is written again. The checkpoint leaves
    out auxiliary heads, which evaluation does not use; the state has them.
    """
    tensors = {
        name: value.detach().cpu().contiguous()
        for name, value in evaluated.state_dict().items()
        if not name.startswith(AUXILIARY)
    }
    write(checkpoint_path(out, len(log)), to_safetensors(tensors))
    write_log(out, log)
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    buffer = io.BytesIO()
    torch.save(state | {"training": description, "log": log}, buffer)
    write(out / "state.pt", buffer.getvalue())


def write_log(out: Path, log: Log) -> None:
    """Write `log.csv`."""
    write(out / "log.csv", pd.DataFrame(log, columns=list(COLUMNS)).to_csv(index=False).encode())
