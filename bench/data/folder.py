"""The files of a folder, on this machine or in an object store."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, cast

from bench.data.file_names import is_image, is_stray
from bench.data.files import ImageFiles
from bench.errors import DataError
from results import storage


def list_folder(folder: Path) -> dict[str, int | None]:
    """The files under `folder`, sorted: each relative path, and its bytes where listing tells them.

    Hidden folders are skipped, and links are followed. No file is left out silently: a folder that cannot be
    listed and a folder that is reached twice are errors.
    """
    names = dict.fromkeys(_walk(folder)) if storage.is_local(folder) else _list_store(folder)
    return dict(sorted(names.items()))


def folder_files(folder: Path, listed: dict[str, int | None]) -> ImageFiles:
    """The image files among those that `list_folder` found. Raises `DataError` for one that is no file."""
    names = [name for name in listed if is_image(name)]
    sizes = [listed[name] for name in names]
    known = [
        _file_size(folder / name) if size is None else size for name, size in zip(names, sizes, strict=True)
    ]

    def read(i: int) -> bytes:
        return storage.read(folder / names[i])

    return ImageFiles(str(folder), names, known, read, sum(map(is_stray, listed)))


def _walk(folder: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DataError(f"cannot list {error.filename}: {error.strerror}")

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
            yield Path(parent, name).relative_to(folder).as_posix()


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


def _list_store(folder: Path) -> dict[str, int | None]:
    remote = cast(Any, folder)
    sizes: dict[str, int | None] = {}
    for path, entry in remote.fs.find(remote.path, detail=True).items():
        name = PurePosixPath(path).relative_to(remote.path)
        if not any(part.startswith(".") for part in name.parts):
            sizes[name.as_posix()] = entry["size"]
    return sizes
