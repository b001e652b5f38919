"""What a manifest says is shown, and does nothing: to a terminal, to a page, or to GitHub Actions."""

import json
from dataclasses import fields, is_dataclass, replace
from xml.etree import ElementTree

import pandas as pd
import pytest

from results.baseline import update
from results.manifest import AgreementRecord, BlacklistRecord
from results.report.html.charts import runtime
from results.run import Shard, write_manifest
from results.text import COMMAND
from tests.helpers import cli, cli_error, complete_run, random_manifest

TEXT = "::error::a\x1b[31m\a\x9b31m\u202e\u2066\u2028\xad\t\r\n ::error title=b::c ##[error]d "
"""Commands of GitHub, and ones of terminals; letters that turn the direction of text, or are not seen."""

NOT_UTF_8 = "\udcff"
KEPT = ("schema", "sha256", "precision")
"""Fields that decide whether a manifest can be read."""


def hostile(record, text):
    """The record with `text` in front of each text in it, keys among them."""
    if isinstance(record, str):
        return text + record
    if isinstance(record, dict):
        return {text + key: hostile(value, text) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return tuple(hostile(each, text) for each in record)
    if not is_dataclass(record):
        return record
    changed = {item.name: hostile(getattr(record, item.name), text) for item in fields(record)}
    return replace(record, **{name: value for name, value in changed.items() if name not in KEPT})


def hostile_run(folder, seed, text):
    """A complete run of ten images, one of them skipped, with that text wherever there can be one."""
    usual = random_manifest(10)
    manifest = replace(
        usual,
        identity=str(seed),
        model=replace(usual.model, name=f"net{seed}", weights="w", label_order="own", multiply_adds=1),
        data=replace(usual.data, classes=tuple(f"class {number}" for number in range(10))),
        runtime=replace(usual.runtime, agreement=AgreementRecord(precision="fp16", same_top1=1, images=1)),
        blacklist=BlacklistRecord(source="list", sha256="of the list", excluded=("image 3",)),
        options={"model": f"net{seed}"},
        environments=({"torch": "2", "platform": None},),
        started="today",
    )
    generator = pd.Series(range(90)).sample(frac=1, random_state=seed).to_numpy(dtype="float32")
    probabilities = generator.reshape(9, 10) / 90
    plan = hostile(manifest.plan, text.replace(NOT_UTF_8, ""))  # of which safetensors has the names
    run = write_manifest(folder, replace(hostile(manifest, text), plan=plan))
    shard = Shard(
        start=0,
        stop=10,
        ids=[f"{text}image {number}" for number in range(9)],
        labels=pd.Series(range(9)).to_numpy(),
        probabilities=dict.fromkeys(run.protocols, probabilities),
        skipped={f"{text}image 9": f"{text}no image"},
    )
    return complete_run(run, [shard])


@pytest.fixture(params=[TEXT, TEXT + NOT_UTF_8], ids=["control", "no-utf-8"])
def runs(request, tmp_path):
    """Two hostile runs on the same images, in folders with hostile names."""
    folders = [tmp_path / f"{request.param.replace('/', '')}{seed}" for seed in range(2)]
    return [hostile_run(folder, seed, request.param).path for seed, folder in enumerate(folders)]


def assert_harmless(text):
    lines = text.split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if COMMAND.search(line)] == []


@pytest.mark.parametrize("format", ["md", "tex"])
def test_reports_are_harmless(runs, format):
    assert_harmless(cli("report", *runs, "--format", format).stdout)


def test_page_is_harmless(runs, tmp_path):
    done = cli("report", *runs, "-o", tmp_path / "page.html")
    assert "the page has no pictures: " in done.stderr
    assert_harmless(done.stderr)
    assert_harmless((tmp_path / "page.html").read_text("utf-8").replace(runtime(), ""))


def test_comparison_is_harmless(runs):
    shown = cli("compare", *runs).stdout
    assert "classes that changed most" in shown
    assert_harmless(shown)


def test_json_has_the_names_as_they_are_in_lines_that_are_printable(runs):
    text = cli("report", *runs, "--format", "json").stdout
    assert {row["run"] for row in json.loads(text)["rows"]} == {run.name for run in runs}
    assert all(line.isprintable() and not line.lstrip().startswith("::") for line in text.split("\n"))


@pytest.mark.parametrize("options", [(), ("--each",)])
def test_ensemble_is_harmless(runs, tmp_path, options):
    done = cli("ensemble", *runs, "--out", tmp_path / "out", *options)
    assert_harmless(done.stdout)
    assert_harmless(done.stderr)


@pytest.fixture
def on_github(tmp_path, monkeypatch):
    """The summary of the step of a job of GitHub Actions in which the commands run."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def test_gate_prints_no_annotations_but_its_own(runs, tmp_path, on_github):
    baseline = tmp_path / f"{runs[0].name}.csv"
    update([runs[0]], baseline)
    for against in (runs[0], baseline):
        on_github.unlink(missing_ok=True)
        junit = tmp_path / "junit.xml"
        done = cli("check", runs[1], "--against", against, "--junit", junit, code=3)
        own = [line for line in done.stdout.split("\n") if line.startswith("::error title=")]
        rest = [line for line in done.stdout.split("\n") if line not in own]
        suite = ElementTree.parse(junit).getroot()
        assert len(own) == int(suite.attrib["failures"]) == 8
        assert all(line.isprintable() for line in own)
        assert_harmless("\n".join(rest))
        assert_harmless(on_github.read_text("utf-8"))
        for element in suite.iter():
            assert_harmless("".join([*element.attrib.values(), element.text or ""]))


@pytest.mark.parametrize(
    ("command", "options", "code"),
    [
        ("compare", ("--protocol", "none"), 2),
        ("compare", ("--show", "flips.png"), 1),
        ("check", ("--against", "nowhere.csv"), 1),
    ],
    ids=["protocol", "pictures", "baseline"],
)
def test_errors_are_harmless(runs, tmp_path, command, options, code):
    assert_harmless(cli_error(command, *runs, *options, code=code))
