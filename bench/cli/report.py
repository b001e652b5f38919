"""inception-bench report"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note, write_text
from bench.cli.parameters import PictureData, RunFolders, leave_out_files
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
    real: Annotated[
        bool,
        typer.Option("--real", help="On the .html page: what the ReaL labels say of ImageNet's mistakes."),
    ] = False,
    data: PictureData = None,
) -> None:
    """Write the table of one run or several, beside the published figures; as .html, a page with pictures."""
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    kind = format or Path(output).suffix[1:] or "md"
    if kind not in (*FORMATS, "html"):
        raise UsageError(f"no format {kind!r} for {output}: write {', '.join(FORMATS)} or html")
    if real and kind != "html":
        raise UsageError(f"--real is for the page, not for {kind}: write -o report.html")
    opened = [Run.open(path) for path in leave_out_files(runs)]
    if kind == "html":
        from bench.views.page import page

        write_text(output, page(opened, real=real, data=data, note=note))
    else:
        write_text(output, FORMATS[kind](accuracy(opened)))
