"""Hugging Face data sets, `hf://NAME:SPLIT`: images as stored, labels as declared. Needs the extra `hf`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_indices, wordnet_ids
from bench.data.file_names import image_id
from bench.data.images import Images
from bench.errors import DataError, UsageError


def open_dataset(data: str) -> Images:
    """The split of a data set of the hub, or of a local folder that the `datasets` library can load.

    Its labels must be the 1000 classes, by WordNet id or in their sorted order.
    """
    name, _, split = data.removeprefix("hf://").rpartition(":")
    if not name or not split:
        raise UsageError(f"{data}: write hf://NAME:SPLIT, such as hf://ILSVRC/imagenet-1k:validation")
    try:
        import datasets
    except ImportError:
        raise UsageError(f"{data} needs the `datasets` library: pip install 'inception-bench[hf]'") from None
    try:
        table = datasets.load_dataset(name, split=split)
    except Exception as error:  # noqa: BLE001 - the library raises its own, the hub's and the file formats' errors
        raise DataError(f"cannot load {data}: {str(error).splitlines()[0]}") from None
    image_column = next(
        (key for key, feature in table.features.items() if isinstance(feature, datasets.Image)), None
    )
    label_column = next((key for key in ("label", "labels", "cls") if key in table.features), None)
    if image_column is None or label_column is None:
        raise DataError(
            f"{data} has the columns {', '.join(table.column_names)}: one of images and one named `label` are needed"
        )
    table = table.cast_column(image_column, datasets.Image(decode=False))
    ids, sizes = [], []
    for number, row in enumerate(_stored(table, image_column)):
        ids.append(image_id(row["path"]) if row["path"] else f"{number:08d}")
        sizes.append(row["size"])
    if len(set(ids)) < len(ids):
        ids = [f"{number:08d}/{name}" for number, name in enumerate(ids)]

    def read(i: int) -> bytes:
        stored = table[i][image_column]
        if stored["bytes"] is not None:
            return bytes(stored["bytes"])
        return Path(stored["path"]).read_bytes()

    labels = _labels(np.array(table[label_column], dtype=np.int64), table.features[label_column], data)
    return Images(data, ids, labels, np.array(sizes, dtype=np.int64), read, f"{data}, column {label_column}")


def _stored(table: Any, column: str) -> Any:
    """(path, size in bytes) of each image, without reading the pixels into Python."""
    import pyarrow.compute as pc

    for batch in table.with_format("arrow").select_columns([column]).iter(batch_size=1000):
        stored = batch[column].combine_chunks()
        for path, size in zip(stored.field("path"), pc.binary_length(stored.field("bytes")), strict=True):
            yield {"path": path.as_py(), "size": size.as_py() or 0}


def _labels(values: NDArray[np.int64], feature: Any, data: str) -> NDArray[np.int64]:
    names = list(getattr(feature, "names", None) or wordnet_ids())
    known = wordnet_ids()
    if not len(values) or values.min() < 0 or values.max() >= len(names):
        raise DataError(
            f"{data} has images without a label (class indices outside 0 to {len(names) - 1}): take a split with labels"
        )
    if set(names) <= set(known):
        indices: NDArray[np.int64] = class_indices(tuple(names))[values]
        return indices
    if len(names) != len(known):
        raise DataError(
            f"{data}: its {len(names)} classes are neither WordNet ids nor the 1000 of ILSVRC 2012"
        )
    return values
