from dataclasses import replace
from pathlib import Path

import pytest

from bench.evaluation.engine import Pipeline
from results.run import Run
from results.tables import MEASURED, accuracy
from tests.helpers import cli, cli_error, cli_json, random_run


def test_ensemble_of_runs_is_a_run(mini_runs, tmp_path):
    printed = cli_json("ensemble", *(run.path for run in mini_runs[:4]), "--out", tmp_path)
    opened = Run.open(Path(printed["run"]))
    assert opened.complete
    assert [shard.sha256 for shard in opened.manifest.shards] == [
        shard.sha256 for shard in mini_runs[4].manifest.shards
    ]
    assert [row["protocol"] for row in printed["rows"]] == ["1", "10", "12", "144"] * 2


def test_growth_has_a_row_for_each_number_of_networks_and_protocol(mini_runs, tmp_path):
    paths = [run.path for run in mini_runs[:4]]
    printed = cli_json("ensemble", *paths, "--each", "--out", tmp_path)
    assert [row["cost"] for row in printed["each"] if row["image_set"] == "all"] == [
        networks * crops for networks in (1, 2, 3, 4) for crops in (1, 10, 12, 144)
    ]
    names = ["model", "protocol", "image_set", *MEASURED]
    expected = accuracy(mini_runs[:4])[names].to_dict("records")
    assert [{name: row[name] for name in names} for row in printed["members"]] == expected
    shown = cli("ensemble", *paths, "--each", "--out", tmp_path).stdout
    errors = accuracy(mini_runs[:4])["top1_error"]
    assert all(f"{error:.2f} [" in shown for error in errors)
    names = "mini-v1.mini, mini-v3.mini, mini-v4.mini, mini-ir-v2.mini"
    assert f"members, in the order they are added: {names}" in shown
    assert printed["networks"] == names.split(", ")
    assert f"members: {names}" in cli("ensemble", *paths, "--out", tmp_path).stdout


def test_note_warns_of_adversarially_trained_members(tmp_path):
    usual = random_run(tmp_path / "usual", 0)
    model = replace(usual.manifest.model, name="net1", tag="tf_adv_in1k")
    adversarial = random_run(tmp_path / "adversarial", 1, model=model)
    done = cli("ensemble", usual.path, adversarial.path, "--out", tmp_path)
    assert "note: net1.tf_adv_in1k was trained on adversarial images, too" in done.stderr
    assert "tf_in1k was" not in done.stderr


def test_networks_are_evaluated_with_the_pooling_and_resampling_of_the_command(tmp_path):
    options = ("--crops", "10", "--limit", "4", "--pool", "max", "--interpolation", "bilinear")
    printed = cli_json("ensemble", "--models", "mini-v1,mini-v3", *options, "--out", tmp_path)
    plan = Run.open(Path(printed["run"])).manifest.plan
    assert (plan.pool, plan.interpolation) == ("max", "bilinear")


def test_members_may_be_named_by_the_beginnings_of_their_names_beside_files(mini_runs, mini_out):
    (mini_out / "demo.csv").touch()
    done = cli(
        "ensemble", mini_out / "mini-v1-", mini_out / "demo.csv", mini_out / "mini-v3-", "--out", mini_out
    )
    assert "note: left out, being a file and no run" in done.stderr
    pair = cli_json("ensemble", mini_runs[0].path, mini_runs[1].path, "--out", mini_out)
    assert pair["run"] == done.stdout.splitlines()[-1].removeprefix("run: ")


def test_networks_that_have_runs_are_not_evaluated_again(mini_runs, mini_out):
    options = ("--crops", "144", "--limit", "60", "--out", mini_out)
    done = cli("ensemble", "--models", "mini-v1,mini-v3", *options)
    assert done.stderr.count("is complete; --fresh starts anew") == 2
    pair = cli_json("ensemble", mini_runs[0].path, mini_runs[1].path, "--out", mini_out)
    assert pair["run"] == done.stdout.splitlines()[-1].removeprefix("run: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "two runs or more"),
        (["--models", ","], "names no network"),
        (["--models", "mini-v1=,mini-v3"], "no weights at : there is no such file; write --models NAME=FILE"),
        (["--models", "mini-v1,mini-v1", "--limit", "9"], "mini-v1 and mini-v1 are the same network"),
        (["--models", "mini-v1,v9"], "no network 'v9'"),
        (["--models", "mini-v1=nowhere.pth,mini-v3"], "no weights at nowhere.pth"),
        (["--models", "mini-v1"], "two runs or more"),
        (["--models", "mini-v1,mini-v3", "--crops", "11"], "no protocol '11'"),
        (["--models", "mini-v1,mini-v3", "--scales", "72,x"], "scales '72,x'"),
    ],
)
def test_wrong_members_are_usage_errors(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(Pipeline, "shards", None)  # no image is evaluated
    assert message in cli_error("ensemble", *arguments, "--out", tmp_path, code=2)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mini-v1", "--limit", "60"], 2, "is the same run as"),
        (["mini-v3", "--limit", "59"], 1, "is on other images or labels than"),
        (["mini-v3", "--limit", "60", "--crops", "10"], 1, "has the protocols 1, 10"),
        (
            ["mini-v3", "--limit", "60", "--crops", "144", "--scales", "80,90,100,120"],
            1,
            "has other 1 crops",
        ),
    ],
)
def test_networks_that_do_not_go_with_a_run_are_refused_before_they_are_evaluated(
    mini_runs, mini_out, monkeypatch, arguments, code, message
):
    monkeypatch.setattr(Pipeline, "shards", None)
    networks, *options = arguments
    crops = () if "--crops" in options else ("--crops", "144")
    line = cli_error(
        *("ensemble", mini_runs[0].path, "--models", networks, *options, *crops, "--out", mini_out), code=code
    )
    assert message in line
