"""A picture of what a protocol, or a dialect, looks at: the boxes on the image, and the crops as the
network sees them, each with its place in the lattice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw

from bench.data.decode import LARGEST, open_image
from bench.errors import DataError, UnreadableImage, UsageError
from bench.views.save import save_picture
from bench.zoo.loading import expected_input
from bench.zoo.networks import find, unknown_name_error
from crops import DIALECTS, NATIVE, DenseView, Plan, Protocol, SingleView, View, parse, parse_scales, patch_of
from crops.geometry import Patch, Size
from crops.lattice import SQUARES
from crops.pillow import RESAMPLING, render, render_levels
from results.storage import refuse_device

TILE = 112
"""Pixels of a crop's longer side on the sheet."""

LABEL = 30
"""Pixels for the two lines below a tile."""

GAP = 4
"""Pixels between the parts of the sheet."""

COLUMNS = 12
"""Crops beside each other."""

MAX_TILES = 1200
"""Crops on a sheet; further ones are left out."""

COLOURS = ("#e6194b", "#3cb44b", "#4363d8")
"""Of the boxes and crops of each square, in the order of `SQUARES`."""

PAPER, INK = "white", "black"


@dataclass(frozen=True)
class _Tile:
    """A crop of the sheet."""

    patch: Patch
    label: str
    """Two lines at most, for below it."""
    colour: str = COLOURS[0]
    """Of its frame and of its box."""


def draw_contact_sheet(
    image: Path,
    crops: str,
    model: str,
    scales: str | None,
    interpolation: str,
    output: Path,
    input_size: int | None = None,
) -> str:
    """Draw the largest protocol of `crops` on an image file, for the input size of `model`, into `output`.

    `interpolation` is `bilinear`, `bicubic`, or `auto` for that of the network's default weights.
    `input_size` is the side in pixels, for another than theirs.

    Returns the line for the user that says how many views the sheet shows. Raises `UsageError` for an unknown
    network or interpolation, and for scales that make the image too large,
    `ProtocolError` for `crops` and `scales` that name no protocol, and `BenchError` for files that cannot be
    read or written.
    """
    if interpolation not in ("auto", *RESAMPLING):
        raise unknown_name_error("interpolation", interpolation, ("auto", *RESAMPLING))
    expected = expected_input(model, input_size)
    size = expected.size
    native = expected.native(find(model).provider) if NATIVE in crops else None
    protocol = parse(crops, size, parse_scales(scales), native)[-1]
    if protocol.single:
        return _draw_single(image, f"protocol {protocol.name}", Plan((protocol,), size), output)
    resampling = expected.resampling(interpolation)
    picture = _open(image)
    tiles = _tiles_of(protocol, picture.size, size, resampling)
    _check_size(image, tiles)
    crops_shown = render(picture, [tile.patch for tile in tiles[:MAX_TILES]])
    save_picture(_draw_sheet(picture, tiles, crops_shown, resampling), output)
    views = f"protocol {protocol.name} has {protocol.crops} views"
    return f"{output}: {views}, on this image {len(tiles)} different ones; interpolation {resampling}"


def _tiles_of(protocol: Protocol, picture: Size, size: int, interpolation: str) -> list[_Tile]:
    """A tile for each crop of a picture of this size that differs from the others."""
    views_of: dict[Patch, list[View | DenseView | SingleView]] = {}
    for view in protocol.views:
        views_of.setdefault(patch_of(view, *picture, size, interpolation), []).append(view)
    width, height = picture
    return [_tile(patch, views, portrait=height > width) for patch, views in views_of.items()]


def _tile(patch: Patch, views: Sequence[View | DenseView | SingleView], *, portrait: bool) -> _Tile:
    """The tile of a patch: where the first of its views is in the lattice, and how many views it has."""
    view = views[0]
    if isinstance(view, SingleView):
        return _Tile(patch, view.tool)
    if isinstance(view, DenseView):
        return _Tile(patch, f"{view.scale}\nwhole image")
    first, last = ("top", "bottom") if portrait else ("left", "right")
    square = {"start": first, "centre": "central", "end": last}[view.square]
    several = f", {len(views)} views" if len(views) > 1 else " square"
    label = f"{view.scale} {square}{several}\n{view.position}{' mirrored' if view.mirror else ''}"
    return _Tile(patch, label, COLOURS[SQUARES.index(view.square)])


