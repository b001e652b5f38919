import hashlib

import numpy as np
import pytest
from safetensors.numpy import load

from results.shard_file import decode, digest, encode

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.array([7], dtype=np.int64)}


def test_content_and_tensors_come_back():
    data = encode({"ids": ["é", "b"]}, TENSORS)
    content, tensors = decode(data)
    assert content == {"ids": ["é", "b"]}
    for found in (tensors, load(data)):
        assert {name: array.tolist() for name, array in found.items()} == {
            "a": [7],
            "b": [[0, 3], [1, 4], [2, 5]],
        }


def test_digest_is_of_the_description_and_of_each_tensor_by_name():
    first = b"a int64 (1,)" + (7).to_bytes(8, "little")
    second = b"b float32 (3, 2)" + np.array([0, 3, 1, 4, 2, 5], dtype="<f4").tobytes()
    assert digest(["x", 5], TENSORS) == hashlib.sha256(b'["x", 5]' + first + second).hexdigest()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:20], lambda data: b"no shard"])
def test_damaged_file_is_a_value_error(damage):
    with pytest.raises(ValueError, match=r"."):
        decode(damage(encode({}, TENSORS)))
