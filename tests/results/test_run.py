import json
import subprocess
import sys

import numpy as np
import pytest

from results.run import MANIFEST, IncompleteRun, Run, RunError, Shard, finish, write_atomically, write_manifest


def shard(start, stop, classes=10, skipped=None):
    generator = np.random.default_rng(start)
    ids = [f"image {number}" for number in range(start, stop) if f"image {number}" not in (skipped or {})]
    probabilities = {name: generator.dirichlet(np.ones(classes), len(ids)).astype(np.float32) for name in ("1", "10")}
    return Shard(start, stop, ids, generator.integers(0, classes, len(ids)), probabilities, skipped or {})


def started(folder, images=25):
    return write_manifest(
        folder,
        {
            "identity": "x",
            "complete": False,
            "model": {"name": "v3", "paper": "", "provider": "timm", "architecture": "inception_v3", "tag": "tf_in1k"},
            "plan": {"protocols": {"1": {}, "10": {}}},
            "data": {"images": images},
            "blacklist": None,
            "skipped": {},
            "shards": [],
        },
    )


@pytest.fixture
def run(tmp_path):
    opened = started(tmp_path / "run")
    for part in (shard(0, 10), shard(10, 20, skipped={"image 12": "no image"}), shard(20, 25)):
        part.save(opened.path / "shards")
    return finish(opened, 1.5)


def test_what_was_written_is_read(run):
    read = list(Run.open(run.path).shards())
    written = [shard(0, 10), shard(10, 20, skipped={"image 12": "no image"}), shard(20, 25)]
    assert [part.ids for part in read] == [part.ids for part in written]
    for mine, theirs in zip(read, written, strict=True):
        assert mine.labels.tolist() == theirs.labels.tolist()
        assert all(np.array_equal(mine.probabilities[name], theirs.probabilities[name]) for name in ("1", "10"))
    assert run.skipped == {"image 12": "no image"}
    assert run.complete
    assert run.protocols == ("1", "10")


def test_an_incomplete_run_gives_no_shards(tmp_path):
    opened = started(tmp_path)
    shard(0, 10).save(tmp_path / "shards")
    shard(20, 25).save(tmp_path / "shards")
    with pytest.raises(IncompleteRun, match="15 of 25 images; the same eval command continues"):
        list(opened.shards())
    with pytest.raises(IncompleteRun, match="10 of 25"):
        finish(opened, 0)


@pytest.mark.parametrize("place", range(0, 1000, 37))
def test_a_flipped_byte_in_a_shard_is_found(run, place):
    path = run.shard_paths()[1]
    data = bytearray(path.read_bytes())
    data[place * len(data) // 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match="delete it, and the same eval command makes it again"):
        list(run.shards())


def test_a_shard_of_another_run_is_found(run, tmp_path):
    other = shard(10, 20)
    other.save(run.path / "shards")
    with pytest.raises(RunError, match="not the shard that the manifest lists"):
        list(run.shards())


def test_a_missing_shard_makes_the_run_incomplete(run):
    run.shard_paths()[0].unlink()
    with pytest.raises(IncompleteRun, match="00000000-00000010"):
        list(run.shards())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        (json.dumps({"schema": 1}), "lacks identity, complete"),
        (json.dumps({"schema": 2}), "schema 2, this version reads 1"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(RunError, match=message):
        Run.open(tmp_path)


def test_files_that_are_no_shards_are_left_alone(tmp_path):
    opened = started(tmp_path)
    shard(0, 10).save(tmp_path / "shards")
    (tmp_path / "shards" / "copy.safetensors").write_text("x")
    with pytest.raises(IncompleteRun, match="10 of 25"):
        list(opened.shards())


def test_a_folder_without_manifest_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is no run"):
        Run.open(tmp_path)


def test_a_write_that_fails_leaves_the_old_content(tmp_path):
    """On a file system of 64 KiB that is full, in a namespace of its own; and nothing is left beside the target."""
    script = f"""
import sys, pathlib
sys.path[:0] = {sys.path!r}
from results.run import RunError, write_atomically
target = pathlib.Path({str(tmp_path)!r}, "manifest.json")
write_atomically(target, b"old")
try:
    write_atomically(target, b"x" * 1_000_000)
except RunError as error:
    print(error)
print(target.read_bytes(), sorted(path.name for path in target.parent.iterdir()))
"""
    mounted = f'mount -t tmpfs -o size=64k tmpfs "{tmp_path}" && exec "{sys.executable}" -c "$0"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", mounted, script], capture_output=True, text=True)
    if "RunError" not in done.stderr and done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert "No space left on device; make room or choose another place, and the same command continues" in done.stdout
    assert "b'old' ['manifest.json']" in done.stdout


def test_writing_below_a_file_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*file/runs/manifest\.json"):
        write_atomically(tmp_path / "file" / "runs" / "manifest.json", b"")
