from pathlib import Path

import pytest

from bench.errors import WeightsError
from bench.mini import NETWORKS
from bench.reproduction import reproduce
from results.run import Run
from results.tables import accuracy
from tests.conftest import MINI_IMAGES, drawn, random_weights
from tests.helpers import cli, cli_error, cli_json


def test_mini_has_the_four_tables_of_the_paper(mini_runs, mini_out):
    options = ("--limit", MINI_IMAGES, "--out", mini_out)
    printed = cli_json("reproduce", "mini", *options)
    tables = [f"mini/table{number}" for number in (2, 3, 4, 5)]
    assert list(dict.fromkeys(row["table"] for row in printed["rows"])) == tables
    assert len(printed["runs"]) == 5
    expected = accuracy(mini_runs).set_index(["model", "protocol", "image_set"])["top1_hits"]
    for row in printed["rows"]:
        assert row["top1_hits"] == expected[row["model"], row["protocol"], row["image_set"]]
    shown = cli("reproduce", "mini", *options).stdout
    assert all(table in shown for table in tables)


def test_settings_of_the_command_are_in_the_runs_and_in_the_verdicts(tmp_path):
    options = ("--pool", "max", "--interpolation", "bilinear")
    printed = cli_json("reproduce", "mini", *options, "--limit", "1", "--out", tmp_path)
    words = f"; with settings of your own: {' '.join(options)}"
    assert {row["verdict"] for row in printed["rows"]} == {f"no published figure{words}"}
    for name in printed["runs"]:
        plan = Run.open(Path(name)).manifest.plan
        assert (plan.pool, plan.interpolation) == ("max", "bilinear")


def test_dry_run_lists_the_networks_and_how_long_they_take(monkeypatch):
    """With shorter measurements."""
    measure = reproduce.measure
    shorter = {"seconds": 0.1}
    monkeypatch.setattr(reproduce, "measure", lambda one, **options: measure(one, **options | shorter))
    printed = cli_json("reproduce", "mini", "--dry-run", "--limit", "100")
    assert [row["network"] for row in printed["would_run"]] == list(NETWORKS)
    assert all(0 < row["crops_in_all"] <= 14_400 and row["seconds"] > 0 for row in printed["would_run"])


def test_rows_whose_weights_cannot_be_fetched_are_counted_and_end_in_an_error(monkeypatch, mini_out):
    def fetch(name, weights):
        if name == "mini-v3":
            raise WeightsError("no connection")

    monkeypatch.setattr(reproduce, "fetch", fetch)
    done = cli("reproduce", "mini", "--limit", MINI_IMAGES, "--out", mini_out, code=1)
    assert "mini/table4" in done.stdout
    assert "no connection" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(
        "inception-bench: 4 of 13 rows of mini could not be run, for want of weights: the table says why"
    )


def test_dry_run_lists_the_rows_without_weights():
    assert "not run: SuperVision 2012" in cli("reproduce", "googlenet/table2", "--dry-run").stdout


def test_rows_are_run_with_own_weights_and_get_a_verdict(tmp_path):
    """One picture, and random weights for two of the table's three networks."""
    drawn(400, 300).save(tmp_path / "ILSVRC2012_val_00000007.JPEG")
    (tmp_path / "labels.txt").write_text("ILSVRC2012_val_00000007.JPEG 3\n")
    (tmp_path / "blacklist.txt").write_text("8\n")
    names = ["v2-79", "v2-151"]
    files = [f"{name}={random_weights(name, tmp_path / f'{name}.safetensors')}" for name in names]
    weights = [word for file in files for word in ("--weights", file)]
    command = ["reproduce", "rethinking/table2", "--data", tmp_path, *weights, "--out", tmp_path / "runs"]
    command += ["--scales", "160"]
    *measured, without = cli_json(*command)["rows"]
    assert [row["model"] for row in measured] == names
    assert [row["members"] for row in measured] == [[file] for file in files]
    for row in measured:
        assert (row["n"], row["image_set"]) == (1, "non-blacklisted")
        assert row["difference_top1"] == pytest.approx(row["top1_error"] - row["published_top1"])
        inside = row["top1_low"] <= row["published_top1"] <= row["top1_high"]
        assert row["verdict"].endswith("; with settings of your own: --scales 160")
        assert row["verdict"].startswith("too few images to tell" if inside else "differs")
    assert (without["model"], without["n"]) == ("v2-factorised", None)
    assert without["verdict"] == (
        "needs weights of v2-factorised, none public: pass --weights v2-factorised=FILE"
    )


def test_training_commands_are_printed_and_nothing_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = cli("reproduce", "rethinking/table3", "--train", "my images").stdout.splitlines()
    assert len([line for line in shown if line.startswith("inception-bench train ")]) == 8
    assert shown[-1].startswith(
        "inception-bench reproduce rethinking/table3 --data IMAGES --weights v1-paper="
    )
    assert all(line.startswith(("inception-bench ", "# ")) for line in shown)
    printed = cli_json("reproduce", "rethinking/table3", "--train", "my images")
    assert [each["command"] for each in printed["trainings"]] == shown[1:16:2]
    assert printed["evaluations"] == shown[-1:]
    assert not list(tmp_path.iterdir())


def test_trainings_run_one_after_the_other_with_the_users_options(monkeypatch):
    trained = []
    monkeypatch.setattr("bench.reproduction.trainings.train", lambda training, _: trained.append(training))
    options = ("--epochs", 1, "--batch", 8, "--workers", 0, "--device", "cpu", "--out", "folder")
    done = cli("reproduce", "mini", "--train", "images", "--run", *options)
    assert [training.model for training in trained] == list(NETWORKS)
    assert {training.data for training in trained} == {"images"}
    for training in trained:
        assert (training.epochs, training.batch, training.workers, training.device) == (1, 8, 0, "cpu")
        assert f"--weights {training.model}={training.out}/epoch-0001.safetensors" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini", "--run"], "--run and --epochs are for trainings: add --train IMAGES"),
        (["mini", "--epochs", "3"], "--run and --epochs are for trainings: add --train IMAGES"),
        (["table4", "--train", "images"], "no table 'table4'"),
        (["table4"], "no table 'table4'"),
        (["mini", "--weights", "v3"], "write NAME=FILE"),
        (["mini", "--weights", "mini-v3=nowhere"], "no weights at nowhere: there is no such file"),
        (["mini", "--limit", "0"], "--limit 0: write a number from 1"),
        (["mini", "--scales", "60,80,90,100"], "scale 60 is smaller than the network's input of 64 pixels"),
        (["mini", "--scales", "80,96,112,128"], "-ir-v2 have inputs of 64 and 80 pixels, so leave --scales"),
        (["googlenet/table4"], "googlenet/table4: detection needs ILSVRC's detection set, and "),
        (["inception-v4/table4"], "v3 predicts 1,000 classes, but "),
    ],
)
def test_wrong_tables_weights_and_data_are_usage_errors(tmp_path, arguments, message):
    assert message in cli_error("reproduce", *arguments, "--out", tmp_path, code=2)
