"""A picture of the images that one of two runs has right and the other wrong."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from bench.views.save import save_picture
from bench.views.thumbnails import Note, class_names, thumbnail_reader
from results.comparison import Comparison
from results.run import Run
from results.text import printable

SIDE = 160
"""Pixels of an image's longer side."""

TEXT = 44
"""Pixels of height for the three lines under an image."""

LINE = 14
"""Pixels of height of one of these lines."""

GAP = 8
"""Pixels between images."""

COLUMNS = 6
"""Images beside each other."""

MAX_IMAGES = 300
"""Images on the picture; further ones are left out."""

MAX_LETTERS = 27
"""Letters of a line that fit under an image."""

LABEL, RIGHT, WRONG = "black", "#1a7f37", "#b42318"
"""Colours of the label, and of a predicted class that is the label or is not."""


def draw_flips(found: Comparison, runs: Sequence[Run], output: Path, data: str | None, note: Note) -> str:
    """Draw the images that flipped, with their label and what each of the two runs predicts, into `output`.

    `data` and `note` are those of `thumbnail_reader`, for the first run. Returns the line for the user that
    says how many images there are. Raises as `thumbnail_reader` and `save_picture` do.
    """
    thumbnail, names = thumbnail_reader(runs[0], SIDE, data, note), class_names(runs[0])
    rows = found.flipped.to_dict("records")[:MAX_IMAGES]
    columns = max(1, min(COLUMNS, len(rows)))
    width, height = SIDE + GAP, SIDE + TEXT + GAP
    size = (columns * width + GAP, max(1, ceil(len(rows) / columns)) * height + GAP)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        left, top = GAP + number % columns * width, GAP + number // columns * height
        sheet.paste(thumbnail(str(row["image"])), (left, top))
        _write_classes(pen, row, names, (left, top + SIDE))
    save_picture(sheet, output)
    return f"wrote {output}: {len(rows):,} of {len(found.flipped):,} images that flipped"


def _write_classes(
    pen: ImageDraw.ImageDraw, row: Mapping[Any, Any], names: Sequence[str], at: tuple[int, int]
) -> None:
    """Write the names of the label and of the classes that runs a and b predict, `at` and below."""
    left, top = at
    for line, (title, column) in enumerate((("is", "label"), ("a", "a"), ("b", "b"))):
        text = printable(f"{title}: {names[row[column]]}")
        if len(text) > MAX_LETTERS:
            text = text[: MAX_LETTERS - 1] + "..."
        pen.text((left, top + LINE * line), text, fill=_colour(row, column))


def _colour(row: Mapping[Any, Any], column: str) -> str:
    if column == "label":
        return LABEL
    return RIGHT if row[f"right_{column}"] else WRONG
