from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pytest

import bench
from bench.data import open_images
from results.run import write_manifest
from tests.helpers import cli, cli_error, cli_json, complete_run, random_run, validation_run

LIMIT = 60


@pytest.fixture
def mini_table(mini_runs, tmp_path):
    """The table of the mini runs, a CSV of 40 rows."""
    cli("report", *(run.path for run in mini_runs), "-o", tmp_path / "mini.csv")
    return tmp_path / "mini.csv"


@pytest.fixture
def good(tmp_path):
    """A run with a single crop."""
    return bench.evaluate(limit=LIMIT, out=tmp_path / "runs").path


@pytest.fixture
def bad(tmp_path):
    """The same with wrong labels for one image in five."""
    images = open_images("mini")
    labels = images.labels.copy()
    labels[::5] = (labels[::5] + 1) % 50
    lines = (f"{image_id}.JPEG {label}\n" for image_id, label in zip(images.ids, labels, strict=True))
    (tmp_path / "labels.txt").write_text("".join(lines))
    return bench.evaluate(limit=LIMIT, labels=tmp_path / "labels.txt", out=tmp_path / "runs").path


@pytest.fixture
def baseline(good, tmp_path):
    """The good run as a CSV."""
    cli("check", good, "--against", tmp_path / "baseline.csv", "--update")
    return tmp_path / "baseline.csv"


def test_same_run_passes(good, baseline):
    assert "all 2 rows pass" in cli("check", good, "--against", baseline).stdout


def test_runs_may_be_named_by_the_beginnings_of_their_names(good):
    begin = good.parent / good.name[:8]
    assert "all 2 rows pass" in cli("check", begin, "--against", begin).stdout


def test_worse_run_is_exit_code_3(bad, baseline):
    assert "2 of 2 rows fail" in cli("check", bad, "--against", baseline, code=3).stdout
    printed = cli_json("check", bad, "--against", baseline, code=3)
    assert printed["passed"] is False
    assert [row["passed"] for row in printed["rows"]] == [False, False]
    assert all(row["why"].startswith("worse: top-1 error +") for row in printed["rows"])


def test_junit_file_has_the_failures(bad, baseline, tmp_path):
    cli("check", bad, "--against", baseline, "--junit", tmp_path / "junit.xml", code=3)
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().attrib["failures"] == "2"


def test_junit_file_may_be_a_link_and_so_may_the_baseline(good, tmp_path):
    for name in ("junit.xml", "baseline.csv"):
        (tmp_path / f"link-{name}").symlink_to(name)
    links = ("--against", tmp_path / "link-baseline.csv", "--junit", tmp_path / "link-junit.xml")
    cli("check", good, *links, "--update")
    for name in ("junit.xml", "baseline.csv"):
        assert (tmp_path / f"link-{name}").is_symlink()
        assert not (tmp_path / name).is_symlink()


