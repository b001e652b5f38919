"""What the tests share: small images, a small network with random weights, runs, and real data."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

    from results.run import Run

MINI_IMAGES = 60
"""Images of `mini_runs`: three shards of 144 crops."""

SHARED = Path(__file__).resolve().parents[2] / "shared"
TINY = "timm/test_efficientnet"
"""A network of 0.4 million parameters, input 160."""


def use_own_cores() -> None:
    """Give this worker of xdist cores of its own, which its processes inherit: no worker slows another."""
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[number::count] or cores)


if "PYTEST_XDIST_WORKER" in os.environ:
    use_own_cores()
os.environ.pop("COLUMNS", None)  # the width of the terminal that the tests are started in
os.fsync = lambda file: None  # no test cuts the power, and a disk takes longer than most tests


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, once for all workers; the others wait for it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker's folder is in the one of all
        base = base.parent
    folder = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "made").touch()
    return folder


def drawn(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth picture with some noise, so that a shift of one pixel or another resampling shows."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [
        np.sin(x / generator.uniform(3, 40) + generator.uniform(0, 6)) * np.cos(y / generator.uniform(3, 40))
        for _ in range(3)
    ]
    levels = 127 + 90 * np.stack(waves, axis=-1) + generator.normal(0, 12, (height, width, 3))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def pytest_configure() -> None:
    """Let hypothesis's tests be slow, as on a busy machine, and use `tmp_path`, which all examples share."""
    allowed = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile("tests", deadline=None, suppress_health_check=allowed)
    settings.load_profile("tests")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and the real devkit, which only some machines have."""
    if not SHARED.is_dir():
        pytest.skip("the folder with real data is not here")
    return SHARED


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of `TINY`, with statistics and a head that make its predictions clear and different."""
    import torch
    from timm import create_model

    torch.manual_seed(0)
    module = create_model(TINY.removeprefix("timm/"))
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.nn.functional.interpolate(torch.randn(16, 3, 20, 20), size=160, mode="bilinear"))
        module.classifier.weight.normal_(std=0.3)
    return saved(module.state_dict(), tmp_path_factory.mktemp("weights") / "tiny.safetensors")


def random_weights(name: str, path: Path, outputs: int | None = None) -> Path:
    """Write random weights of the network `name` to `path`."""
    import torch

    from bench.zoo import find
    from bench.zoo.providers import provider_of

    network = find(name)
    torch.manual_seed(0)
    return saved(
        provider_of(network).build(network.architecture, outputs or network.classes).state_dict(), path
    )


def saved(state: dict[str, "Tensor"], path: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


@pytest.fixture(scope="session")
def mini_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 36 pictures of the mini set's classes, with their labels."""
    from bench.mini.draw import draw

    data = tmp_path_factory.mktemp("mini_data") / "mini_train.tar"
    draw(data, 36, 2011)
    return data


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of six JPEGs of differing shapes in three WordNet folders."""
    folder = tmp_path / "photos"
    sizes = [(200, 150), (150, 200), (180, 180), (333, 171), (161, 163), (240, 180)]
    for number, size in enumerate(sizes):
        place = folder / ("n01440764", "n01443537", "n01484850")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        drawn(*size, seed=number).save(place / f"photo{number}.JPEG", quality=90)
    return folder


@pytest.fixture
def evaluate(tiny_weights: Path, photos: Path, tmp_path: Path) -> Callable[..., "Run"]:
    """`bench.evaluate` with the small network on the small pictures, unless options say otherwise."""
    import bench

    def run(**options: Any) -> "Run":
        usual = {"model": TINY, "weights": tiny_weights, "data": photos, "out": tmp_path / "runs"}
        return bench.evaluate(**usual | options)

    return run


@pytest.fixture(scope="session")
def mini_runs(tmp_path_factory: pytest.TempPathFactory) -> list["Run"]:
    """The runs of the four mini networks and of their ensemble, of 60 images with 144 crops.

    All workers share them: a test that writes to their folder takes `mini_out`.
    """
    from results.run import Run

    def make(folder: Path) -> None:
        from bench.evaluation.evaluate import options_for_each, run_evaluations
        from bench.mini import NETWORKS
        from bench.options import Options
        from bench.progress import Silent
        from results.ensemble import ensemble

        options = Options(crops="144", limit=MINI_IMAGES, out=folder)
        runs = run_evaluations(options_for_each(",".join(NETWORKS), options), Silent())
        names = [run.path.name for run in (*runs, ensemble(runs, folder))]
        (folder / "names.json").write_text(json.dumps(names))

    folder = made_once(tmp_path_factory, "mini", make)
    return [Run.open(folder / name) for name in json.loads((folder / "names.json").read_text())]


@pytest.fixture
def mini_out(mini_runs: list["Run"], tmp_path: Path) -> Path:
    """A folder of the test's own with copies of `mini_runs`, where commands use them again."""
    for run in mini_runs:
        shutil.copytree(run.path, tmp_path / "mini" / run.path.name)
    return tmp_path / "mini"
