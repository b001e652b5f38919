"""The HTML page of runs. `results` writes it; its pictures, class names and ReaL labels come from here."""

import base64
import io
import json
from collections.abc import Callable, Sequence

from bench.data.file_names import is_imagenet, validation_number
from bench.errors import BenchError, DataError
from bench.views.thumbnails import Note, class_names, read_timm_imagenet_file, thumbnail_reader
from results.comparable import check_same_images
from results.errors import RunError
from results.metrics import error_percent
from results.report import html
from results.report.html import Noise
from results.run import Run
from results.tables import predictions

SIDE = 200
"""Pixels of a picture's longer side."""

QUALITY = 80
"""Of the pictures as JPEG."""


def page(runs: Sequence[Run], *, real: bool, data: str | None, note: Note) -> str:
    """The page of runs on the same images; with `real`, the runs are also held to the ReaL labels.

    `data` and `note` are those of `thumbnail_reader`. Raises `RunError` for runs on other images than the
    first, and for `real` on other images than ImageNet's; and `BenchError` where `data` has no images.
    """
    check_same_images(runs)
    noise = [real_noise(run) for run in runs] if real else None
    return html.write(runs, class_names(runs[0]), _picture_addresses(runs[0], data, note), noise)


def _picture_addresses(run: Run, data: str | None, note: Note) -> Callable[[str], str] | None:
    """A function from an image's id to its picture as a data: address, empty where the image is gone.

    None where the images cannot be found without `data`.
    """
    try:
        thumbnail = thumbnail_reader(run, SIDE, data, note)
    except (BenchError, OSError) as error:
        if data is not None:
            raise
        note(f"the page has no pictures: {error}")
        return None

    def address(image_id: str) -> str:
        buffer = io.BytesIO()
        try:
            thumbnail(image_id).save(buffer, "JPEG", quality=QUALITY)
        except (DataError, OSError):
            return ""
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

    return address


def real_noise(run: Run) -> Noise:
    """What the ReaL labels (2006.07159), which timm has, say of the top-1 predictions of a run's last
    protocol.

    Raises `RunError` for other images than ImageNet's.
    """
    frame = predictions(run, run.protocols[-1])
    images = [str(image) for image in frame["image"]]
    if not all(map(is_imagenet, images)):
        raise RunError(
            f"{run.path} is not on ImageNet's validation images, which ReaL labels are for: leave --real away"
        )
    real_labels: list[list[int]] = json.loads(read_timm_imagenet_file("imagenet_real_labels.json"))
    n = hits = mistakes = excused = 0
    for image, top1, label in zip(images, frame["top1"], frame["label"], strict=True):
        number = validation_number(image)
        assert number
        real = real_labels[number - 1]
        if not real:  # the annotators agreed on no class
            continue
        n += 1
        hits += top1 in real
        if top1 != label:
            mistakes += 1
            excused += top1 in real
    return Noise(n, error_percent(hits, n) if n else 0.0, mistakes, excused)
