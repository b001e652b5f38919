import csv
import io

import pytest

from tests.helpers import cli, cli_error

COLUMNS = [
    *("image", "label", "top1", "top2", "top3", "top4", "top5"),
    *("p1", "p2", "p3", "p4", "p5", "p_label"),
]


def test_each_image_has_a_line(run, tmp_path):
    path = tmp_path / "predictions.csv"
    cli("predictions", run.path, "--protocol", "10", "-o", path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 6
    assert list(rows[0]) == COLUMNS
    assert float(rows[0]["p1"]) >= float(rows[0]["p2"]) > 0


def test_default_is_the_last_protocol_on_stdout(run):
    assert cli("predictions", run.path).stdout == cli("predictions", run.path, "--protocol", "10").stdout
    assert cli("predictions", run.path).stdout != cli("predictions", run.path, "--protocol", "1").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "table.json"], "table.json: predictions are written as .csv"),
        (["--protocol", "144"], "has no protocol '144': it has 1, 10"),
    ],
)
def test_wrong_options_are_usage_errors(run, options, message):
    assert message in cli_error("predictions", run.path, *options, code=2)


def test_folder_that_does_not_exist_is_no_run(tmp_path):
    assert "is no run" in cli_error("predictions", tmp_path / "nowhere", code=1)


def test_incomplete_run_is_exit_code_4(incomplete_run):
    assert "is incomplete" in cli_error("predictions", incomplete_run.path, code=4)
