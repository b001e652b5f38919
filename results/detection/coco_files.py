"""COCO's JSON: annotations, and results. A box is x, y, width, height there."""

from collections import Counter
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from results.detection.boxes import Annotations, Boxes, Detections, are_near
from results.detection.names import Numbering, image_id
from results.errors import RunError
from results.storage import read

Kind = TypeVar("Kind")


class CocoImage(msgspec.Struct):
    """An image, by the number that the rest of the file uses."""

    id: int
    file_name: str


class CocoCategory(msgspec.Struct):
    """A class, by the number that the rest of the file uses."""

    id: int
    name: str


class CocoObject(msgspec.Struct):
    """An annotated object."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class CocoFile(msgspec.Struct):
    """A file of annotations."""

    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoObject]


class CocoResult(msgspec.Struct):
    """A detection."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    score: float


def read_coco_annotations(path: Path) -> tuple[Annotations, Numbering]:
    """The annotations of a file, with images and classes in the order of their numbers. Raises `RunError`.

    A crowd is difficult.
    """
    content = _decode(path, CocoFile, "annotations")
    images = {each.id: image_id(each.file_name) for each in sorted(content.images, key=lambda each: each.id)}
    categories = {each.id: each.name for each in sorted(content.categories, key=lambda each: each.id)}
    for what, named, entries in (
        ("images", images, content.images),
        ("categories", categories, content.categories),
    ):
        (repeated, count), *_ = [*Counter(named.values()).most_common(1), ("", 1)]
        if len(named) < len(entries) or count > 1:
            which = repr(repeated) if count > 1 else "an id"
            raise RunError(f"{path}: {what} has {which} more than once: keep or rename one")
        if not entries:
            raise RunError(f"{path}: {what} is empty: name a file of annotations")
    for number, each in enumerate(content.annotations):
        if each.image_id not in images or each.category_id not in categories:
            missing = "image" if each.image_id not in images else "category"
            raise RunError(f"{path}: the {missing} of annotations[{number}] is not in the file: correct it")
    index = {number: i for i, number in enumerate(categories)}
    return Annotations(
        images=tuple(images.values()),
        classes=tuple(categories.values()),
        image=[images[each.image_id] for each in content.annotations],
        category=np.array([index[each.category_id] for each in content.annotations], dtype=np.int64),
        box=_corners([each.bbox for each in content.annotations], path, "annotations"),
        difficult=np.array([bool(each.iscrowd) for each in content.annotations], dtype=bool),
    ), Numbering(images, categories)


def read_coco_results(path: Path, numbering: Numbering) -> tuple[Detections, tuple[str, ...]]:
    """The detections in a list of COCO's results, and the names of their classes. Raises `RunError`."""
    if numbering.images is None or numbering.classes is None:
        raise RunError(f"{path} has numbers for images and classes: pass COCO's annotations or --images")
    content = _decode(path, list[CocoResult], "results")
    score = np.array([each.score for each in content], dtype=np.float64)
    wrong: NDArray[np.int64] = np.flatnonzero(~np.isfinite(score))
    if len(wrong):
        raise RunError(f"{path}: the score of [{wrong[0]}] is no finite number: correct it")
    numbers = sorted({each.category_id for each in content})
    index = {number: i for i, number in enumerate(numbers)}
    return Detections(
        image=[numbering.images.get(each.image_id, f"number {each.image_id}") for each in content],
        category=np.array([index[each.category_id] for each in content], dtype=np.int64),
        score=score,
        box=_corners([each.bbox for each in content], path, ""),
    ), tuple(numbering.classes.get(number, f"number {number}") for number in numbers)


def _decode(path: Path, kind: type[Kind], what: str) -> Kind:
    try:
        return msgspec.json.decode(read(path), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path} has no {what} in COCO's form ({error}): correct it, or name another"
        ) from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from None


def _corners(boxes: list[tuple[float, float, float, float]], path: Path, what: str) -> Boxes:
    """[n x 4] the boxes by their corners, both inside. Raises `RunError` for one with a negative side."""
    array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    wrong = np.flatnonzero(~(are_near(array) & (array[:, 2:] >= 0).all(axis=1)))
    if len(wrong):
        raise RunError(
            f"{path}: the bbox of {what}[{wrong[0]}] is not x, y, width and height of a box: correct it"
        )
    array[:, 2:] += array[:, :2] - 1
    return array
