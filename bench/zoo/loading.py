"""From a name and weights to a network that classifies into the 1000 classes in their sorted order, or into classes of its own."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.data.classes import class_indices
from bench.errors import UsageError, WeightsError
from bench.zoo import weights as files
from bench.zoo.networks import Network, find, unknown
from bench.zoo.preprocessing import Preprocessing

LabelOrder = Literal["wordnet", "background-first", "ilsvrc", "own"]
"""What a network's outputs are: the classes in sorted order; the same behind a background class (TF-Slim, 1001
outputs); ILSVRC ids, 1 to 1000 of 1008 in the 2015-12-05 graph, or all of 1000; or the classes of another data set."""

LABEL_ORDERS: tuple[LabelOrder, ...] = ("wordnet", "background-first", "ilsvrc", "own")
ORDER_OF_OUTPUTS: dict[int, LabelOrder] = {1000: "wordnet", 1001: "background-first", 1008: "ilsvrc"}


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its weights, in evaluation mode.

    `outputs` is what the module gives, `order` what its outputs are, `pool` the name of its pooling module.
    `prepared_like` names the weights whose preprocessing is taken, NAME.TAG; for weights from a file,
    `prepared_otherwise` names those of the same network whose input is normalised differently.
    """

    network: Network
    module: nn.Module
    weights: files.Weights
    preprocessing: Preprocessing
    outputs: int
    order: LabelOrder
    pool: str
    prepared_like: str
    prepared_otherwise: tuple[str, ...]

    @property
    def classes(self) -> int:
        return self.outputs if self.order == "own" else 1000

    def columns(self) -> Tensor:
        """[classes] the output that stands for each class index."""
        if self.order in ("own", "wordnet"):
            return torch.arange(self.classes)
        if self.order == "background-first":
            return torch.arange(1, 1001)
        first = 1 if self.outputs > 1000 else 0
        return torch.from_numpy(class_indices()).argsort() + first

    def describe(self) -> dict[str, Any]:
        """The network as plain values, for a manifest."""
        normalisation = self.preprocessing.normalisation
        return {
            "name": self.network.name,
            "paper": self.network.paper,
            "provider": self.network.provider,
            "architecture": self.network.architecture,
            "tag": self.weights.tag,
            "weights": self.weights.source,
            "weights_sha256": self.weights.sha256,
            "parameters": self.network.parameters,
            "multiply_adds": self.network.multiply_adds,
            "input_size": self.preprocessing.size,
            "mean": list(normalisation.mean),
            "std": list(normalisation.std),
            "interpolation": self.preprocessing.interpolation,
            "prepared_like": self.prepared_like,
            "outputs": self.outputs,
            "label_order": self.order,
        }


def provider_of(network: Network) -> Any:
    """The module that has the network's `build`, `tags`, `preprocessing` and `fetch`, and its `POOL`."""
    return import_module(f"bench.zoo.from_{network.provider}")


def load(name: str, weights: str | None = None, label_order: str = "auto") -> LoadedNetwork:
    """The network called `name` with the weights of a tag or a file, by default those of its first tag.

    Fetches weights that are not in the provider's cache. Raises `UsageError` for unknown names, tags and orders, and
    `WeightsError` for weights that cannot be had or do not fit.
    """
    network = find(name)
    provider = provider_of(network)
    template = _build(provider, network.architecture, 1000)
    tags = provider.tags(network.architecture)
    tag, path, source = _resolve(network, weights, tags, provider)
    network = replace(
        network, tags=network.tags + tuple(other for other in tags if other not in network.tags)
    )
    digest = files.sha256(path) if path.is_file() else ""
    if tag:
        files.verify(path, digest)
    state = files.named_for(template, files.read(path))
    wider = _build(provider, network.architecture, 1001).state_dict()
    head = [key for key, value in template.state_dict().items() if value.shape != wider[key].shape]
    outputs = len(state[head[0]]) if head and head[0] in state else 1000
    order = _order(label_order, outputs, path)
    like = tag or next(iter(network.tags), "")
    preprocessing = provider.preprocessing(network.architecture, like)
    module = provider.build(network.architecture, outputs).eval().requires_grad_(False)
    stated = _build(provider, network.architecture, outputs) if order == "own" else template
    files.fit(module, state, path)
    as_listed = network.multiply_adds is not None and (order != "own" or outputs == network.classes)
    described = replace(
        network,
        input_size=preprocessing.size,
        parameters=sum(parameter.numel() for parameter in stated.parameters()),
        multiply_adds=network.multiply_adds
        if as_listed
        else multiply_adds(stated.eval(), preprocessing.size),
    )
    return LoadedNetwork(
        described,
        module,
        files.Weights(tag, source, digest),
        preprocessing,
        outputs,
        order,
        provider.POOL,
        prepared_like=f"{network.name}.{like}",
        prepared_otherwise=() if tag else _otherwise(provider, network, preprocessing),
    )


