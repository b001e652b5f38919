"""Image files: found in a folder, in an object store or in a .tar, and read where they are."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from bench import mini
from bench.data.archive import list_archive
from bench.data.file_names import IMAGE_ENDINGS, is_image, is_stray
from bench.errors import DataError
from results import storage


@dataclass(frozen=True)
class ImageFiles:
    """The image files of a folder or a .tar, sorted by name. File i has entry i of `names` and `sizes`."""

    path: Path
    """The folder or the .tar."""

    names: list[str]
    """Paths relative to `path`, with slashes."""

    sizes: list[int]
    """Bytes of each file."""

    read: Callable[[int], bytes]
    """The bytes of file i. Raises `OSError`."""

    ignored: int
    """Number of files that are neither images nor files about them."""


def find_images(data: str) -> ImageFiles:
    """The image files at `data`: a folder, a .tar, or `mini` for the mini set of this package.

    Hidden files and folders are skipped, and links are followed. Nothing is unpacked. Raises `DataError`
    where there is no image, or where something cannot be listed.
    """
    path = mini.IMAGES if data == "mini" else storage.parse_path(data).resolve()
    with data_errors(path):
        if path.is_dir():
            files = _folder_files(path)
        elif path.is_file():
            files = _archive_files(path)
        else:
            raise DataError(f"no images at {data}: there is no such folder or file")
    if not files.names:
        raise DataError(f"no images at {data}: {_why_none(path)}")
    return files


@contextmanager
def data_errors(path: Path) -> Iterator[None]:
    """Raise a `DataError` in place of an `OSError`, and of whatever the client of an object store raises."""
    try:
        with storage.reaching(path):
            yield
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror or error}") from None


def _folder_files(folder: Path) -> ImageFiles:
    sizes, ignored = _list_folder(folder) if storage.is_local(folder) else _list_store(folder)
    names = sorted(sizes)

    def read(i: int) -> bytes:
        return storage.read(folder / names[i])

    return ImageFiles(folder, names, [sizes[name] for name in names], read, ignored)


def _archive_files(path: Path) -> ImageFiles:
    members, ignored = list_archive(path)
    names = sorted(members)
    sizes = [members[name].size for name in names]
    offsets = [members[name].offset_data for name in names]

    def read(i: int) -> bytes:
        return storage.read(path, offsets[i], offsets[i] + sizes[i])

    return ImageFiles(path, names, sizes, read, ignored)


def _list_folder(folder: Path) -> tuple[dict[str, int], int]:
    """The bytes of each image under `folder` by its relative path, and the number of stray files.

    Links are followed. No image is left out silently: a folder that cannot be listed, a link to nowhere and a
    folder that is reached twice are errors.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot list {error.filename}: {error.strerror}")

    sizes: dict[str, int] = {}
    ignored = 0
    visited: dict[str, str] = {}  # by the folder's path with its links resolved
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        resolved = str(Path(parent).resolve())
        if resolved in visited:
            raise DataError(
                f"{visited[resolved]} and {parent} are the same folder, by a link: "
                "its images would count twice; remove the link"
            )
        visited[resolved] = parent
        # os.walk enters only the folders that are left in this list.
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            ignored += is_stray(name)
            if is_image(name):
                path = Path(parent, name)
                sizes[path.relative_to(folder).as_posix()] = _file_size(path)
    return sizes, ignored


def _file_size(path: Path) -> int:
    """Bytes of a file. Raises `DataError` for a link to nowhere and for a pipe or a device.

    Reading a pipe or a device may never end.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; remove it if it is a link to nowhere") from None
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} is a pipe or a device, not a file: remove it")
    return status.st_size


def _list_store(folder: Path) -> tuple[dict[str, int], int]:
    """As `_list_folder`, of a folder in an object store."""
    remote = cast(Any, folder)
    sizes: dict[str, int] = {}
    ignored = 0
    for path, entry in remote.fs.find(remote.path, detail=True).items():
        name = PurePosixPath(path).relative_to(remote.path)
        if any(part.startswith(".") for part in name.parts):
            continue
        ignored += is_stray(name.name)
        if is_image(name.name):
            sizes[name.as_posix()] = entry["size"]
    return sizes, ignored


def _why_none(path: Path) -> str:
    if path.is_file():
        return "the .tar holds none"
    if not any(path.iterdir()):
        return "the folder is empty"
    return f"no file in it ends in one of {' '.join(sorted(IMAGE_ENDINGS))}"
