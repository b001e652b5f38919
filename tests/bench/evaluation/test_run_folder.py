"""A run's folder: what is found there is continued, reused, repaired or refused."""

import errno
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest
import torch

import bench
from bench.data.class_sets import find_class_set
from bench.errors import DataError, ImplausibleLabels, UsageError
from bench.evaluation import engine, prepare, run_folder, run_place
from bench.evaluation.run_place import FRESH, LOCK
from bench.progress import Done, Silent
from bench.zoo.loading import load
from results import storage
from results.errors import RunError
from results.manifest import plain
from results.run import Run, Shard, write_manifest
from results.tables import accuracy, predictions
from tests.conftest import TINY, drawn
from tests.helpers import pooled
from tests.processes import shard_files


@pytest.fixture
def evaluate(evaluate):
    """With small crops, since no test here looks at what they show."""
    return partial(evaluate, input_size=64)


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


def test_same_call_returns_the_finished_run(evaluate):
    first = evaluate(crops="10")
    again = evaluate(crops="10", batch=3, workers=1)
    assert again.path == first.path
    assert again.manifest == first.manifest
    assert evaluate(crops="10", pool="max").path != first.path


def test_progress_begins_at_what_is_stored(evaluate, monkeypatch):
    class Started(Silent):
        def start(self, images, before):
            started.append((images, before))

    started = []
    monkeypatch.setattr(engine, "SHARD_IMAGES", 2)
    run = evaluate(reporter=Started())
    stored = [shard for shard in run.shards() if shard.start != 2]
    right = sum((shard.probabilities["1"].argmax(axis=1) == shard.labels).sum() for shard in stored)
    run.shard_path(range(2, 4)).unlink()
    evaluate(reporter=Started())
    assert started == [(6, Done()), (6, Done(images=4, judged=4, right=right))]


def test_fresh_evaluates_again(evaluate):
    first = evaluate(crops="10")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_mtime_ns
    assert evaluate(crops="10").path == first.path
    assert shard.stat().st_mtime_ns == before
    evaluate(crops="10", fresh=True)
    assert shard.stat().st_mtime_ns > before


class Interrupting:
    """Counts calls, and lets only the first of them pass until it is released."""

    def __init__(self, monkeypatch, owner, name, passing):
        self.act, self.passing, self.calls = getattr(owner, name), passing, 0
        monkeypatch.setattr(owner, name, lambda *arguments: self(*arguments))

    def __call__(self, *arguments):
        if self.calls == self.passing:
            raise KeyboardInterrupt
        self.calls += 1
        return self.act(*arguments)


