"""WebDataset shards: .tar files in which `KEY.jpg` is an image and `KEY.cls` its class index.

The files of one key are one sample. A key is a path up to the first dot of the file's name, as in the library
`webdataset`. Images are read in place.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from posixpath import basename, dirname, join
from tarfile import TarInfo

import numpy as np

from bench.data.archive import Archive
from bench.data.file_names import first_of, shown
from bench.data.files import ImageFiles, StoredLabels
from bench.errors import DataError
from results import storage


def shard_files(where: str, shards: Sequence[Archive]) -> ImageFiles:
    """The images of all shards, sorted by name, with their labels.

    Sorted, they have the fingerprint of a folder of the same names. Raises `DataError` for an image without a
    label or a label without an image, for a key with two images, and for a label that is no class index.
    """
    images: dict[str, tuple[Archive, TarInfo]] = {}
    labels: dict[str, int] = {}
    for shard in shards:
        for name, label in _label_images(shard).items():
            if name in images:
                raise DataError(
                    f"{where} has {name!r} more than once, in {images[name][0].path} and in {shard.path}: "
                    "keep one of them, so that it is not counted twice"
                )
            images[name] = shard, shard.images[name]
            labels[name] = label
    names = sorted(images)
    places = [(images[name][0].path, images[name][1].offset_data, images[name][1].size) for name in names]

    def read(i: int) -> bytes:
        path, offset, size = places[i]
        return storage.read(path, offset, offset + size)

    values = np.array([labels[name] for name in names], dtype=np.int64)
    stored = StoredLabels(values, (), ".cls files")
    return ImageFiles(where, names, [size for _, _, size in places], read, _ignored(shards), stored)


def key_of(name: str) -> str:
    """The key of a member.

    >>> key_of("val/n01440764.18.jpg"), key_of("v1.0/18.cls")
    ('val/n01440764', 'v1.0/18')
    """
    return join(dirname(name), basename(name).partition(".")[0])


def _label_images(shard: Archive) -> dict[str, int]:
    """The class index of each image of a shard by its name."""
    images = _one_of_each_key(shard.images, f"{shard.path} has two images")
    labels = _one_of_each_key(shard.labels, f"{shard.path} has two labels")
    if unlabelled := [name for key, name in images.items() if key not in labels]:
        raise DataError(
            f"{shard.path} has images without a label: {first_of(unlabelled)} without a .cls of the same key"
        )
    if lost := [name for key, name in labels.items() if key not in images]:
        raise DataError(
            f"{shard.path} has labels without an image: {first_of(lost)} without an image of the same key"
        )
    return {
        name: _parse_label(shard.labels[labels[key]], f"{shard.path}: {shown(labels[key])}")
        for key, name in images.items()
    }


def _one_of_each_key(names: Iterable[str], two: str) -> dict[str, str]:
    """The name of each key. Where a key has several, `KEY.png` goes before others such as `KEY.mask.png`."""
    names_of: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        names_of[key_of(name)].append(name)
    chosen: dict[str, str] = {}
    for key, found in names_of.items():
        plain = [name for name in found if basename(name).count(".") == 1] or found
        if len(plain) > 1:
            raise DataError(
                f"{two} of the key {key!r}, which ends at the first dot: {plain[0]!r} and {plain[1]!r}; "
                "keep one of them"
            )
        chosen[key] = plain[0]
    return chosen


def _parse_label(content: bytes, where: str) -> int:
    text = content.strip()
    if not text.isdigit() or len(text) > 9:
        shown_text = shown(text[:20].decode("ascii", "backslashreplace"))
        raise DataError(f"{where} is {shown_text!r}, not a class index from 0: write the number as text")
    return int(text)


def _ignored(shards: Sequence[Archive]) -> int:
    """Number of members that belong to no image, such as a list of the shards."""
    return sum(
        key_of(name) not in keys
        for shard in shards
        for keys in (set(map(key_of, shard.images)),)
        for name in shard.stray
    )
