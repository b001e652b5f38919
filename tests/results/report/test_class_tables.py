"""Tests of the table by class in each format."""

import csv
import io
import json

import pytest

from results.class_rows import accuracy_by_class
from results.report.class_tables import CLASS_FORMATS, class_cells
from results.scoring import AS_STORED, Scoring, Truth

NAMES = [(f"n{number}", f"a|b_{number}") for number in range(10)]


@pytest.fixture
def table(run):
    return accuracy_by_class([run], [NAMES])


def test_each_format_has_a_row_for_each_class(table):
    texts = {name: write(table) for name, write in CLASS_FORMATS.items()}
    labels = table["label"].tolist()
    assert [row["label"] for row in csv.DictReader(io.StringIO(texts["csv"]))] == labels
    assert [row["label"] for row in json.loads(texts["json"])["rows"]] == labels
    assert [line.split(" | ")[2] for line in texts["md"].splitlines()[2:-2]] == labels
    assert [line.split(" & ")[2] for line in texts["tex"].splitlines()[5:-2]] == labels
    assert r"a\|b_4" in texts["md"]
    assert r"a|b\_4" in texts["tex"]
    assert not {"truth", "class_set"} & set(json.loads(texts["json"])["rows"][0])


def test_labels_and_top5_error_have_columns_where_they_say_something(run, table):
    assert list(class_cells(table)[0])[2:] == ["class", "name", "n", "top-1 error", "top-5 error"]
    truth = Truth("real", {"image 3": (1,)})
    rows = class_cells(accuracy_by_class([run], [NAMES], None, [AS_STORED, Scoring(truth=truth)]))
    assert (rows[0]["labels"], rows[-1]["labels"]) == ("own", "real")
    assert "top-5 error" not in class_cells(table.assign(classes=5))[0]
