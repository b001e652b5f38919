from dataclasses import replace

import pytest

from results.class_sets import ClassSet
from results.ensemble import ensemble
from results.errors import RunError, RunUsageError
from results.run import MANIFEST, Run, Shard, write_manifest
from results.run_list import find_run, list_runs
from results.storage import parse_path, write
from results.tables import accuracy
from tests.helpers import random_manifest, random_run, random_shard, start_run
from tests.results.detection.made import write_run


@pytest.fixture
def runs(tmp_path):
    """The folder of a complete run, one with two of three shards, three that are damaged, and more."""
    folder = tmp_path / "runs"
    random_run(folder / "complete", 1, skipped=(3,), started="2026-11-02T00:00:00+00:00")
    unfinished = start_run(folder / "unfinished", started="2026-11-01T00:00:00+00:00")
    for shard in (random_shard(0, 10), random_shard(10, 20)):
        shard.save(unfinished.path / "shards", unfinished.identity)
    lost = random_run(folder / "lost-shard", 2, started="2026-11-03T00:00:00+00:00")
    lost.shard_path(lost.parts[1]).unlink()
    (random_run(folder / "damaged", 3).path / MANIFEST).write_text("{}")
    (random_run(folder / "no-manifest", 4).path / MANIFEST).unlink()
    (folder / "empty").mkdir()
    (folder / "demo.csv").touch()
    return folder


def test_runs_are_listed_with_their_state_the_newest_last(runs):
    assert [(row.run, row.state) for row in list_runs(runs)] == [
        (f"{runs}/damaged", "damaged"),
        (f"{runs}/no-manifest", "damaged"),
        (f"{runs}/unfinished", "2 of 3 shards"),
        (f"{runs}/complete", "complete"),
        (f"{runs}/lost-shard", "damaged: 2 of 3 shards"),
    ]


def test_row_says_what_the_run_is_of(runs):
    row = next(row for row in list_runs(runs) if row.state == "complete")
    assert (row.model, row.data, row.protocols, row.n) == ("net1", "val", ("1", "10"), 24)


def test_error_is_that_of_the_table_under_the_last_protocol(runs):
    errors = {row.run: row.top1_error for row in list_runs(runs)}
    table = accuracy([Run.open(runs / "complete")])
    assert errors.pop(f"{runs}/complete") == table["top1_error"].iloc[-1]
    assert set(errors.values()) == {None}


def test_error_of_a_run_with_a_set_of_classes_is_among_them(runs):
    run = Run.open(runs / "complete")
    pairs = ClassSet(name="pairs", groups=((1, 4), (2,), (0,)))
    data = replace(run.manifest.data, class_set=pairs)
    write_manifest(run.path, replace(run.manifest, data=data))
    hits = n = 0
    for shard in run.shards():
        for label, row in zip(shard.labels, shard.probabilities["10"], strict=True):
            if label in (0, 1, 2, 4):
                n += 1
                best = max((0, 1, 2, 4), key=lambda index: row[index])
                hits += best == label or {best, label} == {1, 4}
    assert 0 < n < 24
    error = {row.run: row.top1_error for row in list_runs(runs)}[f"{runs}/complete"]
    assert error == pytest.approx(100 * (1 - hits / n))


def test_error_is_read_off_the_manifest_where_it_has_the_hits(members, tmp_path, monkeypatch):
    run = ensemble(members, tmp_path / "ensembles")
    monkeypatch.setattr(Shard, "load", None)
    (row,) = list_runs(tmp_path / "ensembles")
    monkeypatch.undo()
    assert row.top1_error == accuracy([run])["top1_error"].iloc[-1]
    assert row.started == run.manifest.started > "2026"


def test_damaged_shard_of_a_run_without_hits_is_found(tmp_path):
    run = random_run(tmp_path / "runs" / "run", 1)
    run.shard_path(run.parts[0]).write_bytes(b"")
    assert [row.state for row in list_runs(tmp_path / "runs")] == ["damaged"]


