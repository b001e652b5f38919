"""Networks in files of ONNX: what is read from them, and what they return."""

import hashlib
import re
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch
from onnx import TensorProto, helper
from torch import nn

from bench.errors import UsageError, WeightsError
from bench.zoo.from_onnx import load_graph
from bench.zoo.loading import load
from bench.zoo.preprocessing import StatedInput
from crops.normalisation import HALF, IMAGENET
from tests.bench.zoo.onnx_files import Small, export, in_half_precision, quantised, small, with_metadata

STATED = StatedInput(mean=HALF.mean, std=HALF.std)
IMAGES = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def loaded(path, stated=STATED):
    return load_graph(path, "auto", stated)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "net.onnx"


@pytest.mark.parametrize("dynamic", [("batch",), ()], ids=["any-batch", "batches-of-two"])
def test_logits_are_those_of_torch(file, dynamic):
    """Five images, which batches of two do not divide."""
    network = loaded(export(small(), file, IMAGES[:2], dynamic=dynamic))
    assert (network.module(IMAGES) - small()(IMAGES)).abs().max() < 1e-4
    assert network.network.provider == "onnx"
    assert (network.network.name, network.network.architecture) == ("net.onnx", "net.onnx")
    assert (network.preprocessing.size, network.outputs, network.order) == (32, 1000, "wordnet")
    assert network.network.parameters == sum(value.numel() for value in small().parameters())
    assert network.weights.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert network.weights.note == ""
    assert network.graph is network.module
    assert network.graph.precision == "fp32"


def test_vision_transformer_returns_what_timm_does(file):
    torch.manual_seed(0)
    module = timm.create_model("test_vit").eval()
    images = torch.randn(3, 3, 160, 160)
    network = loaded(export(module, file, images[:2]))
    with torch.no_grad():
        assert (network.module(images) - module(images)).abs().max() < 1e-4


def test_colours_may_come_last(file):
    images = IMAGES.permute(0, 2, 3, 1)
    network = loaded(export(small(permuted=True), file, images))
    assert (network.module(IMAGES) - small()(IMAGES)).abs().max() < 1e-4
    assert network.preprocessing.size == 32


def test_graph_that_takes_bytes_gets_levels(file):
    """It scales them itself, so that no mean and no std has to be stated."""
    levels = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    network = loaded(export(small(levels=True), file, levels), StatedInput())
    mean, std = network.preprocessing.normalisation.mean[0], network.preprocessing.normalisation.std[0]
    normalised = (levels.float() / 255 - mean) / std
    assert (network.module(normalised) - small()(levels.float() / 255)).abs().max() < 1e-4
    with pytest.raises(UsageError, match="takes levels of 0 to 255: leave out --mean and --std"):
        loaded(file)


def test_graph_of_half_precision_is_what_onnx_runtime_computes(file, tmp_path):
    path = in_half_precision(export(small(), file, IMAGES), tmp_path / "half.onnx")
    network = loaded(path)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"images": IMAGES.numpy().astype(np.float16)})
    assert network.graph.precision == "fp16"
    assert network.module(IMAGES).dtype == torch.float32
    assert (network.module(IMAGES) - torch.from_numpy(expected.astype(np.float32))).abs().max() == 0


def test_quantised_graph_is_what_onnx_runtime_computes(file, tmp_path):
    path = quantised(export(small(), file, IMAGES), tmp_path / "8bit.onnx", [IMAGES.numpy()])
    network = loaded(path)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"images": IMAGES.numpy()})
    assert (network.module(IMAGES) - torch.from_numpy(expected)).abs().max() < 1e-4
    assert network.weights.note == f"{path} has weights of 8 bits"
    assert network.network.parameters == sum(value.numel() for value in small().parameters())


class Quotient(nn.Module):
    """A softmax of simpler operations, as some exporters write it."""

    def forward(self, scores):
        powers = (scores - scores.amax(1, keepdim=True)).exp()
        return powers / powers.sum(1, keepdim=True)


