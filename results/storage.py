"""Where data and runs lie: folders of this machine, or of an object store by its URL (s3://bucket/folder) through fsspec.

A place of an object store is a `UPath`, which has those methods of a `Path` that are used here, and stands for one in
all types.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from results.errors import RunError, RunUsageError

URL = re.compile(r"[a-z][a-z0-9+.-]+://")


def place(name: str | Path) -> Path:
    """The folder or file `name`, a path or a URL. Raises `RunUsageError` for a URL that nothing here can reach."""
    if not URL.match(str(name)):
        return Path(name).expanduser() if isinstance(name, str) else name
    from upath import UPath

    try:
        found = UPath(name, use_listings_cache=False)  # other programs write there, too
        found.fs  # noqa: B018 - loads what reaches it
    except (ImportError, ValueError) as error:
        raise RunUsageError(
            f"{name} cannot be reached ({error}): install what reads it, for s3:// the package s3fs"
        ) from None
    return cast(Path, found)


def is_local(path: Path) -> bool:
    return isinstance(path, Path)


@contextlib.contextmanager
def reaching(path: Path) -> Iterator[None]:
    """Turn whatever an object store's client raises into an `OSError` with a reason, as files have it."""
    try:
        yield
    except OSError as error:
        if error.strerror:
            raise
        raise type(error)(
            error.errno or errno.EIO, " ".join(str(error).split()) or type(error).__name__, str(path)
        ) from None
    except Exception as error:
        if is_local(path):
            raise
        raise OSError(
            errno.EIO,
            f"cannot be reached ({type(error).__name__}: {' '.join(str(error).split())})",
            str(path),
        ) from None


def read(path: Path, start: int | None = None, stop: int | None = None) -> bytes:
    """The bytes of a file from `start` to `stop`, in one request where it is remote. Raises `OSError`."""
    with reaching(path):
        if not is_local(path):
            remote = cast(Any, path)
            return bytes(remote.fs.cat_file(remote.path, start=start, end=stop))
        with path.open("rb") as file:  # opened each time, so that threads do not share a position
            file.seek(start or 0)
            return file.read() if stop is None else file.read(stop - (start or 0))


def write(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that after a crash the old or the new content is there, whole. Raises `RunError`.

    Here: beside the target, flushed to disk, then renamed; the folder's entry is flushed too. An object is put at once.
    """
    try:
        if is_local(path):
            _write_file(path, data)
        else:
            remote = cast(Any, path)
            with reaching(path):
                remote.fs.pipe_file(remote.path, data)
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; make room or choose another place, and the same command continues"
        ) from None


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there. Raises `OSError`."""
    with reaching(path):
        if not is_local(path):
            if path.exists():
                cast(Any, path).fs.rm(cast(Any, path).path, recursive=True)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """What writes that were cut off have left in a folder of this machine."""
    return sorted(folder.glob(".*.part")) if is_local(folder) else []


def _write_file(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:  # an interruption, too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
