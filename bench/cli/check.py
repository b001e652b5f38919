"""inception-bench check"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.app import app
from bench.cli.output import note, show
from bench.cli.parameters import ClassSet, Json, Truths, parse_run
from bench.cli.scorings import read_scorings
from bench.errors import UsageError
from results.text import printable

if TYPE_CHECKING:
    from results.baseline import Verdict


@app.command(
    epilog="Example: inception-bench check runs/v3-val-144-1a2b3c4d --against baseline.csv --tolerance 0.1"
)
def check(
    measured: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_TABLE...", help="Runs, or a CSV.", show_default=False, parser=parse_run
        ),
    ],
    against: Annotated[
        Path,
        typer.Option(
            "--against", help="The baseline: a CSV, or a run.", show_default=False, parser=parse_run
        ),
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Points by which an error may be worse.")
    ] = 0.1,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Where both are runs: p below which a paired test fails.")
    ] = 0.01,
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="Also fail when better, so that baselines are renewed.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Write what was measured into the baseline; other rows stay.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="With --update: remove the rows that were not measured.")
    ] = False,
    classes: ClassSet = None,
    truth: Truths = [],  # noqa: B006 - Typer takes a list
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write JUnit XML to this file.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold runs to a baseline, for CI: exit code 3 when a row is worse, missing, or on other images."""
    from dataclasses import asdict

    from results import baseline
    from results.report import junit
    from results.report.comparison_tables import describe, verdict_tables
    from results.run import Run
    from results.storage import write_output

    allowed = baseline.Tolerance(tolerance, alpha, both_ways)
    runs = [Run.open(path) for path in (*measured, against) if baseline.is_run(path)]
    if (classes or truth) and not runs:
        raise UsageError("--classes and --truth score runs, and these are tables: name a run")
    scorings = read_scorings(runs, classes, truth)
    if prune and not update:
        raise UsageError("--prune removes rows of the baseline that is written: pass --update with it")
    if update:
        for change in baseline.update(measured, against, scorings, prune=prune):
            print(printable(describe(change)), file=sys.stderr)
        print(printable(f"wrote {against}"), file=sys.stderr)
    verdicts = baseline.check(measured, against, allowed, scorings)
    if update:  # the others were not measured now, and stay
        verdicts = [verdict for verdict in verdicts if verdict.measured]
    if junit_file:
        write_output(junit_file, junit.write(verdicts, str(against)))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _report_to_github(verdicts, against, as_json)
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        rows = [_without_unused(asdict(verdict)) for verdict in verdicts]
        print(json.dumps({"passed": passed, "rows": rows}))
    else:
        show(*verdict_tables(verdicts, str(against)))
    if not passed:
        raise typer.Exit(3)


def _without_unused(row: "dict[str, Any]") -> "dict[str, Any]":
    """The verdict without how it was scored, where that was not over a set of classes or by other labels."""
    from results.tables import SCORED

    return {name: value for name, value in row.items() if value or name not in SCORED}


def _report_to_github(verdicts: "list[Verdict]", against: Path, as_json: bool) -> None:
    """Print annotations, and add to the step's summary, where it can be written: the verdicts matter more."""
    from results.report import github, markdown

    for line in github.annotations(verdicts):
        print(line, file=sys.stderr if as_json else sys.stdout)
    if not (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.verdict_summary(verdicts, str(against)))
    except OSError as error:
        note(f"cannot write the step summary {summary}: {error.strerror}")
