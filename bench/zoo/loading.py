"""From a name and weights to a network that classifies.

Its classes are the 1000 of ImageNet in their sorted order, or its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.data.classes import class_indices
from bench.errors import UsageError, first_line
from bench.zoo import weights as checkpoints
from bench.zoo.choose_weights import check_names, find_weights
from bench.zoo.graph import Graph
from bench.zoo.networks import BVLC, FOREIGN, Network, find, unknown_name_error
from bench.zoo.papers.caffe_names import has_caffes_names
from bench.zoo.preprocessing import NOTHING_STATED, Preprocessing, StatedInput
from bench.zoo.providers import blueprint, provider_of
from bench.zoo.wrappers import State

LabelOrder = Literal["wordnet", "background-first", "ilsvrc", "own"]
"""Which class each output of a network stands for.

wordnet            the 1000 classes in sorted order
background-first   the same after a class for the background: the 1001 outputs of TF-Slim
ilsvrc             ILSVRC ids: 1 to 1000 of the 1008 outputs of the graph of 2015-12-05, or all of 1000
own                the classes of another data set
"""

LABEL_ORDERS: tuple[LabelOrder, ...] = ("wordnet", "background-first", "ilsvrc", "own")
ORDER_OF_OUTPUTS: dict[int, LabelOrder] = {1000: "wordnet", 1001: "background-first", 1008: "ilsvrc"}
"""Number of outputs -> what `auto` takes them for. Any other number is `own`."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its weights, in evaluation mode, on the CPU."""

    network: Network
    """What the table says of it, or what was found out by loading it."""

    module: nn.Module
    """From images [n x 3 x height x width] to logits [n x outputs]."""

    weights: checkpoints.Weights
    """Which weights it has."""

    preprocessing: Preprocessing
    """What the weights expect of their input."""

    outputs: int
    """Number of outputs of `module`."""

    order: LabelOrder
    """Which class each output stands for."""

    pool: str
    """Name of the module that pools the last feature map."""

    prepared_like: str
    """NAME.TAG of the weights whose preprocessing it has."""

    prepared_otherwise: tuple[str, ...]
    """For weights from a file: NAME.TAG of the network's weights whose input is normalised differently."""

    restated: bool = False
    """Whether the user stated another input than the weights expect."""

    @property
    def graph(self) -> Graph | None:
        """The ONNX graph that `module` is: it is called as it is, not folded, cast, compiled or moved.

        None for a network of torch's layers.
        """
        return self.module if isinstance(self.module, Graph) else None

    @property
    def classes(self) -> int:
        """How many classes it predicts, a background class left out."""
        return self.outputs if self.order == "own" else 1000

    def columns(self) -> Tensor:
        """[classes] the output that stands for each class index."""
        return torch.arange(self.outputs) if self.order == "own" else columns_of(self.order, self.outputs)


