from pathlib import Path

import numpy as np
import pytest

from results.run import Run
from results.tables import accuracy
from tests.conftest import MINI_IMAGES
from tests.helpers import cli, cli_error, cli_json, pooled


@pytest.fixture
def command(mini_runs, tmp_path):
    """The command that imports what mini-v1 predicted for single crops."""
    np.save(tmp_path / "mini.npy", pooled(mini_runs[0], "1"))
    return ["import", tmp_path / "mini.npy", "--limit", MINI_IMAGES, "--out", tmp_path / "runs"]


def test_json_has_the_run_and_its_rows(command, mini_runs):
    printed = cli_json(*command, "--model", "mini-v1")
    assert Run.open(Path(printed["run"])).complete
    expected = accuracy([mini_runs[0]]).query("protocol == '1'")
    assert [row["model"] for row in printed["rows"]] == ["mini-v1 (imported)"] * 2
    assert [row["top1_hits"] for row in printed["rows"]] == expected["top1_hits"].tolist()


def test_table_run_and_note_are_printed(command):
    done = cli(*command)
    assert "mini (imported), all: n = 60" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("run: ")
    assert "note: " in done.stderr
    assert "mini.npy has no names: its rows are taken to be the images of" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--logits"], 2, "has probabilities already: leave --logits out"),
        (["--names", "nowhere.txt"], 1, "no names at nowhere.txt: there is no such file"),
        (["--names", ""], 2, "an empty name leads nowhere"),
        (["--limit", "10"], 1, "has 60 rows for the 10 images"),
        (["--data", "nowhere"], 1, "no images at nowhere"),
    ],
)
def test_error_is_one_line(command, more, code, message):
    done = cli(*command, *more, code=code)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("inception-bench: "))
    assert message in line
    assert done.stdout == ""


def test_missing_file_is_one_line():
    message = "no scores at nowhere.npy: there is no such file"
    assert cli_error("import", "nowhere.npy", code=1) == message


def test_every_command_accepts_an_imported_run(command, mini_runs, tmp_path):
    run, evaluated = cli_json(*command, "--model", "v3")["run"], mini_runs[0].path
    for ending in ("md", "csv", "tex", "json", "html"):
        cli("report", run, evaluated, "-o", tmp_path / f"table.{ending}")
        assert "v3 (imported)" in (tmp_path / f"table.{ending}").read_text()
    assert cli("predictions", run).stdout.startswith("image,label,")
    assert cli_json("compare", evaluated, run, "--protocol", "1")["flipped"] == [0, 0]
    assert cli_json("ensemble", evaluated, run, "--out", tmp_path / "out")["rows"][0]["protocol"] == "1"
    cli("check", run, "--against", tmp_path / "base.csv", "--update")
    assert cli_json("check", run, "--against", tmp_path / "base.csv")["passed"]
    assert [row["model"] for row in cli_json("runs", tmp_path / "runs")] == ["v3 (imported)"]
