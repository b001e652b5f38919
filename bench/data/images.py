"""The images of an evaluation, wherever they lie: a folder, a .tar read in place, or a Hugging Face data set."""

import hashlib
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import join, normpath
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bench import mini
from bench.data.classes import find_classes, wordnet_ids
from bench.data.file_names import ENDINGS, image_id, is_image, is_stray
from bench.data.labels import find_labels
from bench.errors import DataError
from results import storage


@dataclass(frozen=True)
class Images:
    """Labelled images.

    `ids` name them (`ILSVRC2012_val_00000001` for a validation image in any layout, else the path), `labels` are class
    indices [n], `sizes` are bytes [n], and `read(i)` gives the bytes of image i. `path` is where they lie,
    as it is shown, `label_source` where the labels are from, and `ignored` counts files that are no images. `classes`
    are the names of the classes, by default the WordNet ids of ILSVRC 2012.
    """

    path: str
    ids: Sequence[str]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    read: Callable[[int], bytes]
    label_source: str
    ignored: int = 0
    classes: tuple[str, ...] = field(default_factory=wordnet_ids)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def place(self) -> Path | None:
        """The folder or archive in which they lie; None for a data set of the Hugging Face hub."""
        return None if self.path.startswith("hf://") else storage.place(self.path)

    def fingerprint(self) -> str:
        """sha256 of all ids, sizes and labels: the same for a folder and a .tar of the same images.

        Pixels are not read for it, so a change that keeps an image's size in bytes does not show.
        """
        digest = hashlib.sha256()
        for row in zip(self.ids, self.sizes, self.labels, strict=True):
            digest.update("{}\t{}\t{}\n".format(*row).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def sample(self, limit: int | None, seed: int | None) -> "Images":
        """The first `limit` images, or that many drawn with `seed`, in the order they lie in."""
        if limit is None or limit >= len(self):
            return self
        chosen = (
            np.arange(limit)
            if seed is None
            else np.sort(np.random.default_rng(seed).permutation(len(self))[:limit])
        )
        return replace(
            self,
            ids=[self.ids[i] for i in chosen],
            labels=self.labels[chosen],
            sizes=self.sizes[chosen],
            read=lambda i: self.read(int(chosen[i])),
        )


@dataclass(frozen=True)
class Files:
    """Image files, sorted by name, of a folder or a .tar: `names` relative to `path`, `sizes` in bytes, and `read(i)`."""

    path: Path
    names: list[str]
    sizes: list[int]
    read: Callable[[int], bytes]
    ignored: int


def find_images(data: str) -> Files:
    """The image files at `data`: a folder, a .tar, or `mini`, the set that comes along. Raises `DataError`."""
    path = mini.IMAGES if data == "mini" else storage.place(data).resolve()
    with _telling(path):
        if path.is_dir():
            names, sizes, ignored = _files(path) if storage.is_local(path) else _objects(path)

            def read(i: int) -> bytes:
                return storage.read(path / names[i])

        elif path.is_file():
            names, sizes, offsets, ignored = _members(path)

            def read(i: int) -> bytes:
                return storage.read(path, offsets[i], offsets[i] + sizes[i])

        else:
            raise DataError(f"no images at {data}: there is no such folder or file")
    if not names:
        raise DataError(f"no images at {data}: {_nothing(path)}")
    return Files(path, names, sizes, read, ignored)


def open_images(data: str, labels: Path | None = None, devkit: Path | None = None) -> Images:
    """The labelled images at `data`: as `find_images`, or `hf://NAME:SPLIT`. Raises `DataError`."""
    if data.startswith("hf://"):
        from bench.data.huggingface import open_dataset

        return open_dataset(data)
    files = find_images(data)
    if absent := [p for p in (labels, devkit) if p and not p.exists()]:
        raise DataError(f"{absent[0]} does not exist")
    with _telling(files.path):
        classes = find_classes(files.path)
        values, source = find_labels(files.names, files.path, classes, labels, devkit)
    ids = [image_id(name) for name in files.names]
    if twice := next((a for a, b in pairwise(sorted(ids)) if a == b), None):
        raise DataError(
            f"{data} has {twice!r} more than once: keep one of them, so that it is not counted twice"
        )
    sizes = np.array(files.sizes, dtype=np.int64)
    return Images(str(files.path), ids, values, sizes, files.read, source, files.ignored, classes)


def _files(folder: Path) -> tuple[list[str], list[int], int]:
    """Relative paths, sorted, and bytes of the images under `folder`, links followed; and the number of other files.

    Nothing is passed over in silence: a folder that cannot be listed, a link to nowhere and links in a circle are errors.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot list {error.filename}: {error.strerror}")

    found: dict[str, int] = {}
    ignored = 0
    seen: dict[str, str] = {}
    for place, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = str(Path(place).resolve())
        if other := seen.get(real):
            raise DataError(
                f"{other} and {place} are one folder, by a link: its images would count twice; remove the link"
            )
        seen[real] = place
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            ignored += is_stray(name)
            if is_image(name):
                try:
                    about = path.stat()
                except OSError as error:
                    raise DataError(
                        f"{path}: {error.strerror}; remove it if it is a link to nowhere"
                    ) from None
                if not stat.S_ISREG(about.st_mode):
                    raise DataError(f"{path} is a pipe or a device, not a file: remove it")
                found[path.relative_to(folder).as_posix()] = about.st_size
    names = sorted(found)
    return names, [found[name] for name in names], ignored


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Turn what keeps the data from being reached into an error of the data."""
    try:
        with storage.reaching(path):
            yield
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror or error}") from None


