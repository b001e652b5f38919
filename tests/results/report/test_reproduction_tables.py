import pytest

from results.report.reproduction_tables import estimate_tables, reproduction_tables
from tests.helpers import terminal_cells, terminal_lines

RECORD = {
    "table": "inception-v4/table4",
    "network": "Inception-v3",
    "model": "v3",
    "networks": "1",
    "protocol": "144",
    "image_set": "all",
    "published_top1": 18.9,
    "published_top5": None,
    "note": "",
    "verdict": "within noise",
    "n": 50_000,
    "top1_error": 19.0,
    "top1_low": 18.66,
    "top1_high": 19.35,
    "top5_error": 4.4,
    "top5_low": 4.22,
    "top5_high": 4.58,
    "weights_top1": None,
    "weights_top5": float("nan"),
    "difference_top1": 0.1,
    "difference_top5": None,
    "members": [],
    "best_of": None,
}


def test_reproduced_row_is_beside_the_papers():
    tables = reproduction_tables([RECORD])
    assert terminal_lines(tables)[0] == "inception-v4/table4: all, n = 50,000"
    assert terminal_cells(tables) == [
        [
            *("Inception-v3", "144", "18.90 / -"),
            *("19.00 [18.66, 19.35] / 4.40 [4.22, 4.58]", "+0.10 / -", "within noise"),
        ]
    ]


def test_images_that_differ_between_rows_have_columns():
    tables = reproduction_tables([RECORD, RECORD | {"image_set": "non-blacklisted", "n": 48_238}])
    assert terminal_lines(tables)[0] == "inception-v4/table4"
    assert [cells[2:4] for cells in terminal_cells(tables)] == [
        ["all", "50,000"],
        ["non-blacklisted", "48,238"],
    ]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"networks": "4"}, "Inception-v3 x 4"),
        ({"networks": "4", "model": "v4+3xir-v2"}, "Inception-v3"),
        ({"networks": ""}, "Inception-v3"),
    ],
)
def test_number_of_networks_is_shown_where_the_name_does_not_say_it(changes, name):
    assert terminal_cells(reproduction_tables([RECORD | changes]))[0][0] == name


def test_row_that_was_not_run_has_dashes_and_notes_are_below():
    empty = RECORD | {"n": None, "note": "a note", "difference_top1": None}
    rendered = reproduction_tables([RECORD, empty])
    assert terminal_cells(rendered)[1][3:5] == ["-", "-"]
    assert terminal_lines(rendered)[-2] == "Inception-v3, 144 crops: a note"


def test_networks_that_stand_for_the_rows_are_named_once_below():
    one = {"members": ["v3=b.pth"], "best_of": 3}
    four = {"members": ["v3.a", "v3=b.pth"], "best_of": 1, "networks": "4"}
    rows = [RECORD | {"protocol": crops} | named for named in (one, four) for crops in ("1", "144")]
    assert [cells[-2] for cells in terminal_cells(reproduction_tables(rows), 80)] == ["¹", "¹", "²", "²"]
    assert terminal_lines(reproduction_tables(rows), 80)[-3:-1] == [
        "¹ v3=b.pth, the one of 3 trainings with the lowest top-1 error",
        "² v3.a, v3=b.pth",
    ]


def test_estimate_lists_what_would_run_and_what_not():
    one = {"network": "v3", "weights": "tf_in1k", "crops": "144", "images": 100}
    cost = {"crops_in_all": 14_400, "multiply_adds": 82_000_000_000_000, "seconds": 600}
    lines = terminal_lines(estimate_tables([one | cost], [{"network": "BN", "why": "needs weights"}]))
    assert "14,400" in lines[2]
    assert "0.082 P" in lines[2]
    assert lines[-2:] == [
        "in all about 10 min here, the slowest stages alone; crops by the first images' shapes",
        "not run: BN: needs weights",
    ]