def draw_dialect(image: Path, name: str, model: str, output: Path, input_size: int | None = None) -> str:
    """Draw the single crop of the dialect `name` on an image file, for the public weights of `model`, into
    `output`. `input_size` is the side in pixels, for another than theirs.

    Returns the line for the user that says which part of the image it is. Raises as `draw_contact_sheet`.
    """
    if name not in DIALECTS:
        raise unknown_name_error("dialect", name, ("paper", *DIALECTS))
    plan = expected_input(model, input_size).dialect(cast(Any, name), find(model).provider)
    return _draw_single(image, f"dialect {name}", plan, output)


def _draw_single(image: Path, name: str, plan: Plan, output: Path) -> str:
    """Draw the only crop of a plan, which is called `name`. Returns the line for the user."""
    picture = _open(image)
    (protocol,) = plan.protocols
    tiles = _tiles_of(protocol, picture.size, plan.size, plan.interpolation)
    _check_size(image, tiles)
    patch = tiles[0].patch
    (levels,) = render_levels(np.asarray(picture), [patch])
    crop = Image.fromarray(np.rint(levels).astype(np.uint8))
    save_picture(_draw_sheet(picture, tiles, [crop], "bicubic"), output)
    left, top, right, bottom = patch.box
    part = f"{right - left} x {bottom - top} pixels of the image at {_by(patch.resized)}"
    return f"{output}: {name} takes {part}, for an input of {_by(patch.output)}"


def _by(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _check_size(image: Path, tiles: Sequence[_Tile]) -> None:
    """Raise `UsageError` where the image would be resized to more pixels than are decoded."""
    largest = max(width * height for width, height in (tile.patch.resized for tile in tiles))
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


def _draw_sheet(
    picture: Image.Image, tiles: Sequence[_Tile], crops: Sequence[Image.Image], interpolation: str
) -> Image.Image:
    """The resized images with their boxes in a column on the left, the crops in a grid on the right."""
    sizes = dict.fromkeys(tile.patch.resized for tile in tiles)
    boxes = [_draw_boxes(picture, size, tiles, interpolation) for size in sizes]
    columns = min(COLUMNS, len(crops))
    rows = ceil(len(crops) / columns)
    left = max(box.width for box in boxes) + 2 * GAP
    width = left + columns * (TILE + GAP)
    height = max(sum(box.height + GAP for box in boxes), rows * (TILE + LABEL + GAP)) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    top = GAP
    for box in boxes:
        sheet.paste(box, (GAP, top))
        top += box.height + GAP
    for number, (crop, tile) in enumerate(zip(crops, tiles, strict=False)):
        row, column = divmod(number, columns)
        at = left + column * (TILE + GAP), GAP + row * (TILE + LABEL + GAP)
        _paste_tile(sheet, crop, at, tile)
    return sheet


def _paste_tile(sheet: Image.Image, crop: Image.Image, at: tuple[int, int], tile: _Tile) -> None:
    """Paste a crop with its upper left corner `at`, a frame around it and its label below."""
    crop.thumbnail((TILE, TILE))
    sheet.paste(crop, at)
    left, top = at
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((left - 1, top - 1, left + crop.width, top + crop.height), outline=tile.colour)
    pen.text((left, top + crop.height + 1), tile.label, fill=INK, spacing=1)


def _draw_boxes(picture: Image.Image, size: Size, tiles: Sequence[_Tile], interpolation: str) -> Image.Image:
    """The image resized to `size`, with the boxes of those `tiles` that are cut from it."""
    resized = picture.resize(size, RESAMPLING[interpolation])
    pen = ImageDraw.Draw(resized)
    colours = {tile.patch.box: tile.colour for tile in tiles if tile.patch.resized == size}
    for number, ((left, top, right, bottom), colour) in enumerate(colours.items()):
        inset = number % 3  # so that edges of neighbouring boxes do not hide each other
        corners = (left + inset, top + inset, right - 1 - inset, bottom - 1 - inset)
        pen.rectangle(corners, outline=colour)
    pen.text((4, 2), _by(size), fill=INK, stroke_fill=PAPER, stroke_width=2)
    return resized
