"""How runs and comparisons show themselves."""

import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from results.class_sets import ClassSet
from results.errors import IncompleteRun
from results.manifest import DataRecord, ModelRecord
from results.run import SHARDS, Run, finish
from tests.helpers import random_run, start_run

HOSTILE = '<script>alert(1)</script>\n\x1b\udcff&"'


class Tags(HTMLParser):
    """The tags of a text in HTML, and the text of each cell."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.texts += [""] * (tag in ("caption", "th", "td", "p"))

    def handle_data(self, data):
        self.texts[-1] += data


@pytest.fixture
def run(tmp_path):
    """A run whose manifest has the hits: 20 of 25 images under protocol 1, none under 10."""
    run = random_run(tmp_path / "run", 0)
    return finish(run, run.manifest.shards, {}, 1.0, {"1": 20})


def test_line_has_name_data_protocols_and_errors(run):
    assert repr(run) == "<Run net0 on val (25 images): top-1 error 20.00 % (1)>"


def test_table_is_accessible(run):
    table = Tags(run._repr_html_())
    assert table.texts == [
        "net0 on val (25 images)",
        *("protocol", "top-1 error in %", "1", "20.00", "10", "-"),
        f"run: {run.path}",
    ]
    assert run._repr_html_().count('scope="col"') == run._repr_html_().count('scope="row"') == 2


def test_run_without_counted_hits_shows_its_protocols(run, tmp_path):
    among = DataRecord(
        path="s3://bucket/val/", images=25, class_set=ClassSet(name="two", groups=((0,), (1,)))
    )
    for manifest, place, state in (
        (replace(run.manifest, top1_hits=None), "val", ""),
        (replace(run.manifest, data=among), "val", ""),
        (start_run(tmp_path / "started").manifest, "val", ", incomplete"),
        (replace(run.manifest, shards=()), "val", ", incomplete"),
    ):
        line = repr(Run(run.path, manifest))
        assert line == f"<Run {manifest.model.name} on {place} (25 images{state}): protocols 1, 10>"


def test_damaged_run_shows_itself_and_gives_no_table(run):
    shutil.rmtree(run.path / SHARDS)
    damaged = Run.open(run.path)
    assert repr(damaged) == repr(run)
    assert damaged._repr_html_() == run._repr_html_()
    with pytest.raises(IncompleteRun, match="is missing"):
        damaged.table()


def test_hostile_names_are_escaped(run):
    model = ModelRecord(name=HOSTILE, provider="timm", architecture="x")
    data = replace(run.manifest.data, path=f"{HOSTILE}/")
    hostile = Run(run.path, replace(run.manifest, model=model, data=data))
    assert repr(hostile).isprintable()
    html = hostile._repr_html_()
    html.encode()
    assert set(Tags(html).tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    found = hostile.compare(Run(run.path, run.manifest))
    assert repr(found).isprintable()
    assert set(Tags(found._repr_html_()).tags) == set(Tags(html).tags)


def test_comparison_in_a_line_and_a_table(tmp_path):
    a, b = random_run(tmp_path / "a", 1), random_run(tmp_path / "b", 2)
    found = a.compare(b, protocol=10)
    right_a, right_b = (found.images[name].sum() for name in ("right_a", "right_b"))
    assert (found.n, found.protocol, found.names) == (25, "10", ("net1", "net2"))
    errors = [f"{100 - 4 * right:.2f}" for right in (right_a, right_b)]
    assert repr(found) == (
        f"<Comparison, 10 crops, all, n = 25: a net1 {errors[0]} %, b net2 {errors[1]} %; "
        f"only a is right on {found.only_a_right} images, only b on {found.only_b_right}; "
        f"p = {found.p_value:.3g}>"
    )
    caption, *cells, below = Tags(found._repr_html_()).texts
    assert caption == "10 crops, all, n = 25"
    assert cells[3:] == [
        *("net1", errors[0], str(found.only_a_right)),
        *("net2", errors[1], str(found.only_b_right)),
    ]
    assert below.endswith(f"exact McNemar p = {found.p_value:.3g}")
