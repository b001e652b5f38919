"""What each detection counts as by COCO's rule. pycocotools decides it."""

import contextlib
import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from results.detection.boxes import Boxes
from results.detection.matching import HIT, LEFT_OUT, MISS, Located
from results.errors import RunUsageError

OVERLAPS = np.linspace(0.5, 0.95, 10)
DETECTIONS = 100
"""Detections of a class in an image that count."""

IMAGES_AT_ONCE = 500


def match_coco(
    found: Located, score: NDArray[np.floating], objects: Located, crowd: NDArray[np.bool_], images: int
) -> NDArray[np.int8]:
    """[10 x n] what each detection counts as for each of `OVERLAPS`.

    A detection finds the object that overlaps most of those that are not found yet. One that only overlaps a
    `crowd` [m] counts as neither, and so does one behind the best 100 of its class and image. Raises
    `RunUsageError` without pycocotools.
    """
    require_pycocotools()
    from pycocotools.cocoeval import COCOeval

    counts = np.full((len(OVERLAPS), len(found.image)), LEFT_OUT, dtype=np.int8)
    classes = 1 + int(max(found.category.max(initial=0), objects.category.max(initial=0)))
    for detections, annotated in _parts(found, objects, images):
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints what it does
            evaluation = COCOeval(
                _dataset(objects, annotated, classes, {"iscrowd": crowd.astype(int)}),
                _dataset(found, detections, classes, {"score": score}),
                "bbox",
            )
            evaluation.params.iouThrs = OVERLAPS
            evaluation.params.imgIds = np.union1d(found.image[detections], objects.image[annotated]).tolist()
            evaluation.params.maxDets = [DETECTIONS]
            evaluation.params.areaRng = [[0, np.inf]]
            evaluation.evaluate()
        for each in filter(None, evaluation.evalImgs):
            own = np.array(each["dtIds"], dtype=np.int64) - 1
            hit = np.where(each["dtMatches"] > 0, HIT, MISS)
            counts[:, own] = np.where(each["dtIgnore"], LEFT_OUT, hit)
    return counts


def require_pycocotools() -> None:
    """Raise `RunUsageError` where pycocotools is not installed."""
    try:
        import pycocotools.cocoeval  # noqa: F401
    except ImportError:
        raise RunUsageError(
            "COCO's rule needs pycocotools: install it with pip install 'inception-bench[detection]'"
        ) from None


def _parts(
    found: Located, objects: Located, images: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The indices of the detections and of the objects of some images at a time. Each becomes a dictionary of
    pycocotools, which takes much memory.
    """
    first = range(0, images, IMAGES_AT_ONCE)
    orders = [np.argsort(located.image, kind="stable") for located in (found, objects)]
    bounds = [
        np.searchsorted(located.image[order], [*first, images])
        for located, order in zip((found, objects), orders, strict=True)
    ]
    for part in range(len(first)):
        detections, annotated = (
            order[bound[part] : bound[part + 1]] for order, bound in zip(orders, bounds, strict=True)
        )
        yield detections, annotated


def _dataset(located: Located, chosen: NDArray[np.int64], classes: int, more: "dict[str, Boxes]") -> object:
    """Some of the boxes as a `COCO`, with their indices plus one as ids."""
    from pycocotools.coco import COCO

    box = located.box[chosen].astype(np.float64)
    box[:, 2:] += 1 - box[:, :2]
    entries = {
        "id": chosen + 1,
        "image_id": located.image[chosen],
        "category_id": located.category[chosen],
        "area": box[:, 2] * box[:, 3],
        "iscrowd": np.zeros(len(chosen), dtype=int),
        **{name: values[chosen] for name, values in more.items()},
    }
    columns = [values.tolist() for values in (*entries.values(), box)]
    made = COCO()
    made.dataset = {
        "images": [{"id": int(image)} for image in np.unique(entries["image_id"])],
        "categories": [{"id": i} for i in range(classes)],
        "annotations": [
            dict(zip((*entries, "bbox"), row, strict=True)) for row in zip(*columns, strict=True)
        ],
    }
    made.createIndex()
    return made
