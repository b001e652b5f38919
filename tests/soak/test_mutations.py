"""Thousands of files with some bytes changed: each is read as what it is, or refused with an error."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from bench.data.decode import decode
from bench.data.open import find_images
from bench.errors import DataError, UnreadableImage, WeightsError
from bench.zoo import weights
from results.errors import IncompleteRun, RunError
from results.run import MANIFEST, Run
from tests.bench.data.conftest import encoded
from tests.conftest import drawn
from tests.helpers import complete_run, random_shard, result_or_refusal, start_run


def mutations(data, number, seed=0):
    """The data, `number` times, each time with one to five changes.

    A change flips a bit, removes or doubles some bytes, sets some to a limit of an integer, or cuts off the
    rest.
    """
    generator = np.random.default_rng(seed)
    for _ in range(number):
        changed = bytearray(data)
        for _ in range(generator.integers(1, 6)):
            start = int(generator.integers(len(changed)))
            some = slice(start, start + int(generator.integers(1, 9)))
            match generator.integers(5):
                case 0:
                    changed[start] ^= 1 << generator.integers(8)
                case 1:
                    del changed[some]
                case 2:
                    changed[start:start] = changed[some]
                case 3:
                    limit = generator.choice([0x00, 0x7F, 0x80, 0xFF])
                    changed[some] = bytes([limit]) * len(changed[some])
                case 4:
                    del changed[start:]
            changed = changed or bytearray(1)
        if changed != data:
            yield bytes(changed)


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(drawn(60, 40)), id="jpeg"),
        pytest.param(encoded(drawn(60, 40), progressive=True), id="progressive-jpeg"),
        pytest.param(encoded(drawn(60, 40), "PNG"), id="png"),
        pytest.param(encoded(drawn(60, 40), "GIF"), id="gif"),
        pytest.param(encoded(drawn(60, 40), "WEBP"), id="webp"),
        pytest.param(encoded(drawn(60, 40), "TIFF"), id="tiff"),
        pytest.param(encoded(drawn(60, 40), "BMP"), id="bmp"),
    ],
)
def test_mutated_image_has_the_pixels_of_pillow_or_is_refused(data):
    refused = 0
    for mutation in mutations(data, 1000):
        pixels, refusal = result_or_refusal(lambda mutation=mutation: decode(mutation), UnreadableImage)
        if refusal:
            refused += 1
            continue
        assert (pixels.dtype, pixels.ndim) == (np.uint8, 3)
        with Image.open(io.BytesIO(mutation)) as image:
            assert np.array_equal(pixels, np.asarray(image.convert("RGB")))
    assert 0 < refused < 1000


def save_old_pickle(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        pytest.param("weights.safetensors", save_file, id="safetensors"),
        pytest.param("weights.pth", torch.save, id="zip-of-pickles"),
        pytest.param("weights.pth", save_old_pickle, id="pickle"),
    ],
)
def test_mutated_checkpoint_has_tensors_or_is_refused(tmp_path, name, save):
    path = tmp_path / name
    save({"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3)}, path)
    for data in mutations(path.read_bytes(), 400):
        path.write_bytes(data)
        checkpoint, refusal = result_or_refusal(lambda: weights.read(path), WeightsError)
        if refusal:
            assert "\n" not in refusal
        else:
            assert all(isinstance(value, torch.Tensor) for value in checkpoint.tensors.values())


def test_mutated_archive_has_whole_images_or_is_refused(tmp_path):
    path = tmp_path / "data.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(3):
            header = tarfile.TarInfo(f"n01440764/{number}.jpg")
            header.size = 100
            archive.addfile(header, io.BytesIO(bytes(100)))
    for data in mutations(path.read_bytes(), 2000):
        path.write_bytes(data)
        files, refusal = result_or_refusal(lambda: find_images(str(path)), DataError)
        if refusal:
            assert str(path) in refusal
            continue
        assert [len(files.read(i)) for i in range(len(files.names))] == list(files.sizes)
        assert len(set(files.names)) == len(files.names)


@pytest.fixture
def run(tmp_path):
    """A complete run of three shards, with an image that was skipped."""
    skipped = {"image 12": "no image"}
    shards = [random_shard(0, 10), random_shard(10, 20, skipped=skipped), random_shard(20, 25)]
    return complete_run(start_run(tmp_path), shards)


def test_mutated_manifest_is_refused(run):
    path = run.path / MANIFEST
    for data in mutations(path.read_bytes(), 500):
        path.write_bytes(data)
        with pytest.raises(RunError) as refused:
            Run.open(run.path)
        assert isinstance(refused.value, IncompleteRun) or "has schema" in str(refused.value)


def test_mutated_shard_is_refused(run):
    path = run.shard_path(run.parts[1])
    for data in mutations(path.read_bytes(), 500):
        path.write_bytes(data)
        with pytest.raises(IncompleteRun):
            list(run.shards())
