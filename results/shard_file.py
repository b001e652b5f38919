"""A file of a run's shard: tensors, what they are of, and the hash of both."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[Any]]


def encode(content: Mapping[str, Any], tensors: Tensors) -> bytes:
    """The bytes of a file with these tensors, and with `content` as JSON."""
    from safetensors.numpy import save

    return save(_in_order(tensors), {"shard": json.dumps(content)})


def decode(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The content and the tensors of a file. Raises one of many errors for what is not a whole file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["shard"]), tensors


def digest(described: Sequence[Any], tensors: Tensors) -> str:
    """sha256 of what describes the tensors, which JSON can write, and of the tensors by name."""
    found = hashlib.sha256(json.dumps(described).encode())
    for name, array in sorted(_in_order(tensors).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.data)
    return found.hexdigest()


def _in_order(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """The arrays in C order, as safetensors needs them."""
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}