def _objects(folder: Path) -> tuple[list[str], list[int], int]:
    """As `_files`, of a folder in an object store."""
    remote = cast(Any, folder)
    found = remote.fs.find(remote.path, detail=True)
    sizes = {
        PurePosixPath(path).relative_to(remote.path).as_posix(): about["size"]
        for path, about in found.items()
    }
    seen = [name for name in sizes if not any(part.startswith(".") for part in PurePosixPath(name).parts)]
    names = sorted(filter(is_image, seen))
    return names, [sizes[name] for name in names], sum(map(is_stray, seen))


def _members(path: Path) -> tuple[list[str], list[int], list[int], int]:
    """Names, sorted, bytes and offsets of the images in a .tar, links resolved; and the number of other files.

    Nothing is ever unpacked. Raises `DataError` for an archive that is cut off or has images that cannot be read in place.
    """
    try:
        with (
            storage.reaching(path),
            path.open("rb") as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            members = archive.getmembers()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path} is not a .tar that can be read in place ({error}): unpack a compressed one first"
        ) from None
    end = max(
        (member.offset_data + (-(-member.size // 512) * 512 if member.isfile() else 0) for member in members),
        default=0,
    )
    if storage.read(path, end, end + 512) != bytes(512):
        raise DataError(
            f"{path} ends after {len(members):,} members without an end mark: it is cut off, fetch it again"
        )
    files = [(normpath(member.name), member) for member in members if not member.isdir()]
    by_name = dict(files)
    images = {name: _target(member, by_name, path) for name, member in files if is_image(name)}
    twice, count = (
        Counter(name for name, _ in files if is_image(name)).most_common(1)[0] if images else ("", 1)
    )
    if count > 1:
        raise DataError(
            f"{path} has {twice!r} more than once: keep one of them, so that it is not counted twice"
        )
    names = sorted(images)
    ignored = sum(is_stray(name) for name, _ in files)
    return names, [images[name].size for name in names], [images[name].offset_data for name in names], ignored


def _target(member: tarfile.TarInfo, by_name: dict[str, tarfile.TarInfo], path: Path) -> tarfile.TarInfo:
    """The member that holds an image's bytes: itself, or what it links to."""
    file: tarfile.TarInfo | None = member
    for _ in range(10):
        if file is None or file.isfile():
            break
        linked = normpath(
            file.linkname if file.islnk() else join(str(PurePosixPath(file.name).parent), file.linkname)
        )
        file = by_name.get(linked)
    if file is None or not file.isfile() or file.issparse():
        raise DataError(
            f"{path}: {member.name!r} is a link to nowhere or sparse, and cannot be read in place: unpack the archive"
        )
    return file


def _nothing(path: Path) -> str:
    if path.is_file():
        return "the .tar holds none"
    return (
        "the folder is empty"
        if not any(path.iterdir())
        else f"no file in it ends in one of {' '.join(sorted(ENDINGS))}"
    )
