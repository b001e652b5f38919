import csv
import io
import json

import pytest

from tests.helpers import cli, cli_error

COLUMNS = [
    *("image", "label", "top1", "top2", "top3", "top4", "top5"),
    *("p1", "p2", "p3", "p4", "p5", "p_label"),
    *("label_name", "top1_name", "top2_name", "top3_name", "top4_name", "top5_name"),
]


def test_each_image_has_a_line(run, tmp_path):
    path = tmp_path / "predictions.csv"
    cli("predictions", run.path, "--protocol", "10", "-o", path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 6
    assert list(rows[0]) == COLUMNS
    assert float(rows[0]["p1"]) >= float(rows[0]["p2"]) > 0
    assert rows[0]["label_name"] == "n01440764 tench, Tinca tinca"


def test_classes_of_the_data_have_their_own_names(mini_runs):
    run = mini_runs[0]
    rows = list(csv.DictReader(io.StringIO(cli("predictions", run.path).stdout)))
    names = run.manifest.data.classes
    for column in ("label", *(f"top{k}" for k in range(1, 6))):
        assert [row[f"{column}_name"] for row in rows] == [names[int(row[column])] for row in rows]


def test_json_has_what_the_csv_has(run, tmp_path):
    path = tmp_path / "predictions.json"
    cli("predictions", run.path, "-o", path)
    rows = json.loads(path.read_text())["rows"]
    assert cli("predictions", run.path, "--format", "json").stdout == path.read_text()
    lines = list(csv.DictReader(io.StringIO(cli("predictions", run.path).stdout)))
    for name, first in rows[0].items():
        column = [type(first)(line[name]) for line in lines]
        assert [row[name] for row in rows] == (pytest.approx(column) if name.startswith("p") else column)


def test_other_labels_have_columns_of_their_own(run, tmp_path):
    """Two right classes for the first image, none for the second, and nothing of the others."""
    rows = list(csv.DictReader(io.StringIO(cli("predictions", run.path).stdout)))
    labels = {rows[0]["image"]: [int(rows[0]["top2"]), int(rows[0]["top1"])], rows[1]["image"]: []}
    (tmp_path / "mine.json").write_text(json.dumps(labels))
    scored = cli("predictions", run.path, "--truth", tmp_path / "mine.json").stdout
    first, *others = csv.DictReader(io.StringIO(scored))
    assert first == rows[0] | {"right_by_mine.json": "True", "p_by_mine.json": rows[0]["p1"]}
    nothing = {"right_by_mine.json": "", "p_by_mine.json": ""}
    assert others == [row | nothing for row in rows[1:]]


def test_default_is_the_last_protocol_on_stdout(run):
    assert cli("predictions", run.path).stdout == cli("predictions", run.path, "--protocol", "10").stdout
    assert cli("predictions", run.path).stdout != cli("predictions", run.path, "--protocol", "1").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "table.xls"], "no format 'xls' for table.xls: predictions are written as csv or json"),
        (["--protocol", "144"], "has no protocol '144': it has 1, 10"),
    ],
)
def test_wrong_options_are_usage_errors(run, options, message):
    assert message in cli_error("predictions", run.path, *options, code=2)


def test_folder_that_does_not_exist_is_no_run(tmp_path):
    assert "is no run" in cli_error("predictions", tmp_path / "nowhere", code=1)


def test_incomplete_run_is_exit_code_4(incomplete_run):
    assert "is incomplete" in cli_error("predictions", incomplete_run.path, code=4)
