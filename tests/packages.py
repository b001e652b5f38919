"""The packages as they are built here, and an environment that has the wheel and not the checkout."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.processes import PATIENCE

ROOT = Path(__file__).resolve().parents[1]


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist of the tree `source`, built into `folder` without a network."""
    _run(sys.executable, "-m", "hatchling", "build", "--directory", folder, folder=source)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def install(wheel: Path, folder: Path) -> Path:
    """The `bin` folder of a new environment with the wheel, which finds what it depends on in this one."""
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


def run(*command: object, folder: Path) -> str:
    """What a command prints on stdout, started in `folder`, where it finds no module of the checkout."""
    return _run(*command, folder=folder)


def _run(*command: object, folder: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = list(map(str, command))
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
