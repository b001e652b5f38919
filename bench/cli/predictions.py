"""inception-bench predictions"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import write_text
from bench.cli.parameters import ClassSet, Quiet, RunFolder, Truths
from bench.cli.scorings import read_scorings
from bench.errors import UsageError


@app.command(
    epilog="Example: inception-bench predictions runs/v3-val-144-1a2b3c4d --protocol 144 -o predictions.csv"
)
def predictions(
    run: RunFolder,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="One of the run's (default: its last).", show_default=False),
    ] = None,
    classes: ClassSet = None,
    truth: Truths = [],  # noqa: B006 - Typer takes a list
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .csv or .json file, or - for stdout.")
    ] = "-",
    format: Annotated[
        str | None, typer.Option("--format", help="csv or json (default: as the ending says, else csv).")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a run's predictions for each image.

    Image, label, the five best classes, their probabilities, and the label's.
    """
    from bench.views.thumbnails import class_titles
    from results.report import csv, json
    from results.run import Run
    from results.tables import predictions as table

    kind = format or Path(output).suffix[1:] or "csv"
    formats = {"csv": csv.write, "json": json.write_rows}
    if kind not in formats:
        raise UsageError(f"no format {kind!r} for {output}: predictions are written as csv or json")
    opened = Run.open(run)
    own, *others = read_scorings([opened], classes, truth)
    frame = table(
        opened,
        protocol or opened.protocols[-1],
        class_titles(opened),
        classes=own.classes,
        truths=[scoring.truth for scoring in others if scoring.truth],
    )
    write_text(output, formats[kind](frame))
