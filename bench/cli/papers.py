"""inception-bench papers"""

import json
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import show
from bench.cli.parameters import Json, Wide
from bench.errors import UsageError


@app.command(epilog="Example: inception-bench papers inception-v4/table4")
def papers(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="A table, or a paper.",
            show_default=False,
            autocompletion=lambda: [*completion.tables(), "weights"],
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.networks,
            help="With `weights`: all figures published for this network's weights; or for NAME.TAG.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Show the figures of the papers' tables, or of weights.

    With `weights`, the figures published for public weights.
    """
    from bench.views import listings

    if table == "weights":
        _show_weights(model, as_json, wide)
        return
    if model is not None:
        raise UsageError(f"--model is for the figures of weights: papers weights --model {model}")
    if table is None:
        _list_tables(as_json, wide)
        return
    rows = listings.figure_rows(table)
    if as_json:
        print(json.dumps(rows))
        return
    show(*listings.figure_tables(rows), wide=wide)


def _show_weights(model: str | None, as_json: bool, wide: bool) -> None:
    from bench.views import public_weights
    from results.published import measured

    rows = public_weights.weights_rows(model)
    if as_json:
        print(json.dumps(rows))
    elif model is not None:
        lines = (*public_weights.range_lines(rows), *public_weights.source_lines(rows))
        show(*public_weights.weights_tables(rows), *lines, wide=wide)
    else:
        foreign = {row["weights"] for row in measured.references()}
        own = [row for row in rows if row["weights"] not in foreign]
        others = [row for row in rows if row["weights"] in foreign]
        show(
            public_weights.weights_table(own),
            public_weights.weights_table(others, "weights that no network here has"),
            f"All {measured.figure_count():,} figures of {len(measured.names()):,} weights, with sources: "
            "inception-bench papers weights --model NAME, such as v3 or timm/resnet50.a1_in1k.",
            wide=wide,
        )


def _list_tables(as_json: bool, wide: bool) -> None:
    from bench.views import listings

    tables = listings.paper_rows()
    if as_json:
        print(json.dumps(tables))
        return
    show(
        listings.paper_table(tables),
        "The figures: inception-bench papers TABLE, such as inception-v4/table4, or PAPER; "
        "those of public weights: papers weights.",
        wide=wide,
    )
