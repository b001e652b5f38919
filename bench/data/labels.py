"""The class of each image: from its folder's name, a label file, a devkit, or as stored with it.

Folders are matched by name and never by their order, since a data set may lack classes.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from bench.data.classes import index_by_name, wordnet_ids
from bench.data.devkit import find_devkit, read_ground_truth
from bench.data.file_names import CLASSES_FILE, LABEL_FILES, WORDNET_ID, first_of, validation_number
from bench.data.files import StoredLabels
from bench.data.label_file import Labels, read_label_file
from bench.errors import DataError

IMAGENETV2 = "folders 0 to 999, as ImageNetV2 has them"
"""Where labels are from that are folders' names, each the class index in the order of the WordNet ids."""


def find_labels(
    names: Sequence[str], data: Path, classes: Sequence[str], labels: Path | None, devkit: Path | None
) -> tuple[Labels, str]:
    """The class index of each image, and where the labels are from.

    `names` are paths relative to `data`, a folder or an archive, and `classes` are the names of the classes.
    The first of these is used: the label file `labels`; the devkit `devkit`; folders named by class; a label
    file in `data` or beside it; a devkit there. Raises `DataError`.
    """
    if labels is not None:
        return read_label_file(labels, names, classes), str(labels)
    if devkit is not None:
        return labels_from_devkit(devkit, names), str(devkit)
    kind = "WordNet folders" if WORDNET_ID.match(classes[0]) else "folders named by class"
    outside = _outside_class_folders(names, classes)
    if not outside:
        return labels_from_folders(names, data, classes), kind
    if len(outside) < len(names):
        if unknown := _own_folders(outside, classes):
            raise _unknown_folders_error(data, unknown, classes)
        raise DataError(
            f"{data} has {kind}, but {first_of(outside)} not in one: "
            "move or remove what does not belong there"
        )
    if _has_folders_of_imagenetv2(names, data, classes):
        return np.array([int(_folder(name)) for name in names], dtype=np.int64), IMAGENETV2
    if label_file := _find_label_file(data):
        return read_label_file(label_file, names, classes), str(label_file)
    if found := find_devkit(data):
        return labels_from_devkit(found, names), str(found)
    if unknown := _own_folders(names, classes):
        raise _unknown_folders_error(data, unknown, classes)
    raise DataError(_why_no_labels(names, data))


def labels_from_folders(names: Sequence[str], data: Path, classes: Sequence[str]) -> Labels:
    """The class that each image's folder is named by. Raises `DataError` for a folder with another name.

    >>> labels_from_folders(["dog/1.jpg", "cat/1.jpg"], Path("pets"), ("cat", "dog"))
    array([1, 0])
    """
    index = index_by_name(classes)
    folders = [_folder(name) for name in names]
    if unknown := sorted(set(folders) - index.keys()):
        raise _unknown_folders_error(data, unknown, classes)
    return np.array([index[folder] for folder in folders], dtype=np.int64)


def stored_labels(
    stored: StoredLabels, names: Sequence[str], data: str, classes: Sequence[str]
) -> tuple[Labels, str]:
    """As `find_labels`, of labels that are stored with the images.

    The names that the data set declares for its classes decide: names of `classes`, or numbers. Other names
    must be as many as `classes`, and are taken to be in their order.
    """
    declared = tuple(stored.names) or tuple(classes)
    values = stored.values
    unlabelled = np.flatnonzero((values < 0) | (values >= len(declared))).tolist()
    if unlabelled:
        first = unlabelled[0]
        raise DataError(
            f"{data} has images without a label: {first_of([names[i] for i in unlabelled])} of class "
            f"{values[first]}, and class indices are 0 to {len(declared) - 1}: "
            "take images with labels, or pass --labels FILE"
        )
    if set(declared) <= set(classes):
        index = index_by_name(classes)
    elif {str(number) for number in range(len(classes))} >= set(declared):
        index = {name: int(name) for name in declared}  # sorted as text they would be 0, 1, 10, 100
    elif len(declared) == len(classes):
        index = index_by_name(declared)
    else:
        raise DataError(
            f"{data}: its {len(declared)} classes are neither WordNet ids nor the {len(classes)} of "
            + ("ILSVRC 2012" if classes == wordnet_ids() else f"its {CLASSES_FILE}")
        )
    return np.array([index[name] for name in declared], dtype=np.int64)[values], stored.source


