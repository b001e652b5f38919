"""inception-bench predictions"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import write_text
from bench.cli.parameters import RunFolder
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
    output: Annotated[str, typer.Option("--output", "-o", help="A .csv file, or - for stdout.")] = "-",
) -> None:
    """Write a line for each image: image, label, the five best classes, their probabilities, the label's."""
    from results.report.csv import write
    from results.run import Run
    from results.tables import predictions as table

    if Path(output).suffix not in ("", ".csv"):
        raise UsageError(f"{output}: predictions are written as .csv")
    opened = Run.open(run)
    write_text(output, write(table(opened, protocol or opened.protocols[-1])))
