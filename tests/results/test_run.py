import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from results.errors import IncompleteRun, RunError
from results.run import MANIFEST, Run, Shard, finish, write_manifest
from results.storage import write


def shard(start, stop, classes=10, skipped=None):
    generator = np.random.default_rng(start)
    ids = [f"image {number}" for number in range(start, stop) if f"image {number}" not in (skipped or {})]
    probabilities = {
        name: generator.dirichlet(np.ones(classes), len(ids)).astype(np.float32) for name in ("1", "10")
    }
    return Shard(start, stop, ids, generator.integers(0, classes, len(ids)), probabilities, skipped or {})


def started(folder, images=25):
    return write_manifest(
        folder,
        {
            "identity": "x",
            "complete": False,
            "model": {
                "name": "v3",
                "paper": "",
                "provider": "timm",
                "architecture": "inception_v3",
                "tag": "tf_in1k",
            },
            "plan": {"protocols": {"1": {}, "10": {}}},
            "data": {"images": images},
            "blacklist": None,
            "runtime": {"precision": "fp32", "device_name": "cpu"},
            "shard_images": 10,
            "skipped": {},
            "shards": [],
        },
    )


@pytest.fixture
def run(tmp_path):
    opened = started(tmp_path / "run")
    for part in (shard(0, 10), shard(10, 20, skipped={"image 12": "no image"}), shard(20, 25)):
        part.save(opened.path / "shards", "x")
    return finish(opened, 1.5)


def test_what_was_written_is_read(run):
    read = list(Run.open(run.path).shards())
    written = [shard(0, 10), shard(10, 20, skipped={"image 12": "no image"}), shard(20, 25)]
    assert [part.ids for part in read] == [part.ids for part in written]
    for mine, theirs in zip(read, written, strict=True):
        assert mine.labels.tolist() == theirs.labels.tolist()
        assert all(
            np.array_equal(mine.probabilities[name], theirs.probabilities[name]) for name in ("1", "10")
        )
    assert run.skipped == {"image 12": "no image"}
    assert run.complete
    assert run.protocols == ("1", "10")


def test_an_incomplete_run_gives_no_shards(tmp_path):
    opened = started(tmp_path)
    shard(0, 10).save(tmp_path / "shards", "x")
    shard(20, 25).save(tmp_path / "shards", "x")
    with pytest.raises(IncompleteRun, match="15 of 25 images; the same eval command continues"):
        list(opened.shards())
    with pytest.raises(IncompleteRun, match="15 of 25"):
        finish(opened, 0)


@pytest.mark.parametrize("place", range(0, 1000, 37))
def test_a_flipped_byte_in_a_shard_is_found(run, place):
    path = run.shard_path(run.parts[1])
    data = bytearray(path.read_bytes())
    data[place * len(data) // 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        IncompleteRun, match="the same eval command makes it again; 15 of 25 images are sound"
    ):
        list(run.shards())


@pytest.mark.parametrize("identity", ["x", "y"])
def test_a_shard_of_another_run_is_found(run, identity):
    """Of the same images, and whole in itself."""
    shard(10, 20).save(run.path / "shards", identity)
    with pytest.raises(IncompleteRun, match=r"00000010-00000020\.safetensors is damaged or another run's"):
        list(run.shards())
    with pytest.raises(IncompleteRun, match="15 of 25") if identity == "y" else nullcontext():
        finish(run, 0)


def test_an_image_in_two_shards_is_found(tmp_path):
    opened = started(tmp_path, 20)
    for start in (0, 10):
        part = shard(start, start + 10)
        replace(part, ids=[f"image {number}" for number in range(10)]).save(tmp_path / "shards", "x")
    with pytest.raises(IncompleteRun, match="has an image in two shards"):
        list(finish(opened, 0).shards())


@pytest.mark.parametrize("ids", [["image 1"] * 10, [f"image {number}" for number in range(9)]])
def test_an_image_twice_or_missing_in_a_shard_is_found(tmp_path, ids):
    opened = started(tmp_path, 10)
    part = shard(0, 10)
    probabilities = {name: array[: len(ids)] for name, array in part.probabilities.items()}
    Shard(0, 10, ids, part.labels[: len(ids)], probabilities).save(tmp_path / "shards", "x")
    with pytest.raises(IncompleteRun, match="0 of 10"):
        finish(opened, 0)


@pytest.mark.parametrize("place", range(0, 1000, 37))
def test_a_flipped_byte_in_a_manifest_is_found(run, place):
    path = run.path / MANIFEST
    data = bytearray(path.read_bytes())
    data[place * len(data) // 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"is damaged, or was edited|has schema"):
        Run.open(run.path)


def test_a_manifest_that_was_edited_is_found(run):
    path = run.path / MANIFEST
    path.write_text(path.read_text().replace('"images": 25', '"images": 20'))
    with pytest.raises(
        IncompleteRun, match="is damaged, or was edited: the same eval command makes it again"
    ):
        Run.open(run.path)


def test_a_missing_shard_makes_the_run_incomplete(run):
    run.shard_path(run.parts[0]).unlink()
    with pytest.raises(IncompleteRun, match="00000000-00000010"):
        list(run.shards())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ("[" * 100_000, "damaged"),
        (json.dumps({"schema": 2}), "damaged"),
        (json.dumps({"schema": 1}), "schema 1, this version reads 2: use the version that wrote it"),
        (json.dumps({"schema": 3}), "schema 3, this version reads 2"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(RunError, match=message):
        Run.open(tmp_path)


def test_files_that_are_no_shards_are_left_alone(tmp_path):
    opened = started(tmp_path)
    shard(0, 10).save(tmp_path / "shards", "x")
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
from results.errors import RunError
from results.storage import write
target = pathlib.Path({str(tmp_path)!r}, "manifest.json")
write(target, b"old")
try:
    write(target, b"x" * 1_000_000)
except RunError as error:
    print(error)
print(target.read_bytes(), sorted(path.name for path in target.parent.iterdir()))
"""
    mounted = f'mount -t tmpfs -o size=64k tmpfs "{tmp_path}" && exec "{sys.executable}" -c "$0"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", mounted, script], capture_output=True, text=True)
    if "RunError" not in done.stderr and done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert (
        "No space left on device; make room or choose another place, and the same command continues"
        in done.stdout
    )
    assert "b'old' ['manifest.json']" in done.stdout


def test_writing_below_a_file_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*file/runs/manifest\.json"):
        write(tmp_path / "file" / "runs" / "manifest.json", b"")
