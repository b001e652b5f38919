from dataclasses import replace

from results.comparison import compare
from results.ensemble import growth
from results.report.comparison_tables import comparison_tables, growth_tables, verdict_tables
from tests.helpers import random_run, terminal_cells, terminal_lines


def test_comparison_has_errors_flips_and_classes(members):
    a, b = members[:2]
    found = compare(a, b)
    lines = terminal_lines(comparison_tables(found, a, b, "10", "all"), width=60)
    assert lines[:3] == [f"a: net0 ({a.path})", f"b: net1 ({b.path})", "10 crops, all, n = 25"]
    text = " ".join(" ".join(lines).split())
    assert f"top-1 error: {found.top1_error[0]:.2f} -> {found.top1_error[1]:.2f}" in text
    assert f"exact McNemar p = {found.p_value:.3g}" in text
    assert "classes that changed most" in text


def test_runs_of_one_name_are_compared_under_names_of_their_own(tmp_path):
    a = random_run(tmp_path / "a", 0)
    b = random_run(tmp_path / "b", 1, model=a.manifest.model, plan=replace(a.manifest.plan, pool="max"))
    lines = terminal_lines(comparison_tables(compare(a, b), a, b, "10", "all"))
    assert lines[:2] == [f"a: net0 (pool mean) ({a.path})", f"b: net0 (pool max) ({b.path})"]


def test_run_compared_with_itself_has_no_table_of_classes(members):
    a = members[0]
    assert len(comparison_tables(compare(a, a), a, a, "10", "all")) == 5


def test_verdicts_have_a_line_each_and_are_counted(passed, missing):
    assert terminal_cells(verdict_tables([passed, missing], "base.csv")) == [
        ["v3", "1", "22.00 / 6.00", "22.00 / 6.00", "pass, equal"],
        ["v3", "144", "19.00 / 4.00", "-", "FAIL, missing: it was not measured"],
    ]
    assert terminal_lines(verdict_tables([passed, missing], "base.csv"))[-1] == "1 of 2 rows fail"
    assert terminal_lines(verdict_tables([passed], "base.csv"))[-1] == "all 1 rows pass"


def test_growth_shows_differences_to_the_first_row(members):
    steps = growth(members[:2])
    rendered = growth_tables(steps, ["net0", "net1"])
    rows = terminal_cells(rendered)
    assert [row[:3] for row in rows] == [
        ["1", "1", "1"],
        ["1", "10", "10"],
        ["2", "1", "2"],
        ["2", "10", "20"],
    ]
    assert [row[4] == "base" for row in rows] == [True, False, False, False]
    few = terminal_cells(growth_tables(steps.assign(classes=5), ["net0", "net1"]))
    assert few == [row[:5] for row in rows]
    assert terminal_lines(rendered)[-1] == "members, in the order they are added: net0, net1"
