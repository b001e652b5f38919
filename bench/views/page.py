"""The HTML page of runs. `results` writes it; its pictures and class names come from here."""

import base64
import io
from collections.abc import Callable, Sequence

from bench.errors import BenchError, DataError
from bench.views.thumbnails import Note, class_names, thumbnail_reader
from results.comparable import check_same_images
from results.report import html
from results.run import Run
from results.scoring import Scoring

SIDE = 200
"""Pixels of a picture's longer side."""

QUALITY = 80
"""Of the pictures as JPEG."""


def page(
    runs: Sequence[Run],
    scorings: Sequence[Scoring],
    *,
    data: str | None,
    note: Note,
    calibration: bool = False,
    home: str = "",
) -> str:
    """The page of runs on the same images; scorings, calibration and home as `html.write` has them.

    `data` and `note` are those of `thumbnail_reader`. Raises `RunError` for runs on other images than the
    first, and `BenchError` where `data` has no images.
    """
    check_same_images(runs)
    pictures = _picture_addresses(runs[0], data, note)
    return html.write(runs, class_names(runs[0]), pictures, scorings, calibration=calibration, home=home)


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
