from dataclasses import replace

import pytest

from results.report.markdown import verdict_summary, write


def test_markdown_is_a_table_with_intervals(table):
    lines = write(table).splitlines()
    assert lines[0].startswith("| model | protocol | images | n | top-1 error")
    assert {line.count("|") for line in lines[:4]} == {9}
    row = table.iloc[0]
    assert f" {row['top1_error']:.2f} [{row['top1_low']:.2f}, {row['top1_high']:.2f}] " in lines[2]


def test_markdown_summary_begins_with_what_failed(passed, missing):
    lines = verdict_summary([passed, missing], "base.csv").splitlines()
    assert lines == [
        "### inception-bench check: 1 of 2 rows fail against base.csv",
        "",
        "| row | baseline | measured | verdict |",
        "| --- | ---: | ---: | --- |",
        "| v3, 144, all | 19.00 / 4.00 | - | missing: it was not measured |",
        "| v3, 1, all | 22.00 / 6.00 | 22.00 / 6.00 | equal |",
    ]


@pytest.mark.parametrize(("model", "cell"), [("a|b", r"a\|b"), ("<b>", "&lt;b>"), ("a\\|b", r"a\\\|b")])
def test_markdown_cell_shows_the_name_as_it_is(missing, model, cell):
    lines = verdict_summary([replace(missing, model=model)], "base.csv").splitlines()
    assert lines[4].startswith(f"| {cell}, 144, all |")


def test_markdown_summary_says_when_all_rows_pass(passed):
    heading = verdict_summary([passed], "a|b").splitlines()[0]
    assert heading == r"### inception-bench check: all 1 rows pass against a\|b"


def test_failures_come_first_and_published_errors_have_their_name(passed, missing):
    lines = verdict_summary([replace(passed, passed=None), passed, missing], "published").splitlines()
    assert lines[0] == (
        "### inception-bench check: 1 rows pass, 1 fail, and 1 cannot be compared against published"
    )
    assert lines[2].startswith("| row | published |")
    assert ["144" in line for line in lines[4:7]] == [True, False, False]
