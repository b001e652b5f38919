"""The regions to classify, from a file: another program, such as selective search, proposed them.

A CSV file has the heading image,xmin,ymin,xmax,ymax, maybe with a score behind it, and a line for each
region: pixels from 0, both corners inside. A .json file is COCO's list of {image_id, bbox}, where bbox is x,
y, width and height. Scores are checked to be numbers, and not used.
"""

import csv
import hashlib
import io
import json
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data import Images
from bench.data.file_names import shown, without_ending
from bench.errors import DataError
from bench.imports.rows import image_finder
from results.storage import parse_path, read

COLUMNS = ["image", "xmin", "ymin", "xmax", "ymax"]

Find = Callable[[int | str], int]
"""From an image's name, or COCO's number, to its number in the data. It raises `ValueError`."""

Region = tuple[int, Sequence[float]]
"""The number of an image, and xmin, ymin, xmax, ymax."""


@dataclass(frozen=True)
class Proposals:
    """The regions of a set of images, in the order of the images, those of an image as in the file."""

    path: str
    sha256: str
    """Of the file."""
    image: NDArray[np.int64]
    """[n] the number of each region's image."""
    box: NDArray[np.float32]
    """[n x 4] xmin, ymin, xmax, ymax in pixels from 0, both corners inside."""
    images: int
    """How many images there are, with those that have no region."""

    def __len__(self) -> int:
        return len(self.image)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """[images + 1] the first region of each image; the last entry is n."""
        return np.searchsorted(self.image, np.arange(self.images + 1)).astype(np.int64)

    def regions(self, part: range) -> range:
        """The regions of consecutive images."""
        return range(int(self.starts[part.start]), int(self.starts[part.stop]))

    def sample(self, limit: int | None) -> "Proposals":
        """Those of the first `limit` images."""
        if limit is None or limit >= self.images:
            return self
        end = self.starts[limit]
        return Proposals(self.path, self.sha256, self.image[:end], self.box[:end], limit)


def read_proposals(file: str, images: Images) -> Proposals:
    """The regions in a file, whose images are named as in label files.

    COCO's numbers stand for the images whose names end with them: 139 for 000000000139.jpg. Raises
    `DataError` with the line, or the entry, for what is not a region of one of the images.
    """
    path = parse_path(file)
    if not path.exists():
        raise DataError(f"no proposals at {file}: there is no such file")
    try:
        data = read(path)
    except OSError as error:
        raise DataError(f"cannot read the proposals {file}: {error.strerror or error}") from None
    find = _known_images(images)
    regions = _from_coco(data, file, find) if path.suffix.lower() == ".json" else _from_csv(data, file, find)
    numbers, corners = array("q"), array("f")
    for number, region in regions:
        numbers.append(number)
        corners.extend(region)
    if not numbers:
        raise DataError(f"{file} has no region: propose some for the images of {images.path}")
    image = np.frombuffer(numbers, dtype=np.int64)
    order = np.argsort(image, kind="stable")
    box = np.frombuffer(corners, dtype=np.float32).reshape(-1, 4)
    return Proposals(str(path), hashlib.sha256(data).hexdigest(), image[order], box[order], len(images))


def _from_csv(data: bytes, file: str, find: Find) -> Iterator[Region]:
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""))
    try:
        heading = [word.strip() for word in next(rows, [])]
        if heading not in (COLUMNS, [*COLUMNS, "score"]):
            raise DataError(
                f"{file} does not begin with the line {','.join(COLUMNS)} or the same with ,score: "
                "write it first"
            )
        for row in filter(None, rows):
            try:
                if len(row) != len(heading):
                    raise ValueError(f"{len(row)} values for {len(heading)} columns")
                xmin, ymin, xmax, ymax, *_ = map(_number, row[1:])
                yield find(row[0].strip()), _box(xmin, ymin, xmax, ymax)
            except ValueError as error:
                raise DataError(f"{file}, line {rows.line_num:,}: {error}; correct it") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 ({error}): save it as UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{file}, line {rows.line_num:,}: {error}; correct it") from None


def _from_coco(data: bytes, file: str, find: Find) -> Iterator[Region]:
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON ({error}): write it again") from None
    if not isinstance(entries, list):
        raise DataError(f"{file} is not COCO's list of {{image_id, bbox}}: write such a list")
    for number, entry in enumerate(entries, 1):
        try:
            if not (isinstance(entry, Mapping) and {"image_id", "bbox"} <= entry.keys()):
                raise ValueError("it is not {image_id, bbox}")
            bbox = entry["bbox"]
            if not (isinstance(bbox, list) and len(bbox) == 4):
                raise ValueError(f"its bbox is {bbox!r}, and not [x, y, width, height]")
            x, y, width, height = map(_number, bbox)
            if width <= 0 or height <= 0:
                raise ValueError(f"its bbox is {width:g} pixels wide and {height:g} high")
            _number(entry.get("score", 0))
            image = entry["image_id"]
            name = image if type(image) is int else str(image)
            # A part of a pixel is that pixel.
            yield find(name), _box(x, y, x + max(width, 1) - 1, y + max(height, 1) - 1)
        except ValueError as error:
            raise DataError(f"{file}, entry {number:,}: {error}; correct it") from None


def _number(value: Any) -> float:
    """A number, or a text that is one. Raises `ValueError`."""
    try:
        number = float(str(value))  # True is 1 for `float` alone
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _box(xmin: float, ymin: float, xmax: float, ymax: float) -> Sequence[float]:
    """The box of these corners. Raises `ValueError`."""
    if xmax < xmin or ymax < ymin:
        raise ValueError(f"the box {xmin:g},{ymin:g},{xmax:g},{ymax:g} ends before it begins")
    return xmin, ymin, xmax, ymax


def _known_images(images: Images) -> Find:
    """What finds one of these images, each name once."""
    find_name, by_number = image_finder(images.ids), _index_by_number(images.ids)
    known: dict[int | str, int] = {}
    first_names: dict[int, int | str] = {}

    def find(name: int | str) -> int:
        if name not in known:
            number = by_number.get(name) if isinstance(name, int) else find_name(name)
            if number is None:
                raise ValueError(
                    f"{shown(str(name))} is none of the {len(images):,} images, or may be several"
                )
            if (first := first_names.setdefault(number, name)) != name:
                raise ValueError(
                    f"{shown(str(name))} is the same image as {shown(str(first))} before: use one name"
                )
            known[name] = number
        return known[name]

    return find


def _index_by_number(ids: Sequence[str]) -> dict[int, int | None]:
    """The image whose name ends with each number; None where several do.

    >>> _index_by_number(["000000000139.jpg", "a/clip_7.jpg", "b/clip_7.jpg", "cat.jpg"])
    {139: 0, 7: None}
    """
    index: dict[int, int | None] = {}
    for i, name in enumerate(ids):
        if digits := re.search(r"[0-9]{1,18}$", without_ending(name)):
            number = int(digits[0])
            index[number] = None if number in index else i
    return index
