"""The HTML page: complete, self-contained, escaped, and alive in a browser."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from results.report import html
from results.report.charts import Point, draw
from results.run import write_manifest
from results.tables import accuracy
from tests.results.test_ensemble import made

HOSTILE = """<script>alert(1)</script>"' onload=x & ]]>"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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
    entry = {"blacklist": {"source": "x", "sha256": "", "excluded": ["image 3"]}}
    return [made(tmp_path / f"run{seed}", seed, changes=entry) for seed in range(2)]


def page(runs, names=tuple(f"class {i}" for i in range(10)), **more):
    return html.write(runs, names, **more)


def test_every_figure_of_the_table_is_on_the_page(runs):
    text = " ".join(Outline(page(runs)).text)
    for row in accuracy(runs).to_dict("records"):
        assert f"{row['top1_error']:.2f} [{row['top1_low']:.2f}, {row['top1_high']:.2f}]" in text
    assert all(f"class {i}" in text for i in range(10))
    assert str(runs[0].path) in text


def test_nothing_is_fetched_from_elsewhere(runs):
    tags = Outline(page(runs, picture=lambda image: "data:image/jpeg;base64,AAAA")).tags
    fetched = ("src", "href", "srcset", "data", "poster")
    addresses = [value for _, attributes in tags for name, value in attributes.items() if name in fetched]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"url\(|@import|https?://", page(runs))


def test_names_from_files_cannot_become_markup(tmp_path):
    hostile = made(tmp_path / "run<b>", 1)
    model = dict(hostile.manifest["model"]) | {"name": HOSTILE, "weights": HOSTILE, "tag": ""}
    data = dict(hostile.manifest["data"]) | {"path": HOSTILE, "labels": HOSTILE}
    changed = write_manifest(hostile.path, dict(hostile.manifest) | {"model": model, "data": data})
    plain = Outline(page([made(tmp_path / "plain", 1)]))
    found = Outline(page([changed], names=[HOSTILE] * 10))
    assert [tag for tag, _ in found.tags if tag in ("script", "b")] == [
        tag for tag, _ in plain.tags if tag in ("script", "b")
    ]
    assert not any("onload" in attributes for _, attributes in found.tags)
    assert HOSTILE in "".join(found.text)


def test_the_most_confident_mistakes_come_first(runs):
    asked = []
    page(runs[:1], picture=lambda image: asked.append(image) or "")
    from results.tables import predictions

    frame = predictions(runs[0], "10")
    wrong = frame[frame["top1"] != frame["label"]].sort_values("p1", ascending=False)
    assert asked == wrong["image"].head(12).tolist()


def test_what_other_labels_say_is_on_the_page_when_asked_for(runs):
    text = " ".join(Outline(page(runs, noise=[html.Noise(20, 12.5, 7, 3), html.Noise(20, 10.0, 5, 1)])).text)
    assert "12.50" in text
    assert "3 of 7" in text
    assert "Label noise" not in page(runs)


def test_a_run_without_cost_or_lattice_has_a_page(tmp_path):
    plan = {"protocols": {"1": {"crops": 1}, "10": {"crops": 1}}, "pool": "mean"}
    run = made(tmp_path / "run", 1, changes={"plan": plan})
    model = {key: value for key, value in run.manifest["model"].items() if key != "multiply_adds"}
    assert "Error against cost" not in page([write_manifest(run.path, dict(run.manifest) | {"model": model})])


def test_a_chart_keeps_names_apart_and_points_inside():
    points = [Point(1.0, 20 + (number < 1) * 40 + number / 100, 19, 62, "x") for number in range(9)]
    svg = draw(
        "title", "axis", [(f"net{number}", [point]) for number, point in enumerate(points)], [(1.0, "1")]
    )
    assert max(float(height) for height in re.findall(r'class="name c\d" x="\d+" y="([\d.]+)"', svg)) < 340
    heights = sorted(float(height) for height in re.findall(r'class="name c\d" x="\d+" y="([\d.]+)"', svg))
    assert all(b - a >= 14.9 for a, b in pairwise(heights))
    assert all(0 < float(y) < 340 for y in re.findall(r'cy="([\d.]+)"', svg))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_in_a_browser_a_heading_sorts_its_column(runs, tmp_path):
    """Numbers downwards on the first click and upwards on the second, names upwards on the first."""
    click = """<script>
    const value = cell => cell.dataset.value ?? cell.textContent;
    const column = n => {
      document.querySelectorAll("#classes button")[n].click();
      return [...document.querySelectorAll("#classes tbody tr")].map(row => value(row.cells[n])).join();
    };
    const results = [column(1), column(1), column(0), column(2)];
    document.body.innerHTML = results.map(row => `<p class=result>${row}</p>`).join("");
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(page(runs).replace("</body>", click + "</body>"))
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    command = [
        CHROMIUM,
        *options.split(),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    rows = [row.split(",") for row in re.findall(r'<p class="result">(.*?)</p>', done.stdout)]
    down, up, names, errors = rows
    assert [float(value) for value in down] == sorted(map(float, down), reverse=True)
    assert [float(value) for value in up] == sorted(map(float, up))
    assert names == sorted(names)
    assert [float(value) for value in errors] == sorted(map(float, errors), reverse=True)
