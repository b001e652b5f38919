"""The mini set, its networks, and what they show: more crops and more networks are better."""

import io
import json
import tarfile
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file
from scipy.stats import binomtest

from bench.data import open_images
from bench.data.classes import find_classes
from bench.data.devkit import find_blacklist
from bench.errors import DataError
from bench.mini import IMAGES as MINI
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.mini.draw import CLASSES, draw, picture
from bench.zoo import NETWORKS
from results.run import Run
from results.tables import predictions

BASELINE = resources.files("results") / "baselines" / "mini.csv"


def test_the_set_is_a_tar_of_a_thousand_images_of_all_shapes():
    assert MINI.stat().st_size < 4e6
    with tarfile.open(MINI) as archive:
        sizes = np.array([Image.open(archive.extractfile(member)).size for member in archive])
    assert len(sizes) == 1000
    assert 96 <= sizes.min(axis=1).min() < 110 < 180 < sizes.min(axis=1).max() <= 200
    shares = [
        (sizes[:, 0] > sizes[:, 1]).mean(),
        (sizes[:, 0] < sizes[:, 1]).mean(),
        (sizes[:, 0] == sizes[:, 1]).mean(),
    ]
    assert shares == pytest.approx([0.55, 0.3, 0.15], abs=0.05)


def test_the_set_has_labels_classes_and_a_blacklist_beside_it():
    images = open_images("mini")
    assert images.classes == CLASSES
    assert images.ids[0] == "mini_val_00000001"
    assert set(images.labels.tolist()) == set(range(50))
    blacklist = find_blacklist(MINI, None)
    assert blacklist.numbers == {number for number in range(1, 1001) if picture(2012, number)[2]}


def test_the_set_is_what_its_program_draws(tmp_path):
    """To a level on average: another Pillow may compress otherwise."""
    draw(tmp_path / "mini_val.tar", 20, 2012)
    again, images = open_images(str(tmp_path / "mini_val.tar")), open_images("mini")
    assert again.labels.tolist() == images.labels[:20].tolist()
    for i in range(20):
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(which.read(i))), dtype=float) for which in (again, images)
        )
        assert np.abs(ours - theirs).mean() < 1


def test_another_seed_draws_other_images():
    ours, theirs = picture(2011, 1), picture(2012, 1)
    assert ours[0].size != theirs[0].size or np.asarray(ours[0]).tolist() != np.asarray(theirs[0]).tolist()


@pytest.mark.parametrize("name", MINI_NETWORKS)
def test_a_networks_weights_are_small_and_what_the_table_says(name):
    file = resources.files("bench.mini") / f"{NETWORKS[name].architecture}.safetensors"
    assert len(file.read_bytes()) <= 1.5e6
    state = load_file(file)
    trained = {
        key: value
        for key, value in state.items()
        if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    }
    assert sum(value.size for value in trained.values()) == NETWORKS[name].parameters
    assert state["classifier.weight"].shape[0] == NETWORKS[name].classes == 50


def right(run, protocol):
    frame = predictions(run, protocol)
    return (frame["top1"] == frame["label"]).to_numpy()


def p_value(better, worse):
    """Of an exact paired test, one-sided against chance in both directions."""
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    assert gained > lost
    return binomtest(gained, gained + lost).pvalue


def test_one_crop_leaves_room(demo_runs):
    for run in demo_runs[:4]:
        assert 15 < 100 * (1 - right(run, "1").mean()) < 45, run.path


def test_144_crops_are_better_than_one(demo_runs):
    for run in demo_runs[:4]:
        assert p_value(right(run, "144"), right(run, "1")) < 0.01, run.path


def test_the_ensemble_is_better_than_its_best_member(demo_runs):
    best = max(demo_runs[:4], key=lambda run: right(run, "144").sum())
    assert p_value(right(demo_runs[4], "144"), right(best, "144")) < 0.05


def test_the_demo_prints_and_writes_its_table(demo, demo_runs):
    summary, out = demo
    assert [Run.open(run.path).manifest["model"]["name"] for run in demo_runs] == [
        *MINI_NETWORKS,
        "+".join(MINI_NETWORKS),
    ]
    assert {row["image_set"] for row in summary["rows"]} == {"all", "non-blacklisted"}
    assert {row["protocol"] for row in summary["rows"]} == {"1", "10", "12", "144"}
    assert len(pd.read_csv(out / "demo.csv")) == len(summary["rows"]) == 40
    assert (out / "demo.md").read_text().count("\n| ") == 41


def test_the_demo_gives_the_baselines_table(demo):
    """Two images of a thousand may fall otherwise on another processor."""
    key = ["model", "protocol", "image_set"]
    expected, found = (
        pd.read_csv(path, dtype={"protocol": str}).set_index(key) for path in (BASELINE, demo[1] / "demo.csv")
    )
    assert found.index.tolist() == expected.index.tolist()
    assert found["n"].tolist() == expected["n"].tolist()
    for hits in ("top1_hits", "top5_hits"):
        assert (found[hits] - expected[hits]).abs().max() <= 2


def test_the_readmes_table_is_the_baselines():
    lines = (Path(__file__).parents[2] / "README.md").read_text().splitlines()
    table = pd.read_csv(BASELINE, dtype={"protocol": str})
    for row in table[table["image_set"] == "all"].to_dict("records"):
        (line,) = [
            line
            for line in lines
            if line.startswith(f"| {row['model']} | {row['protocol']} | all | 1,000 | ")
        ]
        errors = [f"{100 * (1 - row[f'top{k}_hits'] / row['n']):.2f}" for k in (1, 5)]
        assert [cell.split()[0] for cell in line.split(" | ")[4:6]] == errors


def test_eval_with_nothing_else_is_mini_v3_on_the_mini_set(run_cli, tmp_path, demo_runs):
    done = run_cli("eval", "--limit", 100, "--out", tmp_path, "--json")
    rows = json.loads(done.stdout)["rows"]
    assert (rows[0]["model"], rows[0]["protocol"], rows[0]["n"]) == ("mini-v3", "1", 100)
    assert rows[0]["top1_hits"] == right(demo_runs[1], "1")[:100].sum()


def test_a_network_and_images_of_other_classes_are_refused_before_anything_is_fetched(run_cli, tmp_path):
    done = run_cli("eval", "--model", "v4", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "v4 tells 1,000 classes apart, and " in done.stderr
    assert "mini_val.tar has 50: pass --data PATH" in done.stderr


@pytest.mark.parametrize("text", ["one\n", "one\ntwo\none\n", "\xff\xfe"])
def test_classes_that_cannot_be_right(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text, "latin-1")
    with pytest.raises(DataError, match=r"classes.txt"):
        find_classes(tmp_path)
