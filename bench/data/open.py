"""From the options `--data`, `--labels` and `--devkit` to labelled images."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.data.class_sets import are_objectnet, open_objectnet, score_among
from bench.data.classes import find_classes
from bench.data.file_names import image_id
from bench.data.files import data_errors, find_images
from bench.data.huggingface import open_dataset
from bench.data.images import Images
from bench.data.labels import find_labels
from bench.errors import DataError


def open_images(
    data: str, labels: Path | None = None, devkit: Path | None = None, class_set: str | None = None
) -> Images:
    """The labelled images at `data`: a folder, a .tar, `mini` or `hf://NAME:SPLIT`.

    `labels` is a label file and `devkit` an ILSVRC devkit; without them, `find_labels` looks in and beside
    the data. `class_set` names the classes that count, as `--classes` does; without it they are recognised.
    Reads no pixels. Raises `DataError`, and `UsageError` for `hf://` or `class_set` that cannot be used here.
    """
    return score_among(_open(data, labels, devkit, class_set), class_set)


def _open(data: str, labels: Path | None, devkit: Path | None, class_set: str | None) -> Images:
    """As `open_images`, before the classes are chosen."""
    if data.startswith("hf://"):
        return open_dataset(data)
    files = find_images(data)
    for what, path in (("labels", labels), ("devkit", devkit)):
        if path and not path.exists():
            raise DataError(f"no {what} at {path}: there is no such folder or file")
    with data_errors(files.path):
        classes = find_classes(files.path)
        if not (labels or devkit) and are_objectnet(files.names, classes, class_set):
            return open_objectnet(files)
        class_indices, source = find_labels(files.names, files.path, classes, labels, devkit)
    ids = [image_id(name) for name in files.names]
    _refuse_repeated(ids, data)
    sizes = np.array(files.sizes, dtype=np.int64)
    return Images(str(files.path), ids, class_indices, sizes, files.read, source, files.ignored, classes)


def _refuse_repeated(ids: Sequence[str], data: str) -> None:
    """Raise `DataError` where two images have one id, as when a validation image is in two folders."""
    for image, following in pairwise(sorted(ids)):
        if image == following:
            raise DataError(
                f"{data} has {image!r} more than once: keep one of them, so that it is not counted twice"
            )
