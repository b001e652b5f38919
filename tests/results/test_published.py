"""The papers' figures, against a second list that was typed from the papers' pages."""

import pytest

from results import published

TYPED = """
googlenet/table2: 16.4 15.3 11.7 11.2 7.35 7.32 6.67
googlenet/table3: 10.07 9.15 7.89 8.09 7.62 6.67
bn/figure3: 27.8/ 27.3/ 27.0/ 25.2/ 30.2/
bn/figure4: 6.67 7.96 24.88/7.42 5.98 25.2/7.82 21.99/5.82 20.1/4.9
rethinking/table2: 24.8/ 23.6/ 23.4/
rethinking/table3: 29.0/9.2 26.8/ 25.2/7.8 23.4/ 23.1/6.3 22.8/6.1 21.6/5.8 21.2/5.6
rethinking/table4: 9.15 7.89 24.4/6.8 22.0/5.82 24.27/7.38 21.59/5.71 19.47/4.48 18.77/4.2
rethinking/table5: 23.7/6.8 6.67 4.94 20.1/4.9 17.2/3.46 3.58
inception-v4/table2: 25.2/7.8 21.2/5.6 21.3/5.5 20.0/5.0 19.9/4.9
inception-v4/table3: 21.4/5.7 19.8/4.6 19.8/4.6 18.7/4.2 18.7/4.1
inception-v4/table4: 19.4/4.5 18.9/4.3 18.8/4.3 17.7/3.8 17.8/3.7
inception-v4/table5: 3.6 17.3/3.6 16.5/3.1
"""
"""Top-1 / top-5 errors of each row in order; a single figure is top-5.

Table 5 of Rethinking has the 3.46 of its caption. Figure 3 of BN-Inception prints accuracies.
"""

DETECTION = {
    "googlenet/table4": ["22.6", "40.5", "40.7", "43.9"],
    "googlenet/table5": ["31.6", "34.5", "35.4", "37.7", "38.02", "40.2"],
}
"""Mean average precisions of each row in order."""


def typed_tables():
    for line in TYPED.strip().splitlines():
        table, _, cells = line.partition(": ")
        yield table, [tuple(cell.split("/")) if "/" in cell else ("", cell) for cell in cells.split()]


def test_every_table_is_in_the_second_list():
    assert sorted([*(table for table, _ in typed_tables()), *DETECTION]) == sorted(published.tables())
    assert published.tables()[:5] == (*(f"googlenet/table{number}" for number in (2, 3, 4, 5)), "bn/figure3")


@pytest.mark.parametrize(("table", "cells"), list(typed_tables()))
def test_figures_are_those_of_the_papers(table, cells):
    rows = published.table_rows(table)
    assert [(row["top1_error"], row["top5_error"]) for row in rows] == cells


@pytest.mark.parametrize(("table", "precisions"), list(DETECTION.items()))
def test_tables_of_detection_have_mean_average_precisions_and_no_errors(table, precisions):
    rows = published.detection_rows(table)
    assert [row["mean_average_precision"] for row in rows] == precisions
    assert published.table_rows(table) == ()
    assert published.detection_tables("googlenet") == tuple(DETECTION)


@pytest.mark.parametrize(
    ("table", "network"),
    [("rethinking/table3", "BN-Inception"), ("inception-v4/table2", "BN-Inception")],
)
def test_figure_that_papers_have_on_another_image_set_has_a_note(table, network):
    (row,) = (row for row in published.table_rows(table) if row["network"] == network)
    own = published.of_paper(["bn"], "1", "all")
    assert (own.top1_error, own.source) == (float(row["top1_error"]), "bn figure4")
    assert row["image_set"] == "non-blacklisted"
    assert "on all 50000 images; this table is on the 48238" in row["note"]


@pytest.mark.parametrize(
    ("models", "crops", "image_set", "errors"),
    [
        (["v3"], "144", "all", (18.9, 4.3)),
        (["v3"], "144", "non-blacklisted", (18.77, 4.2)),
        (["v1"] * 7, "144", "all", (None, 6.67)),
        (["ir-v2", "v4", "ir-v2", "ir-v2"], "144", "all", (16.5, 3.1)),
        (["v3"] * 4, "144", "non-blacklisted", (17.2, 3.46)),
    ],
)
def test_figures_are_found_by_network_or_ensemble(models, crops, image_set, errors):
    figure = published.of_paper(models, crops, image_set)
    assert (figure.top1_error, figure.top5_error) == errors


def test_ensemble_that_no_paper_has_is_not_found():
    assert published.of_paper(["v4", "ir-v2"], "144", "all") is None
    assert published.of_paper(["v3"] * 2, "144", "all") is None
    assert published.of_paper([], "144", "all") is None


@pytest.mark.parametrize(
    ("model", "protocol", "image_set", "top1", "top5"),
    [  # read off the papers
        ("v1", "1", "all", None, 10.07),
        ("v1", "144", "all", None, 7.89),
        ("bn", "144", "all", 21.99, 5.82),
        ("v3", "144", "non-blacklisted", 18.77, 4.2),
        ("v3", "144", "all", 18.9, 4.3),
        ("v3", "12", "all", 19.8, 4.6),
        ("v4", "1", "non-blacklisted", 20.0, 5.0),
        ("ir-v2", "144", "all", 17.8, 3.7),
        ("ir-v1", "12", "all", 19.8, 4.6),
        ("v2-factorised", "1", "non-blacklisted", 21.6, 5.8),  # Table 3's; Table 2 has top-1 alone
    ],
)
def test_figure_of_a_network(model, protocol, image_set, top1, top5):
    figure = published.of_paper([model], protocol, image_set)
    assert (figure.top1_error, figure.top5_error) == (top1, top5)


def test_networks_of_a_row_are_as_many_as_the_ensemble_has():
    assert published.networks_of({"model": "v4+ir-v2", "networks": "2"}) == ["v4", "ir-v2"]
    assert published.networks_of({"model": "v3", "networks": "4"}) == ["v3"] * 4
    assert published.networks_of({"model": "v1", "networks": ""}) == []


def test_table_that_does_not_exist_has_no_rows():
    assert published.table_rows("inception-v4/table9") == ()
    assert len(published.table_rows("inception-v4")) == 18
