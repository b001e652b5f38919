from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.baseline import Change, Tolerance, check, judge, read_csv, to_csv, update
from results.class_sets import ClassSet
from results.errors import RunError, RunUsageError
from results.manifest import DataRecord
from results.report import csv
from results.run import Run, Shard, write_manifest
from results.scoring import AS_STORED, Scoring, Truth
from results.tables import accuracy
from tests.helpers import PLAN, complete_run, random_run, result_or_refusal, start_run

TOLERANCE = Tolerance(0.1, 0.01)
HEADING = "model,protocol,image_set,n,top1_hits,top5_hits\n"


def table(*rows):
    """Rows (model, protocol, n, top-1 hits, top-5 hits), all images."""
    frame = pd.DataFrame(rows, columns=["model", "protocol", "n", "top1_hits", "top5_hits"])
    for k in (1, 5):
        frame[f"top{k}_error"] = 100 * (frame["n"] - frame[f"top{k}_hits"]) / frame["n"]
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
            ["better: -2.00 / +0.00", "equal"],
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


@given(hundredths=st.integers(0, 2499), times=st.integers(1, 1000))
def test_change_of_exactly_the_tolerance_passes(hundredths, times):
    """One image more fails, for the better where both ways count."""
    n, exact = 10_000 * times, hundredths * times
    top1, top5 = n // 4, n // 2
    changes = (exact, -exact, exact + 1, -exact - 1)
    hits = [(top1 - change, top5) for change in changes] + [(top1, top5 - change) for change in changes]
    measured = table(*(("v3", str(row), n, *pair) for row, pair in enumerate(hits)))
    baseline = table(*(("v3", str(row), n, top1, top5) for row in range(8)))
    tolerance = Tolerance(hundredths / 100, 0.01, both_ways=True)
    verdicts = judge(measured, baseline, tolerance)
    assert [verdict.passed for verdict in verdicts] == [True, True, False, False] * 2
    verdicts = judge(measured, baseline, replace(tolerance, both_ways=False))
    assert [verdict.passed for verdict in verdicts] == [True, True, False, True] * 2
    assert [verdict.why.startswith("better") for verdict in verdicts] == [False, False, False, True] * 2


def test_verdict_has_the_images_and_the_errors_of_both_sides():
    measured = table(("v3", "1", 1000, 779, 950), ("v4", "1", 500, 400, 475))
    both, missing, new = judge(measured, BASELINE, Tolerance(1, 0.01))
    assert (both.n, both.baseline, both.measured) == (1000, (22, 6), (22.1, 5))
    assert (missing.n, missing.baseline, missing.measured) == (1000, (19, 4), None)
    assert (new.n, new.baseline, new.measured) == (500, None, (20, 5))
    assert [verdict.name for verdict in (both, missing, new)] == ["v3, 1, all", "v3, 144, all", "v4, 1, all"]


def test_row_of_a_network_that_the_baseline_lacks_says_what_to_do():
    (_, _, new) = judge(table(("v4", "1", 1000, 780, 940)), BASELINE, TOLERANCE)
    assert new.why == "not in the baseline: add it with --update, or leave it out"


@pytest.mark.parametrize(
    ("measured", "baseline", "image_set"),
    [("v3", "v3 (pool max)", "non-blacklisted"), ("v3 (weights a.pth)", "v3 (weights b.pth)", "all")],
    ids=["another image set", "both with settings"],
)
def test_rows_of_other_runs_are_not_taken_for_one(measured, baseline, image_set):
    """Though images, labels and protocol are the same."""
    expected = table((baseline, "1", 1000, 780, 940)).assign(image_set=image_set)
    missing, new = judge(table((measured, "1", 1000, 780, 940)), expected, TOLERANCE)
    assert (missing.model, missing.passed) == (baseline, False)
    assert (new.model, new.passed) == (measured, False)


NAMED = "v3 (pool max)"


def names_of(measured, baseline):
    """The network of each verdict, with `!` where it fails."""
    verdicts = judge(table(*measured), table(*baseline), TOLERANCE)
    return [f"{'' if verdict.passed else '!'}{verdict.model}" for verdict in verdicts]