def test_github_gets_annotations_and_a_summary(bad, baseline, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = cli("check", bad, "--against", baseline, code=3)
    assert done.stdout.count("::error title=mini-v3%2C 1%2C all::worse: top-1 error +") == 1
    assert "inception-bench check: 2 of 2 rows fail" in (tmp_path / "summary.md").read_text()


def test_summary_that_cannot_be_written_is_a_note(good, baseline, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    done = cli("check", good, "--against", baseline)
    assert f"note: cannot write the step summary {tmp_path}: Is a directory" in done.stderr


def test_missing_and_additional_rows_fail(mini_table, tmp_path):
    part = tmp_path / "part.csv"
    pd.read_csv(mini_table)[:-1].to_csv(part, index=False)
    done = cli("check", part, "--against", mini_table, code=3)
    assert "missing: it was not measured" in done.stdout
    assert "1 of 40 rows fail" in done.stdout
    assert "not in the baseline" in cli("check", mini_table, "--against", part, code=3).stdout


@pytest.fixture
def worse(mini_runs, tmp_path):
    """The run of mini-v1, with its single crop in place of its 144."""
    original = mini_runs[0]
    manifest = replace(original.manifest, identity="worse", complete=False, shards=())
    run = write_manifest(tmp_path / "worse", manifest)
    shards = [
        replace(shard, probabilities=shard.probabilities | {"144": shard.probabilities["1"]})
        for shard in original.shards()
    ]
    return complete_run(run, shards).path


def test_two_runs_are_held_to_a_paired_test(mini_runs, worse):
    """A tolerance of 50 points allows a single crop instead of 144; the paired test does not."""
    good = mini_runs[0].path
    options = ("--tolerance", "50", "--alpha", "0.2")
    assert cli("check", worse, "--against", good, *options, code=3).stdout.count("FAIL") == 2
    assert "all 8 rows pass" in cli("check", good, "--against", good, "--tolerance", "0").stdout
    assert "all 8 rows pass" in cli("check", good, "--against", worse, *options).stdout
    both_ways = cli("check", good, "--against", worse, *options, "--both-ways", code=3)
    assert both_ways.stdout.count("FAIL") == 2


@pytest.mark.parametrize("against_run", [False, True], ids=["table", "run"])
@pytest.mark.parametrize(
    ("options", "others", "why"),
    [
        ({"crops": "1"}, {"crops": "1", "shuffle_seed": 3}, "other images"),
        ({"crops": "10"}, {"crops": "10", "pool": "logits"}, "another protocol"),
    ],
)
def test_other_images_and_other_protocols_fail(tmp_path, options, others, why, against_run):
    """As many images, but not the same; protocols of the same name, but pooled in another way."""
    baseline, measured = (
        bench.evaluate(limit=20, out=tmp_path / "runs", **each).path for each in (options, others)
    )
    if not against_run:
        cli("check", baseline, "--against", tmp_path / "baseline.csv", "--update")
        baseline = tmp_path / "baseline.csv"
    rows = cli_json("check", measured, "--against", baseline, "--tolerance", "90", code=3)["rows"]
    assert not any(row["passed"] for row in rows)
    assert all(why in row["why"] for row in rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tolerance", "-1"], "--tolerance -1: write points of error"),
        (["--tolerance", "nan"], "--tolerance nan"),
        (["--alpha", "1"], "--alpha 1: write a probability"),
    ],
)
def test_tolerances_without_a_meaning_are_refused(mini_table, options, message):
    assert message in cli_error("check", mini_table, "--against", mini_table, *options, code=2)


def test_baseline_that_does_not_exist_is_named(mini_table, tmp_path):
    line = cli_error("check", mini_table, "--against", tmp_path / "none.csv", code=1)
    assert line.startswith(f"no run or table at {tmp_path}/none.csv")


def test_baseline_is_written_as_csv_only(mini_table, tmp_path):
    line = cli_error("check", mini_table, "--against", tmp_path / "none.txt", "--update", code=2)
    assert "--update writes a .csv" in line


def test_run_is_held_to_the_published_figures_of_its_weights(tmp_path, monkeypatch):
    """0.05 points off passes, and 0.3 fails, in every form."""
    near = validation_run(tmp_path / "near", 12_602, 3_910).path
    done = cli("check", near, "--against", "published")
    assert "all 1 rows pass" in done.stdout
    assert cli_json("check", near, "--against", "published")["passed"] is True
    assert (
        "1 of 1 rows fail" in cli("check", near, "--against", "published", "--tolerance", 0.04, code=3).stdout
    )

    far, junit_file = validation_run(tmp_path / "far", 12_727, 3_910).path, tmp_path / "junit.xml"
    (row,) = cli_json("check", far, "--against", "published", code=3)["rows"]
    assert (row["passed"], row["baseline"], row["measured"]) == (False, [25.154, 7.82], [25.454, 7.82])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = cli("check", far, "--against", "published", "--junit", junit_file, code=3)
    annotation = "::error title=lite0%2C native%2C all::top-1 error +0.30 points, differs by 150 images, "
    assert annotation in done.stdout
    assert "1 of 1 rows fail against published" in (tmp_path / "summary.md").read_text()
    assert ElementTree.parse(junit_file).getroot().attrib["failures"] == "1"


def test_without_a_row_to_compare_check_fails_and_lists_why(tmp_path):
    few = validation_run(tmp_path / "few", 75, 23, images=300).path
    why = "not comparable: too few images, 300 of 50,000"
    options = ("--against", "published", "--junit", tmp_path / "junit.xml")
    done = cli("check", few, *options, code=1)
    assert "0 rows pass, 0 fail, and 1 cannot be compared" in done.stdout
    assert done.stderr.splitlines()[-1] == (
        f"inception-bench: nothing to hold {few} to: lite0, native, all: {why}"
    )
    printed = cli_json("check", few, *options, code=1)
    assert [printed["passed"], *((row["passed"], row["why"]) for row in printed["rows"])] == [
        False,
        (None, why),
    ]
    (case,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [(each.tag, each.attrib["message"]) for each in case] == [("skipped", why)]
    both = cli("check", few, validation_run(tmp_path / "whole", 12_577, 3_910).path, *options)
    assert "1 rows pass, 0 fail, and 1 cannot be compared" in both.stdout


def test_what_published_figures_cannot_do_is_refused(tmp_path, monkeypatch):
    run = validation_run(tmp_path / "run", 75, 23, images=300).path
    (tmp_path / "table.csv").write_text("model\n")
    for arguments, code, message in (
        ((run, "--update"), 2, "--update writes a baseline: leave it out with --against published"),
        ((run, "--prune"), 2, "--prune removes rows of the baseline that is written: pass --update with it"),
        ((tmp_path / "table.csv",), 2, "--against published takes runs, and "),
        ((tmp_path / "nowhere",), 1, "no run at "),
        ((run, "--tolerance", -1), 2, "--tolerance -1: write points of error, such as 0.1"),
    ):
        assert cli_error("check", *arguments, "--against", "published", code=code).startswith(message)
    monkeypatch.chdir(tmp_path)
    missing = cli_error("check", run, "--against", "./published", code=1)
    assert missing.startswith(f"no run or table at {tmp_path / 'published'}")


def test_baseline_called_published_is_named_by_its_folder(tmp_path, monkeypatch):
    """And a folder of that name does not change what the word means."""
    monkeypatch.chdir(tmp_path)
    run = random_run(tmp_path / "published", 1).path
    assert "all 2 rows pass" in cli("check", run, "--against", "./published").stdout
    few = validation_run(tmp_path / "few", 75, 23, images=300).path
    (run / "manifest.json").unlink()
    assert "cannot be compared" in cli("check", few, "--against", "published", code=1).stdout
