"""Annotated objects: PASCAL's XML, as in the devkit of ILSVRC, or COCO's JSON."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from results.detection.boxes import FARTHEST, Annotations
from results.detection.coco_files import read_coco_annotations
from results.detection.names import (
    Numbering,
    ilsvrc_classes,
    image_id,
    read_blacklist,
    read_classes,
    read_image_list,
)
from results.errors import RunError
from results.storage import read, refuse_device

CLASSES = "classes.txt"
"""Beside the XML: the names of the classes in the order of their numbers."""

FORMS = "a folder or a .tar of XML files, or COCO's .json"

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class XmlObject:
    """An `<object>` of an XML file."""

    where: str
    image: str
    name: str
    difficult: bool
    box: tuple[float, ...]
    """xmin, ymin, xmax, ymax, counted from 1."""


def read_annotations(
    path: Path,
    image_list: Path | None = None,
    blacklist: Path | None = None,
    note: Callable[[str], None] = print,
) -> tuple[Annotations, Numbering]:
    """The annotations in a folder or .tar of XML files, or in COCO's .json, and what numbers mean there.

    With `image_list` only its images count; all of them must be annotated. Numbers of images are COCO's ids,
    and for XML those of the list. Images are in the order of their numbers, or without any of their names.
    Calls `note` where a part of the blacklist is of no use. Raises `RunError`.
    """
    listed = read_image_list(image_list) if image_list else None
    if path.suffix.lower() == ".json":
        annotations, numbering = read_coco_annotations(path)
        if listed is not None:
            annotations = _only(annotations, listed, path, image_list)
    else:
        annotations, numbering = _read_xml(path, listed, image_list)
    if blacklist:
        pairs = read_blacklist(blacklist, numbering.images, annotations.classes)
        of_images = set(annotations.images)
        known = frozenset(pair for pair in pairs if pair[0] in of_images)
        if unknown := len(pairs) - len(known):
            note(f"{unknown:,} of {len(pairs):,} lines of {blacklist} are of images that do not count")
        annotations = replace(annotations, blacklist=known)
    return annotations, numbering


def _only(
    annotations: Annotations, listed: Mapping[str, int], path: Path, image_list: Path | None
) -> Annotations:
    """The annotations of the images of a list."""
    _require(listed, set(annotations.images), path, image_list)
    kept = np.array([image in listed for image in annotations.image], dtype=bool)
    return replace(
        annotations,
        images=tuple(image for image in annotations.images if image in listed),
        image=[image for image in annotations.image if image in listed],
        category=annotations.category[kept],
        box=annotations.box[kept],
        difficult=annotations.difficult[kept],
    )


def _require(listed: Mapping[str, int], known: set[str], path: Path, image_list: Path | None) -> None:
    """Raise `RunError` where a listed image is not annotated."""
    missing = [image for image in listed if image not in known]
    if missing:
        more = f" and {len(missing) - 1:,} more images" if len(missing) > 1 else ""
        raise RunError(
            f"{path} has no annotation of {missing[0]}{more} of {image_list}: take the list of these"
        )


def _read_xml(
    path: Path, listed: Mapping[str, int] | None, image_list: Path | None
) -> tuple[Annotations, Numbering]:
    images: dict[str, str] = {}
    objects: list[XmlObject] = []
    for name, data in _xml_files(path, listed):
        image = _image_of(name)
        if image in images:
            raise RunError(
                f"{path} annotates {image} twice, in {images[image]} and {name}: remove or rename one"
            )
        images[image] = name
        objects += _parse(data, image, f"{path}: {name}")
    if listed is not None:
        _require(listed, set(images), path, image_list)
    if not images:
        raise RunError(f"{path} has no .xml: name {FORMS}")
    classes, numbers = _classes_of(path, objects)
    index = {name: i for i, name in enumerate(classes)}
    for each in objects:
        if each.name not in index:
            raise RunError(f"{each.where} is a {each.name!r}, which {CLASSES} does not have: add it")
    return Annotations(
        images=tuple(listed or sorted(images)),
        classes=classes,
        image=[each.image for each in objects],
        category=np.array([index[each.name] for each in objects], dtype=np.int64),
        box=np.array([each.box for each in objects], dtype=np.float64).reshape(-1, 4) - 1,
        difficult=np.array([each.difficult for each in objects], dtype=bool),
    ), Numbering({number: image for image, number in listed.items()} if listed else None, numbers)


def _classes_of(path: Path, objects: list[XmlObject]) -> tuple[tuple[str, ...], dict[int, str] | None]:
    """The classes, and their numbers: of `classes.txt`, of ILSVRC's 200, or the names that there are."""
    file = (path if path.is_dir() else path.parent) / CLASSES
    found = sorted({each.name for each in objects})
    if file.is_file():
        classes = read_classes(file)
    elif found and set(found) <= set(ilsvrc_classes()):
        classes = tuple(ilsvrc_classes())
    else:
        return tuple(found), None
    return classes, dict(enumerate(classes, start=1))


