"""Memory that does not suffice: the batch is halved, wherever it ran out, and the figures are the same."""

from dataclasses import replace
from itertools import count

import pytest

from bench.errors import BenchError
from bench.evaluation import engine
from bench.evaluation.batches import Batch
from bench.evaluation.engine import Pipeline
from bench.evaluation.render import Renderer
from tests.bench.evaluation.conftest import brightness
from tests.helpers import cli_error

PARTS = [range(2), range(2, 4), range(4, 6)]


@pytest.fixture
def pipeline(prepared):
    """Of two images in a part, ten crops of each, in batches of at most 16."""
    evaluation = prepared("10")
    runtime = replace(evaluation.runtime, batch=16, workers=1, streams=1)
    notes = []
    return Pipeline(evaluation.images, evaluation.sees, [brightness], runtime, notes.append), notes


def bytes_of(shards):
    return [{name: array.tobytes() for name, array in shard.probabilities.items()} for (shard,) in shards]


@pytest.fixture
def expected(pipeline):
    return bytes_of(pipeline[0].shards(PARTS))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("could not create a primitive"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("FIND was unable to find an engine to execute this computation"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a ..."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        RuntimeError("Invalid buffer size: 12.52 GiB"),
        RuntimeError("Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"),
        RuntimeError("level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
    ],
)
def test_crops_are_gathered_in_smaller_batches(pipeline, expected, monkeypatch, error):
    pipeline, notes = pipeline
    pixels = Batch.pixels

    def pixels_or_fail(batch, dtype):
        if batch.crops > 5:
            raise error
        return pixels(batch, dtype)

    monkeypatch.setattr(Batch, "pixels", pixels_or_fail)
    shown = []
    shards = list(pipeline.shards(PARTS, progress=shown.append))
    assert bytes_of(shards) == expected
    assert notes == [f"out of memory: continuing with a batch of {batch}" for batch in (8, 4)]
    assert [(done.images, done.crops) for done in shown] == [(2, 20)] * 3
    assert pipeline.batch == 4


def test_images_that_could_not_be_rendered_are_rendered_again(pipeline, expected, monkeypatch):
    pipeline, notes = pipeline
    render, calls = Renderer.crops, count()

    def render_or_fail(*arguments):
        if next(calls) in (1, 2):
            raise MemoryError
        return render(*arguments)

    monkeypatch.setattr(Renderer, "crops", render_or_fail)
    assert bytes_of(pipeline.shards(PARTS)) == expected
    assert len(notes) == 2


def test_one_crop_that_does_not_fit_is_one_line(pipeline, monkeypatch):
    pipeline, notes = pipeline

    def render(*arguments):
        raise MemoryError

    monkeypatch.setattr(Renderer, "crops", render)
    with pytest.raises(BenchError, match=r"^out of memory with one crop at a time \(MemoryError\): free"):
        list(pipeline.shards(PARTS))
    assert len(notes) == 4  # 8, 4, 2, 1


def test_other_errors_are_not_taken_for_it(pipeline, monkeypatch):
    def render(*arguments):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Renderer, "crops", render)
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(pipeline[0].shards(PARTS))


def test_batch_is_no_larger_than_a_part(pipeline):
    """Batches do not cross the border of a part: a larger one would only render more images ahead."""
    pipeline, _ = pipeline
    huge = replace(pipeline.runtime, batch=1_000_000)
    larger = Pipeline(pipeline.images, pipeline.renderer, pipeline.scorers, huge)
    assert larger.batch == engine.shard_size(pipeline.plan) * 10 == 4090


def test_memory_that_runs_out_elsewhere_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("bench.evaluation.evaluate.open_data", raise_memory_error)
    line = cli_error("eval", "--out", tmp_path, code=1)
    assert "out of memory (MemoryError): free some, or pass a smaller --batch or fewer --workers" in line


def raise_memory_error(*arguments):
    raise MemoryError
