"""Label files: lines 'NAME CLASS', or class indices in the order of the images' names."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import index_by_name, wordnet_ids
from bench.data.devkit import GROUND_TRUTH
from bench.data.file_names import CLASSES_FILE, first_of, without_ending, without_folders
from bench.errors import DataError
from results.storage import refuse_device

Labels = NDArray[np.int64]
"""[n] class index of each image, from 0."""

NUMBER = re.compile(r"[0-9]+")

UNKNOWN = -1
"""In place of a label that is not found yet."""


def read_label_file(path: Path, names: Sequence[str], classes: Sequence[str]) -> Labels:
    """The labels in a file of lines 'NAME CLASS' or 'NAME,CLASS', in any order.

    NAME is an image's path, or, where that is unique, its name without folders, with or without the ending.
    CLASS is an index from 0 or a class's name. A file with nothing but class indices labels the images in the
    order of their names. Raises `DataError`.
    """
    if GROUND_TRUTH.search(path.name):
        raise DataError(
            f"{path} has ILSVRC ids, which are not class indices: pass the devkit it is from as --devkit"
        )
    try:
        if all(NUMBER.fullmatch(line) for line in _lines(path)):
            return _read_ordered_labels(path, names, len(classes))
        return _read_named_labels(path, names, classes)
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot read the labels {path}, which are not UTF-8 ({error}): save them as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read the labels {path}: {error.strerror or error}") from None


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file that are not empty, stripped. One by one, because there may be millions."""
    refuse_device(path)
    with path.open(encoding="utf-8-sig") as file:
        yield from filter(None, map(str.strip, file))


def _read_ordered_labels(path: Path, names: Sequence[str], classes: int) -> Labels:
    """The labels in a file of class indices alone: line i is about the i-th image by name."""
    # The first ten digits are enough to see that an index is too large; int() refuses thousands of them.
    indices = (min(int(line.lstrip("0")[:10] or "0"), 10**9) for line in _lines(path))
    by_name = np.fromiter(indices, dtype=np.int64)
    if len(by_name) != len(names):
        raise DataError(
            f"{path} has {len(by_name):,} labels for {len(names):,} images: write 'NAME CLASS' on each line"
        )
    if by_name.max() >= classes:
        raise DataError(
            f"{path} has labels up to {by_name.max()}; class indices end at {classes - 1}: "
            "for ILSVRC ids pass the --devkit"
        )
    order = sorted(range(len(names)), key=names.__getitem__)
    labels: Labels = np.empty_like(by_name)
    labels[order] = by_name
    return labels


def _read_named_labels(path: Path, names: Sequence[str], classes: Sequence[str]) -> Labels:
    """The labels in a file of lines 'NAME CLASS': by whole paths, then by names without folders or ending."""
    labels, unmatched = _match_paths(path, names, classes)
    for shorten in (without_folders, without_ending):
        if (labels == UNKNOWN).any():
            _match_short_names(labels, names, unmatched, shorten)
    if missing := [names[i] for i in np.flatnonzero(labels == UNKNOWN).tolist()]:
        raise DataError(
            f"{path} does not label all images, {first_of(missing)} missing: "
            "add them, or take the images away"
        )
    return labels


def _match_paths(path: Path, names: Sequence[str], classes: Sequence[str]) -> tuple[Labels, dict[str, int]]:
    """The labels of the images whose whole path has a line; and the class by name on each other line.

    The label of any other image is `UNKNOWN`. Raises `DataError` for a line that cannot be read, and for two
    lines of one name with different classes.
    """
    class_index = index_by_name(classes)
    of_imagenet = classes == wordnet_ids()
    image_index = {name: i for i, name in enumerate(names)}
    labels = np.full(len(names), UNKNOWN, dtype=np.int64)
    unmatched: dict[str, int] = {}
    for number, line in enumerate(_lines(path)):
        name, word = split_line(line)
        label = _parse_class(word, class_index)
        if label is None:
            if number == 0:
                continue  # a heading
            raise DataError(
                f"{path}: the line of {name!r} is not 'NAME CLASS' "
                f"with a class from 0 to {len(classes) - 1} or its name"
                + (f"; a {CLASSES_FILE} beside the images names other classes" if of_imagenet else "")
            )
        i = image_index.get(name)
        if i is None:
            earlier = unmatched.setdefault(name, label)
        else:
            earlier = label if labels[i] == UNKNOWN else int(labels[i])
            labels[i] = label
        if earlier != label:
            raise DataError(f"{path} labels {name!r} twice, as {earlier} and {label}: keep one")
    return labels, unmatched


def split_line(line: str) -> tuple[str, str]:
    """The image's name and the word for its class, in a line of a label file.

    A name may have spaces; a comma goes before them, since Kaggle's lines have boxes after the class.

    >>> split_line("my cat.jpg 5")
    ('my cat.jpg', '5')
    >>> split_line("ILSVRC2012_val_00000001,n15075141 10 20 300 400")
    ('ILSVRC2012_val_00000001', 'n15075141')
    """
    if "," in line:
        name, _, rest = line.partition(",")
    elif " " in line:
        name, _, rest = line.rpartition(" ")  # 'my cat.jpg 5'
    else:
        name, _, rest = line.rpartition("\t")  # 'cat.jpg<TAB>5'
    words = rest.split()
    return name.strip(), words[0] if words else ""


def _parse_class(word: str, class_index: Mapping[str, int]) -> int | None:
    """The class index of a class's name, or of a number from 0; None for anything else.

    >>> [_parse_class(word, {"cat": 0, "dog": 1}) for word in ("dog", "1", "2", "bird")]
    [1, 1, None, None]
    """
    if word in class_index:
        return class_index[word]
    if NUMBER.fullmatch(word) and len(word) < 10:  # int() refuses thousands of digits
        return int(word) if int(word) < len(class_index) else None
    return None


def _match_short_names(
    labels: Labels, names: Sequence[str], unmatched: Mapping[str, int], shorten: Callable[[str], str]
) -> None:
    """Label, in place, the `UNKNOWN` images whose shortened name is unique.

    No other image may have it, and all lines with it must name the same class.
    """
    images = Counter(map(shorten, names))
    classes_of: defaultdict[str, set[int]] = defaultdict(set)
    for name, label in unmatched.items():
        classes_of[shorten(name)].add(label)
    for i in np.flatnonzero(labels == UNKNOWN).tolist():
        short = shorten(names[i])
        found = classes_of.get(short, set())
        if images[short] == len(found) == 1:
            labels[i] = next(iter(found))
