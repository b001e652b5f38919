"""What the names of files and folders say. Nothing here reads a file."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from results.text import printable

IMAGE_ENDINGS = frozenset((".jpeg", ".jpg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"))
LABEL_FILES = ("labels.txt", "labels.csv", "val.txt", "val_labels.txt")
"""Names under which a label file is found in or beside the data, the first ones first."""

CLASSES_FILE = "classes.txt"
BLACKLIST_FILE = "blacklist.txt"
WORDNET_ID = re.compile(r"n\d{8}$")
VALIDATION_NAME = re.compile(r"(ILSVRC2012|mini)_val_(\d{8})")
"""In the name of a validation image, ImageNet's or the mini set's: the set, and the number from 1."""


def is_image(name: str) -> bool:
    """Whether a file is an image by its ending, and not hidden.

    >>> is_image("n01440764/tench.JPEG"), is_image("n01440764/._tench.JPEG"), is_image("readme.txt")
    (True, False, False)
    """
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def is_label(name: str) -> bool:
    """Whether a member of a .tar is the label of a WebDataset image, and not hidden.

    >>> is_label("n01440764_18.cls"), is_label("._n01440764_18.cls")
    (True, False)
    """
    path = PurePosixPath(name)
    return path.suffix.lower() == ".cls" and not path.name.startswith(".")


def is_stray(name: str) -> bool:
    """A visible file that is not an image, a label, class or blacklist file.

    >>> is_stray("notes.doc"), is_stray("labels.txt"), is_stray(".notes.doc")
    (True, False, False)
    """
    path = PurePosixPath(name)
    expected = (*LABEL_FILES, CLASSES_FILE, BLACKLIST_FILE)
    return not (is_image(name) or path.name in expected or path.name.startswith("."))


def without_folders(name: str) -> str:
    """The file's name alone.

    >>> without_folders("val/cats/1.jpg")
    '1.jpg'
    """
    return PurePosixPath(name).name


def without_ending(name: str) -> str:
    """The file's name without its folders and without an image's ending; any other ending stays.

    >>> without_ending("val/cat.1.jpg"), without_ending("val/cat.1")
    ('cat.1', 'cat.1')
    """
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_ENDINGS else path.name


def image_id(name: str) -> str:
    """The id of an image, the same in every layout: a validation image's own name, else the whole path.

    >>> image_id("n01440764/ILSVRC2012_val_00000293.JPEG"), image_id("cats/1.jpg")
    ('ILSVRC2012_val_00000293', 'cats/1.jpg')
    """
    match = VALIDATION_NAME.search(PurePosixPath(name).name)
    return match[0] if match else name


def validation_number(name: str) -> int | None:
    """The number, from 1, in the name of a validation image, ImageNet's or the mini set's; None for any other
    name.

    >>> validation_number("ILSVRC2012_val_00000293.JPEG"), validation_number("cats/1.jpg")
    (293, None)
    """
    match = VALIDATION_NAME.search(name)
    return int(match[2]) if match else None


def is_imagenet(name: str) -> bool:
    """Whether the name is that of an image of the ILSVRC 2012 validation set.

    >>> is_imagenet("ILSVRC2012_val_00000293"), is_imagenet("mini_val_00000293")
    (True, False)
    """
    match = VALIDATION_NAME.search(name)
    return match is not None and match[1] == "ILSVRC2012"


def shown(name: str) -> str:
    r"""The name as a message of one line can show it: quoted where it has characters that do not print.

    >>> print(shown("cat.jpg"), shown("two\nlines.jpg"))
    cat.jpg 'two\nlines.jpg'
    """
    return name if name.isprintable() else f"'{printable(name)}'"


def first_of(names: Sequence[str]) -> str:
    """The first name, the number of the others, and the verb that agrees with them.

    >>> first_of(["a.jpg"]), first_of(["a.jpg", "b.jpg", "c.jpg"])
    ('a.jpg is', 'a.jpg and 2 more are')
    """
    if len(names) == 1:
        return f"{shown(names[0])} is"
    return f"{shown(names[0])} and {len(names) - 1:,} more are"
