"""Runs that an earlier version wrote (manifest schema 2) can be read by all that reads runs."""

import csv
import io
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from bench.cli import app
from results.baseline import Tolerance, check
from results.comparison import compare
from results.ensemble import ensemble, growth
from results.errors import RunError
from results.report import FORMATS, html
from results.run import Run
from results.tables import accuracy, predictions

NAMES = ["v1", "v3", "dialect", "ensemble"]
TOLERANCE = Tolerance(0.1, 0.01)


def cli(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


@pytest.fixture
def v1(stored_runs):
    return stored_runs["v1"]


@pytest.fixture
def v3(stored_runs):
    return stored_runs["v3"]


@pytest.fixture(params=NAMES)
def stored(stored_runs, request):
    return stored_runs[request.param]


def test_stored_run_is_complete_and_its_shards_are_sound(stored):
    assert stored.complete
    assert [len(shard.ids) for shard in stored.shards()] == [12]


@pytest.mark.parametrize("ending", FORMATS)
def test_stored_run_has_a_table_in_each_format(stored, ending):
    table = accuracy([stored])
    assert table["n"].min() >= 10
    text = FORMATS[ending](table)
    assert "mini-v" in text
    assert cli("report", stored.path, "--format", ending).stdout == text


def test_stored_run_has_a_page(stored, tmp_path):
    page = html.write([stored], [f"class {i}" for i in range(50)])
    assert "Errors by class" in page
    cli("report", stored.path, "-o", tmp_path / "page.html")
    assert "Errors by class" in (tmp_path / "page.html").read_text()


def test_stored_runs_of_the_same_images_share_a_page(v1, v3, tmp_path):
    cli("report", v1.path, v3.path, "-o", tmp_path / "page.html")
    assert "<h1>mini-v1, mini-v3</h1>" in (tmp_path / "page.html").read_text()


def test_stored_run_has_predictions(stored):
    protocol = stored.protocols[-1]
    frame = predictions(stored, protocol)
    assert len(frame) == 12
    rows = list(csv.reader(io.StringIO(cli("predictions", stored.path, "--protocol", protocol).stdout)))
    assert rows[0][: len(frame.columns)] == list(frame)
    assert [row[0] for row in rows[1:]] == frame["image"].tolist()


def test_stored_runs_are_compared(v1, v3):
    found = compare(v1, v3)
    assert found.n == 12
    printed = json.loads(cli("compare", v1.path, v3.path, "--json").stdout)
    assert (printed["n"], printed["protocol"]) == (12, "10")
    assert printed["flipped"] == [found.only_a_right, found.only_b_right]
    assert "exact McNemar p = " in cli("compare", v1.path, v3.path).stdout


def test_stored_run_passes_the_gate_against_itself(stored, tmp_path):
    baseline = tmp_path / "baseline.csv"
    done = cli("check", stored.path, "--against", baseline, "--update")
    rows = len(accuracy([stored]))
    assert f"all {rows} rows pass" in done.stdout
    for against in (baseline, stored.path):
        assert {verdict.why for verdict in check([stored.path], against, TOLERANCE)} == {"equal"}
        assert f"all {rows} rows pass" in cli("check", stored.path, "--against", against).stdout


def test_gate_of_another_run_fails_everywhere_it_reports(v1, v3, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = cli("check", v1.path, "--against", v3.path, "--junit", tmp_path / "junit.xml", code=3)
    rows = len(accuracy([v1])) + len(accuracy([v3]))
    assert f"{rows} of {rows} rows fail" in done.stdout
    assert done.stdout.count("::error title=mini-v") == rows
    assert f"{rows} of {rows} rows fail against" in summary.read_text()
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().attrib["failures"] == str(rows)
    done = cli("check", v1.path, "--against", v3.path, "--json", code=3)
    assert json.loads(done.stdout)["passed"] is False
    assert done.stderr.count("::error title=") == rows


def test_step_summary_that_cannot_be_written_is_a_note(v1, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    done = cli("check", v1.path, "--against", v1.path)
    assert f"note: cannot write the step summary {tmp_path}" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--tolerance", "-1", "--tolerance -1: write points of error"),
        ("--alpha", "1", "--alpha 1: write a probability"),
    ],
)
def test_tolerance_without_a_meaning_is_a_usage_error(v1, option, value, message):
    assert message in cli("check", v1.path, "--against", v1.path, option, value, code=2).stderr


def test_ensemble_of_stored_runs_is_the_stored_ensemble(stored_runs, v1, v3, tmp_path):
    stored = stored_runs["ensemble"]
    run = ensemble([v1, v3], tmp_path)
    assert run.identity == stored.identity
    assert run.identity.startswith("0006e2ca")
    assert run.path.name == stored.path.name
    for part in run.parts:
        assert run.shard_path(part).read_bytes() == stored.shard_path(part).read_bytes()
    assert run.manifest.shards == stored.manifest.shards
    assert run.manifest.model == stored.manifest.model


def test_ensemble_of_stored_runs_on_the_command_line(v1, v3, tmp_path):
    done = cli("ensemble", v1.path, v3.path, "--out", tmp_path, "--json")
    run = Run.open(Path(json.loads(done.stdout)["run"]))
    assert run.identity.startswith("0006e2ca")
    done = cli("ensemble", v1.path, v3.path, "--out", tmp_path, "--each")
    assert "members, in the order they are added: mini-v1.mini, mini-v3.mini" in done.stdout
    assert len(growth([v1, v3])) == 4 * (1 if run.excluded is None else 2)


def test_stored_dialect_has_a_single_crop_that_is_not_the_papers(stored_runs, v3):
    dialect = stored_runs["dialect"]
    assert dialect.protocols == ("1/timm",)
    with pytest.raises(RunError, match=r"no protocol that all runs have: .* has 1, 10; .* has 1/timm"):
        compare(v3, dialect)


def test_table_of_a_run_does_not_depend_on_its_folder(v1, tmp_path):
    copy = Run.open(shutil.copytree(v1.path, tmp_path / "elsewhere"))
    assert accuracy([copy]).drop(columns="run").equals(accuracy([v1]).drop(columns="run"))
