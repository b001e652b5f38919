"""Networks, protocols and published figures, as rows and as tables."""

import pytest

from bench.errors import UsageError
from bench.views.listings import (
    figure_rows,
    figure_tables,
    model_rows,
    model_table,
    paper_rows,
    protocol_rows,
    protocol_table,
    weights_rows,
)
from bench.zoo import NETWORKS
from bench.zoo.networks import table_network
from tests.helpers import terminal_cells


def test_each_network_of_the_table_has_a_row():
    rows = model_rows()
    assert [row["name"] for row in rows] == list(NETWORKS)
    assert set(rows[0]) == {"name", "parameters", "multiply_adds", "input_size", "weights"}


def test_networks_stand_beside_the_papers_costs_and_published_errors():
    (cells,) = (cells for cells in terminal_cells([model_table()]) if cells[0] == "v3")
    assert cells[2:7] == ["23,834,568", "5.713 G", "4.8 G", "299", "tf_in1k"]
    assert cells[7].startswith("22.")


def test_each_protocol_has_a_row():
    rows = protocol_rows(table_network("v1"))
    assert [(row["name"], row["views"]) for row in rows] == [
        ("1", 1),
        ("10", 10),
        ("12", 12),
        ("144", 144),
        ("dense", 5),
    ]


def test_lattice_costs_its_crops_times_the_network():
    network = table_network("v3")
    for row in protocol_rows(network)[:4]:
        assert row["multiply_adds"] == row["views"] * network.multiply_adds


def test_protocols_are_listed_with_their_scales():
    cells = terminal_cells([protocol_table(protocol_rows(table_network("v3")))])
    assert ["144", "144", "342, 384, 427, 470", "822.7 G"] in cells


def test_papers_have_their_tables():
    rows = {row["table"]: row["rows"] for row in paper_rows()}
    assert rows["inception-v4/table4"] == 5
    assert sum(rows.values()) == sum(
        len(figure_rows(paper)) for paper in ("googlenet", "bn", "rethinking", "inception-v4")
    )


def test_table_has_the_columns_that_its_rows_fill():
    (title, table), *_ = figure_tables(figure_rows("googlenet/table4"))
    assert title.startswith("googlenet/table4 - ")
    assert [column.header for column in table.columns] == [
        *("team", "year", "place", "mean average precision", "external data", "networks", "approach")
    ]


def test_tables_of_a_paper_have_a_title_each():
    titles = [title for title, _ in figure_tables(figure_rows("inception-v4"))]
    assert [title.partition(" - ")[0] for title in titles] == [
        f"inception-v4/table{number}" for number in (2, 3, 4, 5)
    ]


def test_unknown_table_is_refused_with_the_nearest_names():
    with pytest.raises(UsageError, match="no table 'googlenet/table9': try googlenet/table"):
        figure_rows("googlenet/table9")


def test_public_weights_have_their_figures():
    expected = {"weights": "timm/inception_v4.tf_in1k", "top1_error": "19.856"}
    assert any(expected.items() <= row.items() for row in weights_rows())


def test_network_that_is_not_in_the_table_is_refused():
    with pytest.raises(UsageError, match="no network of the table 'timm/resnet50': try v3, "):
        table_network("timm/resnet50")
