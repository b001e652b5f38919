"""Drawn images with proposals, and small networks of three classes, of which one is the background."""

import pytest
import torch
from timm import create_model

from bench.detection.detect import detect
from bench.detection.select import Selection
from bench.options import Options
from bench.progress import Silent
from tests.conftest import TINY, drawn, saved

SIZES = {"a.png": (200, 150), "b.png": (90, 80), "c.png": (150, 201), "d.png": (60, 60)}
REGIONS = {
    "a.png": [(10, 20, 99, 119), (0, 0, 199, 149), (100, 90, 140, 149), (12, 22, 97, 121)],
    "c.png": [(0, 0, 30, 200), (50, 60, 149, 109.5)],
    "d.png": [(5, 5, 5, 5)],
}
"""xmin, ymin, xmax, ymax; b.png has none."""

CLASSES = ("cat", "background", "dog")
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
    """Two networks of three classes, as `--model` names them."""
    found = []
    for seed in range(2):
        torch.manual_seed(seed)
        module = create_model(TINY.removeprefix("timm/"), num_classes=3)
        module.classifier.weight.data.normal_(std=0.3)
        path = saved(module.state_dict(), tmp_path_factory.mktemp("networks") / f"{seed}.safetensors")
        found.append(f"{TINY}={path}")
    return found


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with `scene` and `proposals.csv`. No test may change it."""
    return make_scene(tmp_path_factory.mktemp("detection"))


@pytest.fixture
def find(place, networks, tmp_path):
    """`detect` with a small network on the scene, unless options say otherwise."""

    def run(models=networks[0], selection=EVERYTHING, file=place / "proposals.csv", **options):
        usual = {"data": place / "scene", "out": tmp_path / "runs", "device": "cpu", "workers": 2}
        return detect(models, str(file), selection, Options(**usual | options), Silent())

    return run


@pytest.fixture(scope="session")
def everything(place, networks, tmp_path_factory):
    """The run of all regions and classes with the first network. No test may change it."""
    options = Options(
        data=place / "scene", out=tmp_path_factory.mktemp("everything"), device="cpu", workers=1
    )
    return detect(networks[0], str(place / "proposals.csv"), EVERYTHING, options, Silent())