def load(
    name: str,
    weights: str | None = None,
    label_order: str = "auto",
    ema: bool | None = None,
    stated: StatedInput = NOTHING_STATED,
) -> LoadedNetwork:
    """The network called `name` with the weights of a tag or a file, by default those of its first tag.

    A name that ends in .onnx is a graph's file, and FILE.py:FACTORY or PACKAGE.MODULE:FACTORY a function:
    both have their weights. What is `stated` of the input holds in place of what the weights expect.

    Fetches weights that are not in the provider's cache. `label_order` is a `LabelOrder`, or `auto` to go by
    the number of outputs. `ema` chooses between weights and their running average in a file that has both, by
    default the average. Raises `UsageError` for unknown names, tags and orders, and `WeightsError` for
    weights that cannot be fetched or do not fit.
    """
    network = find(name)
    if network.provider in FOREIGN:
        check_names(name, weights)
    if network.provider == "onnx":
        from bench.zoo.from_onnx import load_graph  # needs a library of its own

        return load_graph(Path(name).expanduser(), label_order, stated)
    if network.provider == "python":
        from bench.zoo.from_python import load_factory

        return load_factory(name, weights, label_order, ema, stated)
    provider = provider_of(network)
    listed = blueprint(network, network.classes)
    tags = provider.tags(network.architecture)
    tag, path, source = find_weights(network, weights, tags)
    fetched = source != str(path)
    network = replace(network, tags=tuple(dict.fromkeys((*network.tags, *tags))))
    sha256 = checkpoints.sha256(path)
    if fetched:
        checkpoints.verify(path, sha256)
    checkpoint = checkpoints.read(path, ema)
    state = checkpoints.named_for(listed, checkpoint.tensors)
    outputs = _number_of_outputs(state, network, listed)
    order = label_order_of(label_order, outputs, path)
    module = provider.build(network.architecture, outputs).eval().requires_grad_(False)
    checkpoints.fit(module, state, path)
    prepared_like = tag if fetched else _tag_of_file(name, network, checkpoint.tensors)
    expected = provider.preprocessing(network.architecture, prepared_like)
    preprocessing = expected.restated(stated)
    _check_size(module, preprocessing.size, expected.size, name)
    levels_stated = stated.mean is not None and stated.std is not None
    return LoadedNetwork(
        network=_with_sizes(network, listed, outputs, order, preprocessing.size),
        module=module,
        weights=checkpoints.Weights(tag, source, sha256, checkpoint.ema, checkpoint.note),
        preprocessing=preprocessing,
        outputs=outputs,
        order=order,
        pool=provider.POOL,
        prepared_like=f"{network.name}.{prepared_like}",
        prepared_otherwise=() if fetched or levels_stated else _prepared_otherwise(network, preprocessing),
        restated=preprocessing != expected,
    )


def expected_input(name: str, size: int | None = None) -> Preprocessing:
    """What the default weights of the network called `name` expect, in which `size` stands for their own.

    Nothing is fetched; but a network of the user's own is loaded, and may leave its levels open. Raises
    `UsageError`.
    """
    network = find(name)
    if network.provider in FOREIGN:
        return load(name, stated=StatedInput(size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))).preprocessing
    tag = next(iter(network.tags), "")
    return provider_of(network).preprocessing(network.architecture, tag).restated(StatedInput(size))


def columns_of(order: LabelOrder, outputs: int) -> Tensor:
    """[1000] the output that stands for each class of ImageNet, of a network with so many outputs.

    >>> columns_of("background-first", 1001)[:3]
    tensor([1, 2, 3])
    """
    if order == "ilsvrc":
        first = 1 if outputs > 1000 else 0
        return torch.from_numpy(class_indices()).argsort() + first
    return torch.arange(1000) + (order == "background-first")


def untrained(name: str) -> LoadedNetwork:
    """A network as `load` returns it, with random weights: to measure how fast it is."""
    network = find(name)
    provider = provider_of(network)
    prepared_like = next(iter(network.tags), "")
    preprocessing = provider.preprocessing(network.architecture, prepared_like)
    order = ORDER_OF_OUTPUTS.get(network.classes, "own")
    listed = blueprint(network, network.classes)
    return LoadedNetwork(
        network=_with_sizes(network, listed, network.classes, order, preprocessing.size),
        module=provider.build(network.architecture, network.classes).eval().requires_grad_(False),
        weights=checkpoints.Weights(prepared_like, "random", ""),
        preprocessing=preprocessing,
        outputs=network.classes,
        order=order,
        pool=provider.POOL,
        prepared_like=f"{name}.{prepared_like}",
        prepared_otherwise=(),
    )


def fitting(names: Sequence[str], path: Path) -> list[str]:
    """Those of the networks called `names` that the weights in a file fit; the file is read once.

    Raises `WeightsError` where it cannot be read.
    """
    tensors = checkpoints.read(path).tensors
    return [name for name in names if _fits(find(name), tensors)]


def _fits(network: Network, tensors: State) -> bool:
    listed = blueprint(network, network.classes)
    state = checkpoints.named_for(listed, tensors)
    outputs = _number_of_outputs(state, network, listed)
    module = listed if outputs == network.classes else blueprint(network, outputs)
    return not checkpoints.misfit(module, state)


