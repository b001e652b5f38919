"""Weights in the files of Caffe and ONNX, which are protocol buffers: .caffemodel and .onnx.

Only the parameters are read, under the names that ONNX has for Caffe's: `conv1/7x7_s2_w_0` for the weights of
the layer `conv1/7x7_s2`, and `conv1/7x7_s2_b_0` for its biases.

Importing this needs the extra `caffe`, and raises `UsageError` without it.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import UsageError

try:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass
except ImportError:
    raise UsageError(
        "files of Caffe and ONNX need the `protobuf` library: pip install 'inception-bench[caffe]'"
    ) from None

MESSAGES = {
    "NetParameter": ("repeated V1LayerParameter layers = 2", "repeated LayerParameter layer = 100"),
    "V1LayerParameter": ("optional string name = 4", "repeated BlobProto blobs = 6"),
    "LayerParameter": ("optional string name = 1", "repeated BlobProto blobs = 7"),
    "BlobProto": (
        *("optional int32 num = 1", "optional int32 channels = 2"),
        *("optional int32 height = 3", "optional int32 width = 4"),
        *("repeated float data = 5", "optional BlobShape shape = 7", "repeated double double_data = 8"),
    ),
    "BlobShape": ("repeated int64 dim = 1",),
    "ModelProto": ("optional GraphProto graph = 7",),
    "GraphProto": ("repeated NodeProto node = 1", "repeated TensorProto initializer = 5"),
    "NodeProto": ("repeated string input = 1", "repeated string output = 2", "optional string op_type = 4"),
    "TensorProto": (
        *("repeated int64 dims = 1", "optional int32 data_type = 2", "repeated float float_data = 4"),
        *("optional string name = 8", "optional bytes raw_data = 9"),
        "repeated StringStringEntryProto external_data = 13",
    ),
    "StringStringEntryProto": ("optional string key = 1", "optional string value = 2"),
}
"""What is read of caffe.proto and onnx.proto, in their words. A parser passes over all other fields."""

BLOBS = {0: "w_0", 1: "b_0"}
"""What ONNX calls the blobs of a layer of Caffe's, by their place."""

FLOAT = 1
"""The `data_type` of a tensor of ONNX that has float32. Others are shapes, or quantised."""

MOST_BYTES = 2**30
"""Size of the largest file that is read. GoogLeNet's has 53 MB, with the heads for training."""

MOST_DIMENSIONS = 4


def read(path: Path) -> dict[str, Tensor]:
    """The parameters in a .caffemodel or .onnx file by name.

    Raises `ValueError` where a tensor's shape does not fit its numbers, and protobuf's `DecodeError`.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES / 1e9:.1f} GB")
    tensors = _onnx_tensors if path.suffix == ".onnx" else _caffe_tensors
    return {
        name: torch.from_numpy(_shaped(name, numbers, shape))
        for name, numbers, shape in tensors(path.read_bytes())
    }


Found = Iterator[tuple[str, NDArray[np.float32], Sequence[int]]]
"""Names, numbers and shapes of tensors."""


def _caffe_tensors(content: bytes) -> Found:
    net = message_class("NetParameter").FromString(content)
    for layer in (*net.layers, *net.layer):  # the first are those of files from before 2015
        for place, blob in enumerate(layer.blobs):
            numbers = np.array(blob.data or blob.double_data, np.float32)
            yield f"{layer.name}_{BLOBS.get(place, place)}", numbers, _caffe_shape(blob)


def _caffe_shape(blob: Any) -> Sequence[int]:
    """The shape of a blob. Older ones have four sides, of which the first are 1 where fewer are meant."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    shape = [blob.num, blob.channels, blob.height, blob.width]
    while len(shape) > 1 and shape[0] == 1:
        del shape[0]
    return shape


def _onnx_tensors(content: bytes) -> Found:
    for tensor in message_class("ModelProto").FromString(content).graph.initializer:
        if tensor.data_type == FLOAT:
            numbers = np.frombuffer(tensor.raw_data, "<f4") if tensor.raw_data else tensor.float_data
            yield tensor.name, np.array(numbers, np.float32), tuple(tensor.dims)


def _shaped(name: str, numbers: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """Numbers in their shape. Raises `ValueError` where these do not fit together."""
    if len(shape) > MOST_DIMENSIONS or any(side < 1 for side in shape) or math.prod(shape) != len(numbers):
        sides = " x ".join(map(str, shape[:MOST_DIMENSIONS]))
        raise ValueError(f"{name} has {len(numbers):,} numbers for the shape {sides}")
    return numbers.reshape(shape)


@cache
def message_class(name: str) -> Any:
    """The class of the message of that name in `MESSAGES`, with `FromString` to read one from bytes."""
    file = FileDescriptorProto(name="weights.proto", package="weights", syntax="proto2")
    for message, lines in MESSAGES.items():
        file.message_type.add(name=message).field.extend(map(_field, lines))
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"weights.{name}"))


def _field(line: str) -> FieldDescriptorProto:
    """The descriptor of a field such as `repeated int64 dim = 1`."""
    label, kind, name, _, number = line.split()
    field = FieldDescriptorProto(name=name, number=int(number))
    field.label = FieldDescriptorProto.Label.Value(f"LABEL_{label.upper()}")
    if kind in MESSAGES:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".weights.{kind}"
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return field
