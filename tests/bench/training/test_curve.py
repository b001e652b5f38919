"""The error over a training, from a folder of its checkpoints."""

import csv
from xml.etree import ElementTree

from tests.conftest import TINY
from tests.helpers import cli, cli_error, cli_json


def test_folder_of_checkpoints_is_drawn_over_the_epochs(trained, three_epochs, tmp_path):
    command = ["eval", "--model", TINY, "--weights", three_epochs, "--data", trained[0]]
    command += ["--out", tmp_path / "runs"]
    printed = cli_json(*command)
    assert [(row["epoch"], row["image_set"]) for row in printed["rows"]] == [
        (epoch, "all") for epoch in (1, 2, 3)
    ]
    assert len(printed["runs"]) == 3
    rows = list(csv.DictReader((three_epochs / "curve.csv").read_text().splitlines()))
    assert [float(row["top1_error"]) for row in rows] == [row["top1_error"] for row in printed["rows"]]
    picture = ElementTree.parse(three_epochs / "curve.svg").getroot()
    lines = list(picture.iter("{http://www.w3.org/2000/svg}polyline"))
    assert [len(line.get("points").split()) for line in lines] == [3, 3]  # top-1 and top-5

    lines = cli(*command).stdout.splitlines()
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert rows == ["1", "2", "3"]


def test_folder_without_checkpoints_is_refused(colours, tmp_path):
    (tmp_path / "empty").mkdir()
    command = ("eval", "--model", TINY, "--weights", tmp_path / "empty", "--data", colours)
    assert "no checkpoints in" in cli_error(*command, code=1)
