"""Which tensors of a checkpoint file are the weights. Beside them are epochs and optimizers, and often their
running average (EMA).

    timm                              state_dict, state_dict_ema
    torchvision, DeiT, ConvNeXt       model, model_ema
    pycls                             model_state, ema_state
    BasicSR                           params, params_ema
    DINO                              student, teacher
    Lightning                         state_dict, which is the average where current_model_state is beside it
    mmengine (mmpretrain)             state_dict, which is the average where ema_state_dict is beside it
    DeepSpeed and `train`             module, and for `train` average
    tutorials                         model_state_dict, net, network
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.errors import UsageError, WeightsError

State = dict[str, Tensor]
"""The tensors of a checkpoint by name."""

Place = tuple[str, ...]
"""The names that lead to a state, from the outermost on; empty where the file is the state itself."""

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_state", "params_ema", "average")
"""Names of running averages, those that win first, as in timm."""

CURRENT = (
    *("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network"),
    *("params", "student", "current_model_state"),
)
"""Names of the weights themselves, those that win first."""

DEPTH = 2
"""How many wrappers may be around a state, as in `{"model": {"state_dict": ...}}`."""

COUNTERS = ("n_averaged", "steps")
"""What torch's and mmengine's averages count in tensors beside the averaged `module`."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file."""

    tensors: State

    ema: bool | None
    """Whether they are a running average. None where the file has no average."""

    note: str
    """Which of several weights they are; empty where there was nothing to choose."""


def unwrap(content: dict[Any, Any], path: Path, ema: bool | None) -> Checkpoint:
    """The weights in the content of the file `path`.

    `ema` asks for a running average or for none; None takes one where there is one, as timm does. Raises
    `UsageError` where the file does not have what it asks for, and `WeightsError` where it has no tensors.
    """
    states = dict(_states(content))
    if not states:
        raise WeightsError(f"{path} has no tensors: save the network's state_dict()")
    averaged_names, current_names = _names(content)
    averaged = _among(states, averaged_names)
    current = [place for place in _among(states, current_names) if place not in averaged]
    if not averaged and not current:
        current = [()] if () in states else list(states)
    if ema and not averaged:
        raise UsageError(f"{path} has no running average of its weights: leave out --ema")
    if ema is False and not current:
        raise UsageError(f"{path} has only the running average of its weights: leave out --no-ema")
    places = current if ema is False else averaged or current
    return Checkpoint(
        tensors=_without_counters(states[places[0]]),
        ema=places is averaged if averaged else None,
        note=_note(path, places, current if places is averaged and ema is None else []),
    )


def _states(content: dict[Any, Any], place: Place = ()) -> Iterator[tuple[Place, State]]:
    """Each dictionary that has tensors, with its place."""
    tensors = {
        name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)
    }
    if tensors:
        yield place, tensors
    for name, value in content.items():
        if isinstance(name, str) and isinstance(value, dict) and len(place) < DEPTH:
            yield from _states(value, (*place, name))


def _names(content: dict[Any, Any]) -> tuple[Sequence[str], Sequence[str]]:
    """The names of averages and of weights themselves in this file, those that win first."""
    if "current_model_state" in content:  # Lightning
        return ("state_dict",), ("current_model_state",)
    if "ema_state_dict" in content and "meta" in content:  # mmengine exchanges them when it saves
        return ("state_dict",), ("ema_state_dict",)
    if "student" in content:  # a teacher without one may be another network
        return ("teacher",), ("student",)
    return AVERAGED, CURRENT


def _among(states: dict[Place, State], names: Sequence[str]) -> list[Place]:
    """The places that have one of `names`, in the order of these."""
    return list(dict.fromkeys(place for name in names for place in states if name in place))


def _without_counters(state: State) -> State:
    """`state` without the counter beside an averaged module."""
    rest = {name: value for name, value in state.items() if name not in COUNTERS}
    return rest if rest and all(name.startswith("module.") for name in rest) else state


def _note(path: Path, places: Sequence[Place], current: Sequence[Place]) -> str:
    """What to say of the first of `places`, which was chosen. `--no-ema` takes the first of `current`."""
    chosen, *others = (".".join(place) for place in places)
    if current:
        return (
            f"{path} has a running average of its weights, {chosen}, which is evaluated: "
            f"--no-ema takes {'.'.join(current[0])}"
        )
    return f"{path} has weights in {chosen} and {', '.join(others)}: {chosen} is evaluated" if others else ""
