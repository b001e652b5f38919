"""inception-bench reproduce"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note, note_adversarial, progress, show
from bench.cli.parameters import OF_SEVERAL_NETWORKS, Json, takes_options
from bench.errors import WeightsError
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
            metavar="TABLE", help="Such as inception-v4/table4, a paper, or mini.", show_default=False
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
    as_json: Json = False,
) -> None:
    """Run each row of a paper's table that has weights, and print it beside the paper, with a verdict."""
    from bench.data import open_images
    from bench.evaluation.prepare import check_options
    from bench.reproduction.reproduce import check_rows, compare_with_paper, member_options, run_rows
    from bench.reproduction.table_rows import all_members, read_rows
    from results.report.reproduction_tables import reproduction_tables

    rows = read_rows(table, weights or [], note)
    for each in [member_options(member, rows, options) for member in all_members(rows)] or [options]:
        check_options(each)
    images = open_images(options.data, options.labels, options.devkit)
    images = images.sample(options.limit, options.shuffle_seed)
    check_rows(rows, images, options)
    if dry_run:
        _print_estimate(rows, options, images, as_json)
        return
    with progress() as reporter:
        reproduction = run_rows(rows, options, reporter)
    runs, records = compare_with_paper(rows, reproduction, options)
    note_adversarial(runs)
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs], "rows": records}, allow_nan=False))
    else:
        show(*reproduction_tables(records))
    if reproduction.missing:
        missing = [row for row in rows if any(member in reproduction.missing for member in row.members)]
        raise WeightsError(
            f"{len(missing)} of {len(rows)} rows of {table} could not be run, for want of weights: the table "
            "says why; the same command runs them once it can fetch them, or bring them, --weights NAME=FILE"
        )


def _print_estimate(rows: "list[Row]", options: Options, images: "Images", as_json: bool) -> None:
    from bench.reproduction.reproduce import estimate
    from results.report.reproduction_tables import estimate_tables

    estimated = estimate(rows, options, images)
    without = [{"network": row.paper["network"], "why": row.reason} for row in rows if row.reason]
    if as_json:
        print(json.dumps({"would_run": estimated, "without_weights": without}))
    else:
        show(*estimate_tables(estimated, without))
