"""Commands that show what there is, and what a protocol looks at."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import MEANING, Json, app


@app.command(epilog="Example: inception-bench models --json")
def models(as_json: Json = False) -> None:
    """List the networks: parameters, multiply-adds, input size, weights, published figures."""
    from bench.views import listings

    listings.models(as_json)


@app.command(epilog="Example: inception-bench protocols --model v3")
def protocols(
    model: Annotated[
        str, typer.Option("--model", help="For the input size of this network of the table.")
    ] = "v1",
    as_json: Json = False,
) -> None:
    """List the protocols: views, scales, and what they cost."""
    from bench.views import listings

    listings.protocols(model, as_json)


@app.command(epilog="Example: inception-bench papers inception-v4/table4")
def papers(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="A table, or a paper.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the figures of the four papers' tables."""
    from bench.views import listings

    listings.papers(table, as_json)


@app.command(epilog="Example: inception-bench crops cat.jpg --crops 144 -o sheet.png")
def crops(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    crops: Annotated[str, typer.Option("--crops", help=MEANING["crops"])] = "144",
    model: Annotated[
        str, typer.Option("--model", help="Draw for the input size of this network of the table.")
    ] = "v1",
    scales: Annotated[
        str | None, typer.Option("--scales", help=MEANING["scales"], show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("sheet.png"),
) -> None:
    """Draw what a protocol looks at: the boxes on the image, and the crops as the network sees them."""
    from bench.views.contact_sheet import draw

    print(draw(image, crops, model, scales, output))
