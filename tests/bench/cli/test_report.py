import csv
import io
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm

from results.run import write_manifest
from tests.helpers import cli, cli_error, random_run


def csv_rows(*arguments):
    """The rows of the CSV that a command prints."""
    return list(csv.DictReader(io.StringIO(cli(*arguments, "--format", "csv").stdout)))


@pytest.mark.parametrize(
    ("ending", "start"),
    [("csv", "model,protocol"), ("md", "| model | protocol"), ("tex", "% Errors in percent"), ("json", "{")],
)
def test_format_follows_the_ending(run, tmp_path, ending, start):
    path = tmp_path / f"table.{ending}"
    assert cli("report", run.path, "-o", path).stderr == f"wrote {path}\n"
    assert start in path.read_text().splitlines()[0]
    assert cli("report", run.path, "--format", ending).stdout == path.read_text()


def test_link_is_kept_and_its_target_written(run, tmp_path):
    (tmp_path / "link.md").symlink_to("table.md")
    cli("report", run.path, "-o", tmp_path / "link.md")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "table.md").read_text() == cli("report", run.path).stdout


@pytest.mark.parametrize("command", ["report", "predictions"])
def test_table_goes_through_a_pipe(run, tmp_path, command):
    """As in `report RUN -o >(less)`."""
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        text = pool.submit((tmp_path / "pipe").read_text)
        cli(command, run.path, "-o", tmp_path / "pipe")
    assert text.result() == cli(command, run.path).stdout


def test_stdout_may_be_named_by_its_path(run):
    assert cli("report", run.path, "-o", "/dev/stdout").stdout == cli("report", run.path).stdout


def test_pictures_are_read_after_a_note_or_from_data(run, photos, tmp_path):
    notes = cli("report", run.path, "-o", tmp_path / "page.html").stderr.splitlines()
    assert notes[0].startswith(f"note: pictures are read from {photos}, where {run.path} saw its images")
    done = cli("report", run.path, "--data", photos, "-o", tmp_path / "page.html")
    assert done.stderr == f"wrote {tmp_path}/page.html\n"
    assert "no images at nowhere" in cli_error(
        "report", run.path, "--data", "nowhere", "--format", "html", code=1
    )


def test_default_is_markdown_on_stdout(run):
    assert cli("report", run.path).stdout == cli("report", run.path, "--format", "md", "-o", "-").stdout


def test_latex_table_has_a_line_for_each_row(mini_runs):
    text = cli("report", mini_runs[0].path, "--format", "tex").stdout
    assert "mini-v1 & 144 & non-blacklisted & " in text
    assert text.count(r" \\") == 9


def test_page_is_written_with_all_runs(mini_runs, tmp_path):
    cli("report", *(run.path for run in mini_runs), "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(run.name in page for run in mini_runs)


def test_run_may_be_named_by_its_manifest(run):
    assert cli("report", run.path / "manifest.json").stdout == cli("report", run.path).stdout


def test_run_may_be_named_by_the_beginning_of_its_name(run):
    begin = run.path.parent / run.path.name[:10]
    assert cli("report", begin).stdout == cli("report", run.path).stdout


def test_name_without_a_folder_is_looked_for_in_the_usual_folder(run, monkeypatch):
    monkeypatch.chdir(run.path.parents[1])
    shown = cli("report", f"runs/{run.path.name}").stdout
    assert cli("report", run.path.name[:10]).stdout == shown
    assert cli("report", run.path.name[-8:]).stdout == shown


def test_beginning_of_several_names_is_a_usage_error(run, evaluate):
    other = evaluate(crops="10", pool="max")
    line = cli_error("report", run.path.parent / "timm", code=2)
    first, second = sorted([run.path, other.path])
    assert line.endswith(f"timm may be any of {first}, {second}: write more of the name")


def test_files_beside_runs_are_left_out_with_a_note(run, tmp_path):
    for name in ("demo.csv", "demo.md"):
        (tmp_path / name).touch()
    done = cli("report", tmp_path / "demo.csv", run.path, tmp_path / "demo.md")
    assert done.stderr == f"note: left out, being a file and no run: {tmp_path}/demo.csv and 1 more\n"
    assert done.stdout == cli("report", run.path).stdout
    assert "demo.csv" in cli_error("report", tmp_path / "demo.csv", code=1)
    assert "is no run" in cli_error("report", run.path, tmp_path, code=1)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-o", "table.xls"], 2, "no format 'xls' for table.xls"),
        (["--format", "xls"], 2, "no format 'xls'"),
        (
            ["--truth", "real"],
            1,
            "no image of .* has a label in real: leave the run out, or score it otherwise",
        ),
        (
            ["--truth", "multilabel"],
            2,
            "--truth multilabel: write real, or the name of a .json, .csv or .txt",
        ),
        (["--truth", "real", "--truth", "real"], 2, "two --truth are called real: name each once"),
        (["--classes", "imagenet-z"], 2, "--classes imagenet-z: write imagenet-a, .*, or a file"),
        (["-o", "/sys/table.csv"], 1, "cannot write /sys/table.csv"),
    ],
)
def test_wrong_options_are_errors(run, options, code, message):
    assert re.search(message, cli_error("report", run.path, *options, code=code))


