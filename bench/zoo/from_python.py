"""Networks that are the user's own modules of Python, from a factory or from a call of `bench.evaluate`."""

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.data.file_names import first_of
from bench.errors import UsageError, WeightsError, first_line
from bench.zoo import weights as checkpoints
from bench.zoo.factories import call_factory
from bench.zoo.loading import LoadedNetwork, count_multiply_adds, label_order_of
from bench.zoo.networks import Network
from bench.zoo.preprocessing import Preprocessing, StatedInput, read_config

Described = Preprocessing | Mapping[str, Any] | None
"""What a user says of a module's input: ours, or a dictionary as timm's `pretrained_cfg`."""

CONFIGS = ("pretrained_cfg", "default_cfg")
"""Attributes of modules in which timm says what the weights expect."""

POOLS = ("global_pool", "avgpool")
"""What timm and torchvision call the module that pools the last feature map."""


class Logits(nn.Module):
    """A network that returns its scores as `logits` among other things, as those of transformers do."""

    def __init__(self, network: nn.Module) -> None:
        """Without the other things that `network` returns."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """The scores [n x classes]."""
        logits: Tensor = self.network(images).logits
        return logits


def load_factory(
    name: str, weights: str | None, label_order: str, ema: bool | None, stated: StatedInput
) -> LoadedNetwork:
    """The network that the factory `name` returns, alone or in a pair with what its input is; with the
    weights of a file, or those it has. As `bench.zoo.loading.load`, of which this is a part.
    """
    made = call_factory(name)
    module, described = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"{name} returns {type(module).__name__}: a factory returns a torch.nn.Module, "
            "or (module, preprocessing)"
        )
    short = f"{Path(name.rpartition(':')[0]).name}:{name.rpartition(':')[2]}"
    if weights is None and ema is not None:
        raise UsageError(f"{name} has one set of weights: --ema and --no-ema choose in a file of --weights")
    file = None if weights is None else Path(weights).expanduser()
    return _load(_unwrapped(module), described, short, name, file, label_order, ema, stated)


def load_module(
    module: nn.Module, described: Described, label_order: str, stated: StatedInput
) -> LoadedNetwork:
    """A copy of the user's module, which stays as it is, wherever it is. As `bench.zoo.loading.load`."""
    module = _unwrapped(module)
    name = type(module).__name__
    return _load(module, described, name, qualified_name(module), None, label_order, None, stated)


def qualified_name(module: nn.Module) -> str:
    """The module's class, by the name that Python finds it by.

    >>> qualified_name(nn.Identity())
    'torch.nn.modules.linear.Identity'
    """
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _load(
    module: nn.Module,
    described: Described,
    name: str,
    source: str,
    file: Path | None,
    label_order: str,
    ema: bool | None,
    stated: StatedInput,
) -> LoadedNetwork:
    preprocessing = _preprocessing(module, described, stated, source)
    network = _copied(module, source)
    weights = checkpoints.Weights("", source, "")
    if file:
        checkpoint = checkpoints.read(file, ema)
        checkpoints.fit(network, checkpoints.named_for(network, checkpoint.tensors), file)
        weights = checkpoints.Weights("", str(file), "", checkpoint.ema, checkpoint.note)
    weights = replace(weights, sha256=_hash(network, source))
    network, outputs = _classifier(network, preprocessing.size, source)
    return LoadedNetwork(
        network=Network(
            name,
            "python",
            qualified_name(module),
            input_size=preprocessing.size,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            multiply_adds=count_multiply_adds(network, preprocessing.size),
            classes=outputs,
        ),
        module=network,
        weights=weights,
        preprocessing=preprocessing,
        outputs=outputs,
        order=label_order_of(label_order, outputs, Path(source)),
        pool=_pool(network),
        prepared_like="",
        prepared_otherwise=(),
    )


def _unwrapped(module: nn.Module) -> nn.Module:
    """The network in what torch.compile or a parallel training made of it."""
    parallel = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    inner = module.module if isinstance(module, parallel) else getattr(module, "_orig_mod", module)
    return module if inner is module else _unwrapped(inner)


