"""The papers' figures, against a list that was typed on its own from the papers' pages."""

import pytest

from results import published

TYPED = """
googlenet/table2: 16.4 15.3 11.7 11.2 7.35 7.32 6.67
googlenet/table3: 10.07 9.15 7.89 8.09 7.62 6.67
bn/figure4: 25.2/7.82 21.99/5.82 20.1/4.9
rethinking/table2: 24.8/ 23.6/ 23.4/
rethinking/table3: 29.0/9.2 26.8/ 25.2/7.8 23.4/ 23.1/6.3 22.8/6.1 21.6/5.8 21.2/5.6
rethinking/table4: 9.15 7.89 24.4/6.8 22.0/5.82 24.27/7.38 21.59/5.71 19.47/4.48 18.77/4.2
rethinking/table5: 23.7/6.8 6.67 4.94 20.1/4.9 17.2/3.46
inception-v4/table2: 25.2/7.8 21.2/5.6 21.3/5.5 20.0/5.0 19.9/4.9
inception-v4/table3: 21.4/5.7 19.8/4.6 19.8/4.6 18.7/4.2 18.7/4.1
inception-v4/table4: 19.4/4.5 18.9/4.3 18.8/4.3 17.7/3.8 17.8/3.7
inception-v4/table5: 3.6 17.3/3.6 16.5/3.1
"""
"""Top-1 / top-5 errors of each row in its order, a single figure being top-5. Table 5 of Rethinking with its caption's 3.46."""


def typed():
    for line in TYPED.strip().splitlines():
        table, _, cells = line.partition(": ")
        yield table, [tuple(cell.split("/")) if "/" in cell else ("", cell) for cell in cells.split()]


def test_every_table_is_typed_here():
    assert [table for table, _ in typed()] == list(published.tables())


@pytest.mark.parametrize(("table", "cells"), list(typed()))
def test_the_figures_are_the_papers(table, cells):
    rows = published.rows_of(table)
    assert [(row["top1_error"], row["top5_error"]) for row in rows] == cells


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


def test_what_no_paper_has_is_not_found():
    assert published.of_paper(["v4", "ir-v2"], "144", "all") is None
    assert published.of_paper(["v3"] * 2, "144", "all") is None
    assert published.of_paper([], "144", "all") is None
