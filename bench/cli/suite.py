"""inception-bench suite"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import note, progress, show, write_text
from bench.cli.parameters import Json, Quiet, Wide, option
from bench.errors import BenchError, UsageError
from bench.options import DEFAULTS
from results.text import printable

if TYPE_CHECKING:
    from bench.suites.run import Outcome
    from bench.suites.suite import Suite


@app.command(
    epilog="Example: inception-bench suite timm-families --data validation=imagenet/val --limit 1000"
)
def suite(
    file: Annotated[
        str,
        typer.Argument(
            metavar="SUITE.toml",
            autocompletion=completion.suites,
            help="networks = [...], options of eval, and a table [data.NAME] with data = PLACE for each data "
            "set; or the name of one that comes with the program.",
            show_default=False,
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="NAME=PLACE: where a data set of the suite is.", show_default=False),
    ] = None,
    limit: Annotated[int | None, option("limit")] = None,
    out: Annotated[Path, option("out")] = DEFAULTS.out,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the suite, and list what would run.")
    ] = False,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate networks on data sets as one file says.

    Networks x data sets x protocols: a table, a page for each data set, and a check.
    """
    from bench.suites.run import check_suite, run_suite
    from bench.suites.suite import read_suite

    changes = {"out": out} | ({} if limit is None else {"limit": limit})
    opened = read_suite(file, _places(data or []), **changes)
    with progress() as reporter:
        check_suite(opened)
        outcome = None if dry_run else run_suite(opened, reporter)
    if outcome is None:
        _list(opened, as_json)
        return
    passed = _present(opened, outcome, out, as_json, wide)
    if outcome.failures:
        raise BenchError(
            f"{len(outcome.failures)} evaluations of {file} failed, as noted above: "
            "the same command runs them again, and keeps the others"
        )
    if not passed:
        raise typer.Exit(3)


def _places(words: list[str]) -> dict[str, str]:
    places = dict(word.partition("=")[::2] for word in words)
    for name, place in places.items():
        if not name or not place:
            raise UsageError(f"--data {name or '='}: write --data NAME=PLACE, with a name that the suite has")
    return places


def _list(suite: "Suite", as_json: bool) -> None:
    listed = [
        {"data": name, "place": options.data, "model": options.model, "weights": options.weights}
        | {"crops": options.crops}
        for name, several in suite.evaluations.items()
        for options in several
    ]
    several = next(iter(suite.evaluations.values()))
    ensembles = ["+".join(several[number].model for number in members) for members in suite.ensembles]
    if as_json:
        print(json.dumps({"would_run": listed, "ensembles": ensembles}))
        return
    for each in listed:
        weights = f"={each['weights']}" if each["weights"] else ""
        print(printable(f"{each['data']}: {each['model']}{weights}, {each['crops']} crops, {each['place']}"))
    for name in ensembles:
        print(printable(f"ensemble of {name}"))


def _present(suite: "Suite", outcome: "Outcome", out: Path, as_json: bool, wide: bool) -> bool:
    """Print the table, write it and the pages to `out`, and hold it to the baseline: whether it passed."""
    from dataclasses import asdict

    from bench.views.page import page
    from results import gate
    from results.report import FORMATS
    from results.report.accuracy_tables import accuracy_tables
    from results.report.comparison_tables import verdict_tables
    from results.report.json import summary
    from results.scoring import AS_STORED
    from results.tables import accuracy

    runs = outcome.all_runs
    if not runs:
        return True
    table = accuracy(runs)
    for ending in ("csv", "md"):
        write_text(str(out / f"{suite.name}.{ending}"), FORMATS[ending](table))
    for name, of_data in outcome.runs.items():
        if of_data:
            write_text(
                str(out / f"{suite.name}-{name}.html"), page(of_data, [AS_STORED], data=None, note=note)
            )
    check = suite.check
    measured = [run.path for run in runs]
    verdicts = gate.check(measured, check.against, check.tolerance) if check else []
    passed = all(verdict.passed is not False for verdict in verdicts)
    nothing = gate.why_nothing_was_compared(verdicts) if check else ""
    if as_json:
        checked = (
            {"passed": passed and not nothing, "check": [asdict(verdict) for verdict in verdicts]}
            if check
            else {}
        )
        found = {"runs": [str(path) for path in measured], "failures": outcome.failures}
        print(json.dumps(found | summary(table) | checked))
    else:
        checks = verdict_tables(verdicts, str(check.against)) if check else []
        show(*accuracy_tables(table), *checks, wide=wide)
    if nothing:
        raise BenchError(f"[check] has nothing to hold the runs to: {nothing}")
    return passed
