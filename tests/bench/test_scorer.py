"""From pixels to scores: normalisation, memory that does not suffice, and precisions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms.functional import normalize, to_tensor

from bench.data import open_images
from bench.errors import BenchError
from bench.evaluation import precision
from bench.evaluation.classify import normalise
from bench.evaluation.precision import agreement, settle
from bench.evaluation.prepare import set_up
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load, untrained
from crops.dialects import IMAGENET
from results.run import Run
from tests.conftest import TINY, drawn


class Small(nn.Module):
    """A device with room for `room` crops at a time: what is larger raises what torch raises."""

    def __init__(self, module, room, error):
        super().__init__()
        self.module, self.room, self.error = module, room, error

    def forward(self, images):
        if len(images) > self.room:
            raise self.error
        return self.module(images)


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
NO_ROOM = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
)


@pytest.fixture
def setup(tiny_weights):
    return set_up(Options(model=TINY, weights=str(tiny_weights), batch=8), load(TINY, str(tiny_weights)))


def test_normalisation_is_torchvisions():
    picture = drawn(40, 30)
    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    expected = normalize(to_tensor(picture), IMAGENET.mean, IMAGENET.std)
    assert torch.equal(normalise(levels, IMAGENET)[0], expected)
    assert torch.equal(normalise(levels.contiguous(), IMAGENET)[0], expected)
    assert torch.equal(levels, torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None])  # untouched


@pytest.mark.parametrize("error", [OUT_OF_MEMORY, NO_ROOM], ids=["gpu", "cpu"])
@pytest.mark.parametrize(("room", "batch", "said"), [(8, 8, 0), (5, 4, 1), (3, 2, 2), (1, 1, 3)])
def test_a_batch_that_does_not_fit_is_halved(setup, error, room, batch, said):
    pixels = torch.randint(256, (8, 3, 160, 160), dtype=torch.uint8)
    expected = setup.scorer(Silent().note)(pixels)
    notes = []
    scorer = setup.scorer(notes.append)
    scorer._on_crops = Small(scorer._on_crops, room, error)
    assert (scorer(pixels) - expected).abs().max() < 1e-6
    assert scorer(pixels).shape == (8, 1000)
    assert scorer.batch == batch
    assert len(notes) == said
    assert all("cpu is out of memory with" in note for note in notes)
    if said:
        assert notes[0] == "cpu is out of memory with 8 crops at a time: going on with 4"


def test_not_even_one_crop(setup):
    scorer = setup.scorer(Silent().note)
    scorer._on_crops = Small(scorer._on_crops, 0, OUT_OF_MEMORY)
    with pytest.raises(BenchError, match="out of memory with one crop at a time: free some"):
        scorer(torch.zeros(8, 3, 160, 160, dtype=torch.uint8))


def test_other_errors_are_not_taken_for_missing_memory(setup):
    scorer = setup.scorer(Silent().note)
    scorer._on_crops = Small(scorer._on_crops, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        scorer(torch.zeros(8, 3, 160, 160, dtype=torch.uint8))


def test_the_run_says_which_batch_memory_sufficed_for(tiny_weights, photos, tmp_path, monkeypatch):
    import bench
    from bench.evaluation.classify import Scorer

    made = Scorer.__init__

    def small(self, *arguments, **more):
        made(self, *arguments, **more)
        self._on_crops = Small(self._on_crops, 3, OUT_OF_MEMORY)

    options = {"model": TINY, "weights": str(tiny_weights), "data": str(photos), "crops": "10", "batch": 10}
    whole = bench.evaluate(**options, out=tmp_path / "whole")
    monkeypatch.setattr(Scorer, "__init__", small)
    run = Run.open(bench.evaluate(**options, out=tmp_path / "halved").path)
    assert (whole.manifest["runtime"]["batch"], run.manifest["runtime"]["batch"]) == (10, 2)
    assert run.complete
    for one, other in zip(whole.shards(), run.shards(), strict=True):
        assert np.abs(one.probabilities["10"] - other.probabilities["10"]).max() < 1e-6


def test_agreement_is_counted_as_by_two_evaluations(tmp_path):
    """bfloat16 against fp32, by this and by evaluating twice."""
    import bench

    top1 = {}
    for name in ("fp32", "bf16"):
        run = bench.evaluate(precision=name, out=tmp_path)
        top1[name] = np.concatenate([shard.probabilities["1"].argmax(axis=1) for shard in run.shards()])
    expected = int((top1["fp32"] == top1["bf16"]).sum())
    assert expected < 1000  # else nothing was tried
    assert agreement(set_up(Options(), load("mini-v3")), "bf16", open_images("mini")) == (expected, 1000)


@pytest.mark.parametrize(
    ("same", "images", "chosen"),
    [(1000, 1000, "fp16"), (999, 1000, "fp16"), (998, 1000, "fp32"), (300, 300, "fp16"), (299, 300, "fp32")],
)
def test_half_precision_is_the_gpus_default_where_it_predicts_the_same(
    same, images, chosen, photos, monkeypatch
):
    monkeypatch.setattr(precision, "agreement", lambda *arguments: (same, images))
    found = open_images(str(photos))
    on_cpu = set_up(Options(model="v3"), untrained("v3"))
    on_gpu = replace(on_cpu, runtime=replace(on_cpu.runtime, device=torch.device("cuda")))
    settled = settle(Options(), on_gpu, found, Silent()).runtime
    assert (settled.precision, settled.agreement) == (chosen, ("fp16", same, images))
    assert settle(Options(precision="fp32"), on_gpu, found, Silent()) is on_gpu
    assert settle(Options(), on_cpu, found, Silent()) is on_cpu


def test_an_overflow_in_half_precision_is_no_agreement(photos):
    """timm's v3 as it is born: its outputs are 1e12 and more, which fp16 does not hold."""
    setup = set_up(Options(model="v3"), untrained("v3"))
    assert agreement(setup, "fp16", open_images(str(photos)).sample(2, None)) == (0, 2)
