"""inception-bench runs"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note, show
from bench.cli.parameters import Json, Quiet, Wide
from bench.options import DEFAULTS
from results.storage import parse_path


@app.command(epilog="Example: inception-bench runs s3://bucket/runs --json")
def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The folder that runs are in.", parser=parse_path)
    ] = DEFAULTS.out,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """List the runs in a folder, the newest last.

    Network, data, protocols, state, and top-1 error.
    """
    from results.report.run_tables import run_table
    from results.run_list import list_runs

    listed = list_runs(folder)
    if as_json:
        print(json.dumps([asdict(run) for run in listed]))
    elif listed:
        show(run_table(listed), wide=wide)
    else:
        note(f"no runs in {folder}")