def labels_from_devkit(devkit: Path, names: Sequence[str]) -> Labels:
    """The ground truth of each image, by the number in its name. Raises `DataError` for other images."""
    truth = read_ground_truth(devkit)
    numbers = [validation_number(name) for name in names]
    others = [name for name, number in zip(names, numbers, strict=True) if not number or number > len(truth)]
    if others:
        raise DataError(
            f"the devkit labels ILSVRC2012_val_00000001 to 00050000, and {first_of(others)} not among them: "
            "pass --labels FILE"
        )
    labels: Labels = truth[np.array(numbers) - 1]
    return labels


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name


def _has_folders_of_imagenetv2(names: Sequence[str], data: Path, classes: Sequence[str]) -> bool:
    """Whether folders are named by class index, as the three variants of ImageNetV2 have them.

    All are numbers from 0 to 999 without zeros before them. Most of them are there, or a folder above them
    has the name of a variant, such as `imagenetv2-matched-frequency-format-val`. Raises `DataError` for
    folders of several variants.
    """
    folders = {_folder(name) for name in names}
    numbers = {str(number) for number in range(1000)}
    is_named = any(part.startswith("imagenetv2") for part in (*data.parts, *PurePosixPath(names[0]).parts))
    if (
        classes != wordnet_ids()
        or not folders <= numbers
        or not (is_named or len(folders) > len(numbers) / 2)
    ):
        return False
    if len(parents := sorted({str(PurePosixPath(name).parent.parent) for name in names})) > 1:
        raise DataError(
            f"{data} has folders 0 to 999 in {len(parents)} places ({parents[0]}, {parents[1]}, ...): "
            "name one of them as --data"
        )
    return True


def _outside_class_folders(names: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The images whose folder's name is neither a class nor any WordNet id."""
    known = frozenset(classes)
    return [name for name in names if not (WORDNET_ID.match(_folder(name)) or _folder(name) in known)]


def _own_folders(names: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The folders of these images, where each has one and the classes are the data set's own."""
    folders = {_folder(name) for name in names}
    return [] if classes == wordnet_ids() or "" in folders else sorted(folders)


def _unknown_folders_error(data: Path, unknown: Sequence[str], classes: Sequence[str]) -> DataError:
    """The error for folders that no class is named like."""
    if classes == wordnet_ids():
        known, advice = "the 1000 classes of ILSVRC 2012", "remove what does not belong there"
    else:
        known = f"the {len(classes)} classes of its {CLASSES_FILE}"
        advice = f"rename the folder, or add its name to {CLASSES_FILE} as a line"
    return DataError(f"{data}: {first_of(unknown)} not among {known}: {advice}")


def _find_label_file(data: Path) -> Path | None:
    """The first label file in `data` or beside it."""
    candidates = (folder / name for folder in (data, data.parent) for name in LABEL_FILES)
    return next((path for path in candidates if path.is_file()), None)


def _why_no_labels(names: Sequence[str], data: Path) -> str:
    folders = [_folder(name) for name in names]
    if all(folder.isdigit() for folder in folders):
        return (
            f"{data} has folders named by numbers ({min(folders)}, ...), in an unknown order: "
            "name them by WordNet id"
        )
    return (
        f"no labels for {data}: its folders are not WordNet ids, and no label file or devkit is in or beside "
        "it: pass --labels FILE (a line 'NAME CLASS' an image) or --devkit ILSVRC2012_devkit_t12.tar.gz, "
        f"or name classes of its own in a {CLASSES_FILE} beside the images"
    )
