"""The 1000 classes and the orders in which the world numbers them."""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@cache
def wordnet_ids() -> tuple[str, ...]:
    """WordNet ids of the 1000 classes, sorted: the order of Caffe, torchvision, timm and Keras, and ours."""
    return tuple(sorted(ilsvrc_order()))


@cache
def ilsvrc_order() -> tuple[str, ...]:
    """WordNet ids by ILSVRC id less one: the order of the devkit's ground truth and of the 2015-12-05 graph."""
    return tuple((resources.files("bench.data") / "ilsvrc_order.txt").read_text().split())


@cache
def class_index() -> dict[str, int]:
    """Class index, 0 to 999, by WordNet id."""
    return {wordnet_id: number for number, wordnet_id in enumerate(wordnet_ids())}


def class_indices(ids: tuple[str, ...] | None = None) -> NDArray[np.int64]:
    """[1000] class index of each WordNet id of `ids`, by default of each ILSVRC id less one."""
    return np.array([class_index()[wordnet_id] for wordnet_id in ids or ilsvrc_order()], dtype=np.int64)