def test_row_is_found_under_another_name_where_that_is_the_only_one():
    plain, named = ("v3", "1", 1000, 780, 940), (NAMED, "1", 1000, 780, 940)
    assert names_of([plain], [named]) == [NAMED]
    assert names_of([named], [plain]) == ["v3"]
    assert names_of([plain], [plain, named]) == ["v3", f"!{NAMED}"]
    assert names_of([plain, named], [named]) == [NAMED, "!v3"]


def test_row_without_hashes_is_found_under_its_own_name_alone():
    for name in ("images_sha256", "protocol_sha256"):
        measured, expected = (
            table((network, "1", 1000, 780, 940)).assign(**{name: ""}) for network in ("v3", NAMED)
        )
        assert [verdict.passed for verdict in judge(measured, expected, TOLERANCE)] == [False, False]


def test_only_rows_of_the_same_protocol_are_named_beside_a_new_one():
    other = table((NAMED, "144", 1000, 780, 940))
    (_, new) = judge(table(("v3", "1", 1000, 780, 940)), other, TOLERANCE)
    assert new.why == "not in the baseline: add it with --update, or leave it out"


def test_update_writes_a_row_under_the_name_that_the_baseline_has(tmp_path):
    path, measured = tmp_path / "baseline.csv", tmp_path / "measured.csv"
    path.write_text(to_csv(table((NAMED, "1", 1000, 780, 940))))
    measured.write_text(to_csv(table(("v3", "1", 1000, 790, 940))))
    (change,) = update([measured], path)
    assert change.name == f"{NAMED}, 1, all"
    written = read_csv(path)
    assert (written["model"].tolist(), written["top1_hits"].tolist()) == ([NAMED], [790])


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


def test_baseline_is_a_csv_of_these_columns():
    text = to_csv(BASELINE.head(1).assign(paper_top1=21.2))
    assert text.splitlines() == [
        "model,protocol,image_set,n,top1_hits,top5_hits,top1_error,top5_error,images_sha256,protocol_sha256",
        "v3,1,all,1000,780,940,22.0,6.0,i,p",
    ]


def test_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no run or table at .*none.csv: there is no such folder or file"):
        read_csv(tmp_path / "none.csv")


def test_hashes_are_read_from_a_baseline_and_may_be_empty_or_left_out(tmp_path):
    path = tmp_path / "baseline.csv"
    for column in ("images_sha256", "protocol_sha256"):
        path.write_text(to_csv(BASELINE.assign(**{column: ["other", ""]})))
        first, second = judge(BASELINE, read_csv(path), TOLERANCE)
        assert first.why.startswith("other images" if column == "images_sha256" else "another protocol")
        assert second.why == "equal"
    path.write_text(HEADING + "v3,1,all,1000,780,940\n")
    assert judge(BASELINE, read_csv(path), TOLERANCE)[0].why == "equal"


@pytest.mark.parametrize("counts", [[1, 0, 0], [1, 0, 1], [1, 1, 1]])
def test_all_or_no_images_may_be_hits(tmp_path, counts):
    (tmp_path / "table.csv").write_text(HEADING + f"v3,1,all,{counts[0]},{counts[1]},{counts[2]}\n")
    assert read_csv(tmp_path / "table.csv")[["n", "top1_hits", "top5_hits"]].to_numpy().tolist() == [counts]


def test_counts_are_read_up_to_where_floats_skip_integers(tmp_path):
    largest = 2**53 - 1
    (tmp_path / "table.csv").write_text(HEADING + f"v3,1,all,{largest},{largest - 2},{largest - 1}\n")
    assert read_csv(tmp_path / "table.csv")["top5_hits"].tolist() == [largest - 1]