def test_other_labels_have_rows_beside_the_own(run, tmp_path):
    """Of six images three are named, as a path, a file name and a name without the ending."""
    names = [image for shard in run.shards() for image in shard.ids]
    frame = json.loads(cli("predictions", run.path, "--format", "json").stdout)["rows"]
    top1 = {row["image"]: row["top1"] for row in frame}
    path, file_name, short = names[0], names[1].rpartition("/")[2], names[2].rpartition("/")[2][:-5]
    labels = {path: [top1[names[0]], 7], file_name: [(top1[names[1]] + 1) % 1000], short: ["n01440764"]}
    (tmp_path / "mine.json").write_text(json.dumps(labels))
    hits = 1 + (top1[names[2]] == 0)
    rows = csv_rows("report", run.path, "--truth", tmp_path / "mine.json")
    assert [(row["protocol"], row["truth"], row["n"]) for row in rows] == [
        *(("1", "", "6"), ("10", "", "6"), ("1", "mine.json", "3"), ("10", "mine.json", "3")),
    ]
    assert int(rows[-1]["top1_hits"]) == hits
    text = cli("report", run.path, "--truth", tmp_path / "mine.json").stdout
    assert "| labels |" in text
    assert "| own |" in text
    assert "| classes |" not in text


def test_classes_that_count_are_those_that_are_stated(run):
    """Of the three classes of the images, ImageNet-R has goldfish and great white shark, not tench."""
    folder = Path(timm.__file__).parent / "data" / "_info"
    chosen = np.loadtxt(folder / "imagenet_r_indices.txt", dtype=int)
    shards = list(run.shards())
    labels = np.concatenate([shard.labels for shard in shards])
    kept = np.isin(labels, chosen)
    (row, _) = csv_rows("report", run.path, "--classes", "imagenet-r")
    probabilities = np.concatenate([shard.probabilities["1"] for shard in shards])[kept][:, chosen]
    best = chosen[np.argsort(-probabilities, axis=1)[:, :5]]
    assert (row["class_set"], row["classes"], row["n"]) == ("imagenet-r", "200", "4")
    assert int(row["top1_hits"]) == (best[:, 0] == labels[kept]).sum()
    assert int(row["top5_hits"]) == (best == labels[kept][:, None]).any(axis=1).sum()
    all_classes = cli("report", run.path, "--classes", "all", "--format", "csv").stdout
    assert all_classes == cli("report", run.path, "--format", "csv").stdout


def test_run_with_classes_of_its_own_is_not_scored_among_imagenets(mini_runs):
    line = cli_error("report", mini_runs[0].path, "--classes", "imagenet-r", code=2)
    assert line.endswith(f"{mini_runs[0].path} has classes of its own, leave --classes out")


def test_folder_without_a_manifest_is_no_run(tmp_path):
    assert "is no run: it has no manifest.json" in cli_error("report", tmp_path, code=1)


def test_same_run_twice_is_refused(run):
    assert "is the same run as" in cli_error("report", run.path, run.path / "manifest.json", code=2)


def test_incomplete_run_is_exit_code_4_and_leaves_no_file(incomplete_run, tmp_path):
    line = cli_error("report", incomplete_run.path, "-o", tmp_path / "table.csv", code=4)
    assert line.endswith("is incomplete: 6 of 6 images; the same eval command continues it")
    assert not (tmp_path / "table.csv").exists()


def test_calibration_has_columns_for_people_where_it_is_wanted_and_for_programs_always(run):
    for kind in ("md", "tex"):
        assert "ECE" not in cli("report", run.path, "--format", kind).stdout
        assert "NLL" in cli("report", run.path, "--format", kind, "--calibration").stdout
    assert float(csv_rows("report", run.path)[0]["nll"]) > 0
    rows = json.loads(cli("report", run.path, "--format", "json").stdout)["rows"]
    assert all(0 <= row["ece"] <= 1 and 0 <= row["brier"] <= 2 for row in rows)


