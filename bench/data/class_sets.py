"""Data sets that have only some of ImageNet's classes: ImageNet-A, ImageNet-R and ObjectNet, or by a file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

import numpy as np

from bench.data.classes import index_by_name, read_timm_imagenet_file, wordnet_ids
from bench.data.files import ImageFiles
from bench.data.images import Images
from bench.errors import DataError, UsageError
from results.class_sets import ClassSet
from results.storage import parse_path, refuse_device

LISTED_BY_TIMM = ("imagenet-a", "imagenet-r")
OBJECTNET = "objectnet"
ALL = "all"


def find_class_set(name: str) -> ClassSet | None:
    """The set of classes that `--classes` names: a known one, or a file of WordNet ids; None for `all`.

    The lists of ImageNet-A and ImageNet-R are those that timm has. In a file each line is a class; several
    ids on a line are one class. Raises `UsageError` for a name that is neither known nor a file, and
    `DataError` for a file that cannot be used.

    >>> len(find_class_set("imagenet-a").groups), len(find_class_set("objectnet").groups)
    (200, 113)
    """
    if name == ALL:
        return None
    if name in LISTED_BY_TIMM:
        indices = read_timm_imagenet_file(f"{name.replace('-', '_')}_indices.txt").split()
        return ClassSet(name=name, groups=tuple((int(index),) for index in indices))
    if name == OBJECTNET:
        return ClassSet(name=name, groups=tuple(filter(None, objectnet_folders().values())))
    path = parse_path(name)
    if not path.is_file():
        known = ", ".join((*LISTED_BY_TIMM, OBJECTNET, ALL))
        raise UsageError(f"--classes {name}: write {known}, or a file with a WordNet id on each line")
    return ClassSet(name=name, groups=tuple(_read_groups(path)))


def _read_groups(path: Path) -> Iterator[tuple[int, ...]]:
    """The class indices on each line of a file of WordNet ids. Raises `DataError`."""
    try:
        refuse_device(path)
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the classes {path}: {error}") from None
    index = index_by_name(wordnet_ids())
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        for word in line.split():
            if word not in index:
                raise DataError(f"{path}, line {number}: {word!r} is no WordNet id of the 1,000 classes")
            if earlier := seen.get(word):
                raise DataError(f"{path} has {word} on lines {earlier} and {number}: keep one of them")
            seen[word] = number
        if line.strip():
            yield tuple(index[word] for word in line.split())
    if len(set(seen.values())) < 2:
        raise DataError(f"{path} should have two classes or more: write a WordNet id on each line")


def score_among(images: Images, name: str | None) -> Images:
    """The images with the set of classes that `--classes` names; without a name with that of their data set.

    It is ImageNet-A or ImageNet-R if they have labels of exactly its classes. Raises `UsageError` for
    images that have classes of their own, and as `find_class_set` does.
    """
    if name is None:
        return replace(images, class_set=images.class_set or _recognise(images))
    chosen = find_class_set(name)
    if chosen is None:
        return replace(images, class_set=images.class_set and images.class_set.widen(len(images.classes)))
    if images.classes != wordnet_ids():
        raise UsageError(f"--classes {name}: {images.path} has classes of its own, leave --classes out")
    return replace(images, class_set=chosen)


def _recognise(images: Images) -> ClassSet | None:
    """The set whose classes are exactly those of the images; None where there is none."""
    if images.classes != wordnet_ids():
        return None
    labelled = set(np.unique(images.labels).tolist())
    for name in LISTED_BY_TIMM:
        known = find_class_set(name)
        if known and {index for group in known.groups for index in group} == labelled:
            return known
    return None


@cache
def objectnet_folders() -> dict[str, tuple[int, ...]]:
    """The class indices of each of ObjectNet's 313 folders. There are none for the 200 that ImageNet lacks.

    They are those of `objectnet_to_imagenet_1k.json`, which is part of ObjectNet (Barbu et al., 2019).

    >>> folders = objectnet_folders()
    >>> folders["banana"], folders["alarm_clock"], folders["air_freshener"]
    ((954,), (409, 530), ())
    """
    index = index_by_name(wordnet_ids())
    lines = (resources.files("bench.data") / "objectnet.txt").read_text().splitlines()
    return {
        folder: tuple(sorted(index[wordnet_id] for wordnet_id in ids))
        for folder, *ids in (line.split() for line in lines)
    }


def are_objectnet(names: Sequence[str], classes: Sequence[str], chosen: str | None) -> bool:
    """Whether images are ObjectNet's, by the names of their folders: its 313, or the 113 that ImageNet has.

    `names` are paths, and `classes` the names of the data set's classes. If `--classes objectnet` was
    `chosen`, some of these folders are enough.
    """
    if classes != wordnet_ids():
        return False
    known = objectnet_folders()
    found = {_folder(name) for name in names}
    whole = found in (set(known), {folder for folder, indices in known.items() if indices})
    return whole or (chosen == OBJECTNET and found <= set(known))


def open_objectnet(files: ImageFiles) -> Images:
    """The images of ObjectNet's classes that ImageNet has; the label is the first of several class indices.

    The others are left out. Raises `DataError` where no image is left.
    """
    known = objectnet_folders()
    kept = [i for i, name in enumerate(files.names) if known[_folder(name)]]
    if not kept:
        raise DataError(f"{files.path} has no image of the 113 classes that ObjectNet shares with ImageNet")
    return Images(
        path=files.path,
        ids=[files.names[i] for i in kept],
        labels=np.array([known[_folder(files.names[i])][0] for i in kept], dtype=np.int64),
        sizes=np.array([files.sizes[i] for i in kept], dtype=np.int64),
        read=lambda i: files.read(kept[i]),
        label_source="ObjectNet's folders",
        ignored=files.ignored,
        left_out=len(files.names) - len(kept),
        class_set=find_class_set(OBJECTNET),
        objectnet=True,
    )


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name
