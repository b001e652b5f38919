import pandas as pd

from results.class_sets import ClassSet
from results.report.accuracy_tables import accuracy_tables, epoch_tables
from results.scoring import Scoring, Truth
from results.tables import accuracy
from tests.helpers import terminal_cells, terminal_lines, validation_run, with_blacklist

NOTHING = {"weights_source": "", "paper_source": ""}


def test_runs_without_published_figures_share_a_table(members):
    table = accuracy(members[:2]).assign(**NOTHING)
    lines = terminal_lines(accuracy_tables(table))
    assert lines[0].strip() == "all: n = 25"
    assert [cells[:2] for cells in terminal_cells(accuracy_tables(table))] == [
        ["net0", "1"],
        ["net0", "10"],
        ["net1", "1"],
        ["net1", "10"],
    ]
    assert lines[-1].startswith("Errors in percent, with 95 % Wilson intervals.")


def test_runs_with_published_figures_have_a_table_each(members):
    table = accuracy(members[:2]).assign(paper_top1=20.0, paper_top5=5.0, paper_source="x table2")
    lines = terminal_lines(accuracy_tables(table))
    assert [line.strip() for line in lines if "n = 25" in line] == ["net0, all: n = 25", "net1, all: n = 25"]
    assert "20.00 / 5.00 (x table2)" in terminal_cells(accuracy_tables(table))[0]


def test_rows_of_a_set_and_of_other_labels_have_tables_of_their_own_with_n_beside_them(members):
    """Where the runs of a table differ in n, it is a column."""
    few = ClassSet(name="few", groups=((1,), (2,), (7,)))
    truth = Truth("mine", {"image 3": (1,), "image 4": (2, 7)})
    table = accuracy(members[:2], [Scoring(), Scoring(few, truth)]).assign(**NOTHING)
    titles = [line.strip() for line in terminal_lines(accuracy_tables(table)) if "n = " in line]
    assert titles == ["all: n = 25", "all, among few, by mine: n = 2"]
    table.loc[table["model"] == "net1", "n"] = 30
    shown = terminal_lines(accuracy_tables(table))
    assert not [line for line in shown if "n = " in line]
    assert terminal_cells(accuracy_tables(table))[2][:3] == ["net1", "1", "30"]


def test_top5_error_among_five_classes_is_left_out(members):
    table = accuracy(members[:1]).assign(**NOTHING, classes=5, epoch=1)
    assert {len(cells) for cells in terminal_cells(accuracy_tables(table))} == {2}
    assert {len(cells) for cells in terminal_cells(epoch_tables(table))} == {3}


def test_names_are_not_markup(members):
    table = accuracy(members[:2]).assign(model="[red]:smile:", **NOTHING)
    assert terminal_cells(accuracy_tables(table))[0][0] == "[red]:smile:"


def test_each_epoch_has_a_line(members):
    table = accuracy([with_blacklist(members[0], "image 3")])
    epochs = pd.concat([table.assign(epoch=epoch) for epoch in (3, 7)], ignore_index=True)
    assert [cells[:2] for cells in terminal_cells(epoch_tables(epochs))] == [
        ["3", "1"],
        ["3", "10"],
        ["7", "1"],
        ["7", "10"],
    ]


def test_verdicts_are_below_the_table_of_their_run(tmp_path):
    table = accuracy([validation_run(tmp_path / "run", 12_602, 3_910)])
    lines = terminal_lines(accuracy_tables(table))
    assert "native: differs by 25 images, of which rounding explains 0" in lines


def test_tables_fit_80_columns_and_names_are_whole(members):
    """With intervals, where no published figures are beside them."""
    names = ["mini-v1", "mini-v1+mini-v3+mini-v4+mini-ir-v2"]
    table = accuracy(members[:2]).assign(**NOTHING)
    table["model"] = table["model"].map(dict(zip(("net0", "net1"), names, strict=True)))
    lines = terminal_lines(accuracy_tables(table), 80)
    assert max(map(len, lines)) <= 80
    assert f"¹ {names[1]}" in lines
    assert terminal_cells(accuracy_tables(table), 80)[-1][0] == "ensemble¹"
    assert all(" [" in cells[3] for cells in terminal_cells(accuracy_tables(table), 80))


def test_sources_of_published_figures_are_below_a_narrow_table(members):
    table = accuracy(members[:1]).assign(
        paper_top1=20.0,
        paper_top5=5.0,
        paper_source="inception-v4 table4",
        weights_top1=21.5,
        weights_top5=6.0,
        weights_source="timm, bicubic 341->299",
    )
    lines = terminal_lines(accuracy_tables(table), 80)
    assert max(map(len, lines)) <= 80
    assert terminal_cells(accuracy_tables(table), 80)[0][-2:] == ["21.50 / 6.00¹", "20.00 / 5.00²"]
    assert {"¹ timm, bicubic 341->299", "² inception-v4 table4"} <= set(lines)
