"""The names that others rely on stay: of commands, options, JSON, manifests, exit codes and Python.

`tests/stable_names.json` lists them, and the changelog of 1.0.0 says how one may go.
"""

import csv
import inspect
import json
import os
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.main import get_command

import bench
from bench.cli import app
from bench.cli.errors import errors_as_lines
from bench.errors import BenchError, Terminated, UsageError
from bench.evaluation import evaluate
from results import manifest
from results.errors import IncompleteRun
from results.run import Run
from tests.conftest import MINI_IMAGES
from tests.helpers import cli, cli_json, pooled

FILE = Path(__file__).with_name("stable_names.json")
STABLE = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def check(kind, found):
    """Fail where a stable name is gone, or a new one not listed yet; `make names` lists it."""
    stable, found = set(STABLE.get(kind, ())), set(found)
    if os.environ.get("ADD_STABLE_NAMES"):
        STABLE[kind] = sorted(stable | found)
        FILE.write_text(json.dumps(STABLE, indent=1, sort_keys=True) + "\n", "utf-8")
        stable |= found
    gone, new = sorted(stable - found), sorted(found - stable)
    assert not gone, f"gone, though the changelog of 1.0.0 promises them until 2.0.0: {', '.join(gone)}"
    assert not new, f"new: run `make names`, and commit them with the code: {', '.join(new)}"


def paths(value, prefix=""):
    """The names in a JSON value, each with those around it; the values in a list have the same place.

    >>> sorted(paths({"run": "x", "rows": [{"n": 1}, {"p": 2}]}))
    ['rows', 'rows[].n', 'rows[].p', 'run']
    """
    if isinstance(value, list):
        return {path for item in value for path in paths(item, f"{prefix}[]")}
    if not isinstance(value, dict):
        return set()
    places = {f"{prefix}.{name}".lstrip("."): item for name, item in value.items()}
    return set(places).union(*(paths(item, place) for place, item in places.items()))


def test_commands_and_their_options():
    program = get_command(app)
    commands = {"inception-bench": program} | program.commands
    check(
        "options",
        (
            f"{name} {word}"
            for name, command in commands.items()
            for parameter in command.params
            for word in [*parameter.opts, *parameter.secondary_opts]
            if word.startswith("-")
        ),
    )
    check("commands", (f"inception-bench {name}" for name in program.commands))


def test_fields_and_schema_of_the_manifest():
    records = [kind for kind in vars(manifest).values() if is_dataclass(kind) and kind.__name__[0] != "_"]
    names = [f"{kind.__name__}.{item.name}" for kind in records for item in fields(kind)]
    check("manifest", [*names, *(f"schema {number} can be read" for number in manifest.READABLE)])


def test_exit_codes(mini_runs, tmp_path):
    errors = {
        "the work failed": BenchError(),
        "the command line is wrong": UsageError(),
        "a run is incomplete": IncompleteRun(),
        "interrupted": KeyboardInterrupt(),
        "terminated": Terminated(),
    }
    codes = {"done": cli("runs", mini_runs[0].path.parent).exit_code}
    for meaning, error in errors.items():
        with pytest.raises(typer.Exit) as end, errors_as_lines(debug=False, command=None):
            raise error
        codes[meaning] = end.value.exit_code
    worse = ("check", mini_runs[2].path, "--against", mini_runs[3].path, "--tolerance", "0")
    codes["the gate failed"] = cli(*worse, code=3).exit_code
    check("exit codes", (f"{code} {meaning}" for meaning, code in codes.items()))


def test_names_in_python():
    """Of a run, `tests/stable_names.json` itself says which of its names are for users."""
    functions = {name: inspect.signature(getattr(bench, name)).parameters for name in bench.__all__}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = {f"bench.{name}" for name in functions}
    for function, parameters in functions.items():
        found |= {f"bench.{function}({name})" for name, each in parameters.items() if each.kind in named}
    of_runs = {f"Run.{name}" for name in {*dir(Run), *(item.name for item in fields(Run))}}
    check("python", found | of_runs & set(STABLE.get("python", ())))


@pytest.fixture
def printed(mini_runs, mini_out, tmp_path, monkeypatch):
    """What each command prints with `--json`, by the command, on the runs of the mini networks."""
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "run_evaluations", lambda several, reporter: mini_runs[:4])
        demo = cli_json("demo", "--out", tmp_path)
    one, other = (run.path for run in mini_runs[:2])
    np.save(tmp_path / "scores.npy", pooled(mini_runs[0], "1"))
    suite = tmp_path / "small.toml"
    suite.write_text(
        f'networks = ["mini-v3"]\ncrops = "144"\nlimit = {MINI_IMAGES}\n[data.mini]\ndata = "mini"\n'
    )
    regions = tmp_path / "regions.csv"
    regions.write_text("image,xmin,ymin,xmax,ymax\nmini_val_00000001,0,0,79,73\n")
    usual = ("--limit", MINI_IMAGES, "--out", mini_out)
    found, same = tmp_path / "detections.csv", tmp_path / "same.csv"
    for path in (found, same):
        path.write_text("image,class,score,xmin,ymin,xmax,ymax\na,dog,1,0,0,9,9\n")
    objects = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]}],
    }
    (tmp_path / "objects.json").write_text(json.dumps(objects))
    score = ("score-detections", found, same, "--annotations", tmp_path / "objects.json", "--rule", "coco")
    cpu = ("--device", "cpu", "--precision", "fp32")  # a GPU has more to say
    reports = {name: cli("report", one, "-o", "-", "--format", name).stdout for name in ("json", "csv")} | {
        "predictions": cli("predictions", one, "--protocol", "1", "-o", "-").stdout
    }
    return {
        "check": cli_json("check", one, "--against", one),
        "compare": cli_json("compare", one, other),
        "demo": demo,
        "detect": cli_json(
            *("detect", "--model", "mini-v3", "--proposals", regions, "--limit", "1", "--out", tmp_path)
        ),
        "doctor": cli_json("doctor", *usual),
        "ensemble": cli_json("ensemble", one, other, "--out", tmp_path),
        "eval": cli_json("eval", "--crops", "144", *usual),
        "experiment": cli_json("experiment", "factorisation-cost"),
        "experiments": cli_json("experiments"),
        "import": cli_json("import", tmp_path / "scores.npy", "--limit", MINI_IMAGES, "--out", tmp_path),
        "models": cli_json("models"),
        "papers": cli_json("papers"),
        "papers TABLE": cli_json("papers", "inception-v4/table4"),
        "papers weights": cli_json("papers", "weights", "--model", "v3"),
        "predictions, CSV": first_line(reports["predictions"]),
        "protocols": cli_json("protocols"),
        "report, CSV": first_line(reports["csv"]),
        "report, JSON": json.loads(reports["json"]),
        "reproduce": cli_json("reproduce", "mini", *usual),
        "reproduce --train": cli_json("reproduce", "rethinking/table3", "--train", "images"),
        "runs": cli_json("runs", one.parent),
        "score-detections": cli_json(*score),
        "score-detections, CSV": first_line(cli(*score, "-o", "-").stdout),
        "suite": cli_json("suite", suite, "--out", mini_out),
        "throughput": cli_json("throughput", *cpu, "--limit", "2", "--rounds", "1", "--seconds", "0.1"),
        "train --explain": cli_json("train", "--explain"),
    }


def first_line(text):
    """The columns of a CSV, as names without values."""
    return dict.fromkeys(next(csv.reader(text.splitlines())))


def test_names_in_json(printed):
    check("json", {f"{command}: {path}" for command, value in printed.items() for path in paths(value)})
