"""inception-bench check"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import inform, note, show
from bench.cli.parameters import ClassSet, Json, Quiet, Truths, Wide, parse_run
from bench.cli.scorings import read_scorings
from bench.errors import BenchError, UsageError
from results.text import printable

if TYPE_CHECKING:
    from results.baseline import Verdict


def parse_baseline(name: str) -> Path:
    """The path of a baseline, or `PUBLISHED`."""
    from results.gate import parse_against

    return parse_against(name, parse_run)


@app.command(
    epilog="Example: inception-bench check runs/v3-val-144-1a2b3c4d --against baseline.csv --tolerance 0.1"
)
def check(
    measured: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_TABLE...",
            help="Runs, or a CSV.",
            show_default=False,
            parser=parse_run,
            autocompletion=completion.runs,
        ),
    ],
    against: Annotated[
        Path,
        typer.Option(
            "--against",
            help="The baseline: a CSV, or a run; or `published`, the figures of the runs' weights.",
            show_default=False,
            parser=parse_baseline,
            autocompletion=lambda incomplete: ["published", *completion.runs(incomplete)],
        ),
    ],
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", help="Points by which an error may be worse, or differ from a published one."
        ),
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
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Hold runs to a baseline or to published figures, for CI.

    The exit code is 3 when a row fails: when it is worse, missing, or on other images; and when it differs
    from what was published.
    """
    from results import baseline, gate
    from results.report import junit
    from results.report.comparison_tables import describe
    from results.run import Run
    from results.storage import write_output

    _check_options(measured, against, update, prune)
    allowed = baseline.Tolerance(tolerance, alpha, both_ways)
    paths = measured if against == gate.PUBLISHED else [*measured, against]
    runs = [Run.open(path) for path in paths if baseline.is_run(path)]
    if (classes or truth) and not runs:
        raise UsageError("--classes and --truth score runs, and these are tables: name a run")
    scorings = read_scorings(runs, classes, truth)
    if update:
        for change in baseline.update(measured, against, scorings, prune=prune):
            print(printable(describe(change)), file=sys.stderr)
        inform(f"wrote {against}")
    verdicts = gate.check(measured, against, allowed, scorings)
    if update:  # the others were not measured now, and stay
        verdicts = [verdict for verdict in verdicts if verdict.measured]
    if junit_file:
        write_output(junit_file, junit.write(verdicts, str(against)))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _report_to_github(verdicts, against, as_json)
    nothing = gate.why_nothing_was_compared(verdicts)
    passed = not nothing and all(verdict.passed is not False for verdict in verdicts)
    _print(verdicts, against, passed, as_json, wide)
    if nothing:
        raise BenchError(f"nothing to hold {', '.join(map(str, measured))} to: {nothing}")
    if not passed:
        raise typer.Exit(3)


def _check_options(measured: list[Path], against: Path, update: bool, prune: bool) -> None:
    """Raise `UsageError` for `--prune` alone, and for what cannot be done with published figures."""
    from results import gate

    if prune and not update:
        raise UsageError("--prune removes rows of the baseline that is written: pass --update with it")
    if against == gate.PUBLISHED:
        if update:
            raise UsageError("--update writes a baseline: leave it out with --against published")
        gate.refuse_tables(measured)


def _print(verdicts: "list[Verdict]", against: Path, passed: bool, as_json: bool, wide: bool) -> None:
    from dataclasses import asdict

    from results.report.comparison_tables import verdict_tables

    if as_json:
        rows = [_without_unused(asdict(verdict)) for verdict in verdicts]
        print(json.dumps({"passed": passed, "rows": rows}))
    else:
        show(*verdict_tables(verdicts, str(against)), wide=wide)


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
