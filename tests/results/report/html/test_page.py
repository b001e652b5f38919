"""The HTML page: complete, self-contained, and escaped."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from results.class_sets import ClassSet
from results.ensemble import ensemble
from results.manifest import BlacklistRecord
from results.report import html
from results.run import write_manifest
from results.scoring import AS_STORED, Scoring, Truth
from results.tables import accuracy, predictions
from tests.helpers import random_run

HOSTILE = """<script>alert(1)</script>"' onload=x & ]]>"""


class Outline(HTMLParser):
    """Tags with their attributes, in order, and the text outside style and script."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self._inside = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data):
        if self._inside not in ("style", "script"):
            self.text.append(data)


@pytest.fixture
def runs(tmp_path):
    blacklist = BlacklistRecord(source="x", sha256="of the list", excluded=("image 3",))
    return [random_run(tmp_path / f"run{seed}", seed, blacklist=blacklist) for seed in range(2)]


def page(runs, names=tuple(f"class {i}" for i in range(10)), **more):
    return html.write(runs, names, **more)


def test_every_figure_of_the_table_is_on_the_page(runs):
    text = " ".join(Outline(page(runs)).text)
    for row in accuracy(runs).to_dict("records"):
        assert f"{row['top1_error']:.2f}" in text
        assert f"[{row['top1_low']:.2f}, {row['top1_high']:.2f}]" in text
    assert all(f"class {i}" in text for i in range(10))
    assert str(runs[0].path) in text


def test_page_fetches_nothing(runs):
    tags = Outline(page(runs, picture=lambda image: "data:image/jpeg;base64,AAAA")).tags
    fetched = ("src", "href", "srcset", "data", "poster")
    addresses = [value for _, attributes in tags for name, value in attributes.items() if name in fetched]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    (policy,) = (attributes["content"] for tag, attributes in tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "http" not in policy
    assert "unsafe-eval" not in policy


def test_names_from_files_cannot_become_markup(tmp_path):
    hostile = random_run(tmp_path / "run<b>", 1)
    model = replace(hostile.manifest.model, name=HOSTILE, weights=HOSTILE, tag="")
    data = replace(hostile.manifest.data, path=HOSTILE, labels=HOSTILE)
    changed = write_manifest(hostile.path, replace(hostile.manifest, model=model, data=data))
    plain = Outline(page([random_run(tmp_path / "plain", 1)]))
    found = Outline(page([changed], names=[HOSTILE] * 10))
    assert [tag for tag, _ in found.tags if tag in ("script", "b")] == [
        tag for tag, _ in plain.tags if tag in ("script", "b")
    ]
    assert not any("onload" in attributes for _, attributes in found.tags)
    assert HOSTILE in "".join(found.text)


def test_most_confident_mistakes_come_first(runs):
    shown = []
    page(runs[:1], picture=lambda image: shown.append(image) or "")
    frame = predictions(runs[0], "10")
    wrong = frame[frame["top1"] != frame["label"]].sort_values("p1", ascending=False)
    assert shown == wrong["image"].head(12).tolist()


def test_runs_of_one_name_have_titles_of_their_own(tmp_path):
    usual = random_run(tmp_path / "usual", 0)
    model, plan = usual.manifest.model, usual.manifest.plan
    other = random_run(tmp_path / "max", 1, model=model, plan=replace(plan, pool="max"))
    assert "<h1>net0 (pool mean), net0 (pool max)</h1>" in page([usual, other])
    assert '<th scope="row">net0 (pool max)</th>' in page([usual, other])


def test_other_labels_have_their_error_and_the_mistakes_that_they_excuse(runs):
    """The first ten images: class 0 is right for all, and the own label for those below 5."""
    frame = predictions(runs[0], "10")[:10]
    own = [int(label) for label in frame["label"]]
    labels = [(0, own[number]) if number < 5 else (0,) for number in range(10)]
    truth = Truth("mine.json", {f"image {number}": each for number, each in enumerate(labels)})
    wrong = [top1 for top1, label in zip(frame["top1"], own, strict=True) if top1 != label]
    error = 10 * sum(top1 not in each for top1, each in zip(frame["top1"], labels, strict=True))
    outline = Outline(page(runs, scorings=[AS_STORED, Scoring(truth=truth)]))
    section = " ".join(outline.text).rpartition("By other labels")[2].split()
    assert section[section.index("net0") :][:7] == [
        *("net0", "mine.json", "10", f"{error:.2f}"),
        *(f"{sum(top1 == 0 for top1 in wrong)}", "of", f"{len(wrong)}"),
    ]
    assert "By other labels" not in page(runs)


def test_errors_and_mistakes_are_those_among_the_classes_of_the_run(runs):
    """Classes 0 to 3 are one, 4 and 5 another. Images with other labels are on the page in no way."""
    pairs = ClassSet(name="pairs", groups=((0, 1, 2, 3), (4, 5)))
    frame = predictions(runs[0], "10")
    frame = frame[frame["label"] < 6]
    best = frame.merge(predictions(runs[0], "10", classes=pairs)[["image", "top1"]], on="image")
    wrong = best[(best["top1_y"] < 4) != (best["label"] < 4)]
    text = " ".join(Outline(page(runs, scorings=[Scoring(pairs)])).text)
    assert f"{100 * len(wrong) / len(frame):.2f}" in text.partition("Columns are protocols")[0]
    shown = re.findall(r"image \d+", text.partition("The most confident mistakes")[2])
    assert set(shown[: len(wrong)]) == set(wrong["image"])


def test_run_whose_cost_is_not_known_has_a_page_without_the_chart_of_costs(runs):
    assert "Error over cost" in page(runs)
    unknown = [
        write_manifest(run.path, replace(run.manifest, model=replace(run.manifest.model, multiply_adds=None)))
        for run in runs
    ]
    assert "Error over cost" not in page(unknown)


def test_provenance_says_what_decides_the_figures(stored_runs):
    names = [f"class {i}" for i in range(50)]
    text = Outline(page([stored_runs["v1"], stored_runs["ensemble"]], names)).text
    for expected in (
        "papers/mini-bn-googlenet",
        "89a94b3cb4de2bc4b5ace7255a1ea370d2659914a47c0a5ae95bb8a47b4f1b0e",
        "cpu, fp32",
        "mini-v1-mini_val.tar-10-71bff58c, mini-v3-mini_val.tar-10-2bed7b83",
    ):
        assert expected in text


def test_ensembles_are_explained_and_called_by_their_short_names(runs, tmp_path):
    text = page([*runs, ensemble(runs, tmp_path)])
    assert "<h1>net0, net1, ensemble of 2</h1>" in text
    assert text.count("<dt>ensemble of 2</dt><dd>net0+net1</dd>") == 1


def test_charts_have_a_table_of_their_figures(runs):
    text = " ".join("".join(Outline(page(runs)).text).split())
    figures = text.partition("Top-1 error over multiply-adds")[2]
    for row in accuracy(runs).to_dict("records"):
        if (row["protocol"], row["image_set"]) == ("10", "all"):
            figure = f"{row['top1_error']:.2f}{row['top1_low']:.2f} to {row['top1_high']:.2f}"
            assert f"{row['model']}5e-09{figure}" in figures


def test_contents_lead_to_every_section(runs):
    tags = Outline(page(runs)).tags
    sections = [f"#{attributes['id']}" for tag, attributes in tags if tag == "section"]
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert links == ["#main", *sections]


def test_specifications_of_charts_are_those_of_vega_lite(runs):
    found = re.findall(r'<script type="application/json">(.*?)</script>', page(runs))
    titles = [json.loads(text)["description"] for text in found]
    assert titles == [
        "Top-1 error over the number of crops",
        "Top-1 error over multiply-adds",
        "Reliability of net0",
        "Reliability of net1",
    ]
