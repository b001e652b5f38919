"""Image files in a .tar that is not compressed. They are read in place, and nothing is unpacked."""

import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import join, normpath

from bench.data.file_names import is_image, is_label, is_stray
from bench.data.files import ImageFiles
from bench.errors import DataError
from results import storage

BLOCK = tarfile.BLOCKSIZE
"""Bytes of a block. Headers are a block long."""

LABEL_BYTES = 100
"""Bytes of a label that are read; a number has fewer."""

MAX_LINKS = 10
"""Links in a row that are followed to an image; links in a circle have no end."""


@dataclass(frozen=True)
class Archive:
    """What a .tar has."""

    path: Path

    images: dict[str, tarfile.TarInfo]
    """The images' members by name, and a link's name with the member that has its bytes. Names are normal
    paths: `./a/b.jpg` is `a/b.jpg`.
    """

    labels: dict[str, bytes]
    """What the members are that end in `.cls`, the labels of a WebDataset shard."""

    stray: list[str]
    """Members that are none of these, but visible files."""


def list_archive(path: Path) -> Archive:
    """What is in a .tar.

    Raises `DataError` for an archive that is compressed, damaged or cut off, for an image or a label that is
    there twice, and for an image that cannot be read in place.
    """
    members, labels = _read_members(path)
    files = [(normpath(member.name), member) for member in members if not member.isdir()]
    by_name: dict[str, tarfile.TarInfo] = {}
    for name, member in files:
        if name in by_name and (is_image(name) or name in labels):
            raise DataError(
                f"{path} has {name!r} more than once: keep one of them, so that it is not counted twice"
            )
        by_name[name] = member
    images = {name: _resolve_link(member, by_name, path) for name, member in files if is_image(name)}
    stray = [name for name, _ in files if is_stray(name) and name not in labels]
    return Archive(path, images, labels, stray)


def archive_files(archive: Archive) -> ImageFiles:
    """The images of one .tar, sorted by name."""
    members = dict(sorted(archive.images.items()))
    sizes = [member.size for member in members.values()]
    offsets = [member.offset_data for member in members.values()]

    def read(i: int) -> bytes:
        return storage.read(archive.path, offsets[i], offsets[i] + sizes[i])

    return ImageFiles(str(archive.path), list(members), sizes, read, len(archive.stray))


def _read_members(path: Path) -> tuple[list[tarfile.TarInfo], dict[str, bytes]]:
    """All members, and the first bytes of each that is a label, by its normal path.

    Raises `DataError` unless each header can be read and a block of zeros ends the archive. `tarfile` takes
    an archive that is cut off between two members for a whole one.
    """
    members: list[tarfile.TarInfo] = []
    labels: dict[str, bytes] = {}
    try:
        with (
            storage.reaching(path),
            path.open("rb") as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            for member in archive:
                if member.size < 0:  # it can lead back to its own header, again and again
                    raise tarfile.ReadError(f"{member.name!r} has {member.size} bytes")
                members.append(member)
                if is_label(member.name) and member.isreg() and (content := archive.extractfile(member)):
                    labels[normpath(member.name)] = content.read(LABEL_BYTES)
            end = archive.offset
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path} is not a .tar that can be read in place ({error}): unpack a compressed one first"
        ) from None
    except (ValueError, OverflowError, RecursionError):
        raise DataError(
            f"{path} has a header that makes no sense after {len(members):,} members: pack the images again"
        ) from None
    if storage.read(path, end, end + BLOCK) != bytes(BLOCK):
        raise DataError(
            f"{path} ends after {len(members):,} members without an end mark: it is cut off, fetch it again"
        )
    return members, labels


def _resolve_link(
    member: tarfile.TarInfo, by_name: dict[str, tarfile.TarInfo], path: Path
) -> tarfile.TarInfo:
    """The member with an image's bytes: `member` itself, or the one that it links to."""
    target: tarfile.TarInfo | None = member
    for _ in range(MAX_LINKS):
        if target is None or target.isfile():
            break
        target = by_name.get(_link_target(target))
    if target is None or not target.isfile() or _is_sparse(target):
        raise DataError(
            f"{path}: {member.name!r} is a link to nowhere or sparse, and cannot be read in place: "
            "unpack the archive"
        )
    return target


def _is_sparse(member: tarfile.TarInfo) -> bool:
    """Whether a member is stored without its zeros, or claims to be."""
    return member.issparse() or any(name.startswith("GNU.sparse.") for name in member.pax_headers)


def _link_target(member: tarfile.TarInfo) -> str:
    """The name that a link leads to: a hard link's from the archive's top, a soft link's from its folder."""
    if member.islnk():
        return normpath(member.linkname)
    return normpath(join(str(PurePosixPath(member.name).parent), member.linkname))