def test_rows_by_class_have_wordnet_ids_and_names(run):
    rows = csv_rows("report", run.path, "--by", "class")
    assert {row["label"] for row in rows} <= set(timm.data.ImageNetInfo().label_names())
    assert ("n01440764", "tench, Tinca tinca", "10") in {
        (row["label"], row["class_name"], row["protocol"]) for row in rows
    }
    assert sum(int(row["n"]) for row in rows) == int(csv_rows("report", run.path)[0]["n"])
    single = csv_rows("report", run.path, "--by", "class", "--protocol", "1")
    assert {row["protocol"] for row in single} == {"1"}


def test_card_and_entries_follow_the_ending(run, tmp_path):
    card = tmp_path / "card.md"
    cli("report", run.path, "--format", "hub", "-o", card)
    assert card.read_text().startswith("---\npipeline_tag: image-classification\nmodel-index:")
    assert card.read_text() == cli("report", run.path, "--format", "hub").stdout
    entries = tmp_path / "entries.yaml"
    line = cli_error("report", run.path, "--format", "hub", "-o", entries, code=2)
    assert ".eval_results take ImageNet's validation images" in line
    assert not entries.exists()


def test_options_that_do_not_go_together_are_refused(run):
    for arguments, line in (
        (("--by", "superclass"), "no table by 'superclass': write --by class"),
        (("--protocol", "1"), "--protocol is of --by class"),
        (("--by", "class", "--format", "html"), "--by class is written as csv, md, tex, json, not as html"),
        (("--by", "class", "--protocol", "144"), "has no protocol '144': it has 1, 10"),
        (("--by", "class", "--calibration"), "--calibration is not for --by class"),
        (("--format", "hub", "--calibration"), "--calibration is not for the hub"),
        (
            ("--format", "hub", "-o", "/nowhere/card.csv"),
            "card.csv is no file for the hub: write a .md for a card",
        ),
    ):
        assert line in cli_error("report", run.path, *arguments, code=2)


def test_site_of_a_folder_has_a_page_for_each_run(tmp_path):
    for seed in range(2):
        random_run(tmp_path / "runs" / f"run{seed}", seed)
    done = cli("report", tmp_path / "runs", "-o", f"{tmp_path}/site/")
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("wrote")][-1] == f"wrote {tmp_path}/site/index.html"
    assert len([line for line in lines if line.startswith("note: ")]) == 1  # pictures, of all pages
    assert {"run0.html", "run1.html"} <= {path.name for path in (tmp_path / "site").iterdir()}
    again = cli("report", tmp_path / "runs", "-o", tmp_path / "site")
    assert again.stderr == f"wrote {tmp_path}/site/index.html\n"


def test_site_with_incomplete_runs_is_exit_code_4_after_it_was_written(tmp_path):
    for seed in range(2):
        run = random_run(tmp_path / "runs" / f"run{seed}", seed)
    write_manifest(run.path, replace(run.manifest, complete=False))
    line = cli_error("report", tmp_path / "runs", "-o", f"{tmp_path}/site/", code=4)
    index = tmp_path / "site/index.html"
    assert line.startswith(f"not counted in {index}: {run.path} is incomplete: 25 of 25 images; ")
    assert "1 complete run on 1 set of images" in index.read_text()


def test_site_takes_one_folder_of_runs_and_no_options_of_tables(tmp_path):
    run = random_run(tmp_path / "runs" / "run0", 0)
    site = f"{tmp_path}/site/"
    (tmp_path / "file").touch()
    for arguments, code, line in (
        ((run.path, "-o", site), 2, "is for all runs in a folder: name that folder alone, or write a .html"),
        ((run.path.parent, run.path, "-o", site), 2, "is for all runs in a folder"),
        ((run.path.parent, "-o", site, "--by", "class"), 2, "--by is not for"),
        ((run.path.parent, "-o", site, "--truth", "real"), 2, "--truth is not for"),
        ((run.path.parent, "-o", f"{tmp_path}/file/"), 2, "file is a file: name a folder for the site"),
        ((run.path.parent, "-o", tmp_path / "runs"), 2, "runs has files in it that are no site's"),
        ((run.path / "shards", "-o", site), 1, "has no runs: name a folder"),
        (
            (tmp_path / "nowhere", "-o", site),
            1,
            "nowhere: No such file or directory; name a folder with runs",
        ),
    ):
        assert line in cli_error("report", *arguments, code=code)
    assert not (tmp_path / "site").exists()
