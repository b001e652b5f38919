"""Graphs that ONNX Runtime computes, by several threads and in batches of their own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
import torch

from bench.errors import BenchError
from bench.zoo.graph import Graph, GraphInput, execution_provider, failure
from tests.bench.zoo.onnx_files import export, small

IMAGES = torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def taking(batch, *, colours_last=False, type_="tensor(float)"):
    return GraphInput("images", type_, colours_last, batch)


def test_last_batch_is_filled_up_with_its_first_image():
    arrays = taking(3).arrays(IMAGES)
    assert [(array.shape, number) for array, number in arrays] == [((3, 3, 32, 32), n) for n in (3, 3, 1)]
    assert np.array_equal(np.concatenate([array[:number] for array, number in arrays]), IMAGES.numpy())
    assert np.array_equal(arrays[2][0][1:], IMAGES[[6, 6]].numpy())


def test_images_are_laid_out_and_rounded_as_the_graph_takes_them():
    ((array, number),) = taking(None, colours_last=True, type_="tensor(uint8)").arrays(IMAGES * 255)
    assert (array.dtype, number) == (np.uint8, 7)
    assert np.array_equal(array, (IMAGES * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def test_threads_share_a_session(tmp_path):
    path = export(small(), tmp_path / "net.onnx", IMAGES)
    graph = Graph(path, taking(None), "scores", "fp32", probabilities=False)
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(graph, [IMAGES] * 8))
    assert all(torch.equal(each, outputs[0]) for each in outputs)
    assert len(graph._sessions) == 1


@pytest.mark.parametrize(
    ("installed", "on_cpu", "on_gpu"),
    [
        (["AzureExecutionProvider", "CPUExecutionProvider"], "CPUExecutionProvider", ""),
        (["OpenVINOExecutionProvider", "CPUExecutionProvider"], "OpenVINOExecutionProvider", ""),
        (["CUDAExecutionProvider", "CPUExecutionProvider"], "CPUExecutionProvider", "CUDAExecutionProvider"),
    ],
)
def test_what_computes_is_the_best_that_is_installed(installed, on_cpu, on_gpu, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: installed)
    assert execution_provider(torch.device("cpu")) == on_cpu
    assert execution_provider(torch.device("cuda:1")) == on_gpu
    assert execution_provider(torch.device("mps")) == ""


def test_what_onnx_runtime_refuses_is_one_line(tmp_path):
    path = export(small(), tmp_path / "net.onnx", IMAGES, dynamic=())
    graph = Graph(path, taking(None), "scores", "fp32", probabilities=False)
    with pytest.raises(
        BenchError, match=r"^ONNX Runtime cannot compute .*net\.onnx \(Got invalid dimensions"
    ):
        graph(IMAGES[:6])


def test_too_little_memory_is_that():
    """As ONNX Runtime's arena says it, so that the batch is halved."""
    text = "Failed to allocate memory for requested buffer of size 9"
    error = failure("net.onnx", Exception(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : {text}"))
    assert (type(error), str(error)) == (MemoryError, text)
