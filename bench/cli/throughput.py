"""inception-bench throughput"""

import json
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import progress, show
from bench.cli.parameters import INPUT, MACHINE, Json, Quiet, Wide, takes_options
from bench.options import Options


@app.command(epilog="Example: inception-bench throughput --model v3 --crops 144 --data imagenet/val")
@takes_options(
    *("model", "weights", "crops", "scales", "interpolation", "dialect"),
    *INPUT,
    *("data", "labels", "devkit", "limit"),
    *MACHINE,
    *("compile", "renderer"),
)
def throughput(
    options: Options,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="How often each stage is measured, interleaved.")
    ] = 5,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="How long each measurement takes, about.")
    ] = 10.0,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Measure each stage of an evaluation on this machine.

    Each alone, and how near a whole evaluation comes to the slowest of them.
    """
    with progress() as reporter:
        from bench.planning.throughput import run_throughput

        measured = run_throughput(options, rounds, seconds, reporter)
    if as_json:
        print(json.dumps(measured.describe()))
    else:
        show(measured.table(), *measured.summary_lines(), wide=wide)
