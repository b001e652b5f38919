"""The images of an evaluation, wherever they lie: a folder, a .tar read in place, or a Hugging Face data set."""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench.data.devkit import VALIDATION_NAME
from bench.data.labels import LABEL_FILES, find_labels
from bench.errors import DataError

ENDINGS = frozenset((".jpeg", ".jpg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True)
class Images:
    """Labelled images.

    `ids` name them (`ILSVRC2012_val_00000001` for a validation image in any layout, else the path), `labels` are class
    indices [n], `sizes` are bytes [n], and `read(i)` gives the bytes of image i. `path` is what the user named,
    `label_source` where the labels are from, and `ignored` counts files that are no images.
    """

    path: str
    ids: Sequence[str]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    read: Callable[[int], bytes]
    label_source: str
    ignored: int = 0
    classes: int = 1000

    def __len__(self) -> int:
        return len(self.ids)

    def fingerprint(self) -> str:
        """sha256 of all ids, sizes and labels: the same for a folder and a .tar of the same images."""
        digest = hashlib.sha256()
        for row in zip(self.ids, self.sizes.tolist(), self.labels.tolist(), strict=True):
            digest.update("{}\t{}\t{}\n".format(*row).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def sample(self, limit: int | None, seed: int | None) -> "Images":
        """The first `limit` images, or that many drawn with `seed`, in the order they lie in."""
        if limit is None or limit >= len(self):
            return self
        chosen = np.arange(limit) if seed is None else np.sort(np.random.default_rng(seed).permutation(len(self))[:limit])
        return replace(
            self,
            ids=[self.ids[i] for i in chosen],
            labels=self.labels[chosen],
            sizes=self.sizes[chosen],
            read=lambda i: self.read(int(chosen[i])),
        )


def open_images(data: str, labels: Path | None = None, devkit: Path | None = None) -> Images:
    """The images at `data`: a folder, a .tar, or `hf://NAME:SPLIT`. Raises `DataError`."""
    if data.startswith("hf://"):
        from bench.data.huggingface import open_dataset

        return open_dataset(data)
    path = Path(data).expanduser()
    if path.is_dir():
        files, ignored = _files(path)
        names, sizes = [name for name, _ in files], [size for _, size in files]

        def read(i: int) -> bytes:
            return (path / names[i]).read_bytes()

    elif path.is_file():
        members, ignored = _members(path)
        names, sizes = [member.name for member in members], [member.size for member in members]
        offsets = [member.offset_data for member in members]

        def read(i: int) -> bytes:
            with path.open("rb") as archive:  # opened each time, so that threads do not share a position
                archive.seek(offsets[i])
                return archive.read(sizes[i])

    else:
        raise DataError(f"no images at {data}: there is no such folder or file")
    if not names:
        raise DataError(f"no images at {data}: {_nothing(path)}")
    if absent := [p for p in (labels, devkit) if p and not p.exists()]:
        raise DataError(f"{absent[0]} does not exist")
    values, source = find_labels(names, path, labels, devkit)
    ids = [_image_id(name) for name in names]
    twice, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise DataError(f"{data} has {twice} more than once: keep one of them, so that it is not counted twice")
    return Images(data, ids, values, np.array(sizes, dtype=np.int64), read, source, ignored)


def _image_id(name: str) -> str:
    match = VALIDATION_NAME.search(PurePosixPath(name).name)
    return match[0] if match else name


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS and not PurePosixPath(name).name.startswith(".")


def _is_stray(name: str) -> bool:
    return not (_is_image(name) or PurePosixPath(name).name in LABEL_FILES or PurePosixPath(name).name.startswith("."))


def _files(folder: Path) -> tuple[list[tuple[str, int]], int]:
    """(relative path, bytes) of the images under `folder`, sorted, and the number of other files."""
    try:
        found = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error}") from None
    return sorted(file for file in found if _is_image(file[0])), sum(_is_stray(name) for name, _ in found)


def _members(path: Path) -> tuple[list[tarfile.TarInfo], int]:
    """The images in a .tar, sorted by name, and the number of other files. Nothing is ever unpacked."""
    try:
        with tarfile.open(path, "r:") as archive:
            found = [member for member in archive if member.isfile()]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a .tar that can be read in place ({error}): unpack a compressed one first") from None
    images = [member for member in found if _is_image(member.name) and not member.issparse()]
    if images and images[-1].offset_data + images[-1].size > path.stat().st_size:
        raise DataError(f"{path} ends in the middle of {images[-1].name}: fetch it again")
    return sorted(images, key=lambda member: member.name), sum(_is_stray(member.name) for member in found)


def _nothing(path: Path) -> str:
    if path.is_file():
        return "the .tar holds none"
    return "the folder is empty" if not any(path.iterdir()) else f"no file in it ends in one of {' '.join(sorted(ENDINGS))}"
