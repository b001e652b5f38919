"""The wheel and the sdist have all that they need, and nothing else."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import packages

ROOMS = ("bench", "crops", "results")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist of this checkout."""
    return packages.build(packages.ROOT, tmp_path_factory.mktemp("dist"))


def files_of(wheel):
    """The names of the files in a wheel, but those that describe it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_wheel_has_every_file_of_the_packages_and_nothing_else(built):
    """Weights and images of the mini set, suites, baselines, published figures and templates, too."""
    paths = (path for room in ROOMS for path in (packages.ROOT / room).rglob("*") if path.is_file())
    expected = {str(path.relative_to(packages.ROOT)) for path in paths if "__pycache__" not in path.parts}
    assert files_of(built[0]) == expected
    kinds = {Path(name).suffix for name in expected}
    assert kinds >= {".py", ".safetensors", ".tar", ".toml", ".csv", ".html", ".css", ".js"}


def test_sdist_has_the_tests_and_builds_the_same_wheel(built, tmp_path):
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    assert {path.name for path in (packages.ROOT / "tests").iterdir() if path.suffix == ".py"} <= {
        path.name for path in (tree / "tests").iterdir()
    }
    again, _ = packages.build(tree, tmp_path / "dist")
    assert again.read_bytes() == wheel.read_bytes()


def test_docker_gets_what_the_wheel_is_built_of(built, tmp_path):
    """`.dockerignore` leaves out everything but these."""
    lines = (packages.ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[1] == "*"
    for name in (line[1:] for line in lines if line.startswith("!")):
        path = packages.ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, tmp_path / name)
    again, _ = packages.build(tmp_path, tmp_path / "dist")
    assert again.read_bytes() == built[0].read_bytes()