def _preprocessing(module: nn.Module, described: Described, stated: StatedInput, name: str) -> Preprocessing:
    """What the module expects: as described, else as it says itself; what is stated goes before both."""
    if isinstance(described, Preprocessing):
        return described.restated(stated)
    configs = (getattr(module, attribute, None) for attribute in CONFIGS)
    config = next((each for each in (described, *configs) if each), {})
    if hasattr(config, "to_dict"):  # timm's PretrainedCfg
        config = config.to_dict()
    if not isinstance(config, Mapping):
        raise UsageError(
            f"{name} describes its input with {type(config).__name__}: take a Preprocessing of "
            "bench.zoo.preprocessing, or a dictionary as timm's pretrained_cfg"
        )
    return read_config(config, stated, name)


def _copied(module: nn.Module, name: str) -> nn.Module:
    """A copy in evaluation mode, on the CPU, in float32, without gradients. Raises `UsageError`."""
    try:
        copies: dict[int, Any] = {}
        for parameter in module.parameters():
            copies[id(parameter)] = nn.Parameter(_plain(parameter), requires_grad=False)
        for buffer in module.buffers():
            copies[id(buffer)] = _plain(buffer)
        copied: nn.Module = copy.deepcopy(module, copies)
        return copied.eval().cpu().float().requires_grad_(False)  # for what deepcopy copied itself
    except Exception as error:  # noqa: BLE001 - a module may hold anything
        raise UsageError(f"{name} cannot be copied ({first_line(error)}): pass a module that can") from None


def _plain(value: Tensor) -> Tensor:
    kind = torch.float32 if value.is_floating_point() else value.dtype
    return value.detach().to("cpu", kind, copy=True)


def _hash(module: nn.Module, name: str) -> str:
    """Of the structure that a module prints, and of its parameters and buffers: names, types, shapes, bytes.

    The structure is part of it since two networks of a class may have the same parameters, and other strides
    or activations. Raises `WeightsError` for weights that cannot be evaluated.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    state = {**module.state_dict(), **tensors}
    if strange := [key for key, value in state.items() if type(value) not in (Tensor, nn.Parameter)]:
        raise WeightsError(f"{name}: {first_of(strange)} no plain tensor: take the network as it was trained")
    checkpoints.check_tensors(state, name)
    structure = re.sub(r" at 0x[0-9a-f]+", "", repr(module))
    digest = hashlib.sha256(structure.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"\n{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _classifier(module: nn.Module, size: int, name: str) -> tuple[nn.Module, int]:
    """The module as one that returns scores [n x outputs], and their number. Raises `UsageError`."""
    images = torch.zeros(2, 3, size, size)
    try:
        with torch.inference_mode():
            returned = module(images)
    except Exception as error:
        raise UsageError(
            f"{name} does not take images [2 x 3 x {size} x {size}] ({first_line(error)}): "
            "is --input-size right?"
        ) from error
    logits = getattr(returned, "logits", None)
    scores = returned if logits is None else logits
    if not isinstance(scores, Tensor):
        raise UsageError(f"{name} returns {type(scores).__name__}: a classifier returns scores [n x classes]")
    if scores.dim() != 2 or len(scores) != 2 or not scores.is_floating_point():
        shape = " x ".join(map(str, scores.shape))
        raise UsageError(
            f"{name} returns {scores.dtype} [{shape}] for 2 images: a classifier returns scores [n x classes]"
        )
    return (module if logits is None else Logits(module).eval()), scores.shape[1]


def _pool(module: nn.Module) -> str:
    """Name of the module that pools the last feature map: a known one, or the only average over whole maps.

    Empty where that is not clear.
    """
    names = {name for name, _ in module.named_modules()}
    averages = [name for name, child in module.named_modules() if isinstance(child, nn.AdaptiveAvgPool2d)]
    known = [
        name for name in (*POOLS, *(f"network.{pool}" for pool in POOLS)) if name in names
    ]  # of `Logits`
    return known[0] if known else averages[0] if len(averages) == 1 else ""
