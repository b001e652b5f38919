"""A site of a folder of runs: its pages, what is not counted, and what the same call renews."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from bench.errors import UsageError
from bench.views.site import write_site
from results.errors import RunError
from results.run import write_manifest
from tests.helpers import random_run
from tests.results.detection.made import write_run


class Site:
    """A folder `runs` and the site of it."""

    def __init__(self, folder):
        self.runs, self.target = folder / "runs", folder / "site"
        self.written, self.found = [], None

    def write(self, **options):
        """Write the site; the names of the pages that were written."""
        self.written.clear()
        self.found = write_site(
            self.runs, self.target, self._write_page, **{"data": None, "note": print} | options
        )
        return sorted(self.written)

    def _write_page(self, path, text):
        self.written.append(Path(path).name)
        Path(path).write_text(text, encoding="utf-8")

    @property
    def index(self):
        return (self.target / "index.html").read_text()

    @property
    def files(self):
        return sorted(path.name for path in self.target.iterdir())


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Two runs on the same images and one on others; pages name their runs and nothing else."""

    def page(runs, scorings, *, home, data, note, calibration):
        return f'<a href="{home}">{", ".join(run.name for run in runs)}</a>'

    monkeypatch.setattr("bench.views.site.page", page)
    for seed, labels in ((0, 0), (1, 0), (2, 5)):
        random_run(tmp_path / "runs" / f"run{seed}", seed, label_seed=labels)
    return Site(tmp_path)


def test_each_run_has_a_page_and_runs_on_the_same_images_have_one_together(site):
    written = site.write()
    (together,) = (name for name in written if name.startswith("images-"))
    assert written == [together, "index.html", "run0.html", "run1.html", "run2.html"]
    shown = {"run0.html": "net0", "run1.html": "net1", "run2.html": "net2", together: "net0, net1"}
    for name, networks in shown.items():
        assert f'href="{name}"' in site.index
        assert (site.target / name).read_text() == f'<a href="index.html">{networks}</a>'


def test_same_call_writes_only_what_changed(site):
    first = site.write()
    before = {name: (site.target / name).read_bytes() for name in site.files}
    assert site.write() == ["index.html"]
    assert {name: (site.target / name).read_bytes() for name in site.files} == before
    random_run(site.runs / "run3", 3, label_seed=5)
    assert [name for name in site.write() if name.startswith("run")] == ["run3.html"]
    shutil.rmtree(site.runs / "run3")
    site.write()
    assert site.files == sorted([*first, "site.json", "charts.js"])
    (site.target / "run0.html").unlink()
    assert site.write() == ["index.html", "run0.html"]
    assert "run0.html" in site.write(calibration=True)


def test_incomplete_and_damaged_runs_are_listed_and_not_counted(site):
    incomplete = random_run(site.runs / "run3", 3)
    write_manifest(incomplete.path, replace(incomplete.manifest, complete=False))
    next((random_run(site.runs / "run4", 4).path / "shards").iterdir()).unlink()
    site.write()
    assert [name for name, _ in site.found.incomplete] == ["run3", "run4"]
    assert "3 complete runs on 2 sets of images" in site.index
    assert "is incomplete: 25 of 25 images" in site.index
    assert "is missing" in site.index
    assert "net3" not in site.index
    assert "run3.html" not in site.files


def test_copy_of_a_run_is_counted_once(site):
    shutil.copytree(site.runs / "run0", site.runs / "run0 again")
    site.write()
    again = site.runs / "run0 again"
    line = f"{again} is the same run as {site.runs / 'run0'}, which is counted once"
    assert site.found.left_out == [("run0 again", line)]
    assert "3 complete runs on 2 sets of images" in site.index


def test_run_of_detections_is_left_out_with_a_line(site):
    path = write_run(site.runs / "found")
    site.write()
    line = f"{path} has detections and no predictions: score-detections reads it"
    assert site.found.left_out == [("found", line)]
    assert not site.found.incomplete
    assert line in site.index


def test_names_of_folders_cannot_become_markup_nor_other_pages(site):
    """`index` is the name of another page, and the others are markup, a query, and no UTF-8."""
    names = ["index", "<img src=x onerror=alert(1)>", "a?b#c%20", "\udcff"]
    for seed, name in enumerate(names, 6):
        run = random_run(site.runs / f"run{seed}", seed, label_seed=seed)
        run.path.rename(run.path.with_name(name))
    site.write()
    assert "<img src=x" not in site.index
    addresses = [part.partition('"')[0] for part in site.index.split('href="')[1:]]
    pages = {unquote(address, errors="surrogateescape") for address in addresses}
    assert {"index-run.html", *(f"{name}.html" for name in names[1:])} <= pages <= set(site.files)


def test_target_with_other_things_is_refused(site):
    site.target.write_text("mine")
    with pytest.raises(UsageError, match="is a file: name a folder for the site"):
        site.write()
    site.target.unlink()
    site.target.mkdir()
    (site.target / "thesis.tex").touch()
    for content in (None, "{", json.dumps({"pages": {}})):
        if content:
            (site.target / "site.json").write_text(content)
        with pytest.raises(UsageError, match="has files in it that are no site's: name a new or an empty"):
            site.write()
    assert (site.target / "thesis.tex").exists()


def test_folder_without_runs_makes_no_site(site):
    shutil.rmtree(site.runs)
    site.runs.mkdir()
    with pytest.raises(RunError, match="has no runs: name a folder that eval wrote runs into"):
        site.write()
    assert not site.target.exists()


def test_record_of_pages_removes_nothing_elsewhere(site):
    site.write()
    (site.runs.parent / "mine.html").touch()
    record = json.loads((site.target / "site.json").read_text())
    record["pages of inception-bench"] |= dict.fromkeys(
        ("../mine.html", "..", "", ".", f"{site.runs.parent}/mine.html"), "x"
    )
    (site.target / "site.json").write_text(json.dumps(record))
    site.write()
    assert (site.runs.parent / "mine.html").exists()
    assert site.runs.exists()
    assert "run0.html" in site.files
