"""A run that is not what was written is in no table, no ensemble and no gate."""

import re
import shutil

import pytest

from results.run import Run
from tests.damages import REPAIRABLE_MANIFESTS, SHARD_IS_A_FOLDER, SHARDS, UNUSABLE_MANIFESTS
from tests.helpers import cli_error, random_run

MANIFESTS = [*REPAIRABLE_MANIFESTS, *UNUSABLE_MANIFESTS]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two complete runs on the same images. The tests damage copies of the first one."""
    folder = tmp_path_factory.mktemp("runs")
    return random_run(folder / "first", 0), random_run(folder / "second", 1)


@pytest.fixture
def run(runs, tmp_path):
    """A copy to be damaged."""
    return Run.open(shutil.copytree(runs[0].path, tmp_path / "run"))


def assert_refused_everywhere(run, other, tmp_path, damage):
    """By the commands that read runs. No ensemble comes out of it, and the other run is not touched."""
    before = {path: path.read_bytes() for path in other.path.rglob("*") if path.is_file()}
    out = tmp_path / "out"
    for arguments in (
        ["report", run.path],
        ["predictions", run.path],
        ["compare", other.path, run.path],
        ["ensemble", other.path, run.path, "--out", out],
        ["check", run.path, "--against", other.path],
        ["check", other.path, "--against", run.path],
    ):
        line = cli_error(*arguments, code=damage.exit_code)
        assert str(run.path) in line
        assert re.search(damage.message, line), (arguments[0], line)
    assert not any(Run.open(path.parent).complete for path in out.glob("*/manifest.json"))
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("damage", MANIFESTS, ids=str)
def test_run_with_a_damaged_manifest_is_refused(run, runs, tmp_path, damage):
    damage.apply(run)
    assert_refused_everywhere(run, runs[1], tmp_path, damage)


@pytest.mark.parametrize("damage", [*SHARDS, SHARD_IS_A_FOLDER], ids=str)
def test_run_with_a_damaged_shard_is_refused(run, runs, tmp_path, damage):
    damage.apply(run)
    assert_refused_everywhere(run, runs[1], tmp_path, damage)
