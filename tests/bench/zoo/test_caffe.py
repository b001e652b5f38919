"""Tensors in the files of Caffe and ONNX, written byte by byte or by ONNX's own library."""

import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from bench.errors import UsageError, WeightsError
from bench.zoo.weights import read
from tests.bench.zoo.caffe_files import NEW, OLD, caffemodel, chunk, integer
from tests.helpers import result_or_refusal

WEIGHTS, BIASES = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2), np.array([0.5, -2], np.float32)
LINEAR = np.arange(6, dtype=np.float32).reshape(3, 2) / 3


def write(path, content):
    path.write_bytes(content)
    return path


def model_of(*tensors):
    return helper.make_model(helper.make_graph([], "weights", [], [], tensors))


@pytest.mark.parametrize("form", [OLD, NEW])
def test_blobs_have_the_names_of_onnx_and_the_shapes_of_torch(tmp_path, form):
    """Those of old files have four sides each: (1, 1, 1, 2) for two biases, (1, 1, 3, 2) for a matrix."""
    blobs = {"conv1/7x7_s2": (WEIGHTS, BIASES), "loss3/classifier": (LINEAR, np.ones(3, np.float32))}
    tensors = read(write(tmp_path / "a.caffemodel", caffemodel(blobs, form))).tensors
    assert {name: value.dtype for name, value in tensors.items()} == dict.fromkeys(
        ["conv1/7x7_s2_w_0", "conv1/7x7_s2_b_0", "loss3/classifier_w_0", "loss3/classifier_b_0"],
        torch.float32,
    )
    assert np.array_equal(tensors["conv1/7x7_s2_w_0"], WEIGHTS)
    assert np.array_equal(tensors["conv1/7x7_s2_b_0"], BIASES)
    assert np.array_equal(tensors["loss3/classifier_w_0"], LINEAR)


def test_blob_in_double_precision_is_read(tmp_path):
    blob = chunk(8, np.float64([1, 2, 3]).tobytes()) + chunk(7, chunk(1, b"\x03"))
    path = write(tmp_path / "a.caffemodel", chunk(100, chunk(1, b"fc") + chunk(7, blob)))
    assert read(path).tensors["fc_w_0"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("raw", [True, False])
def test_onnx_tensors_are_read_in_both_forms_and_shapes_left_out(tmp_path, raw):
    values = LINEAR.tobytes() if raw else LINEAR.ravel()
    tensor = helper.make_tensor("w", onnx.TensorProto.FLOAT, LINEAR.shape, values, raw=raw)
    model = model_of(tensor, numpy_helper.from_array(np.array([1, 1024]), "shape"))
    tensors = read(write(tmp_path / "a.onnx", model.SerializeToString())).tensors
    assert tensors.keys() == {"w"}
    assert np.array_equal(tensors["w"], LINEAR)


def test_no_other_file_is_read_for_tensors_that_onnx_keeps_outside(tmp_path):
    (tmp_path / "outside").write_bytes(LINEAR.tobytes())
    tensor = numpy_helper.from_array(LINEAR, "w")
    onnx.external_data_helper.set_external_data(tensor, "outside")
    tensor.ClearField("raw_data")
    path = write(tmp_path / "a.onnx", model_of(tensor).SerializeToString())
    with pytest.raises(
        WeightsError, match=r"a\.onnx cannot be read .* \(w has 0 numbers for the shape 3 x 2\)"
    ):
        read(path)


def blob_of_shape(*sides):
    """A .caffemodel with a layer `fc` of four ones, and this shape."""
    dimensions = b"".join(integer(1, side % 2**64) for side in sides)
    blob = chunk(5, np.ones(4, np.float32).tobytes()) + chunk(7, dimensions)
    return chunk(100, chunk(1, b"fc") + chunk(7, blob))


@pytest.mark.parametrize(
    "shape", [(5,), (2, 3), (0,), (-2, -2), (-4,), (2**40, 2**40), (4, 1, 1, 1, 1), (1,) * 100]
)
def test_shape_that_does_not_fit_its_numbers_is_refused(tmp_path, shape):
    path = write(tmp_path / "a.caffemodel", blob_of_shape(*shape))
    with pytest.raises(
        WeightsError, match=r"a\.caffemodel cannot be read .* \(fc_w_0 has 4 numbers for the "
    ):
        read(path)


def test_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.onnx"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # takes no space on the disk
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    with pytest.raises(WeightsError, match=r"cannot be read as a checkpoint \(it has more than 1\.1 GB\)"):
        read(path)


@pytest.mark.parametrize("form", [OLD, NEW])
def test_changed_and_cut_files_are_read_or_refused(tmp_path, form):
    """With another value in each byte, and cut off before it."""
    content = caffemodel({"conv1/7x7_s2": (WEIGHTS[:1, :1], BIASES)}, form)
    path = tmp_path / "a.caffemodel"

    def refusal(place, end):
        return result_or_refusal(lambda: read(write(path, content[:place] + end)), WeightsError)[1]

    refusals = [
        text
        for place, value in enumerate(content)
        for end in (b"", bytes([value ^ 0xFF]) + content[place + 1 :])
        if (text := refusal(place, end))
    ]
    assert len(refusals) > len(content)
    assert all(str(path) in refusal for refusal in refusals)


@pytest.mark.parametrize("name", ["a.caffemodel", "a.onnx"])
def test_missing_library_is_named(tmp_path, monkeypatch, name):
    monkeypatch.delitem(sys.modules, "bench.zoo.caffe", raising=False)
    monkeypatch.delattr("bench.zoo.caffe", raising=False)
    monkeypatch.setitem(sys.modules, "google.protobuf.descriptor_pb2", None)
    with pytest.raises(
        UsageError, match=r"need the `protobuf` library: pip install 'inception-bench\[caffe\]'$"
    ):
        read(write(tmp_path / name, b""))
