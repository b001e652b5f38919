"""The error over a training, from a folder of its checkpoints."""

import csv
import shutil
from pathlib import Path
from xml.etree import ElementTree

from bench.evaluation import label_check
from tests.conftest import TINY
from tests.helpers import cli, cli_error, cli_json, table_cells


def test_folder_of_checkpoints_is_drawn_over_the_epochs(trained, three_epochs, tmp_path):
    command = ["eval", "--model", TINY, "--weights", three_epochs, "--data", trained[0]]
    command += ["--out", tmp_path / "runs"]
    printed = cli_json(*command)
    assert [(row["epoch"], row["image_set"]) for row in printed["rows"]] == [
        (epoch, "all") for epoch in (1, 2, 3)
    ]
    assert len(printed["runs"]) == 3
    curve = tmp_path / "runs" / f"curve-{Path(printed['runs'][-1]).name}.csv"
    rows = list(csv.DictReader(curve.read_text().splitlines()))
    assert [float(row["top1_error"]) for row in rows] == [row["top1_error"] for row in printed["rows"]]
    picture = ElementTree.parse(curve.with_suffix(".svg")).getroot()
    points = [
        each.get("aria-label") for each in picture.iter() if each.get("aria-roledescription") == "point"
    ]
    assert [label.partition(":")[0] for label in points] == [
        f"top-{k} error, epoch {epoch}" for k in (1, 5) for epoch in (1, 2, 3)
    ]

    lines = cli(*command).stdout.splitlines()
    assert [cells[0] for cells in table_cells(lines)] == ["1", "2", "3"]
    assert lines[-3:] == [f"run of epoch {epoch}: {run}" for epoch, run in enumerate(printed["runs"], 1)]


def test_curve_of_other_data_does_not_replace_the_first(trained, three_epochs, tmp_path):
    for data in (trained[0], trained[0] / "n01440764"):
        labels = tmp_path / "labels.txt"
        labels.write_text("".join(f"{path.name} 0\n" for path in data.glob("*.png")))
        command = ["eval", "--model", TINY, "--weights", three_epochs, "--data", data]
        command += [] if data == trained[0] else ["--labels", labels]
        cli(*command, "--out", tmp_path / "runs")
    assert len(list((tmp_path / "runs").glob("curve-*.csv"))) == 2
    assert not list(three_epochs.glob("curve*"))


def test_curve_at_chance_is_written_and_then_noted(trained, three_epochs, tmp_path, monkeypatch):
    monkeypatch.setattr(label_check, "ENOUGH", 40)
    wrong = {"n01440764": "n01491361", "n01443537": "n01494475", "n01484850": "n01496331"}
    for right, other in wrong.items():
        shutil.copytree(trained[0] / right, tmp_path / "data" / other)
    command = ["eval", "--model", TINY, "--weights", three_epochs, "--data", tmp_path / "data"]
    command += ["--out", tmp_path / "runs"]
    done = cli(*command)
    assert "run of epoch 3" in done.stdout
    problem = "0 of 48 images are right, which is chance: wrong weights, labels or normalisation?"
    assert done.stderr.splitlines()[-1] == f"note: the last epoch: {problem}"
    assert "which is chance" not in cli(*command, "--allow-implausible").stderr


def test_folder_without_checkpoints_is_refused(colours, tmp_path):
    (tmp_path / "empty").mkdir()
    command = ("eval", "--model", TINY, "--weights", tmp_path / "empty", "--data", colours)
    assert "no checkpoints in" in cli_error(*command, code=1)
