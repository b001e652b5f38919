"""Evaluations of ONNX graphs: the same figures as in torch, and what a graph cannot do."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from bench.device import resolve
from bench.errors import BenchError, UsageError
from bench.evaluation import graph_runtime
from bench.evaluation.graph_runtime import runtime_of_graph
from bench.options import Options
from bench.zoo.graph import Graph
from bench.zoo.loading import load
from bench.zoo.preprocessing import StatedInput
from crops import Plan, parse
from crops.normalisation import IMAGENET
from results.ensemble import ensemble
from results.tables import accuracy
from tests.bench.zoo.onnx_files import export, in_half_precision, quantised, small, with_metadata
from tests.conftest import TINY, saved
from tests.helpers import cli, cli_error, cli_json, largest_difference, pooled

STATED = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "net.onnx"


@pytest.fixture
def tiny_graph(tiny_weights, file):
    """`TINY` with its weights, exported."""
    module = timm.create_model(TINY.removeprefix("timm/")).eval()
    module.load_state_dict(load_file(tiny_weights))
    return export(module, file, torch.rand(2, 3, 160, 160))


@pytest.fixture
def small_graph(file):
    return export(small(), file, torch.rand(2, 3, 32, 32))


def test_table_and_probabilities_are_those_of_torch(evaluate, tiny_graph):
    by_torch = evaluate(crops="1,12")
    by_graph = evaluate(model=str(tiny_graph), weights=None, crops="1,12", **STATED)
    for protocol in ("1", "12"):
        assert largest_difference(by_torch, by_graph, protocol) < 1e-4
    columns = ["protocol", "image_set", "n", "top1_hits", "top5_hits"]
    assert accuracy([by_torch])[columns].equals(accuracy([by_graph])[columns])
    manifest = by_graph.manifest
    assert (manifest.runtime.device_name, manifest.runtime.precision) == (
        "cpu (CPUExecutionProvider)",
        "fp32",
    )
    assert (manifest.model.provider, manifest.model.name) == ("onnx", "net.onnx")
    assert by_graph.path.name.startswith("net.onnx-photos-1+12-")


def test_vision_transformer_of_probabilities_has_the_figures_of_torch(evaluate, tmp_path):
    torch.manual_seed(0)
    module = timm.create_model("test_vit").eval()
    nn.init.normal_(module.head.weight, std=0.3)
    weights = saved(module.state_dict(), tmp_path / "vit.safetensors")
    graph = export(nn.Sequential(module, nn.Softmax(1)), tmp_path / "vit.onnx", torch.rand(2, 3, 160, 160))
    normalisation = timm.get_pretrained_cfg("test_vit")
    stated = {"mean": normalisation.mean, "std": normalisation.std}
    for pool in ("mean", "logits"):
        by_torch = evaluate(model="timm/test_vit", weights=weights, crops="10", limit=2, pool=pool)
        by_graph = evaluate(model=str(graph), weights=None, crops="10", limit=2, pool=pool, **stated)
        assert largest_difference(by_torch, by_graph, "10") < 1e-4


def test_quantised_graph_has_the_probabilities_of_onnx_runtime_by_hand(
    evaluate, small_graph, photos, tmp_path
):
    """Images of Pillow's in one batch: the shorter side is 37, which is to 32 as 256 to 224, and the crop is
    the centre of the central square.
    """
    mean, std = np.float32(IMAGENET.mean), np.float32(IMAGENET.std)
    inputs = []
    for path in sorted(photos.rglob("*.JPEG")):
        image = Image.open(path)
        short = min(image.size)
        width, height = (int(37 * side / short) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = round((width - 37) / 2) + 2, round((height - 37) / 2) + 2
        levels = np.float32(image.crop((left, top, left + 32, top + 32)))
        inputs.append(((levels / 255 - mean) / std).transpose(2, 0, 1))
    batch = np.stack(inputs)
    path = quantised(small_graph, tmp_path / "8bit.onnx", [batch])
    (logits,) = onnxruntime.InferenceSession(path).run(None, {"images": batch})
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    run = evaluate(model=str(path), weights=None, renderer="pillow", **STATED)
    assert np.abs(pooled(run, "1") - powers / powers.sum(axis=1, keepdims=True)).max() < 1e-4


def test_torch_and_graph_make_an_ensemble(evaluate, tiny_graph, tmp_path):
    members = [evaluate(), evaluate(model=str(tiny_graph), weights=None, **STATED)]
    averaged = ensemble(members, tmp_path / "runs")
    expected = (pooled(members[0], "1") + pooled(members[1], "1")) / 2
    assert np.abs(pooled(averaged, "1") - expected).max() < 1e-6


def test_batches_are_whole_ones_of_the_graph(evaluate, file):
    """A default of 4 crops of 299 pixels, or 7, becomes a multiple of 32."""
    export(small(), file, torch.rand(32, 3, 32, 32), dynamic=())
    run = evaluate(model=str(file), weights=None, batch=7, **STATED)
    assert run.manifest.runtime.batch <= 32
    network = load(str(file), stated=StatedInput(mean=IMAGENET.mean, std=IMAGENET.std))
    for batch, expected in ((7, 32), (33, 64), (64, 64)):
        assert runtime_of_graph(network.graph, PLAN, Options(batch=batch)).batch == expected


PLAN = Plan(parse("1", 32), 32, "mean", "bicubic")


def test_half_precision_is_that_of_the_graph(evaluate, small_graph, tmp_path):
    path = in_half_precision(small_graph, tmp_path / "half.onnx")
    run = evaluate(model=str(path), weights=None, **STATED)
    assert run.manifest.runtime.precision == "fp16"
    assert run.manifest.runtime.agreement is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "bf16"}, "--precision bf16: net.onnx is computed in fp32, leave it out"),
        ({"compile": True}, "--compile: ONNX Runtime compiles net.onnx itself, leave it out"),
        ({"crops": "1,dense"}, "--crops 1,dense: net.onnx takes crops of one size, leave dense out"),
        ({"weights": "a.pth"}, "--weights a.pth: .*net.onnx has its weights, leave --weights out"),
        ({"ema": True}, "--ema and --no-ema: net.onnx has its weights, leave it out"),
    ],
)
def test_what_a_graph_cannot_do_is_a_usage_error(evaluate, small_graph, options, message):
    usual = {"model": str(small_graph), "weights": None, **STATED}
    with pytest.raises(UsageError, match=message):
        evaluate(**usual | options)


def test_graph_computes_on_the_cpu_where_onnx_runtime_does_not_reach_the_gpu(small_graph, monkeypatch):
    """Unless the user wants the GPU."""
    network = load(str(small_graph), stated=StatedInput(mean=IMAGENET.mean, std=IMAGENET.std))

    def pretend(options):
        found = resolve(replace(options, device="cpu"))
        return found if options.device == "cpu" else replace(found, device=torch.device("cuda:0"))

    monkeypatch.setattr(graph_runtime, "resolve", pretend)
    runtime = runtime_of_graph(network.graph, PLAN, Options())
    assert (runtime.device.type, runtime.execution_provider) == ("cpu", "CPUExecutionProvider")
    with pytest.raises(UsageError, match="does not compute on cuda:0: install onnxruntime-gpu, or pass"):
        runtime_of_graph(network.graph, PLAN, Options(device="cuda"))


def test_evaluation_of_a_graph_continues_where_it_stopped(evaluate, small_graph, monkeypatch):
    forward, images_seen = Graph.forward, []

    def stops(graph, images):
        if images_seen:
            raise BenchError("stopped")
        return counts(graph, images)

    def counts(graph, images):
        images_seen.append(len(images) // 10)
        return forward(graph, images)

    monkeypatch.setattr("bench.evaluation.engine.SHARD_CROPS", 3 * 10)
    options = {"model": str(small_graph), "weights": None, "crops": "10", "batch": 500, **STATED}
    whole = evaluate(**options, out=small_graph.parent / "whole")
    monkeypatch.setattr(Graph, "forward", stops)
    with pytest.raises(BenchError, match="stopped"):
        evaluate(**options)
    monkeypatch.setattr(Graph, "forward", counts)
    assert largest_difference(evaluate(**options), whole, "10") == 0
    assert images_seen == [3, 3]


def test_commands_take_a_graph(small_graph, photos, tmp_path):
    with_metadata(small_graph, mean="0.5", std="0.5")
    usual = ("--data", photos, "--device", "cpu")
    out = ("--out", tmp_path / "runs")
    done = cli_json("eval", "--model", small_graph, *usual, *out)
    assert [row["n"] for row in done["rows"]] == [6]
    doctor = cli("doctor", "--model", small_graph, *usual, *out).stdout
    assert "net.onnx, " in doctor
    assert "cpu (CPUExecutionProvider), fp32" in doctor
    measured = cli_json("throughput", "--model", small_graph, *usual, "--rounds", 1, "--seconds", 0.1)
    assert (measured["model"], measured["forward_crops_per_s"] > 0) == ("net.onnx", True)
    copy = tmp_path / "other.onnx"
    copy.write_bytes(small_graph.read_bytes())
    both = cli_json("ensemble", "--models", f"{small_graph},{copy}", *usual, *out)
    assert both["rows"][0]["model"] == "net.onnx+other.onnx"


def test_wrong_classes_and_a_missing_mean_are_usage_errors(file, photos, tmp_path):
    export(small(outputs=7), file, torch.rand(2, 3, 32, 32))
    usual = ("eval", "--model", file, "--data", photos, "--out", tmp_path / "runs")
    assert "does not say how its input is normalised: pass --mean and --std" in cli_error(*usual, code=2)
    error = cli_error(*usual, "--mean", "0.5", "--std", "0.5", code=2)
    assert error.startswith(f"{file} predicts 7 classes, but {photos} has 1,000")
    assert not (tmp_path / "runs").exists()
