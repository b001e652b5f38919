"""inception-bench compare"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import inform, note, show
from bench.cli.parameters import TRUTH, ClassSet, Json, PictureData, Quiet, RunFolder, Wide
from bench.cli.scorings import read_scorings


@app.command(epilog="Example: inception-bench compare runs/v3-val-144-1a2b3c4d runs/v4-val-144-5e6f7a8b")
def compare(
    a: RunFolder,
    b: RunFolder,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Default: the last that both have.", show_default=False),
    ] = None,
    image_set: Annotated[str, typer.Option("--image-set", help="all or non-blacklisted")] = "all",
    classes: ClassSet = None,
    truth: Annotated[
        str | None, typer.Option("--truth", help=f"Compare by these labels: {TRUTH}.", show_default=False)
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--show", help="Draw the images that flipped into this .png.", show_default=False),
    ] = None,
    data: PictureData = None,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Compare two runs image by image.

    Errors, flips, an exact paired test, and the classes that changed.
    """
    from results.comparable import common_protocol
    from results.comparison import compare as compare_runs
    from results.report.comparison_tables import comparison_tables
    from results.run import Run

    runs = [Run.open(path) for path in (a, b)]
    scoring = read_scorings(runs, classes, [truth] if truth else [])[-1]
    found = compare_runs(runs[0], runs[1], protocol, image_set, scoring)
    name = common_protocol(runs, protocol)
    if picture:
        from bench.views.flips import draw_flips

        inform(draw_flips(found, runs, picture, data, note))
    if as_json:
        described = {
            "n": found.n,
            "protocol": name,
            "top1_error": found.top1_error,
            "flipped": [found.only_a_right, found.only_b_right],
            "p_value": found.p_value,
            "difference_interval": found.interval,
        }
        print(json.dumps(described))
        return
    show(*comparison_tables(found, runs[0], runs[1], name, image_set, scoring), wide=wide)
