"""Which image and which class a file means: by name, or by the numbers of the challenges' files."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

from results.errors import RunError
from results.storage import read

BACKGROUND = "background"
"""The name of the class of what is no object."""

IMAGE_ENDINGS = (".jpeg", ".jpg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Numbering:
    """What the numbers in a file of results stand for; None where nothing says it."""

    images: Mapping[int, str] | None
    """Ids of images."""
    classes: Mapping[int, str] | None
    """Names of classes."""


def image_id(name: str) -> str:
    """The id of an image: the name of its file without folders and ending.

    >>> image_id("val/ILSVRC2012_val_00000018.JPEG"), image_id("v1.5")
    ('ILSVRC2012_val_00000018', 'v1.5')
    """
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_ENDINGS else path.name


def is_number(word: str) -> bool:
    """Whether a word is the number of an image, which has at most 18 digits.

    >>> is_number("20121"), is_number("n02084071"), is_number("9" * 5000)
    (True, False, False)
    """
    return word.isdecimal() and len(word) <= 18


@cache
def ilsvrc_classes() -> dict[str, str]:
    """The names of the 200 classes of ILSVRC's detection by WordNet id, in the order of their numbers from 1.

    They are those of the devkit's `meta_det.mat`, as SSD's `labelmap_ilsvrc_det.prototxt` has them.

    >>> list(ilsvrc_classes().items())[:2]
    [('n02672831', 'accordion'), ('n02691156', 'airplane')]
    """
    text = (resources.files("results.detection") / "ilsvrc_classes.txt").read_text("utf-8")
    return dict(line.split(" ", 1) for line in text.splitlines())


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text that have something, with their numbers from 1. Raises `RunError`."""
    try:
        text = read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RunError(f"{path} is no text: name another file") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from None
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def read_image_list(path: Path) -> dict[str, int]:
    """The number of each image by its id, from lines `NAME NUMBER` as in the devkit's `val.txt`; the smallest
    number first.

    Where lines have a name alone, images are numbered from 1. Raises `RunError`.
    """
    numbers: dict[str, int] = {}
    taken: dict[int, int] = {}
    for count, (line_number, line) in enumerate(read_lines(path), start=1):
        name, *rest = line.split()
        where = f"{path}, line {line_number}"
        if len(rest) > 1 or not all(map(is_number, rest)):
            raise RunError(
                f"{where}: expected the name of an image and its number, not {line.strip()[:80]!r}"
            )
        number = int(rest[0]) if rest else count
        if image_id(name) in numbers:
            raise RunError(f"{where}: the image {image_id(name)} is there twice: keep one of the lines")
        if number in taken:
            raise RunError(f"{where}: the number {number} is that of line {taken[number]}, too: correct one")
        numbers[image_id(name)] = number
        taken[number] = line_number
    if not numbers:
        raise RunError(f"{path} names no image: write one on each line")
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def read_classes(path: Path) -> tuple[str, ...]:
    """The names of classes, one on each line. Raises `RunError`."""
    lines: dict[str, int] = {}
    for number, line in read_lines(path):
        if line.strip() in lines:
            earlier = lines[line.strip()]
            raise RunError(f"{path} has {line.strip()!r} on lines {earlier} and {number}: keep one of them")
        lines[line.strip()] = number
    return tuple(lines)


def read_blacklist(
    path: Path, images: Mapping[int, str] | None, classes: tuple[str, ...]
) -> set[tuple[str, int]]:
    """The pairs of image id and class index in lines `IMAGE CLASS`, as in the devkit's blacklist.

    IMAGE is a number of the list of images, or a name; CLASS is a name or a WordNet id. Raises `RunError`.
    """
    index = {name: i for i, name in enumerate(classes)}
    pairs = set()
    for number, line in read_lines(path):
        words = line.split(maxsplit=1)
        where = f"{path}, line {number}"
        if len(words) != 2 or words[1].strip() not in index:
            raise RunError(
                f"{where}: expected an image and one of the annotations' classes, not {line[:80]!r}"
            )
        if not is_number(words[0]):
            pairs.add((image_id(words[0]), index[words[1].strip()]))
        elif images is None:
            raise RunError(
                f"{where} means an image by its number: pass --images with the list of their names"
            )
        else:
            image = images.get(int(words[0]), f"number {int(words[0])}")
            pairs.add((image, index[words[1].strip()]))
    return pairs
