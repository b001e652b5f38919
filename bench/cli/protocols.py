"""inception-bench protocols"""

import json
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import show
from bench.cli.parameters import Json, Wide


@app.command(epilog="Example: inception-bench protocols --model v3")
def protocols(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="For the input size of this network of the table.",
            autocompletion=completion.networks,
        ),
    ] = "v1",  # whose 224 pixels the papers give scales for
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List the protocols: their views, scales and costs.

    And whose definition each of them is.
    """
    from bench.views import listings
    from bench.zoo.networks import table_network
    from crops import DIALECTS, IMAGE_SIZE

    network = table_network(model)
    rows = listings.protocol_rows(network)
    if as_json:
        print(json.dumps(rows))
        return
    width, height = IMAGE_SIZE
    size = network.input_size
    show(
        listings.protocol_table(
            rows, f"for {network.name}, input {size} x {size}; an image of {width} x {height}"
        ),
        listings.definition_table(rows),
        listings.axis_table(),
        "A lattice of your own: scales x squares x positions x mirrors, such as 2x1x5x2.",
        "native is the default for public weights of timm, torchvision and pytorchcv; 10 crops include it.",
        f"Single-crop dialects, with --dialect: {', '.join(DIALECTS)}.",
        wide=wide,
    )
