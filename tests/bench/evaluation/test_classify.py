"""From pixels to scores: normalisation, too little memory, weights of five dimensions."""

import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.transforms.functional import normalize, to_tensor

from bench.data import open_images
from bench.errors import BenchError
from bench.evaluation.classify import channels_last, normalise
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load
from crops.normalisation import IMAGENET
from results.run import Run
from tests.conftest import TINY, drawn, random_weights


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
OUT_OF_MEMORY_AGAIN = partial(torch.OutOfMemoryError, "CUDA out of memory")
NO_ROOM = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
)


@pytest.fixture
def evaluation(tiny_weights, photos):
    options = Options(model=TINY, weights=str(tiny_weights), batch=8)
    return prepare_loaded(options, open_images(str(photos)), None, load(TINY, str(tiny_weights)), Silent())


def test_normalisation_equals_torchvisions():
    picture = drawn(40, 30)
    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    expected = normalize(to_tensor(picture), IMAGENET.mean, IMAGENET.std)
    assert torch.equal(normalise(levels, IMAGENET)[0], expected)
    assert torch.equal(normalise(levels.contiguous(), IMAGENET)[0], expected)
    assert torch.equal(levels, torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None])  # untouched


def random_levels(number, size):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (number, 3, size, size), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("error", [OUT_OF_MEMORY, NO_ROOM], ids=["gpu", "cpu"])
@pytest.mark.parametrize(("room", "batch", "notes_expected"), [(8, 8, 0), (5, 4, 1), (3, 2, 2), (1, 1, 3)])
def test_batch_that_does_not_fit_is_halved(evaluation, error, room, batch, notes_expected):
    pixels = random_levels(8, 160)
    expected = evaluation.scorer()(pixels).numpy()
    notes = []
    scorer = evaluation.scorer(notes.append)
    scorer._on_crops = Small(scorer._on_crops, room, error)
    assert abs(scorer(pixels).numpy() - expected).max() < 1e-6
    assert scorer(pixels).numpy().shape == (8, 1000)
    assert scorer.batch == batch
    assert len(notes) == notes_expected
    assert all("cpu is out of memory with" in note for note in notes)
    if notes_expected:
        assert notes[0] == "cpu is out of memory with 8 crops at a time: continuing with 4"


def test_compiled_network_sees_batches_of_one_shape(evaluation, monkeypatch):
    """So it is compiled once; what fills a batch up is not among the scores."""
    shapes = []

    def compile_network(module):
        def classify(inputs):
            shapes.append((tuple(inputs.shape), inputs.stride()))
            return module(inputs)

        return classify

    monkeypatch.setattr(torch, "compile", compile_network)
    pixels = random_levels(13, 160)
    scores = replace(evaluation, runtime=replace(evaluation.runtime, compile=True)).scorer()(pixels).numpy()
    channels_last_strides = (3 * 160 * 160, 1, 3 * 160, 3)
    assert shapes == [((8, 3, 160, 160), channels_last_strides)] * 2
    assert abs(scores - evaluation.scorer()(pixels).numpy()).max() < 1e-6


def test_single_crop_that_does_not_fit_is_an_error(evaluation):
    scorer = evaluation.scorer()
    scorer._on_crops = Small(scorer._on_crops, 0, OUT_OF_MEMORY)
    with pytest.raises(BenchError, match=r"out of memory with one crop at a time \(CUDA out .*\): free some"):
        scorer(torch.zeros(8, 3, 160, 160, dtype=torch.uint8))


def test_memory_is_released_once_nothing_keeps_the_activations(evaluation, monkeypatch):
    """What an error's traceback holds cannot be released."""
    kept, released = [], []

    class Fails(nn.Module):
        def forward(self, images):
            activations = images + 1
            if len(images) > 4:
                kept.append(weakref.ref(activations))
                raise OUT_OF_MEMORY_AGAIN()
            return torch.zeros(len(images), 1000)

    scorer = evaluation.scorer()
    scorer._on_crops = Fails()
    monkeypatch.setattr(scorer, "prepare", lambda pixels: pixels.float())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: released.append([ref() for ref in kept]))
    scorer._runtime = replace(scorer._runtime, device=torch.device("cuda"))
    scorer(torch.zeros(8, 3, 160, 160, dtype=torch.uint8))
    assert released == [[None]]