def test_fresh_keeps_the_run_until_the_new_one_is_complete(evaluate, monkeypatch):
    """And the same call goes on where it was interrupted."""
    monkeypatch.setattr(engine, "SHARD_IMAGES", 1)
    first = evaluate()
    before = shard_files(first.path.parent)
    saves = Interrupting(monkeypatch, Shard, "save", passing=2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(fresh=True)
    assert Run.open(first.path).manifest == first.manifest
    assert {name: data for name, data in shard_files(first.path.parent).items() if name in before} == before
    notes = Notes()
    assert evaluate(reporter=notes).manifest == first.manifest
    assert f"{first.path / FRESH} is an unfinished run of --fresh, which --fresh continues" in notes.texts

    saves.passing, notes = 6, Notes()
    again = evaluate(fresh=True, reporter=notes)
    assert saves.calls == 6
    assert f"{first.path / FRESH} is continued; removing it starts anew" in notes.texts
    assert again.path == first.path
    assert again.manifest.started >= first.manifest.started
    assert shard_files(first.path.parent) == before
    assert not (first.path / FRESH).exists()


@pytest.mark.parametrize("moved", range(7))
@pytest.mark.parametrize("fresh", [False, True])
def test_replacing_a_run_goes_on_after_an_interruption(evaluate, monkeypatch, moved, fresh):
    monkeypatch.setattr(engine, "SHARD_IMAGES", 1)
    first = evaluate()
    before = shard_files(first.path.parent)
    moves = Interrupting(monkeypatch, run_place, "move", passing=moved)
    with pytest.raises(KeyboardInterrupt):
        evaluate(fresh=True)
    moves.passing = 100
    monkeypatch.delattr(Shard, "save")  # nothing is evaluated again
    again = evaluate(fresh=fresh)
    assert again.path == first.path
    assert Run.open(first.path).complete
    assert shard_files(first.path.parent) == before
    assert not (first.path / FRESH).exists()


@pytest.mark.parametrize("images", [1, 4, 500])
def test_fewer_crops_are_taken_from_a_run_with_more(evaluate, tmp_path, monkeypatch, images):
    """Whatever ranges of images the shards of the two have."""
    alone = evaluate(out=tmp_path / "alone")
    monkeypatch.setattr(engine, "SHARD_CROPS", 144 * 4)
    larger = evaluate(crops="144")
    monkeypatch.setattr(engine, "SHARD_IMAGES", images)
    monkeypatch.setattr(engine.Pipeline, "shards", None)  # nothing can be evaluated
    notes = Notes()
    run = evaluate(reporter=notes)
    assert f"{larger.path} holds these crops, which are taken from it" in "".join(notes.texts)
    assert run.manifest.taken_from == larger.path.name
    assert run.manifest.runtime == larger.manifest.runtime
    assert run.protocols == ("1",)
    assert len(run.parts) == -(-6 // images)
    assert accuracy([run])["top1_hits"].tolist() == accuracy([alone])["top1_hits"].tolist()
    for taken, direct in ((pooled(run, "1"), pooled(alone, "1")), (contents(run), contents(alone))):
        np.testing.assert_allclose(taken, direct, atol=1e-6)
    assert evaluate(verify=True).manifest == run.manifest


@pytest.mark.parametrize(
    "more", [{"pool": "max"}, {"interpolation": "bilinear"}, {"limit": 5}, {"scales": "180"}]
)
def test_run_with_more_crops_of_another_kind_is_not_taken(evaluate, more):
    larger = evaluate(crops="10")
    run = evaluate(**more)
    assert run.manifest.taken_from == ""
    assert run.path != larger.path


def test_run_with_more_crops_is_not_taken_for_fresh_nor_while_it_is_incomplete(evaluate):
    larger = evaluate(crops="10")
    assert evaluate(fresh=True).manifest.taken_from == ""
    write_manifest(larger.path, replace(larger.manifest, complete=False))
    assert evaluate(crops="2x1x5x2").manifest.taken_from == ""


@pytest.fixture
def evaluate_public(evaluate, monkeypatch):
    """As `evaluate`, of the same weights as if they were public ones."""

    def load_public(*arguments, **options):
        loaded = load(*arguments, **options)
        return replace(loaded, weights=replace(loaded.weights, tag="in1k"))

    def run(**options):
        with monkeypatch.context() as patched:
            patched.setattr(prepare, "load", load_public)
            return evaluate(**options)

    return run


NOTE = "has a run of these crops without the native one, which is used as it is: --crops native evaluates"


@pytest.mark.parametrize("complete", [True, False])
def test_run_without_the_native_crop_is_used_as_it_is(evaluate, evaluate_public, complete):
    """The native crop comes along for public weights. Before it did, there was none."""
    before = evaluate(crops="10")
    if not complete:
        write_manifest(before.path, replace(before.manifest, complete=False))
    notes = Notes()
    again = evaluate_public(crops="10", reporter=notes)
    assert (again.path, again.protocols, again.complete) == (before.path, ("1", "10"), True)
    assert NOTE in "".join(notes.texts)
    native = evaluate_public(crops="10", fresh=True)
    assert native.protocols == ("native", "1", "10")
    notes = Notes()
    assert evaluate_public(crops="10", reporter=notes).path == native.path
    assert NOTE not in "".join(notes.texts)


def test_larger_run_without_the_native_crop_serves_fewer_crops(evaluate, evaluate_public, monkeypatch):
    larger = evaluate(crops="12")
    monkeypatch.setattr(engine.Pipeline, "shards", None)  # nothing can be evaluated
    run = evaluate_public(crops="10")
    assert (run.protocols, run.manifest.taken_from) == (("1", "10"), larger.path.name)


def test_larger_run_with_the_native_crop_serves_fewer_crops_with_and_without_it(evaluate_public, monkeypatch):
    evaluate_public(crops="12")
    monkeypatch.setattr(engine.Pipeline, "shards", None)  # nothing can be evaluated
    for crops, protocols in {"10": ("native", "1", "10"), "1": ("1",), "native,1": ("native", "1")}.items():
        run = evaluate_public(crops=crops)
        assert run.protocols == protocols
        assert run.manifest.taken_from


def test_native_crop_that_is_asked_for_is_evaluated_beside_a_run_without_it(evaluate, evaluate_public):
    evaluate(crops="10")
    assert evaluate_public(crops="native,10").protocols == ("native", "1", "10")
    assert evaluate_public().protocols == ("native",)


def test_what_a_damaged_run_with_more_crops_lacks_is_evaluated(evaluate, tmp_path, monkeypatch):
    alone = evaluate(out=tmp_path / "alone")
    monkeypatch.setattr(engine, "SHARD_IMAGES", 2)
    larger = evaluate(crops="10")
    larger.shard_path(larger.parts[1]).write_bytes(b"damaged")
    notes = Notes()
    run = evaluate(reporter=notes)
    assert "what it lacks is evaluated here" in "".join(notes.texts)
    assert run.complete
    np.testing.assert_allclose(pooled(run, "1"), pooled(alone, "1"), atol=1e-6)


def contents(run):
    """The hash of each image's file."""
    return np.concatenate([shard.content for shard in run.shards()])


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
    assert manifest.plan.protocols["12"].scales == (73,)
    assert manifest.plan.interpolation == "bicubic"
    assert manifest.runtime.batch == 5
    assert manifest.runtime.precision == "fp32"
    assert manifest.options == {
        "model": TINY,
        "weights": str(tiny_weights),
        "data": str(photos),
        "crops": "12",
        "batch": 5,
        "input_size": 64,
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


def test_set_of_classes_is_noted_in_the_finished_run(evaluate):
    first = evaluate()
    assert first.manifest.data.class_set is None
    among = evaluate(classes="imagenet-r")
    assert (among.path, among.identity) == (first.path, first.identity)
    assert among.manifest.data.class_set == find_class_set("imagenet-r")
    assert among.manifest.shards == first.manifest.shards
    assert evaluate().manifest == first.manifest


def test_set_of_classes_is_noted_in_a_run_that_is_taken_from_a_larger_one(evaluate):
    evaluate(crops="10")
    assert evaluate(classes="imagenet-r").manifest.data.class_set == find_class_set("imagenet-r")


def test_progress_counts_images_of_the_set(evaluate, monkeypatch):
    """Two of the three classes of the pictures are ImageNet-R's; the network chooses among its 200."""

    class Counted(Silent):
        def start(self, images, before):
            counted.append(before)

        def advance(self, done):
            counted[-1] += done

    counted = []
    monkeypatch.setattr(engine, "SHARD_IMAGES", 2)
    run = evaluate(reporter=Counted(), classes="imagenet-r")
    indices = np.concatenate(find_class_set("imagenet-r").groups)
    right = 0
    for shard in run.shards():
        right += (indices[shard.probabilities["1"][:, indices].argmax(axis=1)] == shard.labels).sum()
    assert counted[0] == Done(images=6, crops=6, judged=4, right=right)
    run.shard_path(range(2, 4)).unlink()
    evaluate(reporter=Counted(), classes="imagenet-r")
    assert counted[1] == Done(images=6, crops=2, judged=4, right=right)


def test_images_without_a_label_in_the_set_are_refused_before_weights_are_read(evaluate):
    with pytest.raises(UsageError, match=r"none of the 6 images in .* has a label in imagenet-a"):
        evaluate(classes="imagenet-a", weights="nowhere.pth")
    with pytest.raises(UsageError, match="none of the 1 images"):
        evaluate(classes="imagenet-r", limit=1)


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
        monkeypatch.setattr(run_place.FileLock, "acquire", refuse)
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
