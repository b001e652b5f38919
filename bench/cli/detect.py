"""inception-bench detect"""

import json
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import progress
from bench.cli.parameters import INPUT, MACHINE, Json, Quiet, takes_options
from bench.detection.select import Selection
from bench.options import Options
from results.text import printable

USUAL = Selection()


@app.command(
    epilog="Example: inception-bench detect --model v3 --proposals proposals.csv --data imagenet/val",
)
@takes_options("data", "limit", "skip_unreadable", *INPUT, *MACHINE, "out", "fresh")
def detect(
    options: Options,
    models: Annotated[
        str,
        typer.Option(
            "--model",
            help="The networks whose probabilities are averaged: NAME, NAME.TAG or NAME=FILE, with commas "
            "between.",
            autocompletion=completion.network_lists,
            show_default=False,
            metavar="NAME[,NAME...]",
        ),
    ],
    proposals: Annotated[
        str,
        typer.Option(
            "--proposals",
            help="The regions to classify: a CSV file that begins with image,xmin,ymin,xmax,ymax, or COCO's "
            ".json list of {image_id, bbox}.",
            show_default=False,
            metavar="FILE",
        ),
    ],
    overlap: Annotated[
        float,
        typer.Option("--overlap", help="Drop what overlaps a likelier detection of its class by more."),
    ] = USUAL.overlap,
    least_score: Annotated[
        float, typer.Option("--least-score", help="Drop what is less probable.")
    ] = USUAL.least_score,
    most: Annotated[int, typer.Option("--most", help="Detections of an image, at most.")] = USUAL.most,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Classify proposed regions: GoogLeNet's detection.

    The networks' mean, without the class `background`, decides. The run stays on disk; the same command
    continues or reuses it.
    """
    with progress() as reporter:
        from bench.detection.detect import detect as run_detection

        run = run_detection(models, proposals, Selection(overlap, least_score, most), options, reporter)
    manifest = run.manifest
    images, regions, skipped = manifest.data.images, manifest.proposals.regions, len(manifest.skipped)
    found = {
        "run": str(run.path),
        "table": str(run.table),
        "images": images,
        "skipped": skipped,
        "regions": regions,
        "detections": manifest.detections,
    }
    if as_json:
        print(json.dumps(found))
        return
    left_out = f"; {skipped:,} of the images could not be read" if skipped else ""
    print(f"{manifest.detections:,} detections in {images:,} images, from {regions:,} regions{left_out}")
    print(printable(f"table: {run.table}"))
    print(printable(f"run: {run.path}"))
