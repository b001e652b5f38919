import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from results.report.csv import FORMULA, write
from results.scoring import Scoring, Truth
from results.tables import HELD, MEASURED, SCORED, accuracy


def test_classes_and_labels_have_columns_where_they_are_not_the_usual_ones(run):
    truth = Truth("real", {"image 3": (1, 2)})
    rows = list(csv.DictReader(io.StringIO(write(accuracy([run], [Scoring(), Scoring(truth=truth)])))))
    assert [(row["protocol"], row["truth"], row["n"]) for row in rows] == [
        ("1", "", "25"),
        ("10", "", "25"),
        ("1", "real", "1"),
        ("10", "real", "1"),
    ]
    assert "class_set" not in rows[0]


def test_csv_reads_back(table):
    again = pd.read_csv(io.StringIO(write(table)), dtype={"protocol": str})
    assert list(again) == [name for name in table if name not in (*SCORED, *HELD)]
    pd.testing.assert_frame_equal(again[list(MEASURED)], table[list(MEASURED)])


def test_csv_has_no_formulas(table):
    names = ["=1+1", "@SUM(A1)", "-2", "+1", "\tx", "\rx", "a\rb"]
    text = write(pd.DataFrame({"image": names, "n": 1}))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'@SUM(A1)", "'-2", "'+1", "'\tx", "'\\rx", "a\\rb"]
    assert not any(row[0].startswith(FORMULA) for row in rows)


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=8), min_size=1, max_size=5))
def test_csv_of_any_names_has_the_rows_and_cells_of_the_table_and_no_formula(names):
    texts = pd.Series(names, dtype=object)
    text = write(pd.DataFrame({"image": texts, "n": 1, "text": texts}))
    heading, *rows = csv.reader(io.StringIO(text, newline=""))
    assert heading == ["image", "n", "text"]
    for name, (image, n, again) in zip(names, rows, strict=True):
        assert image.removeprefix("'" if name.startswith(FORMULA) else "") == name.replace("\r", "\\r")
        assert not image.startswith(FORMULA)
        assert (n, again) == ("1", image)
