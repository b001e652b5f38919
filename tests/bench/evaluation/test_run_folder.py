"""A run's folder: what is found there is continued, reused, repaired or refused."""

import errno
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import torch

import bench
from bench.errors import DataError, ImplausibleLabels
from bench.evaluation import engine, run_folder
from bench.evaluation.run_folder import LOCK
from bench.progress import Silent
from results import storage
from results.errors import RunError
from results.manifest import plain
from results.run import Run, write_manifest
from results.tables import accuracy, predictions
from tests.conftest import TINY, drawn
from tests.processes import shard_files


def test_same_call_returns_the_finished_run(evaluate):
    first = evaluate(crops="10")
    again = evaluate(crops="10", batch=3, workers=1)
    assert again.path == first.path
    assert again.manifest == first.manifest
    assert evaluate(crops="10", pool="max").path != first.path


def test_progress_begins_at_what_is_stored(evaluate, monkeypatch):
    class Started(Silent):
        def start(self, *counts):
            started.append(counts)

    started = []
    monkeypatch.setattr(engine, "SHARD_IMAGES", 2)
    run = evaluate(reporter=Started())
    stored = [shard for shard in run.shards() if shard.start != 2]
    right = sum((shard.probabilities["1"].argmax(axis=1) == shard.labels).sum() for shard in stored)
    run.shard_path(range(2, 4)).unlink()
    evaluate(reporter=Started())
    assert started == [(6, 0, 0, 0), (6, 4, 4, right)]


def test_fresh_evaluates_again(evaluate):
    first = evaluate(crops="10")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_mtime_ns
    assert evaluate(crops="10").path == first.path
    assert shard.stat().st_mtime_ns == before
    evaluate(crops="10", fresh=True)
    assert shard.stat().st_mtime_ns > before


