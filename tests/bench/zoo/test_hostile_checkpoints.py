"""Checkpoints that are broken, or made to do harm, are refused by name. Code in them is never run."""

import pickle
import re
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from tests.bench.zoo.caffe_files import chunk
from tests.conftest import TINY, random_weights

STEM, HEAD = "conv_stem.weight", "classifier.weight"
CODE_RAN = "code-ran"
"""The name of the file that harmful code makes beside its checkpoint."""


class Touch:
    """Unpickled without care, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


# Each of these writes a checkpoint to `path`. `state` has the tensors of a good one.


def write_code_beside_tensors(path, state):
    torch.save({"state_dict": state, "hook": Touch(path.with_name(CODE_RAN))}, path)


def write_code_alone(path, state):
    path.write_bytes(pickle.dumps(Touch(path.with_name(CODE_RAN))))


def write_nan(path, state):
    save_file(state | {HEAD: state[HEAD] * float("nan")}, path)


def write_infinity(path, state):
    save_file(state | {HEAD: state[HEAD] + float("inf")}, path)


def write_another_shape(path, state):
    save_file(state | {STEM: torch.ones(2, 3)}, path)


def write_another_network(path, state):
    random_weights("mini-v3", path)


def write_one_tensor_less(path, state):
    save_file({name: value for name, value in state.items() if name != STEM}, path)


def write_one_tensor_more(path, state):
    save_file(state | {"x": torch.ones(2)}, path)


def write_head(change):
    """Writes the head that this function makes of the good one."""
    return lambda path, state: torch.save(state | {HEAD: change(state[HEAD])}, path)


def quantised(head):
    return torch.quantize_per_tensor(head, 0.1, 0, torch.qint8)


def expanded(*shape):
    """A tensor that claims this shape, and has one number in the file."""
    return lambda head: torch.tensor(1.0).expand(shape)


def write_complex_safetensors(path, state):
    save_file(state | {HEAD: state[HEAD] * 1j}, path)


def write_half(path, state):
    data = save(state)
    path.write_bytes(data[: len(data) // 2])


def write_header_without_end(path, state):
    path.write_bytes(struct.pack("<Q", 2**60) + save(state)[8:])


def write_bytes(data):
    """Writes these bytes."""
    return lambda path, state: path.write_bytes(data)


def write_blob(numbers):
    """Writes a .caffemodel with a layer `c` of these weights, where one is meant."""
    blob = chunk(5, struct.pack(f"<{len(numbers)}f", *numbers)) + chunk(7, chunk(1, b"\x01"))
    return write_bytes(chunk(100, chunk(1, b"c") + chunk(7, blob)))


def write_pickle(value):
    """Writes this value as torch does."""
    return lambda path, state: torch.save(value, path)


NOT_WHOLE = "is not a whole .safetensors file"
CANNOT_BE_READ = "cannot be read as a checkpoint"


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        pytest.param(
            "a.pth", write_code_beside_tensors, "pickle with code in it, which is not run", id="code"
        ),
        pytest.param("a.pth", write_code_alone, CANNOT_BE_READ, id="code-in-an-old-pickle"),
        pytest.param("a.safetensors", write_nan, f"{HEAD} is not finite", id="nan"),
        pytest.param("a.safetensors", write_infinity, f"{HEAD} is not finite", id="infinity"),
        pytest.param("a.safetensors", write_another_shape, f"1 of another shape: {STEM}", id="another-shape"),
        pytest.param("a.safetensors", write_another_network, "does not fit", id="another-network"),
        pytest.param("a.safetensors", write_one_tensor_less, f"1 missing: {STEM}", id="one-tensor-less"),
        pytest.param("a.safetensors", write_one_tensor_more, "1 left over: x", id="one-tensor-more"),
        pytest.param(
            "a.pth", write_head(lambda head: head.to("meta")), f"{HEAD} is without numbers", id="meta"
        ),
        pytest.param(
            "a.pth",
            write_head(quantised),
            f"{HEAD} is quantised",
            id="quantised",
            marks=pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor"),
        ),
        pytest.param("a.pth", write_head(lambda head: head.to_sparse()), f"{HEAD} is sparse", id="sparse"),
        pytest.param("a.pth", write_head(lambda head: head * 1j), f"{HEAD} is complex", id="complex"),
        pytest.param(
            "a.safetensors", write_complex_safetensors, f"{HEAD} is complex", id="complex-safetensors"
        ),
        pytest.param("a.pth", write_head(expanded(10**6, 10**6)), f"{HEAD} is larger than", id="expanded"),
        pytest.param("a.pth", write_head(expanded()), rf"of another shape: {HEAD} is \(\)", id="scalar-head"),
        pytest.param("a.safetensors", write_half, NOT_WHOLE, id="half-a-file"),
        pytest.param("a.safetensors", write_header_without_end, NOT_WHOLE, id="header-without-end"),
        pytest.param("a.safetensors", write_bytes(bytes(100)), NOT_WHOLE, id="zeros"),
        pytest.param("a.safetensors", write_bytes(b""), NOT_WHOLE, id="empty-file"),
        pytest.param("a.pth", write_bytes(b"hello"), CANNOT_BE_READ, id="text"),
        pytest.param("a.pth", write_bytes(b"PK\x05\x06" + bytes(18)), CANNOT_BE_READ, id="empty-zip"),
        pytest.param("a.pth", write_pickle({"epoch": 3}), "has no tensors", id="no-tensors"),
        pytest.param("a.pth", write_pickle([1, 2]), CANNOT_BE_READ, id="list"),
        pytest.param("a.caffemodel", write_bytes(b"hello"), CANNOT_BE_READ, id="text-as-caffemodel"),
        pytest.param("a.onnx", write_bytes(b"hello"), CANNOT_BE_READ, id="text-as-onnx"),
        pytest.param("a.onnx", write_bytes(b""), "has no tensors", id="empty-onnx"),
        pytest.param("a.caffemodel", write_blob([float("nan")]), "c_w_0 is not finite", id="caffe-nan"),
        pytest.param("a.caffemodel", write_blob([]), "c_w_0 has 0 numbers for the shape 1", id="no-numbers"),
        pytest.param("a.caffemodel", write_blob([1]), "1 left over: c_w_0", id="another-caffemodel"),
        pytest.param("a.h5", write_bytes(b"x"), "its name should end in", id="another-ending"),
    ],
)
def test_hostile_checkpoint_is_refused(eval_refusal, photos, tmp_path, tiny_weights, name, write, message):
    path = tmp_path / name
    write(path, load_file(tiny_weights))
    line = eval_refusal("--data", photos, "--weights", path)
    assert str(path) in line
    assert re.search(message, line), line
    assert not (tmp_path / CODE_RAN).exists()


def test_folder_without_checkpoints_is_refused(eval_refusal, photos, tmp_path):
    (tmp_path / "folder.pth").mkdir()
    line = eval_refusal("--data", photos, "--weights", tmp_path / "folder.pth")
    assert re.search("no checkpoints in .*folder.pth", line), line


@pytest.mark.parametrize(("outputs", "order"), [(1001, "background-first"), (1008, "ilsvrc")])
def test_outputs_beyond_the_1000_classes_are_left_out(eval_run, photos, tmp_path, outputs, order):
    path = random_weights(TINY, tmp_path / "wide.safetensors", outputs)
    run = eval_run("--data", photos, "--weights", path)
    assert run.manifest.model.label_order == order
    assert [shard.probabilities["1"].shape for shard in run.shards()] == [(6, 1000)]