def untrained(name: str) -> LoadedNetwork:
    """A network of the table as `load` gives it, with random weights: to measure how fast it is."""
    network = find(name)
    provider = provider_of(network)
    like = next(iter(network.tags), "")
    return LoadedNetwork(
        network,
        provider.build(network.architecture, network.classes).eval().requires_grad_(False),
        files.Weights("", "random", ""),
        provider.preprocessing(network.architecture, like),
        network.classes,
        _order("auto", network.classes, Path()),
        provider.POOL,
        prepared_like=f"{name}.{like}",
        prepared_otherwise=(),
    )


def fetch(name: str, weights: str | None) -> None:
    """Bring the weights of a tag to where `load` finds them. Raises `WeightsError` where they cannot be had."""
    network = find(name)
    provider = provider_of(network)
    _resolve(network, weights, provider.tags(network.architecture), provider)


def _build(provider: Any, architecture: str, outputs: int) -> nn.Module:
    """The network without weights: on the meta device, or, for the few that cannot be built there, on the CPU."""
    try:
        with torch.device("meta"):
            module: nn.Module = provider.build(architecture, outputs)
    except (RuntimeError, NotImplementedError):
        module = provider.build(architecture, outputs)
    return module


def _otherwise(provider: Any, network: Network, preprocessing: Preprocessing) -> tuple[str, ...]:
    """NAME.TAG of the weights of `network` whose input is normalised otherwise."""
    theirs = {tag: provider.preprocessing(network.architecture, tag) for tag in network.tags}
    return tuple(
        f"{network.name}.{tag}"
        for tag, other in theirs.items()
        if other.normalisation != preprocessing.normalisation
    )


def _resolve(
    network: Network, weights: str | None, tags: tuple[str, ...], provider: Any
) -> tuple[str, Path, str]:
    """(tag, file, source) of the weights; the tag of a file is empty."""
    if network.tags and network.tags[0] not in tags:
        raise unknown(f"weights of {network.name}", network.tags[0], tags)
    if weights is not None and (Path(weights).suffix in files.ENDINGS or Path(weights).is_file()):
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(f"no weights at {path}: there is no such file")
        return "", path, str(path)
    tag = weights or next(iter(network.tags + tags), None)
    if tag is None:
        raise WeightsError(f"{network.name} has no public weights: pass --weights FILE")
    if tag not in tags:
        raise unknown(
            f"weights of {network.name}", tag, tags, "or a file that ends in .safetensors, .pth or .pt"
        )
    with redirect_stdout(sys.stderr):  # where some clients tell of their progress
        path, source = provider.fetch(network.architecture, tag)
    return tag, path, source


def _order(asked: str, outputs: int, path: Path) -> LabelOrder:
    if asked == "auto":
        return ORDER_OF_OUTPUTS.get(outputs, "own")
    order = next((order for order in LABEL_ORDERS if order == asked), None)
    if order is None:
        raise unknown("label order", asked, LABEL_ORDERS, "or auto")
    if (outputs < 1000 and order != "own") or (order == "background-first" and outputs < 1001):
        raise UsageError(f"{path} has {outputs} outputs: too few for --label-order {order}")
    return order


def multiply_adds(module: nn.Module, size: int) -> int | None:
    """Of the convolutions and linear layers for one image; None where torch cannot count them."""
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.zeros(1, 3, size, size, device=next(module.parameters()).device))
    except Exception:  # noqa: BLE001 - whatever an exotic network raises, it is a figure for information
        return None
    return int(counter.get_total_flops()) // 2
