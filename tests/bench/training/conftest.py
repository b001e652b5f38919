"""What the tests of training share: pictures that any network learns, and trainings of small networks."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from bench.progress import Silent
from bench.training.recipes import find_recipe
from bench.training.train import Training, train
from bench.zoo import NETWORKS
from bench.zoo.from_papers import ARCHITECTURES
from tests.bench.training.narrow import NARROW, NETWORK
from tests.conftest import TINY, made_once
from tests.helpers import cli


def draw_colours(folder):
    """Three classes of 16 pictures: red, green and blue ones."""
    for colour, wordnet_id in enumerate(("n01440764", "n01443537", "n01484850")):
        (folder / wordnet_id).mkdir(parents=True)
        for number in range(16):
            pixels = np.random.default_rng(number).integers(0, 60, (60, 60, 3), dtype=np.uint8)
            pixels[..., colour] += 190
            Image.fromarray(pixels).save(folder / wordnet_id / f"{number}.png")
    return folder


@pytest.fixture
def colours(tmp_path):
    return draw_colours(tmp_path / "colours")


@pytest.fixture(scope="module")
def one_thread():
    """Networks this small are quickest so, above all where other tests run beside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def narrow(monkeypatch):
    """The name of a small network with two auxiliary heads."""
    monkeypatch.setitem(ARCHITECTURES, "narrow", NARROW)
    monkeypatch.setitem(NETWORKS, "narrow", NETWORK)
    return "narrow"


def training(data, out, epochs=1, recipe="rethinking", without="auxiliary", **options):
    """A training of a mini network on the CPU."""
    defaults = {"model": "mini-v1", "batch": 8, "workers": 0, "device": "cpu"}
    return Training(
        data=str(data), out=out, epochs=epochs, recipe=find_recipe(recipe, without), **(defaults | options)
    )


def train_here(*arguments, **options):
    """Run a `training` in this process."""
    return train(training(*arguments, **options), Silent())


def words_of(data, out, epochs, *more):
    """The command line of a training of a small network. A later option of the same name wins."""
    options = ["--model", TINY, "--data", data, "--out", out, "--epochs", epochs]
    options += ["--batch", 8, "--workers", 1, "--without", "auxiliary", *more]
    return ["train", *map(str, options)]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """(pictures, folder of six epochs by the recipe of GoogLeNet, what the command printed); made once."""

    def make(folder):
        draw_colours(folder / "colours")
        options = ("--recipe", "googlenet", "--without", "distortion,auxiliary", "--workers", 0)
        words = words_of(folder / "colours", folder / "out", 6, *options)
        (folder / "printed.txt").write_text(cli(*words).stdout)

    folder = made_once(tmp_path_factory, "trained", make)
    return folder / "colours", folder / "out", (folder / "printed.txt").read_text()


@pytest.fixture
def three_epochs(trained, tmp_path):
    """A folder with the checkpoints of the first three epochs of `trained`."""
    folder = tmp_path / "three"
    folder.mkdir()
    for epoch in (1, 2, 3):
        shutil.copy(trained[1] / f"epoch-{epoch:04d}.safetensors", folder)
    return folder
