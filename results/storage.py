"""Files and folders on this machine, or in an object store by URL (s3://bucket/folder) through fsspec.

A path in an object store is a `UPath`. It has the methods of `Path` that are used here, so the types say
`Path` for both.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from results.errors import RunError, RunUsageError

URL = re.compile(r"[a-z][a-z0-9+.-]+://")
"""How a URL begins."""

STORES_OF_BUCKETS = ("s3:", "gs:", "az:")
"""Stores that have no folder above their buckets."""


def parse_path(name: str | Path) -> Path:
    """The path of a file or folder by its name, which may be a URL.

    Raises `RunUsageError` for an empty name, a data set of the hub, or a URL that no installed package reads.

    >>> parse_path("runs/v3").name
    'v3'
    """
    if name == "":
        raise RunUsageError("an empty name leads nowhere: write a file or a folder, or . for this folder")
    if str(name).rstrip("/") in STORES_OF_BUCKETS:
        raise RunUsageError(f"{name} leads nowhere: write a bucket and a folder behind it")
    if str(name).startswith("hf://"):
        raise RunUsageError(
            f"{name} is a data set of the Hugging Face hub, which --data alone takes: name a file or a folder"
        )
    if not URL.match(str(name)):
        return Path(name).expanduser() if isinstance(name, str) else name
    from upath import UPath

    try:
        path = UPath(name, use_listings_cache=False)  # other programs write there, too
        path.fs  # noqa: B018 - imports the package that reads it
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - each client raises what it likes
        raise RunUsageError(
            f"{name} cannot be reached ({error}): install what reads it, for s3:// the package s3fs, "
            "or name another place"
        ) from None
    return cast(Path, path)


def is_local(path: Path) -> bool:
    """Whether the path is on this machine.

    >>> is_local(Path("runs"))
    True
    """
    return isinstance(path, Path)


@contextlib.contextmanager
def reaching(path: Path) -> Iterator[None]:
    """Turn any error of an object store's client into an `OSError` with a reason, as local files have it."""
    try:
        yield
    except OSError as error:
        if error.strerror:
            raise
        reason = _on_one_line(error) or type(error).__name__
        raise type(error)(error.errno or errno.EIO, reason, str(path)) from None
    except Exception as error:
        if is_local(path):
            raise
        reason = f"cannot be reached ({type(error).__name__}: {_on_one_line(error)})"
        raise OSError(errno.EIO, reason, str(path)) from None


def read(path: Path, start: int | None = None, stop: int | None = None) -> bytes:
    """The bytes of a file from `start` to `stop`, in one request where it is remote.

    Raises `OSError`, also for a pipe or a device: reading one may never end.
    """
    with reaching(path):
        if not is_local(path):
            remote = cast(Any, path)
            return bytes(remote.fs.cat_file(remote.path, start=start, end=stop))
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
        with path.open("rb") as file:  # opened each time, so that threads do not share a position
            file.seek(start or 0)
            return file.read() if stop is None else file.read(stop - (start or 0))


def refuse_device(path: Path) -> None:
    """Raise `OSError` for a device, which may never end. A pipe does, when its writer has finished."""
    if is_local(path) and (path.is_char_device() or path.is_block_device()):
        raise OSError(errno.EINVAL, "it is a device, not a file", str(path))


def write(path: Path, data: bytes) -> None:
    """Write `data` to `path`, so that a crash leaves the old content or the new, whole. Raises `RunError`.

    A local file is written beside the target, flushed to disk, and renamed; then the folder is flushed. An
    object store puts an object at once.
    """
    with _write_errors(path):
        if is_local(path):
            _write_file(path, data)
        else:
            remote = cast(Any, path)
            with reaching(path):
                remote.fs.pipe_file(remote.path, data)


def write_output(path: Path, data: bytes) -> None:
    """Write `data` to what the user named, as `write` does. Raises `RunError`.

    A link stays, and its target is written. A device or a pipe stays, too, and `data` goes through it.
    """
    with _write_errors(path):
        if is_local(path) and _is_stream(path):
            with path.open("wb") as stream:
                stream.write(data)
            return
    write(path.resolve() if is_local(path) and path.is_symlink() else path, data)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its content; nothing where there is none. Raises `OSError`."""
    with reaching(path):
        if not is_local(path):
            if path.exists():
                cast(Any, path).fs.rm(cast(Any, path).path, recursive=True)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file to `target`, in the place of what is there. Raises `OSError`."""
    with reaching(source):
        if is_local(source):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        else:
            cast(Any, source).fs.mv(cast(Any, source).path, cast(Any, target).path)


def sha256(data: bytes) -> str:
    """The hash in hexadecimal digits.

    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """The temporary files that interrupted writes left in a folder; none for an object store."""
    return sorted(folder.glob(".*.part")) if is_local(folder) else []


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; "
            "make room or choose another place, and the same command continues"
        ) from None


def _is_stream(path: Path) -> bool:
    """Whether there is something at `path` that is no regular file."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _write_file(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException:  # an interruption, too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder to disk. Windows does not open folders, and flushes them by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
