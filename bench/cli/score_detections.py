"""inception-bench score-detections"""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import note, show, write_text
from bench.cli.parameters import Json, Quiet, Wide
from bench.errors import UsageError
from results.storage import parse_path


@app.command(
    name="score-detections",
    epilog="Example: inception-bench score-detections result.txt --annotations ILSVRC2013_DET_bbox_val "
    "--images det_lists/val.txt --blacklist ILSVRC2014_det_validation_blacklist.txt",
)
def score_detections(
    detections: Annotated[
        list[Path],
        typer.Argument(
            metavar="DETECTIONS...",
            help="Runs of detect, or files: a .csv, the devkit's result .txt, or COCO's results .json.",
            show_default=False,
            parser=parse_path,
        ),
    ],
    annotations: Annotated[
        Path,
        typer.Option(
            "--annotations",
            metavar="PATH",
            help="The objects: a folder or .tar of PASCAL's XML files, or COCO's .json.",
            show_default=False,
            parser=parse_path,
        ),
    ],
    rule: Annotated[
        str, typer.Option("--rule", help="ilsvrc, pascal (from 2010 on), or coco (needs pycocotools).")
    ] = "ilsvrc",
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            metavar="PATH",
            help="The images that count: lines of a name and a number, as in the devkit's val.txt.",
            show_default=False,
            parser=parse_path,
        ),
    ] = None,
    blacklist: Annotated[
        Path | None,
        typer.Option(
            "--blacklist",
            help="ILSVRC's blacklist for detection: lines of an image and a class that do not count.",
            show_default=False,
            parser=parse_path,
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="class: a row for each class as well.", show_default=False)
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="A .csv for the table, or - for stdout.", show_default=False),
    ] = None,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Score detections: average precision per class and its mean.

    With intervals over images. Several files are compared with the first one, on the same draws of images.
    """
    from results.detection.annotations import read_annotations
    from results.detection.detection_files import read_detections
    from results.detection.score import check_rule
    from results.detection.score import score_detections as score
    from results.detection.tables import frame, rows, score_tables
    from results.report import csv

    _check_options(detections, by, output, as_json)
    check_rule(rule, blacklist=blacklist is not None)
    annotated, numbering = read_annotations(annotations, images, blacklist, note)
    opened = [read_detections(path, numbering, annotated.classes, note) for path in detections]
    remarks: list[str] = []
    scores = [
        score(found, classes, annotated, rule, remarks.append, path)
        for path, (found, classes) in zip(detections, opened, strict=True)
    ]
    for remark in dict.fromkeys(remarks):
        note(remark)
    found = rows([str(path) for path in detections], scores, by_class=by == "class")
    if output:
        write_text(output, csv.write(frame(found)))
    if as_json:
        print(json.dumps({"rule": rule, "images": scores[0].images, "rows": found}))
    elif output != "-":
        show(*score_tables(found, scores[0]), wide=wide)


def _check_options(detections: list[Path], by: str | None, output: str | None, as_json: bool) -> None:
    """Raise `UsageError` for what has no meaning, before files are read."""
    if by not in (None, "class"):
        raise UsageError(f"--by {by}: write class, or leave it out")
    if output not in (None, "-") and parse_path(output).suffix.lower() != ".csv":
        raise UsageError(f"{output} does not end in .csv: scores are written as CSV")
    if as_json and output == "-":
        raise UsageError("--json and -o - both write to stdout: name a file")
    if len(set(detections)) < len(detections):
        raise UsageError("the same detections are named twice: name each once")
