"""Networks in files of ONNX: what a graph takes and gives is read from the file, and found out by trying it.

Needs the extra `onnx`.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.errors import UsageError, WeightsError
from bench.zoo.graph import TYPES, Graph, GraphInput, failure, import_onnxruntime, open_session
from bench.zoo.loading import ORDER_OF_OUTPUTS, LoadedNetwork, label_order_of
from bench.zoo.networks import Network
from bench.zoo.preprocessing import Preprocessing, StatedInput
from bench.zoo.weights import Weights, sha256
from crops import Normalisation

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FLOAT, UINT8, INT8, FLOAT16 = 1, 2, 3, 10
"""The `data_type` of a tensor, as onnx.proto numbers them."""

SHAPES = (7, 9)
"""Those of tensors that are no weights but shapes and conditions: int64 and bool."""

QUANTISES = ("QuantizeLinear", "DequantizeLinear")
"""Operations whose first input is values, and whose others are scales and zeros."""

PASSED_THROUGH = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze", *QUANTISES)
"""Operations after which probabilities are still that."""

TOLERANCE = 2e-3
"""How far from 1 the sum of probabilities may be: in fp16 each of them is rounded."""

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Contents:
    """What a file says of its graph, beside what ONNX Runtime tells."""

    parameters: int | None
    """Numbers in its weights, the scales and zeros of quantised ones left out."""

    half: bool
    """Whether more of them are of fp16 than of fp32."""

    quantised: bool
    """Whether it has weights of 8 bits."""

    softmax: frozenset[str]
    """The names of values that are probabilities: what a softmax returns, in any shape or type."""

    sha256: str
    """Of the file; where the weights are in other files, of the hashes of all of them."""


def load_graph(path: Path, label_order: str, stated: StatedInput) -> LoadedNetwork:
    """The network in a file of ONNX, as `bench.zoo.loading.load` returns one.

    Its input has the size that the graph says, and the mean and standard deviation that the file's metadata
    have under these names, `mean` and `std`. What is `stated` holds in place of the metadata. Raises
    `UsageError` where the graph leaves open what is not stated, or contradicts it, and `WeightsError` for a
    file that cannot be read or is no classifier of images.
    """
    import_onnxruntime()
    if not path.is_file():
        raise UsageError(f"no network at {path}: there is no such file")
    contents = _read_contents(path)
    session = open_session(path, torch.device("cpu"))
    takes, size = _find_input(path, session, stated.size)
    normalisation = _normalisation(path, takes, session.get_modelmeta().custom_metadata_map, stated)
    output, scores = _find_output(path, _try(path, session, takes, size, normalisation))
    probabilities = output in contents.softmax or _are_probabilities(scores)
    outputs = scores.shape[1]
    order = label_order_of(label_order, outputs, path)
    precision = "fp16" if contents.half else "fp32"
    module = Graph(path, takes, output, precision, probabilities=probabilities).eval()
    return LoadedNetwork(
        network=Network(
            path.name, "onnx", path.name, input_size=size, parameters=contents.parameters, classes=outputs
        ),
        module=module,
        weights=Weights("", str(path), contents.sha256, note=_note(path, contents, probabilities)),
        preprocessing=Preprocessing(size, normalisation, "bicubic", crop_pct=0.875),
        outputs=outputs,
        order=order,
        pool="",
        prepared_like=path.name,
        prepared_otherwise=(),
    )


def _read_contents(path: Path) -> Contents:
    """Raises `WeightsError` where the file is none of ONNX, or one that its weights are in is not there."""
    from bench.zoo.caffe import message_class  # needs protobuf, which comes with ONNX Runtime

    try:
        graph = message_class("ModelProto").FromString(path.read_bytes()).graph
    except Exception:  # noqa: BLE001 - protobuf's own errors, of several kinds
        raise WeightsError(f"{path} is not a whole file of ONNX: fetch or export it again") from None
    sizes = Counter[int]()
    scales = {name for node in graph.node if node.op_type in QUANTISES for name in node.input[1:]}
    for tensor in graph.initializer:
        if tensor.data_type not in SHAPES and tensor.name not in scales:
            sizes[tensor.data_type] += math.prod(tensor.dims)
    return Contents(
        parameters=sizes.total() or None,
        half=sizes[FLOAT16] > sizes[FLOAT],
        quantised=sizes[INT8] + sizes[UINT8] > sizes[FLOAT] + sizes[FLOAT16],
        softmax=_softmax_values(graph.node),
        sha256=_hash(path, sorted(set(_external_files(graph.initializer)))),
    )


def _softmax_values(nodes: Sequence[Any]) -> frozenset[str]:
    """The names of values that are what a softmax returns, in any shape or type. `nodes` are in order."""
    values: set[str] = set()
    for node in nodes:
        if node.op_type == "Softmax" or (node.op_type in PASSED_THROUGH and node.input[0] in values):
            values.update(node.output)
    return frozenset(values)


def _external_files(tensors: Sequence[Any]) -> Iterator[str]:
    """The names of the files that weights are in, beside the graph's."""
    return (entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location")


def _hash(path: Path, others: Sequence[str]) -> str:
    """That of the file, or of the hashes of all its files. Raises `WeightsError` where one is not there."""
    if not others:
        return sha256(path)
    for name in others:
        if not path.parent.joinpath(name).is_file():
            raise WeightsError(
                f"{path} has weights in {name}, which is not beside it: put both in one folder"
            )
    hashes = [sha256(path), *(sha256(path.parent / name) for name in others)]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _find_input(path: Path, session: "InferenceSession", stated: int | None) -> tuple[GraphInput, int]:
    """What the graph takes, and the side of its input in pixels."""
    takes = session.get_inputs()
    if len(takes) != 1 or len(takes[0].shape) != 4:
        raise WeightsError(
            f"{path} takes {_listed(takes)}: a classifier takes one batch of images, [n x 3 x height x width]"
        )
    (only,) = takes
    if only.type not in TYPES:
        raise WeightsError(f"{path} takes {only.type}: export it for {', '.join(TYPES)}")
    batch, *sides = (side if isinstance(side, int) and side > 0 else None for side in only.shape)
    colours_last = _colours_last(path, only, sides)
    height, width = sides[:2] if colours_last else sides[1:]
    if height and width and height != width:
        raise WeightsError(f"{path} takes images of {width} x {height}: a network here takes squares")
    size = height or width
    if size and stated and size != stated:
        raise UsageError(f"--input-size {stated}: {path} takes {size} x {size}, leave it out")
    size = size or stated
    if size is None:
        raise UsageError(f"{path} takes images of any size: pass --input-size with the side in pixels")
    return GraphInput(only.name, only.type, colours_last, batch), size


def _colours_last(path: Path, only: Any, sides: Sequence[int | None]) -> bool:
    """Whether the last side is the colours, and not the first, behind the batch."""
    for wanted in (3, None):  # an exact 3 before a side of any size
        first, last = sides[0] == wanted, sides[2] == wanted
        if first != last:
            return last
        if first:
            break
    raise WeightsError(
        f"{path} takes {_listed([only])}: which side is the 3 colours? Export it with one of 3"
    )


def _listed(values: Sequence[Any]) -> str:
    """Inputs or outputs with their shapes, in words."""
    return ", ".join(
        f"{value.name} [{' x '.join(str(side or '?') for side in value.shape)}]" for value in values
    )


def _normalisation(
    path: Path, takes: GraphInput, metadata: Mapping[str, str], stated: StatedInput
) -> Normalisation:
    """Mean and standard deviation: as stated, else of the metadata. A graph that takes uint8 gets levels."""
    if takes.type == "tensor(uint8)":
        if stated.mean or stated.std:
            raise UsageError(f"{path} takes levels of 0 to 255: leave out --mean and --std")
        return Normalisation((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
    mean = stated.mean or _colour(path, "mean", metadata)
    std = stated.std or _colour(path, "std", metadata)
    if mean is None or std is None:
        raise UsageError(
            f"{path} does not say how its input is normalised: pass --mean and --std, "
            "such as 0.485,0.456,0.406 and 0.229,0.224,0.225, or 0 and 1 where the graph does it"
        )
    return Normalisation(mean, std)


def _colour(path: Path, name: str, metadata: Mapping[str, str]) -> Color | None:
    """The metadata's three numbers, or one for all colours, under this name."""
    if name not in metadata:
        return None
    try:
        values = [float(word) for word in re.split(r"[\s,;()\[\]]+", metadata[name]) if word]
        red, green, blue = values * 3 if len(values) == 1 else values
    except ValueError:
        raise UsageError(
            f"{path} has the {name} {metadata[name]!r} in its metadata, which is not three numbers: "
            f"pass --{name}"
        ) from None
    return red, green, blue


def _try(
    path: Path, session: "InferenceSession", takes: GraphInput, size: int, normalisation: Normalisation
) -> dict[str, NDArray[Any]]:
    """All that the graph returns for two images of noise, or for a full batch."""
    noise = torch.rand(takes.batch or 2, 3, size, size, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (normalisation.mean, normalisation.std))
    ((array, _),) = takes.arrays((noise - mean) / std)
    names = [value.name for value in session.get_outputs()]
    try:
        return dict(zip(names, session.run(None, {takes.name: array}), strict=True))
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own kinds share no other class
        raise failure(path, error) from None


def _find_output(path: Path, returned: Mapping[str, NDArray[Any]]) -> tuple[str, NDArray[Any]]:
    """The output that has a score for each class, by name, and its scores [n x outputs]."""
    floats = {
        name: np.asarray(array) for name, array in returned.items() if getattr(array, "dtype", None) in FLOATS
    }
    scores = {
        name: array.reshape(len(array), -1)
        for name, array in floats.items()
        if array.ndim >= 2 and array.size == array.shape[0] * array.shape[1] and array.shape[1] > 1
    }
    usual = {name: array for name, array in scores.items() if array.shape[1] in ORDER_OF_OUTPUTS}
    found = usual or scores
    if len(found) != 1:
        shapes = [f"{name} [{' x '.join(map(str, np.shape(array)))}]" for name, array in returned.items()]
        raise WeightsError(
            f"{path} returns {', '.join(shapes)}: a classifier has one output with a score for each class"
        )
    return next(iter(found.items()))


FLOATS = (np.float32, np.float16, np.float64)
"""The types that scores may have."""


def _are_probabilities(scores: NDArray[Any]) -> bool:
    """Whether each row is that, by its numbers."""
    sums = scores.astype(np.float64).sum(axis=1)
    return bool((scores >= 0).all() and (abs(sums - 1) < TOLERANCE).all())


def _note(path: Path, contents: Contents, probabilities: bool) -> str:
    """What there is to say of the graph; empty for logits from usual weights."""
    facts = ["has weights of 8 bits"] * contents.quantised + ["returns probabilities"] * probabilities
    return f"{path} {' and '.join(facts)}" if facts else ""
