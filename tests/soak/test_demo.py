"""The whole demo: its figures, and what they show, that more crops and more networks are better."""

from importlib import resources

import pandas as pd
from scipy.stats import binomtest

from bench.mini import NETWORKS
from results.tables import predictions

BASELINE = resources.files("results") / "baselines" / "mini.csv"


def is_right(run, protocol):
    """[n] whether each image's top-1 is its label."""
    frame = predictions(run, protocol)
    return (frame["top1"] == frame["label"]).to_numpy()


def p_value(better, worse):
    """Of an exact paired test, two-sided, that `better` is right on more images than `worse`."""
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    assert gained > lost
    return binomtest(gained, gained + lost).pvalue


def test_one_crop_leaves_room_for_more(demo_runs):
    for run in demo_runs[:4]:
        assert 15 < 100 * (1 - is_right(run, "1").mean()) < 45, run.path


def test_144_crops_are_better_than_one(demo_runs):
    for run in demo_runs[:4]:
        assert p_value(is_right(run, "144"), is_right(run, "1")) < 0.01, run.path


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
    """But for two images of a thousand, since another processor may round differently."""
    key = ["model", "protocol", "image_set"]
    expected, found = (
        pd.read_csv(path, dtype={"protocol": str}).set_index(key) for path in (BASELINE, demo[1] / "demo.csv")
    )
    assert found.index.tolist() == expected.index.tolist()
    assert found["n"].tolist() == expected["n"].tolist()
    for hits in ("top1_hits", "top5_hits"):
        assert (found[hits] - expected[hits]).abs().max() <= 2
