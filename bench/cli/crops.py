"""inception-bench crops"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.parameters import MEANINGS
from bench.errors import UsageError
from results.text import printable


@app.command(epilog="Example: inception-bench crops cat.jpg --crops 144 -o sheet.png")
def crops(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    crops: Annotated[
        str | None,
        typer.Option(
            "--crops",
            help="native, 1, 10, 12, 144, dense, a list of them, or a lattice such as 2x1x5x2 "
            "(default: 144).",
            autocompletion=completion.protocols,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="Draw for the input size and weights of this network, named as for `eval`.",
            autocompletion=completion.networks,
        ),
    ] = "v1",  # whose 224 pixels the papers give scales for; of the default's 80 a sheet shows little
    input_size: Annotated[
        int | None, typer.Option("--input-size", help=MEANINGS["input_size"], show_default=False)
    ] = None,
    scales: Annotated[
        str | None, typer.Option("--scales", help=MEANINGS["scales"], show_default=False)
    ] = None,
    interpolation: Annotated[str, typer.Option("--interpolation", help=MEANINGS["interpolation"])] = "auto",
    dialect: Annotated[str, typer.Option("--dialect", help=MEANINGS["dialect"])] = "paper",
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("sheet.png"),
) -> None:
    """Draw what a protocol looks at.

    Or what a dialect does: the boxes on the image, and the crops as the network sees them.
    """
    from bench.views.contact_sheet import draw_contact_sheet, draw_dialect
    from bench.zoo.preprocessing import parse_stated

    parse_stated(input_size, None, None)
    if dialect == "paper":
        print(
            printable(
                draw_contact_sheet(image, crops or "144", model, scales, interpolation, output, input_size)
            )
        )
        return
    if crops or scales or interpolation != "auto":
        raise UsageError(
            f"--dialect {dialect} decides crop and resampling: "
            "leave out --crops, --scales and --interpolation"
        )
    print(printable(draw_dialect(image, dialect, model, output, input_size)))
