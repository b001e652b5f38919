"""inception-bench models"""

import json

from bench.cli.app import app
from bench.cli.output import show
from bench.cli.parameters import Json, Wide


@app.command(epilog="Example: inception-bench models --json")
def models(as_json: Json = False, wide: Wide = False) -> None:
    """List the networks, their sizes, costs, weights and errors.

    And how they differ from their papers.
    """
    from bench.views import listings

    if as_json:
        print(json.dumps(listings.model_rows()))
        return
    show(
        listings.model_table(),
        listings.size_table(),
        "Who measured the errors: inception-bench papers weights.",
        listings.variant_table(),
        "Any other network: timm/NAME, torchvision/NAME or pytorchcv/NAME.",
        wide=wide,
    )
