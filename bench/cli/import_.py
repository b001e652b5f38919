"""inception-bench import"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import progress, show
from bench.cli.parameters import Json, Quiet, Wide, takes_options
from bench.imports import OPTIONS
from bench.options import Options
from results.storage import parse_path
from results.text import printable


@app.command(
    "import",
    epilog="Example: inception-bench import probabilities.npy --names names.txt --data imagenet/val "
    "--model resnet50",
)
@takes_options(*OPTIONS)
def import_predictions(
    options: Options,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A .npy, .npz, .safetensors, .csv or .parquet file: a row for each image, a column for each "
            "class. FILE:NAME is one of several arrays.",
            show_default=False,
        ),
    ],
    names: Annotated[
        Path | None,
        typer.Option(
            "--names",
            help="A text file with a line for each row, its image's name (default: what FILE has as `image`, "
            "`name`, `filename`, `names` or `ids`, else the order of the data).",
            show_default=False,
            parser=parse_path,
            metavar="PATH",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="The network's name (default: FILE's).", show_default=False),
    ] = None,
    logits: Annotated[
        bool, typer.Option("--logits", help="The scores are logits; their softmax is stored.")
    ] = False,
    protocol: Annotated[
        str, typer.Option("--protocol", help="What was pooled: 1, 10, 12, 144, dense, 1/timm and so on.")
    ] = "1",
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Make a run of predictions that something else computed.

    Probabilities or logits, of which every command then takes the run.
    """
    from bench.imports.import_predictions import make_run
    from results.report.accuracy_tables import accuracy_tables
    from results.report.json import summary
    from results.tables import accuracy

    with progress() as reporter:
        run = make_run(
            file,
            options,
            names=names,
            model=model,
            logits=logits,
            protocol=protocol,
            reporter=reporter,
        )
    table = accuracy([run])
    if as_json:
        print(json.dumps({"run": str(run.path)} | summary(table)))
    else:
        show(*accuracy_tables(table), wide=wide)
        print(printable(f"run: {run.path}"))
