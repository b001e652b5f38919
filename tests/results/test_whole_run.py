from dataclasses import replace

import pytest

from results.class_sets import ClassSet
from results.errors import RunError
from results.manifest import BlacklistRecord
from results.run import Run
from results.whole_run import write_whole_run
from tests.helpers import random_manifest, random_shard

MANIFEST = random_manifest(20)
SHARDS = [random_shard(0, 10), random_shard(10, 20)]


def no_shards():
    raise AssertionError("the shards are there already")
    yield


def test_run_is_complete_and_counts_its_hits(tmp_path):
    run = Run.open(write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False).path)
    assert [shard.ids for shard in run.shards()] == [shard.ids for shard in SHARDS]
    hits = {name: sum(shard.top1_hits[name] for shard in SHARDS) for name in ("1", "10")}
    assert run.manifest.top1_hits == hits


def test_whole_run_is_used_again_unless_it_shall_be_fresh(tmp_path):
    first = write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False)
    assert write_whole_run(tmp_path / "run", MANIFEST, no_shards(), fresh=False) == first
    with pytest.raises(AssertionError, match="are there already"):
        write_whole_run(tmp_path / "run", MANIFEST, no_shards(), fresh=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"blacklist": BlacklistRecord(source="here", sha256="of the list", excluded=("image 3",))},
        {"data": replace(MANIFEST.data, class_set=ClassSet(name="pets", groups=((1,), (2, 3))))},
    ],
)
def test_what_the_figures_are_judged_by_is_noted_without_new_shards(tmp_path, changes):
    write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False)
    changed = replace(MANIFEST, **changes)
    run = write_whole_run(tmp_path / "run", changed, no_shards(), fresh=False)
    assert Run.open(run.path).complete
    assert (run.manifest.blacklist, run.manifest.data) == (changed.blacklist, changed.data)


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_run_with_a_damaged_shard_is_written_again(tmp_path, damage):
    first = write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False)
    shard = first.shard_path(first.parts[1])
    content = shard.read_bytes()
    shard.unlink() if damage == "missing" else shard.write_bytes(content[:-1])
    write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False)
    assert shard.read_bytes() == content


def test_link_in_place_of_the_shards_is_refused(tmp_path):
    other = write_whole_run(tmp_path / "other", MANIFEST, SHARDS, fresh=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "shards").symlink_to(other.path / "shards")
    with pytest.raises(RunError, match="is a link, maybe to another run's shards"):
        write_whole_run(tmp_path / "run", MANIFEST, SHARDS, fresh=False)
