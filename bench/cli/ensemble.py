"""inception-bench ensemble"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import note_adversarial, progress, show
from bench.cli.parameters import (
    INPUT,
    OF_SEVERAL_NETWORKS,
    RUNS,
    Json,
    Quiet,
    Wide,
    leave_out_files,
    parse_run,
    takes_options,
)
from bench.options import Options
from results.text import printable


@app.command(epilog="Example: inception-bench ensemble --models v4,ir-v2 --crops 144 --data imagenet/val")
@takes_options("crops", "scales", "interpolation", "pool", "classes", *INPUT, *OF_SEVERAL_NETWORKS)
def ensemble(
    options: Options,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN...]",
            help=RUNS,
            show_default=False,
            parser=parse_run,
            autocompletion=completion.runs,
        ),
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            help="Networks to evaluate first: NAME, NAME.TAG or NAME=FILE, with commas between.",
            autocompletion=completion.network_lists,
            show_default=False,
        ),
    ] = "",
    each: Annotated[
        bool, typer.Option("--each", help="Show how the error falls as members are added.")
    ] = False,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Average runs, or networks that it evaluates first.

    The mean of their probabilities is a run like any other.
    """
    from results.ensemble import ensemble as pool
    from results.ensemble import growth
    from results.names import names_with_weights
    from results.report.accuracy_tables import accuracy_tables
    from results.report.comparison_tables import growth_tables
    from results.report.json import summary
    from results.run import Run
    from results.tables import accuracy
    from results.terminal_table import whole_line

    with progress() as reporter:
        members = [Run.open(path) for path in leave_out_files(runs or [])]
        if models:
            from bench.evaluation.evaluate import evaluate_members

            members = evaluate_members(members, models, options, reporter)
    run = pool(members, options.out, fresh=options.fresh)
    note_adversarial([run])
    networks = names_with_weights(run)
    table = accuracy([run])
    steps = growth(members) if each else None
    if as_json:
        more = {}
        if steps is not None:
            more = {"members": summary(accuracy(members))["rows"], "each": steps.to_dict("records")}
        print(json.dumps({"run": str(run.path), "networks": networks} | summary(table) | more))
        return
    if steps is None:
        show(*accuracy_tables(table), whole_line(f"members: {', '.join(networks)}"), wide=wide)
    else:
        show(*accuracy_tables(accuracy([*members, run])), *growth_tables(steps, networks), wide=wide)
    print(printable(f"run: {run.path}"))
