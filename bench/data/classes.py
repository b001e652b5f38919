"""The names of the classes and their order.

They are the 1000 classes of ILSVRC 2012, which tools number in two orders, or the lines of a `classes.txt`.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.file_names import CLASSES_FILE
from bench.errors import DataError


@cache
def wordnet_ids() -> tuple[str, ...]:
    """The WordNet ids of the 1000 classes by class index: sorted, as in Caffe, torchvision, timm and Keras.

    >>> wordnet_ids()[:2], len(wordnet_ids())
    (('n01440764', 'n01443537'), 1000)
    """
    return tuple(sorted(ilsvrc_order()))


@cache
def ilsvrc_order() -> tuple[str, ...]:
    """The WordNet ids by ILSVRC id less one.

    The devkit's ground truth and the Inception-v3 graph of 2015-12-05 number classes in this order.

    >>> ilsvrc_order()[0]
    'n02119789'
    """
    return tuple((resources.files("bench.data") / "ilsvrc_order.txt").read_text().split())


def index_by_name(classes: Sequence[str]) -> dict[str, int]:
    """The class index, from 0, of each name.

    >>> index_by_name(("cat", "dog"))
    {'cat': 0, 'dog': 1}
    """
    return {name: number for number, name in enumerate(classes)}


def class_indices(ids: Sequence[str] | None = None) -> NDArray[np.int64]:
    """[n] class index of each WordNet id in `ids`; by default [1000], of each ILSVRC id less one.

    Raises `KeyError` for an id that is not among the 1000.

    >>> class_indices(["n15075141", "n01440764"])
    array([999,   0])
    """
    index = index_by_name(wordnet_ids())
    return np.array([index[wordnet_id] for wordnet_id in ids or ilsvrc_order()], dtype=np.int64)


def read_timm_imagenet_file(name: str) -> str:
    """The text of one of the files about ImageNet that timm has. Importing timm for it would take seconds."""
    spec = find_spec("timm")
    assert spec
    assert spec.origin
    return (Path(spec.origin).parent / "data" / "_info" / name).read_text("utf-8")


def find_classes(data: Path) -> tuple[str, ...]:
    """The names of the classes of the images at `data`, a folder or an archive, by class index.

    They are the lines of a `classes.txt` in `data` or beside it; without one, the WordNet ids of ILSVRC 2012.
    Raises `DataError`.
    """
    for folder in (data, data.parent):
        path = folder / CLASSES_FILE
        if path.is_file():
            return _read_classes(path)
    return wordnet_ids()


def _read_classes(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the classes {path}: {error}") from None
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(
            f"{path} should have a line for each class, each once: "
            "repair it, or remove it where the classes are ImageNet's"
        )
    return names
