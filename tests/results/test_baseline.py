from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.baseline import Tolerance, check, judge, read_csv, to_csv, update
from results.errors import RunError, RunUsageError
from results.run import Shard
from results.tables import accuracy
from tests.helpers import complete_run, random_run, result_or_refusal, start_run

TOLERANCE = Tolerance(0.1, 0.01)
HEADING = "model,protocol,image_set,n,top1_hits,top5_hits\n"


def table(*rows):
    """Rows (model, protocol, n, top-1 hits, top-5 hits), all images."""
    frame = pd.DataFrame(rows, columns=["model", "protocol", "n", "top1_hits", "top5_hits"])
    for k in (1, 5):
        frame[f"top{k}_error"] = 100 * (1 - frame[f"top{k}_hits"] / frame["n"])
    return frame.assign(image_set="all", images_sha256="i", protocol_sha256="p")


BASELINE = table(("v3", "1", 1000, 780, 940), ("v3", "144", 1000, 810, 960))


@pytest.mark.parametrize(
    ("measured", "both_ways", "expected"),
    [
        (BASELINE, False, ["equal", "equal"]),
        (
            table(("v3", "1", 1000, 779, 940), ("v3", "144", 1000, 810, 959)),
            True,
            ["within 0.1 points: +0.10 / +0.00", "within 0.1 points: +0.00 / +0.10"],
        ),
        (
            table(("v3", "1", 1000, 778, 940), ("v3", "144", 1000, 810, 960)),
            False,
            ["!worse: top-1 error +0.20 points", "equal"],
        ),
        (
            table(("v3", "1", 1000, 780, 937), ("v3", "144", 1000, 810, 960)),
            False,
            ["!worse: top-5 error +0.30 points", "equal"],
        ),
        (
            table(("v3", "1", 1000, 800, 940), ("v3", "144", 1000, 810, 960)),
            False,
            ["within 0.1 points: -2.00", "equal"],
        ),
        (
            table(("v3", "1", 1000, 800, 940), ("v3", "144", 1000, 810, 960)),
            True,
            ["!better: top-1 error -2.00 points", "equal"],
        ),
        (table(("v3", "1", 1000, 780, 940)), False, ["equal", "!missing"]),
        (
            table(("v3", "1", 999, 779, 939), ("v3", "144", 1000, 810, 960)),
            False,
            ["!other images: n = 999, the baseline has 1,000", "equal"],
        ),
        (table(("v4", "1", 1000, 780, 940)), False, ["!missing", "!missing", "!not in the baseline"]),
    ],
)
def test_verdicts(measured, both_ways, expected):
    """`!` marks a row that fails."""
    verdicts = judge(measured, BASELINE, replace(TOLERANCE, both_ways=both_ways))
    assert len(verdicts) == len(expected)
    for verdict, words in zip(verdicts, expected, strict=True):
        assert verdict.passed == (not words.startswith("!"))
        assert verdict.why.startswith(words.removeprefix("!"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"images_sha256": "other"}, "other images or labels than the baseline's"),
        ({"protocol_sha256": "other"}, "another protocol than the baseline's"),
        ({"images_sha256": ""}, "equal"),
    ],
)
def test_as_many_images_need_not_be_the_same_images(changes, why):
    """A baseline that was written by hand may leave the hashes out."""
    other = BASELINE.assign(**changes)
    for measured, baseline in ((other, BASELINE), (BASELINE, other)):
        verdicts = judge(measured, baseline, Tolerance(5.0, 0.01))
        assert all(verdict.why.startswith(why) for verdict in verdicts)
        assert all(verdict.passed == (why == "equal") for verdict in verdicts)


def test_row_that_is_there_twice_is_refused():
    with pytest.raises(RunUsageError, match="the measured table has the row v3, 1, all twice"):
        judge(pd.concat([BASELINE, BASELINE]), BASELINE, TOLERANCE)
    with pytest.raises(RunUsageError, match="the baseline has the row v3, 1, all twice"):
        judge(BASELINE, pd.concat([BASELINE, BASELINE]), TOLERANCE)


@pytest.mark.parametrize(
    ("points", "alpha", "message"),
    [
        (-1, 0.01, "--tolerance -1: write points of error"),
        (float("nan"), 0.01, "--tolerance nan"),
        (100, 0.01, "--tolerance 100"),
        (0.1, 0, "--alpha 0: write a probability"),
        (0.1, 1, "--alpha 1: write a probability"),
    ],
)
def test_tolerance_without_a_meaning_is_refused(points, alpha, message):
    with pytest.raises(RunUsageError, match=message):
        Tolerance(points, alpha)


def test_baseline_is_read_as_it_was_written(tmp_path):
    (tmp_path / "baseline.csv").write_text(to_csv(BASELINE))
    again = read_csv(tmp_path / "baseline.csv")
    assert all(verdict.why == "equal" for verdict in judge(again, BASELINE, Tolerance(0, 0.01)))
    assert again["protocol"].tolist() == ["1", "144"]