@pytest.mark.parametrize("ending", [nn.Softmax(1), Quotient()], ids=["softmax", "quotient"])
def test_softmax_of_what_a_graph_of_probabilities_returns_is_those(file, ending):
    network = loaded(export(small(ending=ending), file, IMAGES))
    assert network.weights.note == f"{file} returns probabilities"
    assert (network.module(IMAGES).softmax(1) - small()(IMAGES).softmax(1)).abs().max() < 1e-6
    assert network.module(IMAGES).isfinite().all()


def test_probabilities_of_8_bits_are_recognised(file, tmp_path):
    """Rounded to 1/256, they do not sum to 1."""
    path = quantised(
        export(small(ending=nn.Softmax(1)), file, IMAGES), tmp_path / "8bit.onnx", [IMAGES.numpy()]
    )
    network = loaded(path)
    assert network.weights.note == f"{path} has weights of 8 bits and returns probabilities"
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"images": IMAGES.numpy()})
    sums = expected.sum(axis=1, keepdims=True)
    assert abs(sums - 1).max() > 0.01  # else nothing was tried
    assert network.module(IMAGES).isfinite().all()  # as logarithms of zeros would not be
    assert abs(network.module(IMAGES).softmax(1).numpy() - expected / sums).max() < 1e-6


def test_logarithms_of_probabilities_are_logits(file):
    network = loaded(export(small(ending=nn.LogSoftmax(1)), file, IMAGES))
    assert network.weights.note == ""
    assert (network.module(IMAGES).softmax(1) - small()(IMAGES).softmax(1)).abs().max() < 1e-6


@pytest.mark.parametrize(("outputs", "order"), [(1001, "background-first"), (1008, "ilsvrc"), (7, "own")])
def test_order_of_outputs_goes_by_their_number(file, outputs, order):
    network = loaded(export(small(outputs=outputs), file, IMAGES))
    assert (network.outputs, network.order) == (outputs, order)


class Maps(Small):
    """Returns its feature map and the features, too."""

    def forward(self, images):
        features = self.convolution(images)
        return features, features.mean((2, 3)), super().forward(images)


def test_output_with_a_score_for_each_class_is_taken(file):
    torch.manual_seed(0)
    module = Maps().eval().requires_grad_(False)
    network = loaded(export(module, file, IMAGES, outputs=("map", "features", "scores")))
    assert (network.module(IMAGES) - module(IMAGES)[2]).abs().max() < 1e-4


def test_size_of_a_graph_for_any_size_is_stated(file):
    export(small(), file, IMAGES, dynamic=("batch", None, "height", "width"))
    with pytest.raises(UsageError, match="takes images of any size: pass --input-size"):
        loaded(file)
    network = loaded(file, StatedInput(48, HALF.mean, HALF.std))
    assert network.preprocessing.size == 48
    larger = torch.rand(2, 3, 48, 48)
    assert (network.module(larger) - small()(larger)).abs().max() < 1e-4


def test_mean_and_std_are_those_of_the_metadata_or_stated(file):
    export(small(), file, IMAGES)
    with pytest.raises(UsageError, match="does not say how its input is normalised: pass --mean and --std"):
        loaded(file, StatedInput(mean=HALF.mean))
    with_metadata(file, mean="[0.485, 0.456, 0.406]", std="0.229,0.224,0.225")
    assert loaded(file, StatedInput()).preprocessing.normalisation == IMAGENET
    assert loaded(file, StatedInput(mean=HALF.mean)).preprocessing.normalisation.mean == HALF.mean
    with_metadata(file, mean="0.5", std="0.5")
    assert loaded(file, StatedInput()).preprocessing.normalisation == HALF
    with_metadata(file, mean="0.5", std="unknown")
    with pytest.raises(UsageError, match=r"has the std 'unknown' in its metadata, .*: pass --std"):
        loaded(file, StatedInput())


