"""Which class each image is: from its WordNet folder, a label file or a devkit; never from a position in a listing."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import wordnet_ids
from bench.data.devkit import GROUND_TRUTH, find_devkit, ground_truth, validation_number
from bench.errors import DataError

LABEL_FILES = ("labels.txt", "labels.csv", "val.txt", "val_labels.txt")
WORDNET_ID = re.compile(r"n\d{8}$")

Labels = NDArray[np.int64]


def find_labels(names: Sequence[str], data: Path, labels: Path | None, devkit: Path | None) -> tuple[Labels, str]:
    """The class index of each image, and where it was found.

    `names` are paths relative to `data`, a folder or an archive. A label file or a devkit that the user names goes
    first; then WordNet folders; then a label file in `data` or beside it; then a devkit there. Raises `DataError`.
    """
    if labels is not None:
        return read_label_file(labels, names), str(labels)
    if devkit is not None:
        return from_devkit(devkit, names), str(devkit)
    parents = {PurePosixPath(name).parent.name for name in names}
    if all(WORDNET_ID.match(parent) for parent in parents):
        return from_folders(names, data), "WordNet folders"
    for folder in (data, data.parent):
        for candidate in (folder / name for name in LABEL_FILES):
            if candidate.is_file():
                return read_label_file(candidate, names), str(candidate)
    if found := find_devkit(data):
        return from_devkit(found, names), str(found)
    if all(parent.isdigit() for parent in parents):
        raise DataError(f"{data} has folders named by numbers ({min(parents)}, ...), in nobody knows which order: name them by WordNet id")
    raise DataError(
        f"no labels for {data}: its folders are not WordNet ids, and no label file or devkit is in or beside it: "
        "pass --labels FILE (a line 'NAME CLASS' an image) or --devkit ILSVRC2012_devkit_t12.tar.gz"
    )


def from_folders(names: Sequence[str], data: Path) -> Labels:
    """Labels by the WordNet id of each image's folder."""
    index = {wordnet_id: number for number, wordnet_id in enumerate(wordnet_ids())}
    unknown = sorted({parent for name in names if (parent := PurePosixPath(name).parent.name) not in index})
    if unknown:
        raise DataError(f"{data}: {_some(unknown)} not among the 1000 classes of ILSVRC 2012: remove them")
    return np.array([index[PurePosixPath(name).parent.name] for name in names], dtype=np.int64)


def from_devkit(devkit: Path, names: Sequence[str]) -> Labels:
    """Labels by the number in each validation image's name."""
    truth = ground_truth(devkit)
    numbers = [validation_number(name) for name in names]
    if strangers := [name for name, number in zip(names, numbers, strict=True) if not number or number > len(truth)]:
        raise DataError(f"the devkit labels ILSVRC2012_val_00000001 to 00050000, not {_some(strangers)}: pass --labels FILE")
    labels: Labels = truth[np.array(numbers) - 1]
    return labels


def read_label_file(path: Path, names: Sequence[str]) -> Labels:
    """Labels from lines 'NAME CLASS' (or NAME,CLASS), the class an index from 0 or a WordNet id, in any order.

    A file with nothing but class indices labels the images in the order of their names. Raises `DataError`.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the labels {path}: {error}") from None
    if GROUND_TRUTH.search(path.name):
        raise DataError(f"{path} has ILSVRC ids, which are not class indices: pass the devkit it is from as --devkit")
    if lines and all(line.isdigit() for line in lines):
        return _in_order(path, lines, names)
    rows = [re.split(r"[,\s]+", line) for line in lines]
    if rows and _class_index(rows[0][1] if len(rows[0]) > 1 else "") is None:
        rows = rows[1:]  # a heading
    by_name: dict[str, int] = {}
    for row in rows:
        value = _class_index(row[1]) if len(row) > 1 else None
        if value is None:
            raise DataError(f"{path}: {' '.join(row)!r} is not 'NAME CLASS' with a class from 0 to 999 or a WordNet id")
        key = PurePosixPath(row[0]).stem
        if by_name.setdefault(key, value) != value:
            raise DataError(f"{path} labels {row[0]} twice, as {by_name[key]} and {value}: keep one")
    if missing := [name for name in names if PurePosixPath(name).stem not in by_name]:
        raise DataError(f"{path} has no label for {_some(missing)}: add them, or take the images away")
    return np.array([by_name[PurePosixPath(name).stem] for name in names], dtype=np.int64)


def _in_order(path: Path, lines: list[str], names: Sequence[str]) -> Labels:
    values = np.array([int(line) for line in lines], dtype=np.int64)
    if len(values) != len(names):
        raise DataError(f"{path} has {len(values):,} labels for {len(names):,} images: write 'NAME CLASS' on each line")
    if values.max() > 999:
        raise DataError(f"{path} has labels up to {values.max()}; class indices end at 999: for ILSVRC ids pass the --devkit")
    labels: Labels = values[np.argsort(np.argsort(names))]
    return labels


def _class_index(word: str) -> int | None:
    if WORDNET_ID.match(word):
        return wordnet_ids().index(word) if word in wordnet_ids() else None
    return int(word) if word.isdigit() and int(word) < len(wordnet_ids()) else None


def _some(names: Sequence[str]) -> str:
    return f"{names[0]}" if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
