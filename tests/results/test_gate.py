from pathlib import Path

import pytest

from results.baseline import Tolerance
from results.errors import RunError
from results.gate import PUBLISHED, check, parse_against, why_nothing_was_compared
from tests.helpers import validation_run, with_blacklist

USUAL = Tolerance(0.1, 0.01)


@pytest.mark.parametrize(
    ("errors", "passed", "why"),
    [
        ((12_577, 3_910), True, "agrees"),
        (
            (12_602, 3_910),
            True,
            "within 0.1 points, differs by 25 images, of which rounding explains 0",
        ),  # 0.05 points
        (
            (12_627, 3_910),
            True,
            "within 0.1 points, differs by 50 images, of which rounding explains 0",
        ),  # exactly 0.1
        (
            (12_628, 3_910),
            False,
            "top-1 error +0.10 points, differs by 51 images, of which rounding explains 0",
        ),
        (
            (12_727, 3_910),
            False,
            "top-1 error +0.30 points, differs by 150 images, of which rounding explains 0",
        ),
        (
            (12_427, 3_760),  # better is no better here
            False,
            "top-1 error -0.30 points, top-5 error -0.30 points, "
            "differs by 150 images, of which rounding explains 0",
        ),
    ],
)
def test_difference_above_the_tolerance_fails(tmp_path, errors, passed, why):
    (verdict,) = check([validation_run(tmp_path / "run", *errors).path], PUBLISHED, USUAL)
    assert (verdict.passed, verdict.why, verdict.baseline) == (passed, why, (25.154, 7.82))


def test_tolerance_is_in_points(tmp_path):
    run = validation_run(tmp_path / "run", 12_727, 3_910)
    assert [check([run.path], PUBLISHED, Tolerance(points, 0.01))[0].passed for points in (0.2, 0.3)] == [
        False,
        True,
    ]


def test_rows_that_cannot_be_compared_neither_pass_nor_fail(tmp_path):
    """The other image set has no figure, and the single crop has one that is near."""
    whole = with_blacklist(validation_run(tmp_path / "whole", 12_577, 3_910), "ILSVRC2012_val_00000001")
    few = validation_run(tmp_path / "few", 75, 23, images=300)
    single = validation_run(tmp_path / "single", 12_577, 3_910, protocol="1")
    verdicts = check([run.path for run in (whole, few, single)], PUBLISHED, USUAL)
    assert [(verdict.passed, verdict.why) for verdict in verdicts] == [
        (True, "agrees"),
        (None, "not comparable: no figure for these weights, images and crop"),
        (None, "not comparable: too few images, 300 of 50,000"),
        (None, "not comparable: another crop"),
    ]
    assert not why_nothing_was_compared(verdicts)
    words = why_nothing_was_compared(verdicts[1:])
    assert words.endswith("all: not comparable: too few images, 300 of 50,000")


def test_published_figures_hold_runs_only(tmp_path):
    (tmp_path / "table.csv").write_text("model\n")
    with pytest.raises(RunError, match=r"takes runs, and .*table\.csv is none"):
        check([tmp_path / "table.csv"], PUBLISHED, USUAL)
    with pytest.raises(RunError, match=r"no run at .*nowhere"):
        check([tmp_path / "nowhere"], PUBLISHED, USUAL)


def test_file_of_that_name_is_named_by_its_folder():
    assert parse_against("published", Path) == PUBLISHED
    assert parse_against("./published", Path) == Path.cwd() / "published"
    assert parse_against("runs/published", Path) == Path("runs/published")