def _xml_files(path: Path, listed: Mapping[str, int] | None) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the XML files of the images in a folder or a .tar, of those in a list where there is
    one.
    """

    def counts(name: str) -> bool:
        file = PurePosixPath(name)
        is_xml = file.suffix.lower() == ".xml" and not file.name.startswith(".")
        return is_xml and (listed is None or _image_of(name) in listed)

    if not path.exists():
        raise RunError(f"there is no {path}: name {FORMS}")
    try:
        yield from _in_folder(path, counts) if path.is_dir() else _in_archive(path, counts)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError):
        raise RunError(f"{path} is no whole .tar: name {FORMS}") from None
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"cannot read the annotations {error.filename or path}: {reason}") from None


def _image_of(name: str) -> str:
    """The id of the image that an XML file is of.

    >>> _image_of("val/street.xml"), _image_of("val/street.jpg.xml")
    ('street', 'street')
    """
    return image_id(PurePosixPath(name).stem)


def _in_folder(path: Path, counts: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        if counts(file.name):
            yield file.relative_to(path).as_posix(), read(file)


def _in_archive(path: Path, counts: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    refuse_device(path)
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and counts(member.name):
                packed = archive.extractfile(member)
                assert packed
                yield member.name, packed.read()
        assert archive.fileobj
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError  # tarfile takes an archive that is cut off or damaged for a whole one


def _parse(data: bytes, image: str, where: str) -> Iterator[XmlObject]:
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - expat stops entities that grow
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter for unknown encodings
        raise RunError(f"{where} is no XML ({error}): take another copy") from None
    if root.tag != "annotation":
        raise RunError(f"{where} begins with <{root.tag}>, and PASCAL's with <annotation>: take it away")
    for number, each in enumerate(root.findall("object"), start=1):
        of_object = f"{where}, object {number}"
        name = (each.findtext("name") or "").strip()
        try:
            xmin, ymin, xmax, ymax = (float(each.findtext(f"bndbox/{corner}") or "") for corner in CORNERS)
        except ValueError:
            raise RunError(f"{of_object} has no bndbox of {', '.join(CORNERS)}: correct it") from None
        if not name:
            raise RunError(f"{of_object} has no name: correct it")
        if not (xmin <= xmax and ymin <= ymax and max(-xmin, -ymin, xmax, ymax) <= FARTHEST):
            shown = f"{xmin:g} {ymin:g} {xmax:g} {ymax:g}"
            raise RunError(f"{of_object}: {shown} is no box with xmin <= xmax and ymin <= ymax: correct it")
        difficult = (each.findtext("difficult") or "0").strip()
        if difficult not in ("0", "1"):
            raise RunError(f"{of_object}: difficult is 0 or 1, not {difficult!r}: correct it")
        yield XmlObject(of_object, image, name, difficult == "1", (xmin, ymin, xmax, ymax))
