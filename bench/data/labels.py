"""Which class each image is: from its WordNet folder, a label file or a devkit; never from a folder's place among others."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_index, wordnet_ids
from bench.data.devkit import GROUND_TRUTH, find_devkit, ground_truth
from bench.data.file_names import LABEL_FILES, WORDNET_ID, first_of, validation_number, without_ending
from bench.errors import DataError

Labels = NDArray[np.int64]

NUMBER = re.compile(r"[0-9]+")


def find_labels(
    names: Sequence[str], data: Path, classes: Sequence[str], labels: Path | None, devkit: Path | None
) -> tuple[Labels, str]:
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
    outside = [
        name
        for name, parent in zip(names, parents, strict=True)
        if not (WORDNET_ID.match(parent) or parent in classes)
    ]
    if not outside:
        return from_folders(names, data, classes), kind
    if len(outside) < len(names):
        raise DataError(
            f"{data} has {kind}, but {first_of(outside)} not in one: move or remove what does not belong there"
        )
    for folder in (data, data.parent):
        for candidate in (folder / name for name in LABEL_FILES):
            if candidate.is_file():
                return read_label_file(candidate, names, classes), str(candidate)
    if found := find_devkit(data):
        return from_devkit(found, names), str(found)
    if all(parent.isdigit() for parent in parents):
        raise DataError(
            f"{data} has folders named by numbers ({min(parents)}, ...), in nobody knows which order: name them by WordNet id"
        )
    raise DataError(
        f"no labels for {data}: its folders are not WordNet ids, and no label file or devkit is in or beside it: "
        "pass --labels FILE (a line 'NAME CLASS' an image) or --devkit ILSVRC2012_devkit_t12.tar.gz"
    )


def from_folders(names: Sequence[str], data: Path, classes: Sequence[str]) -> Labels:
    """Labels by the name of each image's folder, its class."""
    index = class_index(classes)
    whose = (
        "the 1000 classes of ILSVRC 2012"
        if classes == wordnet_ids()
        else f"the {len(classes)} classes of its classes.txt"
    )
    unknown = sorted({parent for name in names if (parent := PurePosixPath(name).parent.name) not in index})
    if unknown:
        raise DataError(f"{data}: {first_of(unknown)} not among {whose}: remove what does not belong there")
    return np.array([index[PurePosixPath(name).parent.name] for name in names], dtype=np.int64)


def from_devkit(devkit: Path, names: Sequence[str]) -> Labels:
    """Labels by the number in each validation image's name."""
    truth = ground_truth(devkit)
    numbers = [validation_number(name) for name in names]
    if strangers := [
        name for name, number in zip(names, numbers, strict=True) if not number or number > len(truth)
    ]:
        raise DataError(
            f"the devkit labels ILSVRC2012_val_00000001 to 00050000, and {first_of(strangers)} not among them: pass --labels FILE"
        )
    labels: Labels = truth[np.array(numbers) - 1]
    return labels


def read_label_file(path: Path, names: Sequence[str], classes: Sequence[str]) -> Labels:
    """Labels from lines 'NAME CLASS' (or NAME,CLASS), the class an index from 0 or a name, in any order.

    A file with nothing but class indices labels the images in the order of their names. Raises `DataError`.
    """
    if GROUND_TRUTH.search(path.name):
        raise DataError(
            f"{path} has ILSVRC ids, which are not class indices: pass the devkit it is from as --devkit"
        )
    try:
        if all(NUMBER.fullmatch(line) for line in _lines(path)):
            return _in_order(path, names, len(classes))
        return _by_name(path, names, classes)
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot read the labels {path}, which are no UTF-8 ({error}): save them as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read the labels {path}: {error.strerror or error}") from None


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file that are not empty, one by one: there may be millions."""
    with path.open(encoding="utf-8-sig") as file:
        yield from filter(None, map(str.strip, file))


def _in_order(path: Path, names: Sequence[str], classes: int) -> Labels:
    values = np.fromiter((min(int(line[-10:]), 10**9) for line in _lines(path)), dtype=np.int64)
    if len(values) != len(names):
        raise DataError(
            f"{path} has {len(values):,} labels for {len(names):,} images: write 'NAME CLASS' on each line"
        )
    if values.max() >= classes:
        raise DataError(
            f"{path} has labels up to {values.max()}; class indices end at {classes - 1}: for ILSVRC ids pass the --devkit"
        )
    order = sorted(range(len(names)), key=names.__getitem__)
    labels: Labels = np.empty_like(values)
    labels[order] = values
    return labels


def _by_name(path: Path, names: Sequence[str], classes: Sequence[str]) -> Labels:
    index = class_index(classes)
    whole = {name: i for i, name in enumerate(names)}
    found = np.full(len(names), -1, dtype=np.int64)
    others: dict[str, int] = {}  # by names that are no image's whole path
    for number, line in enumerate(_lines(path)):
        name, value = _row(line, index)
        if value is None:
            if number == 0:
                continue  # a heading
            raise DataError(
                f"{path}: the line of {name!r} is not 'NAME CLASS' with a class from 0 to {len(classes) - 1} or its name"
            )
        i = whole.get(name)
        if i is None:
            before = others.setdefault(name, value)
        else:
            before = value if found[i] < 0 else int(found[i])
            found[i] = value
        if before != value:
            raise DataError(f"{path} labels {name!r} twice, as {before} and {value}: keep one")
    del whole
    if (found < 0).any():
        _by_short_names(found, names, others)
    if missing := [names[i] for i in np.flatnonzero(found < 0).tolist()]:
        raise DataError(
            f"{path} does not label all images, {first_of(missing)} missing: add them, or take the images away"
        )
    return found


def _row(line: str, index: dict[str, int]) -> tuple[str, int | None]:
    """Name and class of a line: `NAME,CLASS` with anything after a blank left out (Kaggle's boxes), or `NAME CLASS`."""
    name, _, word = (
        line.partition(",")
        if "," in line
        else (line.rpartition(" ") if " " in line else line.rpartition("\t"))
    )
    word = (word.split() or [""])[0]
    number = int(word) if NUMBER.fullmatch(word) and len(word) < 10 else len(index)
    return name.strip(), index.get(word, number if number < len(index) else None)


def _by_short_names(found: Labels, names: Sequence[str], others: Mapping[str, int]) -> None:
    """Label what is not `found` (-1) by its name without folders, then without ending, where that is unique."""
    for short in (lambda name: PurePosixPath(name).name, without_ending):
        images = Counter(map(short, names))
        lines: dict[str, set[int]] = {}
        for name, value in (
            *others.items(),
            *((names[i], int(found[i])) for i in np.flatnonzero(found >= 0).tolist()),
        ):
            lines.setdefault(short(name), set()).add(value)
        for i in np.flatnonzero(found < 0).tolist():
            values = lines.get(short(names[i]), set())
            if images[short(names[i])] == len(values) == 1:
                found[i] = next(iter(values))
