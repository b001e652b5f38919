"""A table's networks, trained by one command and evaluated by the one that it prints."""

import shlex
import subprocess

from tests.helpers import cli, cli_json
from tests.processes import PATIENCE, TORCHRUN


def test_trainings_run_once_and_their_table_is_what_the_printed_command_evaluates(
    mini_data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    options = ("--epochs", 1, "--batch", 8, "--workers", 0, "--device", "cpu")
    command = ["reproduce", "mini", "--train", mini_data, "--run", *options]
    (evaluation,) = cli_json(*command)["evaluations"]
    folders = sorted(path.name.partition("-no-")[0] for path in (tmp_path / "trainings").iterdir())
    assert folders == [
        *("mini-ir-v2-inception-v4", "mini-v1-googlenet", "mini-v3-rethinking", "mini-v4-inception-v4")
    ]
    monkeypatch.delattr("bench.training.learner.Learner.epoch")
    assert evaluation in cli(*command).stdout
    words = shlex.split(evaluation)[1:]
    printed = cli_json(*words, "--limit", 3, "--allow-implausible", "--out", tmp_path / "runs")
    assert {row["n"] for row in printed["rows"]} <= {1, 2, 3}
    assert len(printed["runs"]) == 5


def test_two_ranks_train_one_network_after_the_other(mini_data, tmp_path):
    """Each training has a process group of its own. `--` keeps torchrun from reading `--run` as its own."""
    launcher = [*TORCHRUN, "--nproc-per-node", "2", "--standalone", "-m", "--", "bench"]
    command = ["reproduce", "mini", "--train", mini_data, "--run", "--epochs", 1, "--batch", 8]
    command += ["--workers", 0, "--device", "cpu", "--out", tmp_path / "trainings"]
    words = [*launcher, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("inception-bench reproduce mini") == 1
    assert len(list(tmp_path.glob("trainings/*/epoch-0001.safetensors"))) == 4
