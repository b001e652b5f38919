"""Caffe's public GoogLeNet, from files of its layout, against ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from bench.errors import WeightsError
from bench.zoo.loading import load
from crops.dialects import caffe
from tests.bench.zoo.caffe_files import (
    NEW,
    OLD,
    caffemodel,
    heads_for_training,
    onnx_model,
    random_blobs,
)
from tests.helpers import pooled

BLUE_GREEN_RED = np.array([104, 117, 123])


@pytest.fixture(scope="module")
def blobs():
    return random_blobs()


@pytest.fixture(scope="module")
def onnx_files(blobs, tmp_path_factory):
    """The .onnx file for each version of the operators."""
    folder = tmp_path_factory.mktemp("onnx")
    files = {opset: folder / f"googlenet-{opset}.onnx" for opset in (9, 12)}
    for opset, path in files.items():
        path.write_bytes(onnx_model(blobs, opset).SerializeToString())
    return files


def run_onnx(path, images):
    """[n x 1000] the probabilities that ONNX Runtime finds for images [n x 3 x 224 x 224]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"data_0": image[None]})[0] for image in images])


def centred(logits):
    """Logits without what softmax does not see."""
    return logits - logits.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("file", [9, 12, OLD, NEW])
def test_outputs_are_those_of_onnx_runtime(blobs, onnx_files, tmp_path, file):
    path = onnx_files.get(file, tmp_path / "bvlc_googlenet.caffemodel")
    if file in (OLD, NEW):
        path.write_bytes(caffemodel(blobs | heads_for_training(), file))
    images = np.random.default_rng(1).uniform(-123, 151, (2, 3, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        ours = centred(load("v1-paper", str(path)).module(torch.from_numpy(images)).numpy())
    theirs = centred(np.log(run_onnx(onnx_files.get(file, onnx_files[9]), images)))
    assert theirs.std() > 0.5
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_evaluation_in_caffes_dialect_has_the_probabilities_of_onnx_runtime(evaluate, photos, onnx_files):
    run = evaluate(model="v1-paper", weights=onnx_files[12], dialect="caffe", precision="fp32")
    photographs = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(photos.rglob("*.JPEG"))]
    pixels = [caffe(photograph, 224, 256) for photograph in photographs]
    images = np.stack(pixels)[..., ::-1].astype(np.float32) - BLUE_GREEN_RED
    theirs = run_onnx(onnx_files[12], images.transpose(0, 3, 1, 2).astype(np.float32))
    assert theirs.max() > 5 / 1000
    np.testing.assert_allclose(pooled(run, "1/caffe"), theirs, rtol=2e-5)


def test_weights_without_a_layer_are_refused_by_its_name(blobs, tmp_path):
    path = tmp_path / "bvlc_googlenet.caffemodel"
    rest = {name: arrays for name, arrays in blobs.items() if name != "inception_4e/5x5"}
    path.write_bytes(caffemodel(rest, NEW))
    with pytest.raises(WeightsError, match=r"2 missing: stages\.4e\.\S+\.weight, stages\.4e\.\S+\.bias$"):
        load("v1-paper", str(path))


@pytest.mark.parametrize("name", ["v1-separable", "bn-v1", "mini-v1", "v2", "torchvision/googlenet"])
def test_other_networks_refuse_them(name, onnx_files):
    with pytest.raises(WeightsError, match="does not fit"):
        load(name, str(onnx_files[12]))
