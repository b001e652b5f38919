"""A picture of what a protocol looks at: the boxes on the image, and the crops as the network sees them."""

from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw

from bench.data.decode import LARGEST, open_image
from bench.errors import BenchError, DataError, UnreadableImage, UsageError
from bench.views.listings import table_network
from crops import Plan, parse, parse_scales
from crops.geometry import Patch
from crops.pillow import render

TILE, GAP, COLUMNS, MOST_TILES = 112, 4, 12, 1200
COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46c8c8", "#f032e6", "#9a6324")
PAPER, INK = "white", "black"


def draw(image: Path, crops: str, model: str, scales: str | None, output: Path) -> str:
    """Write the sheet of the largest protocol of `crops` for the input of `model`; a line that says what is on it."""
    size = table_network(model).input_size
    assert size
    protocol = parse(crops, size, parse_scales(scales))[-1]
    try:
        picture = open_image(image.read_bytes())
    except (OSError, UnreadableImage) as error:
        raise DataError(f"{image}: {getattr(error, 'strerror', None) or error}; name an image file") from None
    patches, _ = Plan((protocol,), size).patches(*picture.size)
    if (largest := max(patch.resized[0] * patch.resized[1] for patch in patches)) > LARGEST:
        raise UsageError(
            f"{image} would be resized to {largest:,} pixels: name smaller --scales, or an image that is less long and thin"
        )
    sheet = _sheet(picture, patches)
    try:
        sheet.save(output)
    except (OSError, ValueError) as error:
        raise BenchError(
            f"cannot write {output}: {getattr(error, 'strerror', None) or error}; name a .png"
        ) from None
    return f"{output}: protocol {protocol.name} has {protocol.crops} views, on this image {len(patches)} different ones"


def _sheet(picture: Image.Image, patches: tuple[Patch, ...]) -> Image.Image:
    """The resized images with their boxes in a column on the left, the crops in a grid on the right."""
    sizes = list(dict.fromkeys(patch.resized for patch in patches))
    boxes = [_boxes(picture, size, [patch for patch in patches if patch.resized == size]) for size in sizes]
    crops = render(picture, patches[:MOST_TILES], "bicubic")
    columns = min(COLUMNS, len(crops))
    rows = ceil(len(crops) / columns)
    left = max(box.width for box in boxes) + 2 * GAP
    width = left + columns * (TILE + GAP)
    height = max(sum(box.height + GAP for box in boxes), rows * (TILE + GAP)) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    top = GAP
    for box in boxes:
        sheet.paste(box, (GAP, top))
        top += box.height + GAP
    for number, crop in enumerate(crops):
        crop.thumbnail((TILE, TILE))
        colour = COLOURS[sizes.index(patches[number].resized) % len(COLOURS)]
        at = (left + number % columns * (TILE + GAP), GAP + number // columns * (TILE + GAP))
        sheet.paste(crop, at)
        ImageDraw.Draw(sheet).rectangle(
            (at[0] - 1, at[1] - 1, at[0] + crop.width, at[1] + crop.height), outline=colour
        )
    return sheet


def _boxes(picture: Image.Image, size: tuple[int, int], patches: list[Patch]) -> Image.Image:
    """The image resized to `size` with the boxes of `patches`, each a pixel inside the last of the same place."""
    resized = picture.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(resized)
    for number, box in enumerate(dict.fromkeys(patch.box for patch in patches)):
        inside = number % 3
        corners = (box[0] + inside, box[1] + inside, box[2] - 1 - inside, box[3] - 1 - inside)
        pen.rectangle(corners, outline=COLOURS[number % len(COLOURS)])
    pen.text((4, 2), f"{size[0]} x {size[1]}", fill=INK, stroke_fill=PAPER, stroke_width=2)
    return resized
