"""The steps of the GitHub Action, run by bash as GitHub runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from results import baseline
from tests.packages import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
INSTALL, CHECK = (step for step in ACTION["runs"]["steps"] if "run" in step)
BASELINE = Path(baseline.__file__).parent / "baselines" / "mini.csv"
PIP = """#!/bin/sh
printf '%s|' "$@" >> "$CALLS" && echo >> "$CALLS"
"""


@pytest.fixture
def run(tmp_path):
    """Run a step with these inputs: its exit code, what it printed, and the folder of its files."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text(PIP)
    (tmp_path / "bin" / "pip").chmod(0o755)

    def run_step(step, **inputs):
        defaults = {name: described.get("default") for name, described in ACTION["inputs"].items()}
        values = {f"inputs.{name}": value for name, value in (defaults | inputs).items()}
        values["github.action_path"] = str(ROOT)
        variables = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], text)
            for name, text in step["env"].items()
        }
        files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "CALLS")}
        path = os.pathsep.join(map(str, (tmp_path / "bin", Path(sys.executable).parent, os.environ["PATH"])))
        (tmp_path / "script").write_text(step["run"])
        return subprocess.run(
            [step["shell"], "--noprofile", "--norc", "-e", "-o", "pipefail", str(tmp_path / "script")],
            env=os.environ | variables | files | {"PATH": path, "GITHUB_ACTIONS": "true"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    return run_step


def test_inputs_reach_the_scripts_through_the_environment_alone():
    assert not any("${{" in step["run"] for step in (INSTALL, CHECK))
    used = {value for step in ACTION["runs"]["steps"] for value in (step.get("env") or step["with"]).values()}
    assert used == {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]} | {"${{ github.action_path }}"}


@pytest.mark.parametrize(
    ("version", "package"), [("", f"{ROOT}"), ("1.0.0", "inception-bench==1.0.0"), ("1; ls", None)]
)
def test_version_is_that_of_the_action_or_the_one_that_is_asked_for(run, tmp_path, version, package):
    assert run(INSTALL, version=version).returncode == 0
    torch, program = (tmp_path / "CALLS").read_text().splitlines()
    assert torch == "install|--index-url|https://download.pytorch.org/whl/cpu|torch|torchvision|"
    assert program == f"install|{package or f'inception-bench=={version}'}|"


def test_table_like_its_baseline_passes(run, tmp_path):
    done = run(CHECK, run=str(BASELINE), against=str(BASELINE), junit="junit report.xml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "passed=true\n"
    assert "mini-v3" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "<testsuite" in (tmp_path / "junit report.xml").read_text()


def test_worse_table_fails_with_the_exit_code_of_the_gate(run, tmp_path):
    lines = BASELINE.read_text().splitlines()
    place = lines[0].split(",").index("top1_hits")
    better = [line.split(",") for line in lines]
    for row in better[1:]:
        row[place] = str(int(row[place]) + 30)
    columns = [number for number, name in enumerate(lines[0].split(",")) if "error" not in name]
    table = tmp_path / "better.csv"
    table.write_text("".join(",".join(row[number] for number in columns) + "\n" for row in better))
    done = run(CHECK, run=f"\n{BASELINE}\n", against=str(table), tolerance="1")
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "passed=false\n"
    assert "::error" in done.stdout


def test_run_that_is_not_there_fails_and_nothing_in_its_name_is_executed(run, tmp_path):
    done = run(CHECK, run="--help $(touch executed); touch executed", against=str(BASELINE))
    assert done.returncode == 1
    assert "no run or table at --help $(touch executed); touch executed:" in done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "passed=false\n"
    assert not (tmp_path / "executed").exists()
