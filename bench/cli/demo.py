"""inception-bench demo"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import progress, show, write_text
from bench.cli.parameters import Json, Quiet, Wide, option
from bench.errors import UsageError
from bench.options import DEFAULTS, Options
from results.text import printable


@app.command(epilog="Example: inception-bench demo --out runs")
def demo(
    limit: Annotated[int | None, option("limit")] = DEFAULTS.limit,
    out: Annotated[Path, option("out")] = DEFAULTS.out,
    detection: Annotated[
        bool,
        typer.Option("--detection", help="GoogLeNet's detection instead: one network, and several averaged."),
    ] = False,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate four small networks on the mini set; no ImageNet.

    Four small Inception networks and their ensemble, with 1, 10, 12 and 144 crops.
    """
    if detection:
        if limit is not None:
            raise UsageError("--limit is not for --detection, which takes less than a minute: leave it out")
        _detection(out, as_json, wide)
        return
    with progress() as reporter:
        from bench import mini
        from bench.evaluation.evaluate import options_for_each, run_evaluations
        from results.ensemble import ensemble
        from results.report import FORMATS
        from results.report.accuracy_tables import accuracy_tables
        from results.report.json import summary
        from results.tables import accuracy

        options = Options(crops="144", limit=limit, out=out)
        runs = run_evaluations(options_for_each(",".join(mini.NETWORKS), options), reporter)
    runs.append(ensemble(runs, out))
    table = accuracy(runs)
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs]} | summary(table)))
    else:
        show(*accuracy_tables(table), wide=wide)
    for name in ("csv", "md"):
        write_text(str(out / f"demo.{name}"), FORMATS[name](table))


def _detection(out: Path, as_json: bool, wide: bool) -> None:
    with progress() as reporter:
        from bench.mini.detection import demo
        from results.detection.tables import rows, score_tables

        runs = demo.detect_with_each(Options(out=out), reporter)
        scores = demo.scores_of(runs, reporter.note)
    found = rows([str(run.path) for run in runs], scores)
    if as_json:
        paths = [str(run.path) for run in runs]
        print(json.dumps({"runs": paths, "rule": scores[0].rule, "images": scores[0].images, "rows": found}))
        return
    named = [row | {"file": name} for row, name in zip(found, demo.names(), strict=True)]
    show(*score_tables(named, scores[0], heading="networks"), demo.published_figures(), wide=wide)
    print("\nThe runs:")
    for name, run in zip(demo.names(), runs, strict=True):
        print(printable(f"{name}: {run.path}"))
    print("\nThe same by hand:")
    for command in demo.commands(runs):
        print(printable(command))
