"""GoogLeNet's detection in small: the runs, what the demo prints of them, and what several networks gain.

Here with two networks and a part of the scenes; tests/soak has all of them.
"""

import shlex

import numpy as np
import pytest
from safetensors.numpy import load_file

from bench.mini.detection import ANNOTATIONS, FOLDER, MODEL, WEIGHTS, demo
from bench.options import Options
from bench.progress import Silent
from bench.zoo import find
from tests.helpers import cli, cli_error, cli_json, table_cells

LIMITED = {"limit": 24, "device": "cpu", "workers": 1}


@pytest.fixture(scope="module")
def two_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "WEIGHTS", WEIGHTS[:2])
        yield


@pytest.fixture(scope="module")
def runs(two_networks, tmp_path_factory):
    """Of each network alone, and of both."""
    return demo.detect_with_each(Options(out=tmp_path_factory.mktemp("runs"), **LIMITED), Silent())


@pytest.fixture
def command(runs, monkeypatch):
    """The command, which finds the runs finished."""
    monkeypatch.setattr(demo, "detect_with_each", lambda options, reporter: runs)
    return ("demo", "--detection", "--out", runs[0].path.parent)


@pytest.mark.parametrize("file", WEIGHTS, ids=lambda file: file.stem)
def test_weights_are_small_and_differ(file):
    assert file.stat().st_size < 0.65e6
    state = load_file(file)
    assert state["classifier.weight"].shape[0] == 51
    assert all(np.isfinite(value).all() for value in state.values())
    others = [load_file(other) for other in WEIGHTS if other != file]
    assert all((state["classifier.weight"] != other["classifier.weight"]).mean() > 0.9 for other in others)


def test_runs_are_of_each_network_and_of_all(runs):
    assert [len(run.manifest.networks) for run in runs] == [1, 1, 2]
    assert {network.name for run in runs for network in run.manifest.networks} == {find(MODEL).name}
    assert {run.manifest.background for run in runs} == {"background"}
    assert {run.manifest.data.images for run in runs} == {24}


def test_several_networks_detect_better_than_each_alone(runs, tmp_path):
    listed = tmp_path / "images.txt"
    listed.write_text("".join(f"mini_detection_{number:08d}\n" for number in range(1, 25)))
    paths = [run.path for run in runs]
    *alone, together = cli_json("score-detections", *paths, "--annotations", ANNOTATIONS, "--images", listed)[
        "rows"
    ]
    assert together["ap"] > max(row["ap"] for row in alone)
    assert together["difference_low"] > 0


def test_command_prints_one_table_with_the_papers_figures(runs, command):
    printed = cli_json(*command)
    assert printed["runs"] == [row["file"] for row in printed["rows"]] == [str(run.path) for run in runs]
    assert printed["rule"] == "ilsvrc"
    shown = cli(*command).stdout
    cells = list(table_cells(shown.splitlines()))
    assert [line[0] for line in cells] == ["mini-v1-1", "mini-v1-2", "all 2"]
    for line, row in zip(cells, printed["rows"], strict=True):
        assert line[3].split()[0] == f"{row['ap']:.2f}"
    assert "GoogLeNet on ILSVRC's 200 classes: 38.02 with one network, 43.9 with 6\n" in shown
    assert all(f": {run.path}\n" in shown for run in runs)


def test_part_of_the_scenes_is_refused():
    assert cli_error("demo", "--detection", "--limit", 3, code=2).startswith("--limit is not for --detection")


def test_commands_that_it_prints_do_the_same(runs, command, monkeypatch):
    folder, detect, score = map(shlex.split, cli(*command).stdout.splitlines()[-3:])
    assert folder == ["cd", str(FOLDER)]
    monkeypatch.chdir(folder[1])
    limited = [str(word) for name, value in LIMITED.items() for word in (f"--{name}", value)]
    assert cli_json(*detect[1:], *limited)["run"] == str(runs[-1].path)
    scored, expected = cli_json(*score[1:])["rows"], cli_json(*command)["rows"]
    assert [row["ap"] for row in scored] == [expected[0]["ap"], expected[-1]["ap"]]
    assert scored[1]["difference_low"] == expected[-1]["difference_low"]
