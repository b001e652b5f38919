"""inception-bench experiments"""

import json

from bench.cli.app import app
from bench.cli.output import show
from bench.cli.parameters import Json, Wide


@app.command(epilog="Example: inception-bench experiments")
def experiments(as_json: Json = False, wide: Wide = False) -> None:
    """List the papers' experiments, and what they found."""
    from bench.views import listings

    if as_json:
        print(json.dumps(listings.experiment_rows()))
        return
    show(
        listings.experiment_table(),
        "Run one with small networks: inception-bench experiment NAME.",
        wide=wide,
    )
