"""The images of a run as pictures again, where they still lie: for reports, and for what two runs disagree on."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw

from bench.errors import BenchError
from bench.views.thumbnails import names_of, thumbnails
from results.comparison import Comparison
from results.run import Run

SIDE, TEXT, GAP, COLUMNS, MOST = 160, 44, 8, 6, 300


def draw_flips(found: Comparison, runs: Sequence[Run], output: Path) -> str:
    """Write the images that one run alone has right, with their label and what each run says; a line that tells of it."""
    picture, names = thumbnails(runs[0], SIDE), names_of(runs[0])
    rows = found.flipped.to_dict("records")[:MOST]
    columns = max(1, min(COLUMNS, len(rows)))
    cell = (SIDE + GAP, SIDE + TEXT + GAP)
    sheet = Image.new(
        "RGB", (columns * cell[0] + GAP, max(1, ceil(len(rows) / columns)) * cell[1] + GAP), "white"
    )
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        left, top = GAP + number % columns * cell[0], GAP + number // columns * cell[1]
        sheet.paste(picture(str(row["image"])), (left, top))
        for line, (who, key) in enumerate((("is", "label"), ("a", "a"), ("b", "b"))):
            colour = "black" if key == "label" else "#1a7f37" if row[key] == row["label"] else "#b42318"
            text = f"{who}: {names[row[key]]}"
            pen.text(
                (left, top + SIDE + 14 * line), text if len(text) <= 27 else text[:26] + "...", fill=colour
            )
    try:
        sheet.save(output)
    except (OSError, ValueError) as error:
        raise BenchError(
            f"cannot write {output}: {getattr(error, 'strerror', None) or error}; name a .png"
        ) from None
    return f"wrote {output}: {len(rows):,} of {len(found.flipped):,} images that flipped"
