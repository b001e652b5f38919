from results.report.run_tables import run_table
from results.run_list import ListedRun
from tests.helpers import terminal_cells


def test_run_has_a_line_and_what_is_not_known_a_dash():
    known = ListedRun(
        run="runs/v3-val-10-1a2b3c4d",
        model="v3",
        data="/imagenet/val",
        protocols=("1", "10"),
        n=50_000,
        state="complete",
        top1_error=22.134,
        started="2026-11-21T14:42:55+00:00",
    )
    unknown = ListedRun(run="s3://bucket/runs/x", state="damaged")
    assert terminal_cells([run_table([known, unknown])]) == [
        ["v3-val-10-1a2b3c4d", "v3", "val", "1, 10", "50,000", "complete", "22.13", "2026-11-21 14:42"],
        ["x", "-", "-", "-", "-", "damaged", "-", "-"],
    ]


def test_names_are_not_markup():
    assert (
        terminal_cells([run_table([ListedRun(run="x", model="[red]\x1b", state="damaged")])])[0][1]
        == r"[red]\x1b"
    )
