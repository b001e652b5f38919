"""inception-bench report"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note, note_clean_runs, write_text
from bench.cli.parameters import ClassSet, PictureData, RunFolders, Truths, leave_out_files
from bench.cli.scorings import read_scorings
from bench.errors import UsageError


@app.command(epilog="Example: inception-bench report runs/v3-val-144-1a2b3c4d -o table.md")
def report(
    runs: RunFolders,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .csv, .md, .tex, .json or .html file, or - for stdout.")
    ] = "-",
    format: Annotated[
        str | None,
        typer.Option("--format", help="csv, md, tex, json or html (default: as the ending says, else md)."),
    ] = None,
    classes: ClassSet = None,
    truth: Truths = [],  # noqa: B006 - Typer takes a list
    data: PictureData = None,
) -> None:
    """Write the table of one run or several, beside the published figures; as .html, a page with pictures."""
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    kind = format or Path(output).suffix[1:] or "md"
    if kind not in (*FORMATS, "html"):
        raise UsageError(f"no format {kind!r} for {output}: write {', '.join(FORMATS)} or html")
    opened = [Run.open(path) for path in leave_out_files(runs)]
    scorings = read_scorings(opened, classes, truth)
    if classes is None:
        note_clean_runs(opened)
    if kind == "html":
        from bench.views.page import page

        write_text(output, page(opened, scorings, data=data, note=note))
    else:
        write_text(output, FORMATS[kind](accuracy(opened, scorings)))
