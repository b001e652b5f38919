"""The main table: every figure in its cell, and sorted, filtered and narrowed in a browser."""

from dataclasses import replace

import pandas as pd
import pytest

from results.class_sets import ClassSet
from results.manifest import BlacklistRecord
from results.report import html
from results.report.html.table import error_tables
from results.run import write_manifest
from results.scoring import AS_STORED, Scoring, Truth
from results.tables import accuracy
from tests.helpers import random_run, validation_run

NAMES = tuple(f"class {i}" for i in range(10))
BLACKLIST = BlacklistRecord(source="x", sha256="of the list", excluded=("image 3", "image 4"))


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed, blacklist=BLACKLIST) for seed in range(3)]


def cells_of(table):
    """The cells of a table by (title, image set, protocol)."""
    return {
        (title, image_set, protocol): cell
        for title, blocks in table.rows.items()
        for (image_set, protocols), block in zip(table.protocols.items(), blocks, strict=True)
        for protocol, cell in zip(protocols, block.cells, strict=True)
    }


def test_every_row_of_the_table_of_accuracy_is_a_cell(runs):
    truth = Truth("mine.json", {f"image {number}": (0, 1) for number in range(9)})
    rows = accuracy(runs, [AS_STORED, Scoring(truth=truth)])
    own, other = error_tables(rows, runs, calibration=True)
    assert (own.scored, other.scored) == ("", "by mine.json")
    cells = {"": cells_of(own), "mine.json": cells_of(other)}
    assert sum(map(len, cells.values())) == len(rows)
    for row in rows.to_dict("records"):
        cell = cells[row["truth"]][row["model"], row["image_set"], row["protocol"]]
        for error in cell.errors:
            figures = [row[f"{error.kind}_{part}"] for part in ("error", "low", "high")]
            assert [error.error, error.low, error.high] == figures
        expected = [] if pd.isna(row["ece"]) else [("ECE", f"{row['ece']:.4f}")]
        assert [note for note in cell.notes if note[0] == "ECE"] == expected
    assert [block.n for block in own.rows["net0"]] == [25, 23]


def test_protocol_that_a_run_lacks_is_an_empty_cell_and_protocols_go_by_crops(runs, tmp_path):
    plan = runs[0].manifest.plan
    single = replace(plan, protocols={"native": plan.protocols["1"]})
    changed = write_manifest(runs[0].path, replace(runs[0].manifest, plan=single))
    rows = accuracy([runs[1]])
    rows = pd.concat([rows, rows[rows["protocol"] == "1"].assign(model="net0", protocol="native")])
    (table,) = error_tables(rows, [runs[1], changed])
    assert table.protocols == {"all": ["1", "native", "10"], "non-blacklisted": ["1", "native", "10"]}
    assert [cell is None for cell in table.rows["net1"][0].cells] == [False, True, False]
    assert [cell is None for cell in table.rows["net0"][0].cells] == [True, False, True]


def test_published_figure_and_verdict_are_in_the_cell(tmp_path):
    run = validation_run(tmp_path / "lite", 12_577, 3_910)
    (table,) = error_tables(accuracy([run]), [run])
    (cell,) = cells_of(table).values()
    assert cell.notes == [("these weights", "25.15 / 7.82 (timm, bicubic 256->224)"), ("verdict", "agrees")]


def test_top_5_is_left_out_where_nothing_is_wrong_by_it(tmp_path):
    run = random_run(tmp_path / "few", 0)
    (table,) = error_tables(accuracy([run], Scoring(ClassSet(name="two", groups=((0,), (1, 2))))), [run])
    assert table.scored == "among two"
    assert table.kinds == ("top1",)


def shown(page, column):
    """The texts of a column's visible cells, from the top."""
    rows = page.locator("table.errors tbody tr:visible")
    return [row.locator("th, td").nth(column).inner_text().split("\n")[0].split() for row in rows.all()]


def test_table_is_sorted_by_keyboard_and_narrowed(runs, open_page):
    page = open_page(html.write(runs, NAMES))
    by_name = {row["model"]: row for row in accuracy(runs).to_dict("records") if row["protocol"] == "10"}
    best_first = sorted(by_name, key=lambda name: by_name[name]["top1_error"])
    button = page.get_by_role("button", name="10", exact=True).last  # of the images that are not blacklisted
    button.focus()
    page.keyboard.press("Enter")
    assert [name for (name,) in shown(page, 0)] == best_first
    page.keyboard.press("Space")
    assert [name for (name,) in shown(page, 0)] == best_first[::-1]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.locator("select[name=kind]").select_option("top5")  # sorts anew, by what is shown
    worst_first = sorted((-by_name[name]["top5_error"], name) for name in by_name)
    assert shown(page, 6) == [[f"{-error:.2f}"] for error, _ in worst_first]
    page.locator("select[name=images]").select_option("all")
    assert not page.locator("table.errors [data-images=non-blacklisted]").first.is_visible()
    page.get_by_label("Networks with").fill("NET1")
    assert shown(page, 0) == [["net1"]]
    assert page.get_by_text("1 of 3 rows").is_visible()
