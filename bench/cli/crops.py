"""inception-bench crops"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.parameters import MEANINGS
from results.text import printable


@app.command(epilog="Example: inception-bench crops cat.jpg --crops 144 -o sheet.png")
def crops(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    crops: Annotated[str, typer.Option("--crops", help=MEANINGS["crops"])] = "144",
    model: Annotated[
        str, typer.Option("--model", help="Draw for the input size of this network of the table.")
    ] = "v1",  # whose 224 pixels the papers give scales for; of the default's 80 a sheet shows little
    scales: Annotated[
        str | None, typer.Option("--scales", help=MEANINGS["scales"], show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("sheet.png"),
) -> None:
    """Draw what a protocol looks at: the boxes on the image, and the crops as the network sees them."""
    from bench.views.contact_sheet import draw_contact_sheet

    print(printable(draw_contact_sheet(image, crops, model, scales, output)))