@pytest.mark.parametrize("column", ["top1_error", "top5_error"])
def test_error_that_contradicts_its_hits_is_refused(tmp_path, column):
    path = tmp_path / "baseline.csv"
    path.write_text(to_csv(BASELINE.assign(**{column: BASELINE[column].round(2)})))
    assert judge(BASELINE, read_csv(path), TOLERANCE)[0].why == "equal"
    changed = BASELINE.assign(**{column: [BASELINE[column][0], BASELINE[column][1] + 0.02]})
    path.write_text(to_csv(changed))
    with pytest.raises(
        RunError, match=rf"line 3: the {column} is .*, and that of the hits is .*: correct one"
    ):
        read_csv(path)


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
        (HEADING + f"v3,1,all,{2**53},0,0\n", "line 2 has counts that cannot be"),
        (HEADING + "v3,1,all,9.223372036854776e+18,0,0\n", "line 2 has counts that cannot be"),
        ("\x00\x01", "cannot read|lacks the columns"),
    ],
)
def test_file_that_is_not_a_table_is_refused(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(RunError, match=message):
        read_csv(tmp_path / "table.csv")


def test_error_that_is_no_number_is_held_against_nothing(tmp_path):
    (tmp_path / "table.csv").write_text(HEADING.replace("\n", ",top1_error\n") + "v3,1,all,10,7,8,unknown\n")
    assert read_csv(tmp_path / "table.csv")["top1_error"].tolist() == [pytest.approx(30)]


def test_device_is_refused():
    with pytest.raises(RunError, match=r"cannot read the table /dev/null .*it is a device"):
        read_csv(Path("/dev/null"))


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


def test_update_keeps_the_rows_that_were_not_measured(members, tmp_path):
    path = tmp_path / "baseline.csv"
    added = update([member.path for member in members], path)
    assert [change.before for change in added] == [None] * 8
    everything = path.read_bytes()
    assert update([members[1].path], path) == []
    assert path.read_bytes() == everything


def test_update_keeps_the_order_of_the_rows(tmp_path):
    path, measured = tmp_path / "baseline.csv", tmp_path / "measured.csv"
    path.write_text(to_csv(BASELINE))
    measured.write_text(to_csv(table(("v4", "1", 10, 7, 9), ("v3", "144", 10, 7, 9), ("v3", "1", 10, 7, 9))))
    update([measured], path, prune=True)
    rows = read_csv(path)
    assert (rows["model"] + " " + rows["protocol"]).tolist() == ["v3 1", "v3 144", "v4 1"]


def test_name_that_is_not_unicode_is_written_with_an_escape(run, tmp_path):
    model = replace(run.manifest.model, name="v3\udcff")
    write_manifest(run.path, replace(run.manifest, model=model))
    update([run.path], tmp_path / "baseline.csv")
    assert read_csv(tmp_path / "baseline.csv")["model"].unique().tolist() == [r"v3\udcff"]


def test_update_names_what_it_changes_and_removes(tmp_path):
    path, measured = tmp_path / "baseline.csv", tmp_path / "measured.csv"
    path.write_text(to_csv(BASELINE))
    measured.write_text(to_csv(table(("v3", "144", 1000, 820, 961))))
    changed = Change("v3, 144, all", (19.0, 4.0), (18.0, 3.9))
    (found,) = update([measured], path)
    assert (found.name, found.before, found.after) == (
        changed.name,
        *map(pytest.approx, (changed.before, changed.after)),
    )
    assert read_csv(path)["top1_hits"].tolist() == [780, 820]
    (removed,) = update([measured], path, prune=True)
    assert (removed.name, removed.after) == ("v3, 1, all", None)
    assert read_csv(path)["protocol"].tolist() == ["144"]


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


@pytest.mark.parametrize("kept", [lambda run: run.path, lambda run: run.path / "manifest.json"])
def test_run_is_put_to_the_paired_test_by_its_folder_or_its_manifest(tmp_path, kept):
    good, bad = run_with_hits(tmp_path / "good", 90), run_with_hits(tmp_path / "bad", 80)
    verdicts = check([kept(bad)], kept(good), Tolerance(50, 0.01))
    assert all(verdict.why.startswith("worse: 10 images lost") for verdict in verdicts)


def test_table_is_not_put_to_the_paired_test(tmp_path):
    """It has no images, on whichever side it is."""
    good, bad = run_with_hits(tmp_path / "good", 90), run_with_hits(tmp_path / "bad", 80)
    update([good.path], tmp_path / "good.csv")
    update([bad.path], tmp_path / "bad.csv")
    for measured, baseline in ((tmp_path / "bad.csv", good.path), (bad.path, tmp_path / "good.csv")):
        verdicts = check([measured], baseline, Tolerance(50, 0.01))
        assert {verdict.why for verdict in verdicts} == {"within 50 points: +10.00 / +0.00"}


@pytest.mark.parametrize(("alpha", "passed"), [(0.49, True), (0.5, True), (0.51, False)])
def test_row_fails_where_the_p_value_is_below_alpha(tmp_path, alpha, passed):
    """Two images lost and none gained: p is 2 / 2**2."""
    good, bad = run_with_hits(tmp_path / "good", 90), run_with_hits(tmp_path / "bad", 88)
    verdicts = check([bad.path], good.path, Tolerance(50, alpha))
    assert [verdict.passed for verdict in verdicts] == [passed, passed]


def test_row_that_fails_by_its_errors_keeps_its_reason(tmp_path):
    good, bad = run_with_hits(tmp_path / "good", 90), run_with_hits(tmp_path / "bad", 80)
    verdicts = check([bad.path], good.path, Tolerance(0.1, 0.01))
    assert {verdict.why for verdict in verdicts} == {"worse: top-1 error +10.00 points"}


def test_runs_that_cannot_be_compared_image_by_image_fail(tmp_path):
    """Each skipped one image, but not the same."""
    a, b = (random_run(tmp_path / f"{number}", 0, skipped=(number,)) for number in (12, 13))
    verdicts = check([b.path], a.path, Tolerance(99, 0.01))
    assert len(verdicts) == 2
    assert not any(verdict.passed for verdict in verdicts)
    assert all(verdict.why.startswith("image 12 is in only one of") for verdict in verdicts)


@pytest.fixture
def pools(tmp_path):
    """The folders of two runs of one network that differ in their pooling."""
    model = random_run(tmp_path / "model", 1).manifest.model
    return [
        random_run(tmp_path / pool, seed, model=model, plan=replace(PLAN, pool=pool)).path
        for seed, pool in enumerate(["mean", "max"])
    ]


def test_runs_of_one_network_are_held_to_a_baseline_of_both(pools, tmp_path):
    update(pools, tmp_path / "baseline.csv")
    verdicts = check(pools, tmp_path / "baseline.csv", Tolerance(0, 0.01))
    assert [verdict.why for verdict in verdicts] == ["equal"] * 4
    assert [verdict.model for verdict in verdicts[::2]] == ["net1 (pool mean)", "net1 (pool max)"]


def test_one_of_two_runs_is_found_in_the_baseline_by_its_protocol(pools, tmp_path):
    update(pools, tmp_path / "baseline.csv")
    verdicts = check(pools[1:], tmp_path / "baseline.csv", TOLERANCE)
    assert [(verdict.model, verdict.why) for verdict in verdicts[::2]] == [
        ("net1 (pool mean)", "missing: it was not measured"),
        ("net1 (pool max)", "equal"),
    ]
    assert update(pools[1:], tmp_path / "baseline.csv") == []


def test_baseline_of_one_run_is_met_by_that_run_beside_another(pools, tmp_path):
    for baseline in (tmp_path / "baseline.csv", pools[1]):
        update(pools[1:], tmp_path / "baseline.csv")
        verdicts = check(pools, baseline, TOLERANCE)
        assert [(verdict.model, verdict.passed) for verdict in verdicts[::2]] == [
            ("net1", True),
            ("net1 (pool mean)", False),
        ]


@pytest.fixture
def checkpoints(tmp_path):
    """The folders of the runs of two checkpoints of one network."""
    model = random_run(tmp_path / "model", 1).manifest.model
    files = [replace(model, tag="", weights=f"/weights/{name}.pth") for name in "ab"]
    return [random_run(tmp_path / f"{seed}", seed, model=file).path for seed, file in enumerate(files)]


def test_one_of_two_checkpoints_is_found_by_its_weights_where_the_baseline_has_them(checkpoints, tmp_path):
    (tmp_path / "report.csv").write_text(csv.write(accuracy([Run.open(path) for path in checkpoints])))
    verdicts = check(checkpoints[1:], tmp_path / "report.csv", TOLERANCE)
    assert [(verdict.model, verdict.passed) for verdict in verdicts[::2]] == [
        ("net1 (weights a.pth)", False),
        ("net1 (weights b.pth)", True),
    ]


def test_run_that_may_be_either_of_two_is_new_and_told_what_there_is(checkpoints, tmp_path):
    update(checkpoints, tmp_path / "baseline.csv")
    *_, verdict = check(checkpoints[1:], tmp_path / "baseline.csv", TOLERANCE)
    assert (verdict.model, verdict.passed) == ("net1", False)
    assert verdict.why == (
        "not in the baseline, which has net1 (weights a.pth) and net1 (weights b.pth): "
        "measure the same runs together"
    )


FEW = ClassSet(name="few", groups=((1,), (2,), (7,)))


def test_baseline_without_columns_of_scoring_is_of_all_classes_by_the_own_labels(run, tmp_path):
    path = tmp_path / "base.csv"
    update([run.path], path)
    assert "class_set" not in path.read_text()
    assert [verdict.why for verdict in check([run.path], path, TOLERANCE)] == ["equal", "equal"]


def test_rows_are_compared_with_those_that_were_scored_in_the_same_way(run, tmp_path):
    path = tmp_path / "base.csv"
    truth = Truth("mine.json", {"image 3": (0, 1), "image 20": (2,)})
    update([run.path], path, [AS_STORED, Scoring(truth=truth)])
    verdicts = check([run.path], path, TOLERANCE, [AS_STORED, Scoring(truth=truth)])
    assert [(verdict.name, verdict.n, verdict.why) for verdict in verdicts] == [
        ("v3, 1, all", 25, "equal"),
        ("v3, 10, all", 25, "equal"),
        ("v3, 1, all, by mine.json", 2, "equal"),
        ("v3, 10, all, by mine.json", 2, "equal"),
    ]
    among = check([run.path], path, TOLERANCE, [Scoring(FEW, truth)])
    assert {verdict.name: verdict.passed for verdict in among} == {
        **{verdict.name: False for verdict in verdicts},
        "v3, 1, all, among few, by mine.json": False,
        "v3, 10, all, among few, by mine.json": False,
    }


def test_paired_test_is_of_the_same_classes_and_labels(tmp_path):
    """By their own labels the runs are equally good; by the others the measured one got worse on all images
    but the first, by less than the tolerance.
    """
    labels = np.arange(25) % 3
    shared = {"data": DataRecord(path="val", images=25, fingerprint="x"), "shard_images": 25}
    runs = []
    for name, predicted in (("before", labels), ("after", (labels + 1) % 3)):
        run = start_run(tmp_path / name, 25, identity=name, **shared)
        likely = np.eye(3, dtype=np.float32)[predicted]
        ids = [f"image {number}" for number in range(25)]
        own = np.where(np.arange(25) % 2, labels, (labels + 1) % 3)  # each is right for about half of them
        runs.append(complete_run(run, [Shard(0, 25, ids, own, {"1": likely, "10": likely})]))
    right = {f"image {number}": (int(label),) for number, label in enumerate(labels)}
    truth = Truth("first", right | {"image 0": (1,)})
    allowed = Tolerance(99.9, 0.01)
    scorings = [AS_STORED, Scoring(truth=truth)]
    verdicts = check([runs[1].path], runs[0].path, allowed, scorings)
    failed = {verdict.name: verdict.why for verdict in verdicts if not verdict.passed}
    assert set(failed) == {"v3, 1, all, by first", "v3, 10, all, by first"}
    assert "24 images lost, 1 gained" in failed["v3, 1, all, by first"]


def test_calibration_is_not_judged_and_a_baseline_may_lack_it(run, tmp_path):
    table = accuracy([run])
    for number, baseline in enumerate((table.assign(nll=9.0), table.drop(columns=["nll", "brier", "ece"]))):
        path = tmp_path / f"{number}.csv"
        path.write_text(csv.write(baseline))
        assert [verdict.why for verdict in check([run.path], path, TOLERANCE)] == ["equal", "equal"]
