"""Labelled images: what an evaluation needs to know of a data set, wherever the data set is stored."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from bench.data.classes import wordnet_ids
from bench.data.decode import Room, decode, no_room, without_red_border
from bench.data.file_names import shown
from bench.errors import DataError
from results import storage
from results.class_sets import ClassSet


def content_hash(data: bytes) -> int:
    """XXH3 of a file's bytes, 64 bits: tells one image from another, and is no protection from forgery.

    >>> content_hash(b"the bytes of an image") == content_hash(b"the bytes of another")
    False
    """
    return xxhash.xxh3_64_intdigest(data)


@dataclass(frozen=True)
class Images:
    """Labelled images. Image i has entry i of `ids`, `labels` and `sizes`, and its bytes are `read(i)`.

    >>> labels, sizes = np.array([2, 0, 1]), np.array([90_000, 81_000, 95_000])
    >>> images = Images("photos", ["a.jpg", "b.jpg", "c.jpg"], labels, sizes, lambda i: b"", "labels.txt")
    >>> len(images), images.sample(2, seed=None).ids
    (3, ['a.jpg', 'b.jpg'])
    """

    path: str
    """Where the images are, as messages and manifests show it: a path, a URL or `hf://NAME:SPLIT`."""

    ids: Sequence[str]
    """Names of the images.

    `ILSVRC2012_val_00000001` for a validation image in any layout; for any other the path relative to `path`.
    """

    labels: NDArray[np.int64]
    """[n] class indices, from 0."""

    sizes: NDArray[np.int64]
    """[n] bytes of each image's file; 0 where that is not known before it is read."""

    read: Callable[[int], bytes]
    """The bytes of image i's file. Raises `OSError`."""

    label_source: str
    """Where the labels are from, for messages and manifests."""

    ignored: int = 0
    """Number of files in `path` that are neither images nor files about them."""

    classes: tuple[str, ...] = field(default_factory=wordnet_ids)
    """Names of the classes by class index: by default the WordNet ids of ILSVRC 2012."""

    left_out: int = 0
    """Number of images in `path` that are left out, being of classes that ImageNet lacks."""

    class_set: ClassSet | None = None
    """The classes among which predictions are scored; None for all."""

    objectnet: bool = False
    """Whether the images are ObjectNet's: a red border is cut off them, and a label is the first of the
    classes of its group.
    """

    def __len__(self) -> int:
        return len(self.ids)

    def read_unchanged(self, i: int) -> bytes:
        """The bytes of image i's file, which must be as many as when it was listed.

        Raises `DataError` where they are not, and where the disk or the network fails: neither is a fault of
        the image.
        """
        try:
            data = self.read(i)
        except OSError as error:
            raise DataError(
                f"{self._where(i)} cannot be read ({error.strerror or error}): the same command continues"
            ) from None
        listed = int(self.sizes[i])
        if listed and len(data) != listed:
            raise DataError(
                f"{self._where(i)} was replaced: it has {len(data):,} bytes, and had {listed:,} at first; "
                "start the same command again, which takes the images as they are now"
            )
        return data

    def _where(self, i: int) -> str:
        """What a message calls image i."""
        return f"{shown(self.ids[i])} in {self.path}"

    def decode(self, data: bytes, room: Room = no_room) -> NDArray[np.uint8]:
        """The pixels of one of these images' files: as `decode.decode`, less ObjectNet's border."""
        pixels = decode(data, room)
        return without_red_border(pixels) if self.objectnet else pixels

    def content_hashes(self, part: range) -> NDArray[np.uint64]:
        """[n] `content_hash` of the files of some images as they are now. Raises `DataError`."""
        with ThreadPoolExecutor() as pool:
            hashes = list(pool.map(lambda i: content_hash(self.read_unchanged(i)), part))
        return np.array(hashes, dtype=np.uint64)

    @property
    def location(self) -> Path | None:
        """The folder or archive with the images; None for a data set of the Hugging Face hub."""
        return None if self.path.startswith("hf://") else storage.parse_path(self.path)

    def fingerprint(self) -> str:
        """sha256 of all ids, sizes and labels: the same for a folder and a .tar of the same images.

        ObjectNet's images, whose border is cut off, have another one than the same images as they are. It is
        quick because it reads no pixels. So it does not see a change that keeps a file's size in bytes.
        """
        digest = hashlib.sha256(b"without red border\n" if self.objectnet else b"")
        for row in zip(self.ids, self.sizes, self.labels, strict=True):
            digest.update("{}\t{}\t{}\n".format(*row).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def sample(self, limit: int | None, seed: int | None) -> "Images":
        """The first `limit` images, or `limit` images drawn with `seed`, in their order here.

        All images where `limit` is None or at least as large as their number.
        """
        if limit is None or limit >= len(self):
            return self
        if seed is None:
            chosen = np.arange(limit)
        else:
            chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:limit])
        return self._choose(chosen)

    def scored(self) -> "Images":
        """Those with a label among the classes that count."""
        if self.class_set is None:
            return self
        return self._choose(np.flatnonzero(self.class_set.group_of(len(self.classes))[self.labels] >= 0))

    def repeat(self, number: int) -> "Images":
        """So many images: these, again and again. For measurements; an evaluation counts each image once."""
        return self._choose(np.arange(number) % len(self))

    def _choose(self, chosen: NDArray[np.intp]) -> "Images":
        return replace(
            self,
            ids=[self.ids[i] for i in chosen.tolist()],
            labels=self.labels[chosen],
            sizes=self.sizes[chosen],
            read=lambda i: self.read(int(chosen[i])),
        )
