"""inception-bench papers"""

import json
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import show
from bench.cli.parameters import Json


@app.command(epilog="Example: inception-bench papers inception-v4/table4")
def papers(
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="A table, or a paper.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the figures of the four papers' tables."""
    from bench.views import listings

    if table is None:
        _list_tables(as_json)
        return
    rows = listings.weights_rows() if table == "weights" else listings.figure_rows(table)
    if as_json:
        print(json.dumps(rows))
    elif table == "weights":
        show(listings.weights_table(rows))
    else:
        for title, figures in listings.figure_tables(rows):
            print(title)
            show(figures)


def _list_tables(as_json: bool) -> None:
    from bench.views import listings

    tables = listings.paper_rows()
    if as_json:
        print(json.dumps(tables))
        return
    show(listings.paper_table(tables))
    print(
        "The figures: inception-bench papers TABLE, such as inception-v4/table4, or PAPER; "
        "those of public weights: papers weights."
    )
