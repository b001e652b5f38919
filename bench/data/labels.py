"""Which class each image is: from its WordNet folder, a label file or a devkit; never from a folder's place among others."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_index, wordnet_ids
from bench.data.devkit import GROUND_TRUTH, find_devkit, ground_truth
from bench.data.names import LABEL_FILES, WORDNET_ID, first_of, validation_number, without_ending
from bench.errors import DataError

Labels = NDArray[np.int64]


def find_labels(names: Sequence[str], data: Path, classes: Sequence[str], labels: Path | None, devkit: Path | None) -> tuple[Labels, str]:
    """The class index of each image, and where it was found.

    `names` are paths relative to `data`, a folder or an archive; `classes` are the names of the classes. A label file or a
    devkit that the user names goes first; then folders named by class; then a label file in `data` or beside it; then a
    devkit there. Raises `DataError`.
    """
    if labels is not None:
        return read_label_file(labels, names, classes), str(labels)
    if devkit is not None:
        return from_devkit(devkit, names), str(devkit)
    parents = [PurePosixPath(name).parent.name for name in names]
    kind = "WordNet folders" if WORDNET_ID.match(classes[0]) else "folders named by class"
    outside = [name for name, parent in zip(names, parents, strict=True) if not (WORDNET_ID.match(parent) or parent in classes)]
    if not outside:
        return from_folders(names, data, classes), kind
    if len(outside) < len(names):
        raise DataError(f"{data} has {kind}, but {first_of(outside)} not in one: move or remove what does not belong there")
    for folder in (data, data.parent):
        for candidate in (folder / name for name in LABEL_FILES):
            if candidate.is_file():
                return read_label_file(candidate, names, classes), str(candidate)
    if found := find_devkit(data):
        return from_devkit(found, names), str(found)
    if all(parent.isdigit() for parent in parents):
        raise DataError(f"{data} has folders named by numbers ({min(parents)}, ...), in nobody knows which order: name them by WordNet id")
    raise DataError(
        f"no labels for {data}: its folders are not WordNet ids, and no label file or devkit is in or beside it: "
        "pass --labels FILE (a line 'NAME CLASS' an image) or --devkit ILSVRC2012_devkit_t12.tar.gz"
    )


def from_folders(names: Sequence[str], data: Path, classes: Sequence[str]) -> Labels:
    """Labels by the name of each image's folder, its class."""
    index = class_index(classes)
    whose = "the 1000 classes of ILSVRC 2012" if classes == wordnet_ids() else f"the {len(classes)} classes of its classes.txt"
    unknown = sorted({parent for name in names if (parent := PurePosixPath(name).parent.name) not in index})
    if unknown:
        raise DataError(f"{data}: {first_of(unknown)} not among {whose}: remove what does not belong there")
    return np.array([index[PurePosixPath(name).parent.name] for name in names], dtype=np.int64)


def from_devkit(devkit: Path, names: Sequence[str]) -> Labels:
    """Labels by the number in each validation image's name."""
    truth = ground_truth(devkit)
    numbers = [validation_number(name) for name in names]
    if strangers := [name for name, number in zip(names, numbers, strict=True) if not number or number > len(truth)]:
        raise DataError(
            f"the devkit labels ILSVRC2012_val_00000001 to 00050000, and {first_of(strangers)} not among them: pass --labels FILE"
        )
    labels: Labels = truth[np.array(numbers) - 1]
    return labels


def read_label_file(path: Path, names: Sequence[str], classes: Sequence[str]) -> Labels:
    """Labels from lines 'NAME CLASS' (or NAME,CLASS), the class an index from 0 or a name, in any order.

    A file with nothing but class indices labels the images in the order of their names. Raises `DataError`.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the labels {path}: {error}") from None
    if GROUND_TRUTH.search(path.name):
        raise DataError(f"{path} has ILSVRC ids, which are not class indices: pass the devkit it is from as --devkit")
    if lines and all(line.isdigit() for line in lines):
        return _in_order(path, lines, names, len(classes))
    index = class_index(classes)
    rows = [_row(line, index) for line in lines]
    if rows and rows[0][1] is None:
        rows = rows[1:]  # a heading
    by_name: dict[str, int] = {}
    for name, value in rows:
        if value is None:
            raise DataError(f"{path}: the line of {name!r} is not 'NAME CLASS' with a class from 0 to {len(classes) - 1} or its name")
        if by_name.setdefault(name, value) != value:
            raise DataError(f"{path} labels {name!r} twice, as {by_name[name]} and {value}: keep one")
    found = _match(names, by_name)
    if missing := [name for name, value in zip(names, found, strict=True) if value is None]:
        raise DataError(f"{path} does not label all images, {first_of(missing)} missing: add them, or take the images away")
    return np.array(found, dtype=np.int64)


def _row(line: str, index: dict[str, int]) -> tuple[str, int | None]:
    """Name and class of a line: `NAME,CLASS` with anything after a blank left out (Kaggle's boxes), or `NAME CLASS`."""
    name, _, word = line.partition(",") if "," in line else (line.rpartition(" ") if " " in line else line.rpartition("\t"))
    word = (word.split() or [""])[0]
    return name.strip(), index.get(word, int(word) if word.isdigit() and int(word) < len(index) else None)


def _match(names: Sequence[str], by_name: dict[str, int]) -> list[int | None]:
    """Each image's label by its whole path; else by its name without folders, then without ending, where that is unique."""
    found = [by_name.get(name) for name in names]
    for short in (lambda name: PurePosixPath(name).name, without_ending):
        images = Counter(map(short, names))
        lines: dict[str, set[int]] = {}
        for name, value in by_name.items():
            lines.setdefault(short(name), set()).add(value)
        for i, name in enumerate(names):
            values = lines.get(short(name), set())
            if found[i] is None and images[short(name)] == len(values) == 1:
                found[i] = next(iter(values))
    return found


def _in_order(path: Path, lines: list[str], names: Sequence[str], classes: int) -> Labels:
    values = np.array([min(int(line), 10**9) for line in lines], dtype=np.int64)
    if len(values) != len(names):
        raise DataError(f"{path} has {len(values):,} labels for {len(names):,} images: write 'NAME CLASS' on each line")
    if values.max() >= classes:
        raise DataError(f"{path} has labels up to {values.max()}; class indices end at {classes - 1}: for ILSVRC ids pass the --devkit")
    labels: Labels = values[np.argsort(np.argsort(names))]
    return labels
