"""A manifest of detections is read as it was written, or refused."""

from dataclasses import replace

import pytest

from results.detection.manifest import read_manifest, write_manifest
from results.errors import IncompleteRun, RunError
from results.manifest import ShardRecord
from results.run import Run
from tests.results.detection.made import write_run

SHARDS = (
    ShardRecord(start=0, stop=3, images=3, sha256="of a shard"),
    ShardRecord(start=3, stop=5, images=1, sha256="of another"),
)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", shards=SHARDS)


def write_changed(run, old, new):
    """Write the manifest with other text in it, and the hash of the old one."""
    file = run / "manifest.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_manifest_comes_back_as_it_was_written(run):
    manifest = read_manifest(run)
    assert manifest.shards == SHARDS
    name = b"\xff.jpg".decode("utf-8", "surrogateescape")
    changed = replace(manifest, skipped={name: "no image"}, selection={"overlap": 0.3, "most": 100})
    write_manifest(run, changed)
    assert read_manifest(run) == changed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"complete": true', '"complete": false'),
        ('"overlap"', '"0verlap"'),
        ('  "schema": 1,\n', ""),
        ('"schema": 1', '"schema": "1"'),
        ('"kind": "detections"', '"kind": 5'),
    ],
)
def test_edited_manifest_is_refused(run, old, new):
    write_manifest(run, replace(read_manifest(run), selection={"overlap": 0.3}))
    write_changed(run, old, new)
    with pytest.raises(IncompleteRun, match=r"manifest.json is damaged, or was edited: the same detect"):
        read_manifest(run)


def test_unknown_field_is_refused(run, monkeypatch):
    """Even with a hash that is right, since a later program would have had a reason for it."""
    monkeypatch.setattr("results.detection.manifest.unseal", lambda data: data)  # the hash is unknown, too
    with pytest.raises(IncompleteRun, match="is damaged, or was edited"):
        read_manifest(run)


def test_manifest_of_a_later_version_is_neither_damaged_nor_used(run):
    write_changed(run, '"schema": 1', '"schema": 2')
    with pytest.raises(RunError) as refused:
        read_manifest(run)
    assert not isinstance(refused.value, IncompleteRun)
    assert str(refused.value) == (
        f"{run / 'manifest.json'} has schema 2, this version reads 1: "
        "use the version that wrote it, or detect --fresh"
    )


def test_run_with_a_kind_that_is_no_text_is_damaged(run):
    write_changed(run, '"kind": "detections"', '"kind": 5')
    with pytest.raises(IncompleteRun, match=r"manifest.json is damaged, or was edited: the same eval"):
        Run.open(run)
