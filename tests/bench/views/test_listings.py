"""Networks, protocols and published figures, as rows and as tables."""

import re

import pytest

from bench.errors import UsageError
from bench.views.listings import (
    axis_table,
    definition_table,
    figure_rows,
    figure_tables,
    model_rows,
    model_table,
    paper_rows,
    protocol_rows,
    protocol_table,
    size_table,
    variant_table,
)
from bench.zoo import NETWORKS
from bench.zoo.networks import table_network
from tests.helpers import terminal_cells, terminal_lines


def test_each_network_of_the_table_has_a_row():
    rows = model_rows()
    assert [row["name"] for row in rows] == list(NETWORKS)
    assert set(rows[0]) == {
        "name", "parameters", "multiply_adds", "input_size", "weights", "differences", "variant_of"
    }  # fmt: skip
    assert {row["name"]: row["variant_of"] for row in rows}["v2-linear"] == "v2"


def test_networks_stand_beside_the_papers_costs_and_published_errors():
    (cells,) = (cells for cells in terminal_cells([size_table()]) if cells[0] == "v3")
    assert cells == ["v3", "299", "23,834,568", "5.713 G", "4.8 G", "tf_in1k", "22.134 / 6.356"]


def test_networks_stand_beside_how_they_differ_from_their_papers():
    cells = {cells[0]: cells for cells in terminal_cells([model_table()])}
    assert cells["ir-v1"][2].startswith("6 C blocks for 5")
    assert cells["bn"][2] == "first 7x7 dense, not separable"
    assert cells["v4"][2] == ""


@pytest.mark.parametrize("width", [80, 160])
def test_names_and_figures_of_networks_are_whole_in_a_usual_terminal(width):
    """Nothing is cut, and only what is in words is wrapped."""
    assert "…" not in "".join(terminal_lines([model_table(), size_table(), variant_table()], width))
    names = [cells[0] for cells in terminal_cells([model_table(), variant_table()], width)]
    assert [name for name in names if name] == list(NETWORKS)
    sizes = {cells[0]: cells[1:] for cells in terminal_cells([size_table()], width)}
    assert sizes["v2-factorised"][:3] == ["299", "23,834,568", "5.713 G"]
    assert sizes["v2-factorised"][-2:] == ["your own", ""]


def test_variants_for_experiments_have_a_table_of_their_own():
    variants = {cells[0]: cells[1:] for cells in terminal_cells([variant_table()])}
    assert variants["v2-linear"][0] == "v2"
    assert variants["v3-pool-last"][2:] == ["23,834,568", "6.922 G"]
    for table in (model_table(), size_table()):
        assert not {cells[0] for cells in terminal_cells([table])} & variants.keys()


def test_each_protocol_has_a_row():
    rows = protocol_rows(table_network("v1"))
    assert [(row["name"], row["views"]) for row in rows] == [
        ("native", 1),
        ("1", 1),
        ("10", 10),
        ("12", 12),
        ("144", 144),
        ("dense", 5),
    ]
    assert "native" not in {row["name"] for row in protocol_rows(table_network("mini-v3"))}


def test_lattice_costs_its_crops_times_the_network():
    network = table_network("v3")
    for row in protocol_rows(network)[:5]:
        assert row["multiply_adds"] == row["views"] * network.multiply_adds


def test_protocols_are_listed_with_their_scales():
    cells = terminal_cells([protocol_table(protocol_rows(table_network("v3")))])
    assert ["144", "144", "342, 384, 427, 470", "822.7 G"] in cells


@pytest.mark.parametrize("width", [80, 120])
def test_definitions_fit_a_terminal(width):
    """No word is cut: put together again, the lines of the cells are the text."""
    rows = protocol_rows(table_network("v1"))
    shown = " ".join(" ".join(terminal_lines([definition_table(rows), axis_table()], width)).split())
    assert max(map(len, terminal_lines([definition_table(rows), axis_table()], width))) <= width
    for word in " ".join(row["definition"] + " " + row["source"] for row in rows).split():
        assert word in shown


def test_papers_have_their_tables():
    rows = {row["table"]: row["rows"] for row in paper_rows()}
    assert rows["inception-v4/table4"] == 5
    assert sum(rows.values()) == sum(
        len(figure_rows(paper)) for paper in ("googlenet", "bn", "rethinking", "inception-v4")
    )


def test_table_has_the_columns_that_its_rows_fill():
    title, headings, *_ = terminal_lines(figure_tables(figure_rows("googlenet/table4")))
    assert title.startswith("googlenet/table4 - ")
    assert re.split("  +", headings) == [
        *("team", "year", "place", "mean average precision", "external data", "networks", "approach")
    ]


def test_tables_of_a_paper_have_a_title_each():
    titles = [table.title for table in figure_tables(figure_rows("inception-v4"))]
    assert [title.partition(" - ")[0] for title in titles] == [
        f"inception-v4/table{number}" for number in (2, 3, 4, 5)
    ]


def test_unknown_table_is_refused_with_the_nearest_names():
    with pytest.raises(UsageError, match="no table 'googlenet/table9': try googlenet/table"):
        figure_rows("googlenet/table9")


def test_network_that_is_not_in_the_table_is_refused():
    with pytest.raises(UsageError, match="no network of the table 'timm/resnet50': try v3, "):
        table_network("timm/resnet50")