@pytest.fixture
def divided(file):
    """A graph whose weights are in `weights.bin` beside it."""
    model = onnx.load(export(small(), file, IMAGES))
    onnx.save(model, file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return file


def test_weights_in_another_file_are_part_of_the_identity(divided):
    network = loaded(divided)
    assert (network.module(IMAGES) - small()(IMAGES)).abs().max() < 1e-4
    weights = divided.with_name("weights.bin")
    content = bytearray(weights.read_bytes())
    content[2] ^= 1
    weights.write_bytes(content)
    assert loaded(divided).weights.sha256 != network.weights.sha256


def test_missing_file_of_weights_is_named(divided):
    divided.with_name("weights.bin").unlink()
    with pytest.raises(WeightsError, match=r"has weights in weights\.bin, which is not beside it"):
        loaded(divided)


def one_node(operation, shape, to, *, opset=17, kind=TensorProto.FLOAT, **attributes):
    """The bytes of a graph of one operation, from `shape` to the shape `to`."""
    graph = helper.make_graph(
        [helper.make_node(operation, ["images"], ["scores"], **attributes)],
        "graph",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info("scores", kind, to)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


USUAL = ["n", 3, 32, 32]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no graph at all", "is not a whole file of ONNX"),
        (b"", r"cannot be read by ONNX Runtime \(.*No graph was found.*\)"),
        (one_node("Relu", USUAL, USUAL)[:60], "is not a whole file of ONNX"),
        (one_node("Relu", USUAL, USUAL, opset=999), r"cannot be read by ONNX Runtime \(.*opset.*999"),
        (one_node("NoSuch", USUAL, USUAL), r"cannot be read by ONNX Runtime \(.*NoSuch"),
        (one_node("Relu", ["n", 3], ["n", 3]), r"takes images \[n x 3\]: a classifier takes one batch"),
        (one_node("Relu", USUAL, USUAL), r"returns scores \[2 x 3 x 32 x 32\]: a classifier has one output"),
        (
            one_node("ReduceMean", USUAL, ["n", 1, 1, 1], axes=[1, 2, 3]),
            r"returns scores \[2 x 1 x 1 x 1\]: a classifier has one output",
        ),
        (one_node("Relu", ["n", 3, 32, 3], ["n", 3, 32, 3]), "which side is the 3 colours"),
        (one_node("Relu", ["n", "a", "b", "c"], ["n", "a", "b", "c"]), "which side is the 3 colours"),
        (one_node("Relu", ["n", 1, 32, 32], ["n", 1, 32, 32]), "which side is the 3 colours"),
        (one_node("Relu", ["n", 3, 32, 48], ["n", 3, 32, 48]), "takes images of 48 x 32"),
        (
            one_node("Relu", USUAL, USUAL, kind=TensorProto.DOUBLE),
            r"takes tensor\(double\): export it for tensor\(float\)",
        ),
    ],
)  # fmt: skip
def test_file_that_is_no_classifier_is_one_line(file, content, message):
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=f"^{re.escape(str(file))} .*{message}") as raised:
        loaded(file)
    assert "\n" not in str(raised.value)


def test_truncated_file_is_one_line(file):
    export(small(), file, IMAGES)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="is not a whole file of ONNX: fetch or export it again"):
        loaded(file)


def test_other_size_than_that_of_the_graph_is_refused(file):
    export(small(), file, IMAGES)
    with pytest.raises(UsageError, match=r"--input-size 64: .*net\.onnx takes 32 x 32, leave it out"):
        loaded(file, StatedInput(64, HALF.mean, HALF.std))


def test_missing_file_and_missing_library_are_usage_errors(file, monkeypatch):
    with pytest.raises(UsageError, match=r"no network at .*net\.onnx: there is no such file"):
        load(str(file), stated=STATED)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"pip install 'inception-bench\[onnx\]'"):
        load(str(file), stated=STATED)
