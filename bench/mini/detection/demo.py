"""GoogLeNet's detection in small: each network alone, and all of them averaged (1409.4842, section 8)."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.detection.detect import detect
from bench.detection.select import Selection
from bench.detection.stored import DetectionsRun
from bench.mini.detection import ANNOTATIONS, FOLDER, IMAGES, MODEL, PROPOSALS, WEIGHTS
from bench.options import Options
from bench.progress import Reporter
from results import published
from results.detection.annotations import read_annotations
from results.detection.detection_files import read_detections
from results.detection.score import Score, score_detections


def detect_with_each(options: Options, reporter: Reporter) -> list[DetectionsRun]:
    """The run of each network alone, and that of all of them averaged. Raises as `detect` does."""
    options = replace(options, data=str(IMAGES))
    alone = [f"{MODEL}={file}" for file in WEIGHTS]
    choices = [*alone, ",".join(alone)]
    runs = []
    for number, models in enumerate(choices, 1):
        with reporter.part(number, len(choices)):
            runs.append(detect(models, str(PROPOSALS), Selection(), options, reporter))
    return runs


def names() -> list[str]:
    """What these runs are called, in their order."""
    return [*(file.stem for file in WEIGHTS), f"all {len(WEIGHTS)}"]


def scores_of(runs: Sequence[DetectionsRun], note: Callable[[str], None]) -> list[Score]:
    """The runs' scores by the rule of ILSVRC, on the same draws of images. Calls `note` as scoring does."""
    annotated, numbering = read_annotations(ANNOTATIONS, note=note)
    found = [read_detections(run.path, numbering, annotated.classes, note) for run in runs]
    return [score_detections(detections, classes, annotated, note=note) for detections, classes in found]


def published_figures() -> str:
    """The paper's figures, in a line."""
    ensemble, single = (
        row for row in published.detection_rows("googlenet") if row["team"].startswith("GoogLeNet")
    )
    return (
        f"GoogLeNet on ILSVRC's 200 classes: {single['mean_average_precision']} with one network, "
        f"{ensemble['mean_average_precision']} with {ensemble['networks']}"
    )


def commands(runs: Sequence[DetectionsRun]) -> list[str]:
    """What detects with all networks and compares that with the first one, as a user would write it.

    The first command goes to the folder with the files.
    """
    first, together = runs[0].path.absolute(), runs[-1].path.absolute()
    models = ",".join(f"{MODEL}={file.name}" for file in WEIGHTS)
    detect = f"detect --model {models} --proposals {PROPOSALS.name} --data {IMAGES.name} --out"
    score = f"score-detections --annotations {ANNOTATIONS.name}"
    return [
        shlex.join(["cd", str(FOLDER)]),
        f"inception-bench {detect} {shlex.quote(str(together.parent))}",
        f"inception-bench {score} {shlex.join(map(str, (first, together)))}",
    ]
