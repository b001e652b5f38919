"""Hugging Face data sets, `hf://NAME:SPLIT`: images as stored, labels as declared. Needs the extra `hf`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_indices, wordnet_ids
from bench.data.file_names import image_id
from bench.data.images import Images
from bench.errors import DataError, UsageError, first_line

LABEL_COLUMNS = ("label", "labels", "cls")
"""Names under which a data set's labels are found, the first ones first."""


def open_dataset(data: str) -> Images:
    """The images of a split; NAME is a data set of the hub, or a local folder that `datasets` can load.

    Labels must be the 1000 classes of ILSVRC 2012, by WordNet id or in their sorted order. Raises
    `UsageError` for a name that is not `hf://NAME:SPLIT` and where `datasets` is not installed, else
    `DataError`.
    """
    table, image_column, label_column = _load_table(data)
    names, sizes = _stored_names_and_sizes(table, image_column)
    values = np.array(table[label_column], dtype=np.int64)
    labels = _to_class_indices(values, table.features[label_column], data)

    def read(i: int) -> bytes:
        stored = table[i][image_column]
        if stored["bytes"] is not None:
            return bytes(stored["bytes"])
        return Path(stored["path"]).read_bytes()

    return Images(data, _unique_ids(names), labels, sizes, read, f"{data}, column {label_column}")


def _load_table(data: str) -> tuple[Any, str, str]:
    """The split as a table of encoded images, and the names of its columns of images and of labels."""
    name, _, split = data.removeprefix("hf://").rpartition(":")
    if not name or not split:
        raise UsageError(f"{data}: write hf://NAME:SPLIT, such as hf://ILSVRC/imagenet-1k:validation")
    try:
        import datasets
    except ImportError:
        raise UsageError(f"{data} needs the `datasets` library: pip install 'inception-bench[hf]'") from None
    try:
        table = datasets.load_dataset(name, split=split)
    except Exception as error:  # noqa: BLE001 - the library raises those of all its parts
        raise DataError(f"cannot load {data}: {first_line(error)}") from None
    images = [key for key, feature in table.features.items() if isinstance(feature, datasets.Image)]
    labels = [key for key in LABEL_COLUMNS if key in table.features]
    if not images or not labels:
        raise DataError(
            f"{data} has the columns {', '.join(table.column_names)}: "
            "one of images and one named `label` are needed"
        )
    return table.cast_column(images[0], datasets.Image(decode=False)), images[0], labels[0]


def _stored_names_and_sizes(table: Any, image_column: str) -> tuple[list[str | None], NDArray[np.int64]]:
    """The stored file name of each image, or None; and [n] bytes of each, 0 for a file outside the table."""
    import pyarrow.compute as pc

    names: list[str | None] = []
    sizes: list[int] = []
    encoded = table.with_format("arrow").select_columns([image_column])  # Arrow's, so that no image is copied
    for batch in encoded.iter(batch_size=1000):
        stored = batch[image_column].combine_chunks()
        names += stored.field("path").to_pylist()
        sizes += [length or 0 for length in pc.binary_length(stored.field("bytes")).to_pylist()]
    return names, np.array(sizes, dtype=np.int64)


def _unique_ids(names: list[str | None]) -> list[str]:
    """An id for each image: its name, or its number where it has none. Where names repeat, both.

    >>> _unique_ids(["cats/1.jpg", None])
    ['cats/1.jpg', '00000001']
    >>> _unique_ids(["1.jpg", "1.jpg"])
    ['00000000/1.jpg', '00000001/1.jpg']
    """
    ids = [image_id(name) if name else f"{number:08d}" for number, name in enumerate(names)]
    if len(set(ids)) == len(ids):
        return ids
    return [f"{number:08d}/{name}" for number, name in enumerate(ids)]


def _to_class_indices(values: NDArray[np.int64], feature: Any, data: str) -> NDArray[np.int64]:
    """[n] class indices of the data set's label values, by the class names that its label column declares."""
    known = wordnet_ids()
    names = tuple(getattr(feature, "names", None) or known)
    if not len(values) or values.min() < 0 or values.max() >= len(names):
        raise DataError(
            f"{data} has images without a label (class indices outside 0 to {len(names) - 1}): "
            "take a split with labels"
        )
    if set(names) <= set(known):
        indices: NDArray[np.int64] = class_indices(names)[values]
        return indices
    if len(names) != len(known):
        raise DataError(
            f"{data}: its {len(names)} classes are neither WordNet ids nor the 1000 of ILSVRC 2012"
        )
    return values
