"""The HTML page of runs: their pictures, the names of their classes, and ReaL labels, joined to what `results` knows."""

import base64
import io
import json
from collections.abc import Callable, Sequence

from bench.data.file_names import is_imagenet, validation_number
from bench.errors import BenchError, DataError
from bench.views.thumbnails import names_of, thumbnails, timm_info
from results.comparable import same_images
from results.errors import RunError
from results.metrics import error
from results.report import html
from results.report.html import Noise
from results.run import Run
from results.tables import predictions

SIDE = 200
"""Pixels of a picture's longer side."""


def page(runs: Sequence[Run], *, real: bool) -> str:
    """The page of runs on the same images; with `real` what the ReaL labels say. Raises `RunError`."""
    same_images(runs)
    noise = [real_noise(run) for run in runs] if real else None
    return html.write(runs, names_of(runs[0]), _pictures(runs[0]), noise)


def _pictures(run: Run) -> Callable[[str], str] | None:
    """From an image's id to a data: address; None where the images are gone."""
    try:
        picture = thumbnails(run, SIDE)
    except (BenchError, OSError):
        return None

    def address(image_id: str) -> str:
        buffer = io.BytesIO()
        try:
            picture(image_id).save(buffer, "JPEG", quality=80)
        except (DataError, OSError):
            return ""
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

    return address


def real_noise(run: Run) -> Noise:
    """What the ReaL labels, which timm has, say of a run's last protocol. Raises `RunError` for other images than ImageNet's."""
    frame = predictions(run, run.protocols[-1])
    if not all(is_imagenet(str(image)) for image in frame["image"]):
        raise RunError(
            f"{run.path} is not on ImageNet's validation images, which ReaL labels are for: leave --real away"
        )
    listed = json.loads(timm_info("imagenet_real_labels.json"))
    real = [listed[(validation_number(str(image)) or 1) - 1] for image in frame["image"]]
    known = [
        (top1, label, labels)
        for top1, label, labels in zip(frame["top1"], frame["label"], real, strict=True)
        if labels
    ]
    hits = sum(top1 in labels for top1, _, labels in known)
    wrong = [(top1, labels) for top1, label, labels in known if top1 != label]
    return Noise(
        len(known),
        error(hits, len(known)) if known else 0.0,
        len(wrong),
        sum(top1 in labels for top1, labels in wrong),
    )
