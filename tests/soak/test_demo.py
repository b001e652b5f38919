"""The demo, from the wheel: its figures, and what they show, that more crops and networks help.

On 300 of the 1,000 images, which takes a third of the time and shows the same; detection on all its scenes.
"""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from bench.mini import NETWORKS
from results.tables import predictions
from tests import packages

BASELINE = Path(__file__).parent / "demo_300.csv"
"""What `inception-bench demo --limit 300` wrote."""


MODULES = """
from importlib.util import find_spec

import bench, crops, results

assert not find_spec("tests")
for module in (bench, crops, results):
    print(module.__file__)
"""


def is_right(run, protocol):
    """[n] whether each image's top-1 is its label."""
    frame = predictions(run, protocol)
    return (frame["top1"] == frame["label"]).to_numpy()


def p_value(better, worse):
    """Of an exact paired test, two-sided, that `better` is right on more images than `worse`."""
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    assert gained > lost
    return binomtest(gained, gained + lost).pvalue


def test_demo_runs_from_the_wheel_without_the_checkout(installed, tmp_path):
    files = packages.run(installed / "python", "-c", MODULES, folder=tmp_path).split()
    assert [Path(file).is_relative_to(installed.parent) for file in files] == [True] * 3


def test_one_crop_leaves_room_for_more(demo_runs):
    for run in demo_runs[:4]:
        assert 15 < 100 * (1 - is_right(run, "1").mean()) < 45, run.path


def test_144_crops_are_better_than_one(demo_runs):
    for run in demo_runs[:4]:
        assert p_value(is_right(run, "144"), is_right(run, "1")) < 0.05, run.path


def test_ensemble_is_better_than_its_best_member(demo_runs):
    best = max(demo_runs[:4], key=lambda run: is_right(run, "144").sum())
    assert p_value(is_right(demo_runs[4], "144"), is_right(best, "144")) < 0.05


def test_demo_prints_and_writes_its_table(demo, demo_runs):
    summary, out = demo
    names = [run.name for run in demo_runs]
    assert names == [*NETWORKS, "+".join(NETWORKS)]
    assert {row["image_set"] for row in summary["rows"]} == {"all", "non-blacklisted"}
    assert {row["protocol"] for row in summary["rows"]} == {"1", "10", "12", "144"}
    assert len(pd.read_csv(out / "demo.csv")) == len(summary["rows"]) == 40
    assert (out / "demo.md").read_text().count("\n| ") == 41


def test_demo_has_the_figures_of_the_baseline(demo):
    """But for one image, since another processor may round differently."""
    key = ["model", "protocol", "image_set"]
    expected, found = (
        pd.read_csv(path, dtype={"protocol": str}).set_index(key) for path in (BASELINE, demo[1] / "demo.csv")
    )
    assert found.index.tolist() == expected.index.tolist()
    assert found["n"].tolist() == expected["n"].tolist()
    for hits in ("top1_hits", "top5_hits"):
        assert (found[hits] - expected[hits]).abs().max() <= 1


@pytest.fixture(scope="module")
def detection_rows(installed, tmp_path_factory):
    """The rows that the wheel's `inception-bench demo --detection` prints: each network, and all of them."""
    folder = tmp_path_factory.mktemp("empty")
    printed = packages.run(installed / "inception-bench", "demo", "--detection", "--json", folder=folder)
    return json.loads(printed)["rows"]


def test_ensemble_detects_several_points_better_as_in_googlenet(detection_rows):
    """Section 8: 6 networks raise the mean average precision from 40 to 43.9. The interval of the
    difference to the first network is paired over images.
    """
    *alone, together = [row["ap"] for row in detection_rows]
    assert together > max(alone) + 3
    assert detection_rows[-1]["difference_low"] > 3


def test_detection_has_the_figures_of_the_documentation(detection_rows):
    page = (packages.ROOT / "docs" / "detection.md").read_text("utf-8")
    figures = re.findall(r"^\| (?:mini-v1-\d|all 4) \| 502 \| [\d,]+ \| ([\d.]+) ", page, re.MULTILINE)
    assert [row["ap"] for row in detection_rows] == pytest.approx(list(map(float, figures)), abs=0.3)
