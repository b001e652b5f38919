"""A picture of what a protocol, or a dialect, looks at: the boxes on the image, and the crops as the
network sees them.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bench.data.decode import LARGEST, open_image
from bench.errors import DataError, UnreadableImage, UsageError
from bench.views.save import save_picture
from bench.zoo.networks import table_network, unknown_name_error
from bench.zoo.providers import provider_of
from crops import DIALECTS, Plan, parse, parse_scales
from crops.geometry import Patch, Size
from crops.pillow import render
from results.storage import refuse_device

TILE = 112
"""Pixels of a crop's longer side on the sheet."""

GAP = 4
"""Pixels between the parts of the sheet."""

COLUMNS = 12
"""Crops beside each other."""

MAX_TILES = 1200
"""Crops on a sheet; further ones are left out."""

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46c8c8", "#f032e6", "#9a6324")
PAPER, INK = "white", "black"


def draw_contact_sheet(image: Path, crops: str, model: str, scales: str | None, output: Path) -> str:
    """Draw the largest protocol of `crops` on an image file, for the input size of `model`, into `output`.

    Returns the line for the user that says how many views the sheet shows. Raises `UsageError` for a network
    that is not in the table and for scales that make the image too large, `ProtocolError` for `crops` and
    `scales` that name no protocol, and `BenchError` for files that cannot be read or written.
    """
    size = table_network(model).input_size
    assert size
    protocol = parse(crops, size, parse_scales(scales))[-1]
    picture = _open(image)
    patches, _ = Plan((protocol,), size).patches(*picture.size)
    _check_size(image, patches)
    tiles = render(picture, patches[:MAX_TILES], "bicubic")
    save_picture(_draw_sheet(picture, patches, tiles), output)
    views = f"protocol {protocol.name} has {protocol.crops} views"
    return f"{output}: {views}, on this image {len(patches)} different ones"


def draw_dialect(image: Path, name: str, model: str, output: Path) -> str:
    """Draw the single crop of the dialect `name` on an image file, for the public weights of `model`, into
    `output`.

    Returns the line for the user that says which part of the image it is. Raises as `draw_contact_sheet`.
    """
    network = table_network(model)
    if name not in DIALECTS:
        raise unknown_name_error("dialect", name, ("paper", *DIALECTS))
    expected = provider_of(network).preprocessing(network.architecture, next(iter(network.tags), ""))
    dialect = expected.dialect(name, own=name == network.provider)
    picture = _open(image)
    patch = dialect.patch(*picture.size)
    _check_size(image, [patch])
    tile = Image.fromarray(np.rint(dialect(picture)).astype(np.uint8))
    save_picture(_draw_sheet(picture, [patch], [tile]), output)
    left, top, right, bottom = patch.box
    part = f"{right - left} x {bottom - top} pixels of the image at {_by(patch.resized)}"
    return f"{output}: dialect {name} takes {part}, for an input of {_by(patch.output)}"


def _by(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _check_size(image: Path, patches: Sequence[Patch]) -> None:
    """Raise `UsageError` where the image would be resized to more pixels than are decoded."""
    largest = max(width * height for width, height in (patch.resized for patch in patches))
    if largest > LARGEST:
        raise UsageError(
            f"{image} would be resized to {largest:,} pixels: "
            "name smaller --scales, or an image that is less long and thin"
        )


def _open(image: Path) -> Image.Image:
    try:
        refuse_device(image)
        return open_image(image.read_bytes())
    except UnreadableImage as error:
        raise DataError(f"{image}: {error}; name an image file") from None
    except FileNotFoundError:
        raise DataError(f"no image at {image}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{image}: {error.strerror or error}; name an image file") from None


def _draw_sheet(picture: Image.Image, patches: Sequence[Patch], crops: Sequence[Image.Image]) -> Image.Image:
    """The resized images with their boxes in a column on the left, the crops in a grid on the right."""
    sizes = list(dict.fromkeys(patch.resized for patch in patches))
    boxes = [_draw_boxes(picture, size, patches) for size in sizes]
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
    for number, (crop, patch) in enumerate(zip(crops, patches, strict=False)):
        row, column = divmod(number, columns)
        colour = COLOURS[sizes.index(patch.resized) % len(COLOURS)]
        _paste_tile(sheet, crop, (left + column * (TILE + GAP), GAP + row * (TILE + GAP)), colour)
    return sheet


def _paste_tile(sheet: Image.Image, crop: Image.Image, at: tuple[int, int], colour: str) -> None:
    """Paste a crop, as a tile, with its upper left corner `at`, and draw a frame around it."""
    crop.thumbnail((TILE, TILE))
    sheet.paste(crop, at)
    left, top = at
    frame = (left - 1, top - 1, left + crop.width, top + crop.height)
    ImageDraw.Draw(sheet).rectangle(frame, outline=colour)


def _draw_boxes(picture: Image.Image, size: Size, patches: Sequence[Patch]) -> Image.Image:
    """The image resized to `size`, with the boxes of those `patches` that are cut from it."""
    resized = picture.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(resized)
    boxes = dict.fromkeys(patch.box for patch in patches if patch.resized == size)
    for number, (left, top, right, bottom) in enumerate(boxes):
        inset = number % 3  # so that edges of neighbouring boxes do not hide each other
        corners = (left + inset, top + inset, right - 1 - inset, bottom - 1 - inset)
        pen.rectangle(corners, outline=COLOURS[number % len(COLOURS)])
    pen.text((4, 2), _by(size), fill=INK, stroke_fill=PAPER, stroke_width=2)
    return resized
