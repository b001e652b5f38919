"""Flips: counts and p values against numpy and scipy, and what a reader sees who picks two runs."""

import base64
import gzip
import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binomtest

from results.comparison import compare
from results.report import html
from results.report.html import flips as module
from results.report.html.flips import find_flips
from results.run import write_manifest
from results.scoring import AS_STORED
from tests.helpers import pooled, random_run

NAMES = tuple(f"class {i}" for i in range(10))


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed, images=60) for seed in range(3)]


def labels_of(run):
    return np.concatenate([shard.labels for shard in run.shards()])


def unpack(found):
    return json.loads(gzip.decompress(base64.b64decode(found.data)))


def test_counts_and_p_values_are_those_of_numpy_and_scipy(runs):
    found = find_flips(runs, NAMES, AS_STORED)
    assert [(pair.a, pair.b, pair.protocol) for pair in found.pairs] == [
        (a, b, protocol) for a, b in combinations(range(3), 2) for protocol in ("1", "10")
    ]
    for pair in found.pairs:
        labels = labels_of(runs[0])
        a, b = (pooled(runs[number], pair.protocol).argmax(axis=1) == labels for number in (pair.a, pair.b))
        counts = [(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()]
        assert [pair.both, pair.only_a, pair.only_b, pair.neither] == counts
        assert pair.p == pytest.approx(binomtest(int(counts[1]), int(counts[1] + counts[2])).pvalue)
        other = compare(runs[pair.a], runs[pair.b], pair.protocol)
        assert (pair.only_a, pair.only_b, pair.p) == (other.only_a_right, other.only_b_right, other.p_value)


def test_only_images_on_which_runs_disagree_are_on_the_page(runs):
    data = unpack(find_flips(runs, NAMES, AS_STORED))
    labels = labels_of(runs[0])
    right = np.stack([pooled(run, "10").argmax(axis=1) == labels for run in runs])
    flipped = np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))
    listed = data["lists"]["10"]
    assert [data["images"][place] for place in listed["images"]] == [f"image {number}" for number in flipped]
    for number, run in enumerate(runs):
        probabilities = pooled(run, "10")[flipped]
        classes = np.array(listed["classes"][number])
        assert np.where(classes < 0, -1 - classes, classes).tolist() == probabilities.argmax(axis=1).tolist()
        assert (classes >= 0).tolist() == right[number][flipped].tolist()
        assert listed["p"][number] == pytest.approx(1000 * probabilities.max(axis=1), abs=0.51)


def test_runs_of_other_files_or_without_an_image_are_not_compared(runs, tmp_path):
    skipping = random_run(tmp_path / "skipping", 5, images=60, skipped=(7,))
    found = find_flips([*runs[:2], skipping], NAMES, AS_STORED)
    assert {(pair.a, pair.b) for pair in found.pairs} == {(0, 1)}
    assert [(a, b, "image 7 is in only one of" in line) for a, b, line in found.refused] == [
        (0, 2, True),
        (1, 2, True),
    ]
    assert {pair.n for pair in found.pairs} == {60}


def test_one_run_or_runs_of_other_protocols_have_no_flips(runs):
    assert find_flips(runs[:1], NAMES, AS_STORED) is None
    plan = runs[1].manifest.plan
    other = replace(plan, protocols={"144": plan.protocols["10"]})
    changed = write_manifest(runs[1].path, replace(runs[1].manifest, plan=other))
    assert find_flips([runs[0], changed], NAMES, AS_STORED) is None


def test_pictures_are_shared_out_among_the_pairs_and_few(runs, monkeypatch):
    monkeypatch.setattr(module, "PICTURES", 3)
    asked = []
    data = unpack(
        find_flips(runs, NAMES, AS_STORED, lambda image: asked.append(image) or f"picture of {image}")
    )
    assert len(asked) == len(data["pictures"]) == 3
    assert {data["images"][int(place)] for place in data["pictures"]} == set(asked)
    for a, b in combinations(range(3), 2):
        flipped = compare(runs[a], runs[b], "10").flipped
        assert set(asked) & set(flipped["image"])


def test_protocol_that_would_make_the_page_too_large_has_its_counts_alone(runs, monkeypatch):
    monkeypatch.setattr(module, "MOST_PREDICTIONS", 60)
    found = find_flips(runs, NAMES, AS_STORED)
    assert list(unpack(found)["lists"]) == ["10"]
    assert {pair.protocol for pair in found.pairs} == {"1", "10"}


def choose(page, label, presses):
    """Move a select by keyboard."""
    page.get_by_label(label).focus()
    for _ in range(presses):
        page.keyboard.press("ArrowDown")


def test_reader_picks_two_runs_by_keyboard_and_sees_what_numpy_finds(tmp_path, open_page):
    runs = [random_run(tmp_path / f"run{seed}", seed, images=200) for seed in range(3)]
    page = open_page(html.write(runs, NAMES, lambda image: "data:image/gif;base64,R0lGODlhAQABAAAAACw="))
    page.locator("#flips-form").wait_for()
    choose(page, "Run A", 1)
    choose(page, "Run B", 1)
    page.get_by_label("Protocol").focus()
    page.keyboard.press("ArrowUp")
    labels = labels_of(runs[0])
    probabilities = [pooled(run, "1") for run in runs[1:]]
    a, b = (each.argmax(axis=1) == labels for each in probabilities)
    (_, both, only_a), (_, only_b, neither) = (
        row.inner_text().split("\t") for row in page.locator("#flips-counts tbody tr").all()
    )
    assert [int(both), int(only_a)] == [(a & b).sum(), (a & ~b).sum()]
    assert [int(only_b), int(neither)] == [(~a & b).sum(), (~a & ~b).sum()]
    p = binomtest(int(only_a), int(only_a) + int(only_b)).pvalue
    assert f"exact McNemar p = {p:.3g}" in page.locator("#flips-form output").inner_text()
    assert page.locator("#flips-images tbody tr").count() == 20
    while (more := page.get_by_role("button", name="Show")).count():
        more.press("Enter")
    rows = page.locator("#flips-images tbody tr").all_inner_texts()
    wrong = {
        number: probabilities[int(a[number])][number].max() for number in np.flatnonzero(a != b).tolist()
    }
    order = sorted(wrong, key=lambda number: -np.round(1000 * wrong[number]))
    for number, row in zip(order, rows, strict=True):
        assert {f"class {labels[number]}", f"image {number}"} <= set(row.replace("\t", "\n").split("\n"))
        assert f"wrong, {np.round(1000 * wrong[number]) / 10:.1f} %" in row
    pictures = len(page.locator("#flips-images img").all())
    missing = f"Without a picture here: {len(order) - pictures} of {len(order)} images."
    assert page.get_by_text(missing).is_visible()
    choose(page, "List", 1)
    assert page.locator("#flips-images tbody tr").count() == int(only_a)
    page.get_by_label("Run B").select_option("1")
    assert page.get_by_text("Pick two different runs.").is_visible()