def test_copy_of_the_images_continues_the_run(evaluate, photos, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    assert evaluate(crops="10", data=tmp_path / "photos.tar").path == evaluate(crops="1,10").path


def test_label_check_is_repeated_for_stored_shards(evaluate, tmp_path):
    folder = tmp_path / "many" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(201):
        drawn(24, 24, number).save(folder / f"{number}.jpg")
    for _ in range(3):
        with pytest.raises(ImplausibleLabels, match="0 of 201 images are right"):
            evaluate(data=str(folder.parent))
    evaluate(data=str(folder.parent), allow_implausible=True)
    with pytest.raises(ImplausibleLabels):
        evaluate(data=str(folder.parent))


@pytest.mark.parametrize("spoil", ["delete", "damage"])
def test_damaged_shard_of_a_finished_run_is_evaluated_again(evaluate, spoil):
    run = evaluate(crops="10")
    path = run.shard_path(run.parts[0])
    data = path.read_bytes()
    if spoil == "delete":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert evaluate(crops="10").path == run.path
    assert path.read_bytes() == data


def test_repaired_image_is_evaluated(evaluate, photos):
    path = photos / "n01440764" / "photo0.JPEG"
    good = path.read_bytes()
    path.write_bytes(bytes(len(good)))
    assert len(evaluate(skip_unreadable=True).skipped) == 1
    path.write_bytes(good)
    run = evaluate()
    assert run.skipped == {}
    assert accuracy([run])["n"].tolist() == [6]


def test_no_readable_image_is_an_error(evaluate, photos):
    for path in photos.glob("*/*.JPEG"):
        path.write_text("x")
    with pytest.raises(
        DataError, match=r"none of the 6 images in .* could be read: this is not an image of a known format"
    ):
        evaluate(skip_unreadable=True)


def test_other_versions_are_recorded_when_a_run_continues(evaluate, monkeypatch):
    run = evaluate()
    monkeypatch.setattr(run_folder, "environment", lambda: {"torch": "another"})
    assert len(evaluate().manifest.environments) == 1  # nothing was evaluated
    run.shard_path(run.parts[0]).unlink()
    assert [environment["torch"] for environment in evaluate().manifest.environments] == [
        torch.__version__.partition("+")[0],
        "another",
    ]


def test_changed_image_begins_another_run(evaluate, photos):
    first = evaluate()
    drawn(90, 90).save(next(photos.glob("*/*.JPEG")))
    assert evaluate().path != first.path


def test_implausible_labels_stop_the_run(evaluate, tmp_path):
    folder = tmp_path / "many" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(220):
        drawn(24, 24, number).save(folder / f"{number}.jpg")
    options = {"data": str(folder.parent), "limit": 210}
    with pytest.raises(ImplausibleLabels, match="0 of 210 images are right, which is chance"):
        evaluate(**options)
    run = evaluate(**options, allow_implausible=True)
    assert accuracy([run])["n"].tolist() == [210]


def test_manifest_on_disk_has_the_records_fields(evaluate):
    run = evaluate()
    on_disk = json.loads((run.path / "manifest.json").read_text())
    assert len(on_disk.pop("sha256")) == 64
    assert on_disk == plain(run.manifest)


def test_manifest_describes_the_run(evaluate, tiny_weights, photos):
    import hashlib

    manifest = evaluate(crops="12", batch=5).manifest
    assert manifest.model.weights_sha256 == hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    assert manifest.plan.protocols["12"].scales == (183,)
    assert manifest.plan.interpolation == "bicubic"
    assert manifest.runtime.batch == 5
    assert manifest.runtime.precision == "fp32"
    assert manifest.options == {
        "model": TINY,
        "weights": str(tiny_weights),
        "data": str(photos),
        "crops": "12",
        "batch": 5,
        "out": manifest.options["out"],
    }
    assert manifest.environments[0]["torch"] == torch.__version__.partition("+")[0]
    assert manifest.data.labels == "WordNet folders"
    assert [shard.images for shard in manifest.shards] == [6]


def test_blacklist_adds_the_second_image_set(evaluate, shared):
    """Six of the 200 real validation images are on the blacklist."""
    options = {"data": str(shared / "data" / "ilsvrc-val"), "allow_implausible": True}
    alone = evaluate(**options)
    assert accuracy([alone])["n"].tolist() == [200]
    both = evaluate(**options, blacklist=shared / "facts" / "blacklist.txt")
    assert both.path == alone.path  # noted in the finished run, not evaluated again
    assert accuracy([both])[["image_set", "n"]].to_numpy().tolist() == [
        ["all", 200],
        ["non-blacklisted", 194],
    ]
    frame = predictions(both, "1")
    listed = {int(line) for line in (shared / "facts" / "blacklist.txt").read_text().split()}
    kept = frame[[int(name[-8:]) not in listed for name in frame["image"]]]
    assert accuracy([both])["top1_hits"].tolist() == [
        (frame.top1 == frame.label).sum(),
        (kept.top1 == kept.label).sum(),
    ]


def test_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    class BackwardClock:
        """A clock that goes back ten years each time it is read."""

        year = 2070

        @classmethod
        def now(cls, zone):
            cls.year -= 10
            return datetime(cls.year, 1, 1, tzinfo=zone)

    plain = bench.evaluate(limit=20, out=tmp_path / "plain")
    monkeypatch.setattr(run_folder, "datetime", BackwardClock)
    monkeypatch.setattr(time, "time", lambda: BackwardClock.now(UTC).timestamp())
    run = bench.evaluate(limit=20, out=tmp_path / "backward")
    assert shard_files(tmp_path / "backward") == shard_files(tmp_path / "plain")
    assert run.manifest.shards == plain.manifest.shards
    assert run.manifest.seconds > 0
    assert run.manifest.started == "2060-01-01T00:00:00+00:00"


def test_leftovers_are_removed_and_a_damaged_manifest_is_written_again(tmp_path):
    run = bench.evaluate(limit=20, out=tmp_path)
    (run.path / ".manifest.json.0.part").write_text("{")
    (run.path / "shards" / ".00000000-00000020.safetensors.1.part").write_text("x")
    before = run.shard_path(run.parts[0]).stat().st_mtime_ns
    (run.path / "manifest.json").write_bytes((run.path / "manifest.json").read_bytes()[:100])
    again = bench.evaluate(limit=20, out=tmp_path)
    assert again.manifest.shards == run.manifest.shards
    assert again.shard_path(again.parts[0]).stat().st_mtime_ns == before
    assert sorted(path.name for path in run.path.rglob("*")) == [
        LOCK,
        "00000000-00000020.safetensors",
        "manifest.json",
        "shards",
    ]


def test_data_with_a_long_name_in_any_script_is_evaluated(evaluate, photos):
    """A letter of this script has three bytes, of which a name has 255 at most."""
    data = photos.rename(photos.with_name("\u5b57" * 80))
    assert evaluate(data=data).path == evaluate(data=data).path


@pytest.fixture
def read_only(monkeypatch):
    """Make every lock and every write fail, as on a file system that can only be read."""

    def refuse(*arguments):
        raise OSError(errno.EROFS, "Read-only file system")

    def apply():
        monkeypatch.setattr(run_folder.FileLock, "acquire", refuse)
        monkeypatch.setattr(storage, "_write_file", refuse)

    return apply


def test_complete_run_is_read_where_nothing_can_be_written(evaluate, read_only):
    run = evaluate()
    read_only()
    assert evaluate() == run
    assert evaluate(out=run.path.parent, batch=2) == run


def test_other_run_ends_with_a_line_where_nothing_can_be_written(evaluate, read_only):
    run = evaluate()
    write_manifest(run.path, replace(run.manifest, complete=False))
    read_only()
    for options in ({}, {"crops": "10"}):
        with pytest.raises(RunError, match=r"cannot write .*: Read-only file system; choose another --out"):
            evaluate(**options)


@pytest.mark.parametrize("fresh", [False, True])
def test_shards_behind_a_link_are_not_written(evaluate, tmp_path, fresh):
    run, other = evaluate(), evaluate(out=tmp_path / "other", crops="10")
    run.shard_path(run.parts[0]).unlink()
    (run.path / "shards").rmdir()
    (run.path / "shards").symlink_to(other.path / "shards")
    before = shard_files(other.path.parent)
    with pytest.raises(RunError, match="shards is a link, maybe to another run's shards: put a folder in"):
        evaluate(fresh=fresh)
    assert shard_files(other.path.parent) == before
    assert Run.open(run.path).manifest == run.manifest