def _tag_of_file(name: str, network: Network, names: Collection[str]) -> str:
    """The tag of the weights whose preprocessing a file has. Its tensors have these `names`.

    It is Caffe's for Caffe's weights of GoogLeNet. Else it is the one behind the `name` of the network.
    """
    if has_caffes_names(names):
        return BVLC
    return network.assumed_tag if name == network.name else next(iter(network.tags), "")


def _number_of_outputs(state: State, network: Network, listed: nn.Module) -> int:
    """The number of outputs that a checkpoint is for. `listed` is the network with `network.classes` of them.

    It is the length of the head's parameters, but every network has another name for its head. The head is
    the parameters whose shape changes with the number of outputs. So where the checkpoint does not fit
    `listed`, a network with one output more shows which parameters these are.

    A checkpoint without a head counts as one of `network.classes`, and `fit` names what is missing.
    """
    expected = listed.state_dict()
    if all(state[name].shape == value.shape for name, value in expected.items() if name in state):
        return network.classes
    wider = blueprint(network, network.classes + 1).state_dict()
    head = [name for name, value in expected.items() if value.shape != wider[name].shape]
    found = state.get(head[0]) if head else None
    return network.classes if found is None or not found.ndim else len(found)


def check_label_order(wanted: str) -> LabelOrder | None:
    """The order of that name; None for `auto`. Raises `UsageError`."""
    order = next((order for order in LABEL_ORDERS if order == wanted), None)
    if order is None and wanted != "auto":
        raise unknown_name_error("label order", wanted, LABEL_ORDERS, "auto")
    return order


def label_order_of(wanted: str, outputs: int, path: Path) -> LabelOrder:
    """The order that `wanted` names; for `auto` the one that the number of outputs stands for.

    `path` has the weights. Raises `UsageError` for unknown orders, and for one that needs more outputs.
    """
    order = check_label_order(wanted) or ORDER_OF_OUTPUTS.get(outputs, "own")
    if wanted == "auto":
        return order
    if (outputs < 1000 and order != "own") or (order == "background-first" and outputs < 1001):
        raise UsageError(f"{path} has {outputs} outputs: too few for --label-order {order}")
    return order


def _with_sizes(
    network: Network, listed: nn.Module, outputs: int, order: LabelOrder, input_size: int
) -> Network:
    """`network` with the sizes of what was loaded, not counting outputs that `order` leaves out."""
    classes = outputs if order == "own" else 1000
    module = listed if classes == network.classes else blueprint(network, classes)
    multiply_adds = network.multiply_adds
    own_outputs = order == "own" and outputs != network.classes
    if multiply_adds is None or own_outputs or input_size != network.input_size:
        multiply_adds = count_multiply_adds(module.eval(), input_size)
    return replace(
        network,
        input_size=input_size,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        multiply_adds=multiply_adds,
    )


def _check_size(module: nn.Module, size: int, expected: int, name: str) -> None:
    """Raise `UsageError` where a network that expects another size does not take this one."""
    if size == expected:
        return
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, size, size))
    except Exception as error:  # noqa: BLE001 - whatever a network raises that is made for one size
        raise UsageError(
            f"{name} does not take images of {size} x {size} ({first_line(error)}): leave out --input-size, "
            f"which is {expected}"
        ) from None


def _prepared_otherwise(network: Network, preprocessing: Preprocessing) -> tuple[str, ...]:
    """NAME.TAG of the weights of `network` whose input is normalised differently."""
    provider = provider_of(network)
    return tuple(
        f"{network.name}.{tag}"
        for tag in network.tags
        if provider.preprocessing(network.architecture, tag).normalisation != preprocessing.normalisation
    )


def count_multiply_adds(module: nn.Module, size: int) -> int | None:
    """Multiply-adds of the convolutions and linear layers for one image of `size` x `size` pixels.

    None where torch cannot count them.
    """
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.zeros(1, 3, size, size, device=next(module.parameters()).device))
    except Exception:  # noqa: BLE001 - whatever an exotic network raises, it is a figure for information
        return None
    return int(counter.get_total_flops()) // 2
