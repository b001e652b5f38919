"""Draw the picture of the README: python docs/images/first_picture.py docs/images/first-picture.png

On the left are the 144 crops of `scene.png`, with a row for each square at each scale. On the right are the
errors that `inception-bench demo` measures, from the baseline that the tests hold it to.
"""

import csv
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.views.contact_sheet import COLOURS
from crops import parse, patch_of
from crops.lattice import SQUARES
from crops.pillow import render

ROOT = Path(__file__).resolve().parents[2]
SCENE = Path(__file__).with_name("scene.png")
ERRORS = ROOT / "results" / "baselines" / "mini.csv"
PROTOCOLS = ("1", "10", "12", "144")
TILE, GAP, MARGIN = 64, 6, 36
GRID = 12 * (TILE + GAP)
SIZE = (1600, GRID + 2 * MARGIN + 56)
PAPER, INK, GREY, LINE = "white", "#1b1f24", "#59636e", "#d1d9e0"
AXES = "rows: 4 scales,\n3 squares of each\n\ncolumns:\n6 positions,\neach mirrored, too"


def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow brings along, so that the picture is the same everywhere."""
    return ImageFont.load_default(size)


def draw_crops(sheet: Image.Image, top: int) -> None:
    """The 144 crops, framed in the colour of their square."""
    views = parse("144", 224)[-1].views
    with Image.open(SCENE) as picture:
        patches = [patch_of(view, *picture.size, 224, "bilinear") for view in views]
        crops = render(picture.convert("RGB"), patches)
    pen = ImageDraw.Draw(sheet)
    for number, (view, crop) in enumerate(zip(views, crops, strict=True)):
        row, column = divmod(number, 12)
        left, upper = MARGIN + column * (TILE + GAP), top + row * (TILE + GAP)
        colour = COLOURS[SQUARES.index(view.square)]
        pen.rectangle((left - 2, upper - 2, left + TILE + 1, upper + TILE + 1), fill=colour)
        sheet.paste(crop.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, upper))


def draw_errors(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    """The table of the top-1 errors, networks down and protocols across."""
    with ERRORS.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["image_set"] == "all"]
    errors = {(row["model"], row["protocol"]): f"{float(row['top1_error']):.1f}" for row in rows}
    networks = list(dict.fromkeys(row["model"] for row in rows))
    right = [left + 328 + 104 * column for column in range(len(PROTOCOLS))]
    for at, protocol in zip(right, PROTOCOLS, strict=True):
        pen.text((at, top), protocol, fill=GREY, font=font(28), anchor="ra")
    for number, network in enumerate(networks, 1):
        y = top + 62 * number
        pen.line((left, y - 14, right[-1], y - 14), fill=LINE, width=2)
        name = "all four, averaged" if "+" in network else network
        pen.text((left, y), name, fill=INK, font=font(28))
        for at, protocol in zip(right, PROTOCOLS, strict=True):
            colour = INK if protocol == PROTOCOLS[-1] else GREY
            pen.text((at, y), errors[network, protocol], fill=colour, font=font(28), anchor="ra")


def draw() -> Image.Image:
    """The whole picture, on a card that stands out from light and dark pages."""
    sheet = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), outline=LINE, width=2)
    pen.text((MARGIN, MARGIN - 8), "One image, 144 crops", fill=INK, font=font(34))
    draw_crops(sheet, MARGIN + 56)
    left = MARGIN + GRID + 48
    with Image.open(SCENE) as scene:
        sheet.paste(scene.convert("RGB").resize((380, 285), Image.Resampling.LANCZOS), (left, MARGIN + 56))
    pen.text((left + 404, MARGIN + 56), AXES, fill=GREY, font=font(27), spacing=10)
    top = MARGIN + 56 + 285 + 48
    pen.text((left, top), "Top-1 error in percent, by crops", fill=INK, font=font(34))
    draw_errors(pen, left, top + 66)
    pen.text((left, SIZE[1] - MARGIN - 34), "$ inception-bench demo", fill=GREY, font=font(28))
    return sheet


if __name__ == "__main__":
    draw().quantize(256, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
