from dataclasses import replace

from results.report import github


def test_github_annotates_each_row_that_fails(passed, missing):
    assert github.annotations([passed, missing]) == [
        "::error title=v3%2C 144%2C all::missing: it was not measured"
    ]


def test_annotation_stays_on_one_line(missing):
    verdict = replace(missing, model="a:b\r", why="100 % new,\nsays x")
    assert github.annotations([verdict]) == [r"::error title=a%3Ab\r%2C 144%2C all::100 %25 new,\nsays x"]


def test_rows_that_cannot_be_compared_have_no_annotation(passed):
    assert github.annotations([replace(passed, passed=None)]) == []