def test_manifest_of_another_version_cannot_be_read(tmp_path):
    write_manifest(tmp_path / "runs" / "run", random_manifest())
    file = tmp_path / "runs" / "run" / MANIFEST
    file.write_text(file.read_text().replace('"schema": 3', '"schema": 9'))
    detections = write_run(tmp_path / "runs" / "two") / MANIFEST
    detections.write_text(detections.read_text().replace('"schema": 1', '"schema": 9'))
    assert [row.state for row in list_runs(tmp_path / "runs")] == ["cannot be read"] * 2


def test_runs_of_detections_are_listed_with_what_they_are_of(tmp_path):
    skipped = {"a.jpg": "no image"}
    write_run(tmp_path / "one", skipped=skipped)
    write_run(tmp_path / "two", complete=False, started="2026-02-01T00:00:00+00:00")
    write_run(tmp_path / "three", networks=5)
    damaged, one, two = list_runs(tmp_path)
    assert (damaged.run, damaged.state) == (str(tmp_path / "three"), "damaged")
    assert (one.state, one.model, one.data, one.n) == ("detections", "v3", "val", 4)
    assert (two.state, two.n, two.top1_error) == ("unfinished detections", 5, None)


def test_folder_that_is_not_there_has_no_list(tmp_path):
    with pytest.raises(RunError, match="nowhere: No such file or directory; name a folder with runs"):
        list_runs(tmp_path / "nowhere")


def test_runs_of_a_store_are_listed_and_found(tmp_path, members):
    url = f"memory://{tmp_path}"
    for member in members[:2]:
        for path in (member.path / MANIFEST, *(member.path / "shards").iterdir()):
            write(parse_path(f"{url}/{path.relative_to(tmp_path)}"), path.read_bytes())
    assert [row.state for row in list_runs(parse_path(url))] == ["complete"] * 2
    assert find_run(f"{url}/run1", tmp_path) == parse_path(f"{url}/run1")
    with pytest.raises(RunUsageError, match="may be any of"):
        find_run(f"{url}/ru", tmp_path)


@pytest.fixture
def named(tmp_path, monkeypatch):
    """The usual folder, with runs of these names; no run is in the current folder."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("v3-val-1-1a2b3c4d", "v3-val-144-5e6f7a8b", "v3", "v4-val-1-9c0d1e2f")):
        random_run(tmp_path / "runs" / name, number)
    (tmp_path / "runs" / "v4-table.csv").touch()
    (tmp_path / "runs" / "v4-empty").mkdir()
    return parse_path("runs")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("runs/v3-val-1-1a2b3c4d", "runs/v3-val-1-1a2b3c4d"),
        ("runs/v3-val-144", "runs/v3-val-144-5e6f7a8b"),
        ("v3-val-144", "runs/v3-val-144-5e6f7a8b"),
        ("v4", "runs/v4-val-1-9c0d1e2f"),
        ("v3", "runs/v3"),
        ("1a2b3c4d", "runs/v3-val-1-1a2b3c4d"),
        ("runs/9c0d1e2f", "runs/v4-val-1-9c0d1e2f"),
        ("runs/v4-empty", "runs/v4-empty"),
        ("v9", "v9"),
        ("nowhere/v3", "nowhere/v3"),
    ],
)
def test_run_is_found_by_the_beginning_or_the_end_of_its_name(named, name, found):
    assert find_run(name, named).as_posix() == found


def test_run_in_the_current_folder_is_found_by_the_beginning_of_its_name(named, monkeypatch):
    monkeypatch.chdir(named)
    assert find_run("v3-val-144", named).as_posix() == "v3-val-144-5e6f7a8b"


def test_path_that_exists_is_taken_as_it_is(named, tmp_path):
    (tmp_path / "v3").mkdir()
    assert find_run("v3", named).as_posix() == "v3"


def test_name_of_several_runs_is_refused_with_all_of_them(named):
    with pytest.raises(
        RunUsageError,
        match="v3-val may be any of runs/v3-val-1-1a2b3c4d, runs/v3-val-144-5e6f7a8b: write more of the name",
    ):
        find_run("v3-val", named)
