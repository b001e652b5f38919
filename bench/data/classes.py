"""The 1000 classes and the orders in which the world numbers them; and the classes of data sets that have others."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.file_names import CLASSES_FILE
from bench.errors import DataError


@cache
def wordnet_ids() -> tuple[str, ...]:
    """WordNet ids of the 1000 classes, sorted: the order of Caffe, torchvision, timm and Keras, and ours."""
    return tuple(sorted(ilsvrc_order()))


@cache
def ilsvrc_order() -> tuple[str, ...]:
    """WordNet ids by ILSVRC id less one: the order of the devkit's ground truth and of the 2015-12-05 graph."""
    return tuple((resources.files("bench.data") / "ilsvrc_order.txt").read_text().split())


def class_index(classes: Sequence[str]) -> dict[str, int]:
    """Class index, from 0, by name."""
    return {name: number for number, name in enumerate(classes)}


def class_indices(ids: Sequence[str] | None = None) -> NDArray[np.int64]:
    """[1000] class index of each WordNet id of `ids`, by default of each ILSVRC id less one."""
    index = class_index(wordnet_ids())
    return np.array([index[wordnet_id] for wordnet_id in ids or ilsvrc_order()], dtype=np.int64)


def find_classes(data: Path) -> tuple[str, ...]:
    """The names of the classes of the images at `data`, a folder or an archive, in the order of a network's outputs.

    They are the lines of a `classes.txt` in it or beside it; without one, the WordNet ids of ILSVRC 2012. Raises `DataError`.
    """
    path = next((path for folder in (data, data.parent) if (path := folder / CLASSES_FILE).is_file()), None)
    if path is None:
        return wordnet_ids()
    try:
        names = tuple(line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the classes {path}: {error}") from None
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(
            f"{path} should have a line for each class, each once: repair it, or remove it where the classes are ImageNet's"
        )
    return names
