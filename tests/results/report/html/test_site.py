"""The index of a site, in a browser."""

import pytest

from results.report.html.site import Entry, Group, write_index
from results.tables import accuracy
from tests.helpers import random_run
from tests.results.report.html.conftest import violations


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed, label_seed=seed == 3) for seed in range(4)]


def index_of(runs):
    entries = [Entry(run, f"{run.path.name}.html", accuracy([run])) for run in runs]
    groups = [Group(entries[:3], "images-1.html"), Group(entries[3:], "")]
    return write_index(
        "runs", [group for group in groups if group.entries], [("run9", "runs/run9 is incomplete")]
    )


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1280, False)])
def test_index_is_sorted_and_filtered_by_keyboard_and_has_no_violations(runs, open_page, width, dark):
    page = open_page(index_of(runs), width, dark)
    assert violations(page) == []
    assert page.get_by_text("4 complete runs on 2 sets of images; 1 is not counted").is_visible()
    page.get_by_role("button", name="top-1 error").first.press("Enter")
    errors = [accuracy([run]).query("protocol == '10'")["top1_error"].item() for run in runs[:3]]
    shown = page.locator("table").first.locator("tbody tr b").all_inner_texts()
    assert shown[::2] == [f"{error:.2f}" for error in sorted(errors)]
    page.get_by_label("Networks with").press_sequentially("net3")
    assert page.locator("tbody tr:visible").all_inner_texts()[0].startswith("net3\t1, 10\t25")
    assert page.get_by_text("1 of 4 rows").is_visible()


def test_numbers_of_the_index_are_those_of_the_last_protocol(runs):
    text = index_of(runs[:1])
    row = accuracy(runs[:1]).query("protocol == '10'").iloc[0]
    assert f"<b>{row['top1_error']:.2f}</b> <small>[{row['top1_low']:.2f}, {row['top1_high']:.2f}]" in text
    assert f"<b>{row['top5_error']:.2f}</b>" in text
    assert "run9" in text
