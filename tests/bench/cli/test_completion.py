"""What the shells get through Typer's protocol for completion."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bench.cli import app, completion
from bench.zoo.networks import NETWORKS
from crops import DEFINITIONS
from results.run import MANIFEST


def complete(*words, shell="bash"):
    """What is offered for the last word, which may be empty."""
    line = " ".join(["inception-bench", *words])
    environment = {
        "_INCEPTION_BENCH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = CliRunner().invoke(app, [], env=environment, prog_name="inception-bench")
    assert done.exit_code == 0, done.output
    return done.stdout.split("\n")[:-1] if shell == "bash" else done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["eval", "--model", "ir-v2"], ["ir-v2", "ir-v2-paper", "ir-v2-unscaled"]),
        (["eval", "--model", "v3.tf"], ["v3.tf_in1k", "v3.tf_adv_in1k"]),
        (["eval", "--model", "timm/inception_v"], ["timm/inception_v3", "timm/inception_v4"]),
        (["eval", "--model", "torchvision/googlenet."], ["torchvision/googlenet.IMAGENET1K_V1"]),
        (["eval", "--model", "v4", "--weights", ""], ["tf_in1k"]),
        (["eval", "--model", "timm/inception_v3", "--weights", "tv"], ["tv_in1k"]),
        (["eval", "--weights", ""], ["mini"]),
        (["eval", "--crops", "1,1"], ["1,10", "1,12", "1,144"]),
        (["ensemble", "--models", "v4,ir-v1-p"], ["v4,ir-v1-paper"]),
        (["papers", "inception-v4/"], [f"inception-v4/table{number}" for number in (2, 3, 4, 5)]),
        (["papers", "we"], ["weights"]),
        (["reproduce", "m"], ["mini"]),
        (["experiment", "grid"], ["grid-reduction"]),
        (["train", "--recipe", "inc"], ["inception-v4"]),
        (["suite", "timm"], ["timm-families"]),
        (["eval", "--qui"], ["--quiet"]),
    ],
)
def test_names_are_completed(words, offered):
    assert complete(*words) == offered


@pytest.fixture
def two_runs(tmp_path, monkeypatch):
    """Two runs in `runs`, and a folder that is none."""
    monkeypatch.chdir(tmp_path)
    for name in ("v3-val", "v4-val", "v5-notes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("v3-val", "v4-val"):
        (tmp_path / "runs" / name / MANIFEST).touch()


@pytest.mark.parametrize("command", ["report", "compare", "predictions", "ensemble", "check"])
def test_runs_are_completed_by_name_and_by_path(two_runs, command):
    assert complete(command, "v") == ["v3-val", "v4-val"]
    assert complete(command, "runs/v4") == ["runs/v4-val"]


def test_second_run_is_completed_after_one_that_does_not_exist(two_runs):
    assert complete("compare", "nowhere", "v4") == ["v4-val"]
    assert complete("check", "v3-val", "--against", "") == ["published", "v3-val", "v4-val"]


def test_every_shell_gets_the_names():
    assert "v3.tf_in1k" in complete("eval", "--model", "v3.", shell="zsh")
    assert complete("eval", "--model", "v3.tv", shell="fish") == "v3.tv_in1k\n"


def test_names_that_are_listed_again_are_those_of_the_program():
    assert set(completion.PROTOCOLS) == set(DEFINITIONS)
    assert completion.RUN_FILE == MANIFEST
    assert set(completion.networks("")) > set(NETWORKS)


def test_completion_imports_no_large_library():
    """The shell waits for it."""
    script = """
import sys
from bench.cli import app, completion
completion.networks("timm/"), completion.tables(), completion.experiments(), completion.suites()
print(sorted({"torch", "timm", "pandas", "numpy", "scipy", "PIL", "rich"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ.copy()
    )
    assert done.stdout == "[]\n"
