"""The same `eval` repairs a damaged run: it makes what is lost, and no more."""

import shutil

import pytest

import bench
from results.errors import RunError
from results.run import Run
from results.storage import sha256
from tests.conftest import TINY
from tests.damages import REPAIRABLE_MANIFESTS, SHARD_IS_A_FOLDER, SHARDS, UNUSABLE_MANIFESTS


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of a run, to be damaged."""
    return Run.open(shutil.copytree(finished_run.path, tmp_path / finished_run.path.name))


@pytest.fixture
def evaluate_again(run, tiny_weights):
    """Call what the run came from."""
    options = {"model": TINY, "weights": str(tiny_weights), "data": run.manifest.data.path}
    return lambda: bench.evaluate(**options, out=run.path.parent)


def assert_same_shards(run, finished_run):
    hashes = [sha256(run.shard_path(part).read_bytes()) for part in run.parts]
    assert hashes == [shard.sha256 for shard in finished_run.manifest.shards]
    assert run.manifest.shards == finished_run.manifest.shards


@pytest.mark.parametrize("damage", REPAIRABLE_MANIFESTS, ids=str)
def test_damaged_manifest_is_written_again_and_the_shards_are_kept(run, evaluate_again, finished_run, damage):
    before = run.shard_path(run.parts[0]).stat().st_mtime_ns
    damage.apply(run)
    again = evaluate_again()
    assert again.path == run.path
    assert again.complete
    assert again.shard_path(again.parts[0]).stat().st_mtime_ns == before
    assert_same_shards(again, finished_run)


@pytest.mark.parametrize("damage", SHARDS, ids=str)
def test_damaged_shard_is_evaluated_again(run, evaluate_again, finished_run, damage):
    damage.apply(run)
    again = evaluate_again()
    assert again.path == run.path
    assert_same_shards(again, finished_run)


@pytest.mark.parametrize("damage", UNUSABLE_MANIFESTS, ids=str)
def test_manifest_that_cannot_be_read_ends_the_same_call(run, evaluate_again, damage):
    damage.apply(run)
    with pytest.raises(RunError, match=damage.message):
        evaluate_again()


def test_folder_in_place_of_a_shard_is_named_and_not_removed(run, evaluate_again):
    SHARD_IS_A_FOLDER.apply(run)
    path = run.shard_path(run.parts[0])
    with pytest.raises(RunError, match=rf"cannot write .*{path.name}: Is a directory"):
        evaluate_again()
    assert path.is_dir()