def test_errors_are_computed_from_hits(tmp_path):
    """An error that was edited by hand has no effect."""
    (tmp_path / "baseline.csv").write_text(to_csv(BASELINE.assign(top1_error=99.0)))
    assert judge(BASELINE, read_csv(tmp_path / "baseline.csv"), TOLERANCE)[0].why == "equal"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the table"),
        ("a,b\n1,2\n", "lacks the columns model, protocol, image_set, n, top1_hits, top5_hits"),
        (HEADING, "it is empty"),
        (HEADING + "v3,1,all,10,5,8\nv3,10,all,10,9,8\n", "line 3 has counts that cannot be"),
        (HEADING + "v3,1,all,10,x,8\n", "line 2 has counts that cannot be"),
        (HEADING + "v3,1,all,10,2.5,8\n", "line 2 has counts that cannot be"),
        (HEADING + "v3,1,all,0,0,0\n", "line 2 has counts that cannot be"),
        (HEADING + "v3,1,all,9.223372036854776e+18,0,0\n", "line 2 has counts that cannot be"),
        ("\x00\x01", "cannot read|lacks the columns"),
    ],
)
def test_file_that_is_not_a_table_is_refused(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(RunError, match=message):
        read_csv(tmp_path / "table.csv")


CELLS = st.one_of(
    st.integers(-5, 50).map(str), st.floats().map(str), st.text(alphabet='ab,"\n\r=', max_size=4), st.just("")
)


@given(st.lists(st.lists(CELLS, min_size=4, max_size=7), max_size=4), st.sampled_from(["", HEADING]))
def test_any_cells_are_a_table_of_possible_counts_or_an_error(tmp_path, rows, heading):
    path = tmp_path / "table.csv"
    path.write_text(heading + "\n".join(map(",".join, rows)), "utf-8")
    table, refusal = result_or_refusal(lambda: read_csv(path), RunError)
    if refusal:
        assert str(path) in refusal
        return
    assert (table["n"] > 0).all()
    assert (table["top1_hits"] <= table["top5_hits"]).all()
    assert (table["top5_hits"] <= table["n"]).all()


def test_update_writes_a_baseline_that_the_same_runs_pass(members, tmp_path):
    paths, baseline = [member.path for member in members], tmp_path / "baseline.csv"
    update(paths, baseline)
    verdicts = check(paths, baseline, Tolerance(0, 0.01))
    assert [verdict.why for verdict in verdicts] == ["equal"] * 8
    assert verdicts[0].name == "net0, 1, all"


def test_update_refuses_another_ending_and_rows_that_are_there_twice(run, tmp_path):
    with pytest.raises(RunUsageError, match=r"--update writes a \.csv"):
        update([run.path], tmp_path / "baseline.txt")
    (tmp_path / "measured.csv").write_text(to_csv(accuracy([run])))
    with pytest.raises(RunUsageError, match="the measured table has the row v3, 1, all twice"):
        update([run.path, tmp_path / "measured.csv"], tmp_path / "baseline.csv")
    assert not (tmp_path / "baseline.csv").exists()


def test_runs_and_tables_are_checked_together(members, tmp_path):
    update([member.path for member in members], tmp_path / "baseline.csv")
    (tmp_path / "measured.csv").write_text(to_csv(accuracy(members[1:])))
    verdicts = check([members[0].path, tmp_path / "measured.csv"], tmp_path / "baseline.csv", TOLERANCE)
    assert len(verdicts) == 8
    assert all(verdict.passed for verdict in verdicts)


def run_with_hits(folder, right, n=100):
    """A run of two classes whose first `right` images are right, all of them of class 0."""
    rows = [[0.9, 0.1] if number < right else [0.1, 0.9] for number in range(n)]
    probabilities = pd.DataFrame(rows, dtype="float32").to_numpy()
    labels = pd.Series([0] * n).to_numpy()
    run = start_run(folder, n, identity=folder.name, shard_images=n)
    shard = Shard(0, n, [f"{i}" for i in range(n)], labels, {"1": probabilities, "10": probabilities})
    return complete_run(run, [shard])


def test_two_runs_are_put_to_the_paired_test(tmp_path):
    """A tolerance of 50 points lets ten lost images pass; the images themselves do not."""
    good, bad = run_with_hits(tmp_path / "good", 90), run_with_hits(tmp_path / "bad", 80)
    wide = Tolerance(50, 0.01)
    verdicts = check([bad.path], good.path, wide)
    assert {verdict.why for verdict in verdicts} == {"worse: 10 images lost, 0 gained, p = 0.002 < 0.01"}
    assert not any(verdict.passed for verdict in verdicts)
    assert all(verdict.passed for verdict in check([bad.path], good.path, replace(wide, alpha=0.001)))
    assert all(verdict.passed for verdict in check([good.path], bad.path, wide))
    verdicts = check([good.path], bad.path, replace(wide, both_ways=True))
    assert {verdict.why for verdict in verdicts} == {"better: 0 images lost, 10 gained, p = 0.002 < 0.01"}


def test_runs_that_cannot_be_compared_image_by_image_fail(members, tmp_path):
    other = random_run(tmp_path / "other", 0, skipped=(12,))
    model = replace(other.manifest.model, name="net0")
    assert model == members[0].manifest.model
    (tmp_path / "baseline.csv").write_text(to_csv(accuracy([other])))
    verdicts = check([members[0].path], other.path, Tolerance(99, 0.01))
    assert {verdict.why for verdict in verdicts} == {"other images: n = 25, the baseline has 24"}