def test_dense_inputs_on_a_gpu_have_few_numbers(evaluation):
    """Powers of two, up to a full batch; on a CPU any number. The scores are those of the inputs alone."""
    numbers = []
    scorer = evaluation.scorer()
    levels = torch.randint(256, (8, 3, 200, 160), dtype=torch.uint8)
    inputs = scorer.prepare(levels)
    expected = scorer.classify(inputs)
    densely = scorer._densely

    def counting(images):
        numbers.append(len(images))
        return densely(images)

    scorer._densely = counting
    for kind in ("cpu", "cuda"):
        scorer._runtime = replace(scorer._runtime, device=torch.device(kind))
        for number in (1, 2, 3, 5, 6):
            assert (scorer.classify(inputs[:number]) - expected[:number]).abs().max() < 1e-6
    assert numbers == [1, 2, 3, 5, 6, 1, 2, 4, 6, 6]  # 6 are as large as 8 crops


def test_constants_of_the_normalisation_are_uploaded_once(monkeypatch):
    levels = torch.zeros(1, 3, 8, 77, dtype=torch.uint8)
    normalise(levels, IMAGENET)
    monkeypatch.setattr(torch, "tensor", None)
    normalise(levels, IMAGENET)


def test_other_errors_are_raised_unchanged(evaluation):
    scorer = evaluation.scorer()
    scorer._on_crops = Small(scorer._on_crops, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        scorer(torch.zeros(8, 3, 160, 160, dtype=torch.uint8))


def test_manifest_has_the_batch_that_fitted_in_memory(tiny_weights, photos, tmp_path, monkeypatch):
    import bench
    from bench.evaluation.classify import Scorer

    initialise = Scorer.__init__

    def with_little_memory(self, *arguments, **more):
        initialise(self, *arguments, **more)
        self._on_crops = Small(self._on_crops, 3, OUT_OF_MEMORY)

    options = {"model": TINY, "weights": str(tiny_weights), "data": str(photos), "crops": "10", "batch": 10}
    whole = bench.evaluate(**options, out=tmp_path / "whole")
    monkeypatch.setattr(Scorer, "__init__", with_little_memory)
    run = Run.open(bench.evaluate(**options, out=tmp_path / "halved").path)
    assert (whole.manifest.runtime.batch, run.manifest.runtime.batch) == (10, 2)
    assert run.complete
    for one, other in zip(whole.shards(), run.shards(), strict=True):
        assert np.abs(one.probabilities["10"] - other.probabilities["10"]).max() < 1e-6


def test_weights_of_five_dimensions_keep_their_layout():
    """Those of four become channels-last, as `Module.to` makes them; it refuses a module that has others."""
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv3d(3, 8, 3), nn.Linear(8, 2))
    with pytest.raises(RuntimeError, match="rank 4"):
        module.to(memory_format=torch.channels_last)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    channels_last(module)
    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert module[1].weight.is_contiguous()
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_lambda_network_runs(tmp_path, photos):
    """timm's lambda_resnet26t has 5-dimensional weights. Its probabilities are timm's own."""
    import timm

    name = "timm/lambda_resnet26t"
    weights = random_weights(name, tmp_path / "weights.safetensors")
    images = open_images(str(photos)).sample(1, None)
    options = Options(model=name, weights=str(weights))
    scorer = prepare_loaded(options, images, None, load(name, str(weights)), Silent()).scorer()
    module = timm.create_model("lambda_resnet26t").eval()
    module.load_state_dict(load_file(weights))
    levels = random_levels(1, 256)
    mean, std = (torch.tensor(module.pretrained_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        expected = module((levels / 255 - mean) / std).softmax(1)
    assert (torch.from_numpy(scorer(levels).numpy()) - expected).abs().max() < 1e-5
