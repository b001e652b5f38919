"""Drawn images with proposals, and small networks of three classes, of which one is the background."""

import pytest

from bench.detection.detect import detect
from bench.detection.select import Selection
from bench.options import Options
from bench.progress import Silent
from tests.conftest import drawn

SIZES = {"a.png": (200, 150), "b.png": (90, 80), "c.png": (150, 201), "d.png": (60, 60)}
REGIONS = {
    "a.png": [(10, 20, 99, 119), (0, 0, 199, 149), (100, 90, 140, 149), (12, 22, 97, 121)],
    "c.png": [(0, 0, 30, 200), (50, 60, 149, 109.5)],
    "d.png": [(5, 5, 5, 5)],
}
"""xmin, ymin, xmax, ymax; b.png has none."""

CLASSES = ("cat", "background", "dog")
NETWORKS = """
import torch
from torch import nn

LEVELS = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)}
INPUT = {"input_size": (3, 40, 40), "interpolation": "bicubic", **LEVELS}


def make(seed, classes):
    torch.manual_seed(seed)
    classifier = nn.Linear(32, classes)
    classifier.weight.data.normal_(std=0.5)
    layers = [nn.Conv2d(3, 8, 5, stride=3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), classifier]
    return nn.Sequential(*layers), INPUT


def one():
    return make(0, 3)


def other():
    return make(1, 3)


def two_classes():
    return make(2, 2)


def five_classes():
    return make(3, 5)
"""
EVERYTHING = Selection(overlap=1, least_score=0, most=10**6)


def write_proposals(path, regions):
    """A file of proposals, and its path."""
    lines = [f"{name},{','.join(map(str, box))}" for name, boxes in regions.items() for box in boxes]
    path.write_text("\n".join(["image,xmin,ymin,xmax,ymax", *lines, ""]))
    return path


def make_scene(folder):
    """The pictures, the names of the classes and the proposals in a folder."""
    (folder / "scene").mkdir()
    for number, (name, size) in enumerate(SIZES.items()):
        drawn(*size, seed=number).save(folder / "scene" / name)
    (folder / "scene" / "classes.txt").write_text("\n".join(CLASSES))
    write_proposals(folder / "proposals.csv", REGIONS)
    return folder


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """Two networks of three classes, one of two and one of five, as `--model` names them."""
    file = tmp_path_factory.mktemp("networks") / "small.py"
    file.write_text(NETWORKS)
    return [f"{file}:{name}" for name in ("one", "other", "two_classes", "five_classes")]


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with `scene` and `proposals.csv`. No test may change it."""
    return make_scene(tmp_path_factory.mktemp("detection"))


@pytest.fixture
def find(place, networks, tmp_path):
    """`detect` with a small network on the scene, unless options say otherwise."""

    def run(models=networks[0], selection=EVERYTHING, file=place / "proposals.csv", reporter=None, **options):
        usual = {"data": place / "scene", "out": tmp_path / "runs", "device": "cpu", "workers": 2}
        return detect(models, str(file), selection, Options(**usual | options), reporter or Silent())

    return run


@pytest.fixture(scope="session")
def everything(place, networks, tmp_path_factory):
    """The run of all regions and classes with the first network. No test may change it."""
    options = Options(
        data=place / "scene", out=tmp_path_factory.mktemp("everything"), device="cpu", workers=1
    )
    return detect(networks[0], str(place / "proposals.csv"), EVERYTHING, options, Silent())
