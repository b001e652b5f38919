"""A whole experiment with few images, from the command line."""

import csv
import json

import pytest
from PIL import Image

from bench.experiments.run import Scale, run_experiment
from bench.experiments.table import Experiment, Setting, Variant
from bench.mini.draw import draw
from bench.progress import Silent
from tests.conftest import made_once
from tests.helpers import cli, cli_error, cli_json

SCALE = ("--images", 64, "--epochs", 2, "--workers", 0, "--device", "cpu")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """(folder of an experiment, what it printed with --json, images it was evaluated on); made once."""

    def make(folder):
        draw(folder / "val" / "mini_few.tar", 60, seed=1)
        command = ("experiment", "label-smoothing", *SCALE, "--val", folder / "val" / "mini_few.tar")
        printed = cli_json(*command, "--out", folder / "out")
        (folder / "printed.json").write_text(json.dumps(printed))

    folder = made_once(tmp_path_factory, "experiment", make)
    return folder / "out", json.loads((folder / "printed.json").read_text()), folder / "val" / "mini_few.tar"


def states(out):
    return {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.suffix == ".pt"
    }


def test_experiment_writes_errors_over_the_epochs(finished):
    out, printed, _ = finished
    assert printed["files"] == [str(out / "label-smoothing.csv"), str(out / "label-smoothing.svg")]
    rows = list(csv.DictReader((out / "label-smoothing.csv").read_text().splitlines()))
    assert list(rows[0])[:4] == ["variant", "seed", "epoch", "model"]
    found = [(row["variant"], row["epoch"]) for row in rows if row["image_set"] == "all"]
    assert found == [(label, epoch) for label in ("without smoothing", "smoothing") for epoch in "12"]
    assert {row["n"] for row in rows if row["image_set"] == "all"} == {"60"}
    final = {row["variant"]: row["top1_error"] for row in printed["rows"]}
    assert final == {
        row["variant"]: float(row["top1_error"])
        for row in rows
        if row["epoch"] == "2" and row["image_set"] == "all"
    }


def test_experiment_compares_with_the_paper(finished):
    (effect,) = finished[1]["effects"]
    assert (effect["variant"], effect["against"], effect["paper"]) == (
        "smoothing", "without smoothing", "better",
    )  # fmt: skip
    final = {row["variant"]: row["top1_error"] for row in finished[1]["rows"]}
    assert effect["differences"] == [pytest.approx(final["smoothing"] - final["without smoothing"])]
    assert 0 < effect["p_value"] <= 1


def test_same_command_trains_nothing_again(finished):
    out, printed, val = finished
    before = states(out)
    assert len(before) == 2
    command = ("experiment", "label-smoothing", *SCALE, "--val", val, "--out", out)
    assert cli_json(*command) == printed
    shown = cli(*command).stdout
    assert states(out) == before
    assert "23.1" in shown
    assert "no effect shown" in shown


def test_variant_in_common_is_trained_once(finished):
    out, _, _ = finished
    names = sorted(path.parent.name for path in states(out))
    assert names == [
        "mini-v3-rethinking-no-auxiliary-no-distortion",
        "mini-v3-rethinking-no-auxiliary-no-distortion-no-smoothing",
    ]


def test_epochs_beyond_those_of_the_command_are_left_out(finished):
    out, _, val = finished
    scale = Scale(out, None, str(val), images=64, epochs=1, seeds=1, workers=0, device="cpu")
    (trained,) = run_experiment(
        an_experiment(Setting("mini-v3", "rethinking", "auxiliary,distortion")), scale, Silent()
    )
    assert list(trained.runs) == [1]


def an_experiment(setting):
    return Experiment("name", "bn", "", "", "", (Variant("usual", setting, None),))


def test_training_that_diverges_is_a_result(finished, tmp_path):
    out, _, val = finished
    scale = Scale(tmp_path, str(out / "mini-train-64" / "mini_train.tar"), str(val), 64, 2, 1, 0, "cpu")
    setting = Setting("mini-v1", "googlenet", "auxiliary,distortion", 1e5)
    (trained,) = run_experiment(an_experiment(setting), scale, Silent())
    assert trained.diverged
    assert not (tmp_path / "mini-train-64").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "memory://experiments"], "training writes to a folder of this machine"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_wrong_place_is_an_error(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = 2 if "--out" in options else 1
    assert message in cli_error("experiment", "label-smoothing", *options, code=code)


@pytest.mark.parametrize(
    ("val", "code", "reason"), [("nowhere", 1, "no images at"), ("val", 2, "has 50 classes, but")]
)
def test_images_to_evaluate_on_are_checked_before_anything_is_trained(tmp_path, val, code, reason):
    (tmp_path / "val" / "n01440764").mkdir(parents=True)
    Image.new("RGB", (96, 96)).save(tmp_path / "val" / "n01440764" / "one.png")
    command = ("experiment", "label-smoothing", *SCALE, "--val", tmp_path / val, "--out", tmp_path / "out")
    assert reason in cli_error(*command, code=code)
    assert not (tmp_path / "out" / "trainings").exists()
