from pathlib import Path

import pytest

from results.run import Run
from tests.helpers import cli, cli_error, cli_json


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
    shown = cli("ensemble", *paths, "--each", "--out", tmp_path).stdout
    assert "members, in the order they are added: mini-v1, mini-v3, mini-v4, mini-ir-v2" in shown


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
    ],
)
def test_wrong_members_are_usage_errors(tmp_path, arguments, message):
    assert message in cli_error("ensemble", *arguments, "--out", tmp_path, code=2)
