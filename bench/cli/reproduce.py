"""inception-bench reproduce"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import note, note_adversarial, progress, show
from bench.cli.parameters import OF_SEVERAL_NETWORKS, Json, Quiet, Wide, takes_options
from bench.errors import UsageError, WeightsError
from bench.options import Options

if TYPE_CHECKING:
    from bench.data import Images
    from bench.reproduction.table_rows import Row


@app.command(epilog="Example: inception-bench reproduce inception-v4/table4 --data imagenet/val")
@takes_options("scales", "interpolation", "pool", *OF_SEVERAL_NETWORKS)
def reproduce(
    options: Options,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="Such as inception-v4/table4, a paper, or mini.",
            show_default=False,
            autocompletion=lambda: [*completion.tables(), "mini"],
        ),
    ],
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            help="Your own weights, NAME=FILE, or public ones, NAME=NETWORK.TAG; may be repeated.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, and about how long it would take.")
    ] = False,
    train: Annotated[
        str | None,
        typer.Option(
            "--train",
            help="Print the commands that train the rows' networks on these images, instead. Trainings go to "
            "--out, or to `trainings`.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="With --train: run these commands; the same command continues.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", min=1, help="With --train: epochs, instead of the papers'.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Run a paper's table, and print it beside the paper.

    Each row that has weights is run, and gets a verdict.
    """
    if train is not None:
        _train(table, train, options, epochs, run, as_json)
        return
    if run or epochs:
        raise UsageError("--run and --epochs are for trainings: add --train IMAGES")
    from bench.data import open_images
    from bench.evaluation.prepare import check_options
    from bench.reproduction.reproduce import check_rows, compare_with_paper, member_options, run_rows
    from bench.reproduction.table_rows import all_members, read_rows
    from results.report.reproduction_tables import reproduction_tables

    rows = read_rows(table, weights or [], note)
    for each in [member_options(member, rows, options) for member in all_members(rows)] or [options]:
        check_options(each)
    with progress() as reporter:
        reporter.step(f"opening {options.data}")
        images = open_images(options.data, options.labels, options.devkit)
        images = images.sample(options.limit, options.shuffle_seed)
        check_rows(rows, images, options)
        reproduction = None if dry_run else run_rows(rows, options, reporter)
    if reproduction is None:
        _print_estimate(rows, options, images, as_json, wide)
        return
    runs, records = compare_with_paper(rows, reproduction, options)
    note_adversarial(runs)
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs], "rows": records}, allow_nan=False))
    else:
        show(*reproduction_tables(records), wide=wide)
    if reproduction.missing:
        missing = [row for row in rows if any(member in reproduction.missing for member in row.members)]
        raise WeightsError(
            f"{len(missing)} of {len(rows)} rows of {table} could not be run, for want of weights: the table "
            "says why; the same command runs them once it can fetch them, or bring them, --weights NAME=FILE"
        )


def _train(table: str, data: str, options: Options, epochs: int | None, run: bool, as_json: bool) -> None:
    """Print the trainings of a table, or run them; and the command that evaluates them."""
    from bench.reproduction import trainings

    found = trainings.table_trainings(table)
    if run:
        with progress() as reporter:
            trainings.run_trainings(list(found.trainings), data, options, epochs, reporter)
    commands = {
        training: trainings.training_command(training, data, options, epochs) for training in found.trainings
    }
    evaluations = [
        trainings.evaluation_command(name, of_table, options, epochs)
        for name, of_table in found.tables.items()
    ]
    if as_json:
        rows = [
            asdict(training) | {"networks": networks, "command": commands[training]}
            for training, networks in found.trainings.items()
        ]
        remarks = {"remarks": found.remarks, "not_trained": found.untrained}
        print(json.dumps({"trainings": rows, "evaluations": evaluations} | remarks))
        return
    for network in found.untrained:
        print(f"# not trained here: {network}")
    for remark in found.remarks:
        print(f"# {remark}")
    for training, networks in found.trainings.items():
        print(f"# {', '.join(networks)}\n{commands[training]}")
    if evaluations:
        print("\n".join([f"# {'now' if run else 'then'}, with the validation images:", *evaluations]))


def _print_estimate(rows: "list[Row]", options: Options, images: "Images", as_json: bool, wide: bool) -> None:
    from bench.reproduction.reproduce import estimate
    from results.report.reproduction_tables import estimate_tables

    estimated = estimate(rows, options, images)
    without = [{"network": row.paper["network"], "why": row.reason} for row in rows if row.reason]
    if as_json:
        print(json.dumps({"would_run": estimated, "without_weights": without}))
    else:
        show(*estimate_tables(estimated, without), wide=wide)
