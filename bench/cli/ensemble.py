"""inception-bench ensemble"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note_adversarial, progress, show
from bench.cli.parameters import (
    INPUT,
    OF_SEVERAL_NETWORKS,
    RUNS,
    Json,
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
        typer.Argument(metavar="[RUN...]", help=RUNS, show_default=False, parser=parse_run),
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            help="Networks to evaluate first: NAME, NAME.TAG or NAME=FILE, with commas between.",
            show_default=False,
        ),
    ] = "",
    each: Annotated[
        bool, typer.Option("--each", help="Show how the error falls as members are added.")
    ] = False,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Average the probabilities of runs, or of networks that are evaluated first; the result is a run."""
    from results.ensemble import check_members, growth
    from results.ensemble import ensemble as pool
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
            from bench.evaluation.evaluate import options_for_each, prepare_all, run_prepared
            from bench.evaluation.run_folder import planned_run

            evaluations = prepare_all(options_for_each(models, options), reporter)
            check_members([*members, *map(planned_run, evaluations)])
            members += run_prepared(evaluations, reporter)
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
