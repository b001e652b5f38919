"""What the names of files and folders say."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

ENDINGS = frozenset((".jpeg", ".jpg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"))
LABEL_FILES = ("labels.txt", "labels.csv", "val.txt", "val_labels.txt")
CLASSES_FILE = "classes.txt"
BLACKLIST_FILE = "blacklist.txt"
WORDNET_ID = re.compile(r"n\d{8}$")
VALIDATION_NAME = re.compile(r"(ILSVRC2012|mini)_val_(\d{8})")


def is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def is_stray(name: str) -> bool:
    """Neither an image, nor what is told of the images, nor hidden."""
    path = PurePosixPath(name)
    return not (
        is_image(name)
        or path.name in (*LABEL_FILES, CLASSES_FILE, BLACKLIST_FILE)
        or path.name.startswith(".")
    )


def without_ending(name: str) -> str:
    """The file's name without its folders and without an image's ending."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def image_id(name: str) -> str:
    """What an image is known by in every layout: the validation image in its name, else the whole name."""
    match = VALIDATION_NAME.search(PurePosixPath(name).name)
    return match[0] if match else name


def validation_number(name: str) -> int | None:
    """From 1, for an image of a validation set, ImageNet's or the mini set, told by its name; None for any other."""
    match = VALIDATION_NAME.search(name)
    return int(match[2]) if match else None


def is_imagenet(name: str) -> bool:
    """Whether the name is that of an image of the ILSVRC 2012 validation set."""
    match = VALIDATION_NAME.search(name)
    return match is not None and match[1] == "ILSVRC2012"


def shown(name: str) -> str:
    """The name as it can stand in a line of a message."""
    return name if name.isprintable() else repr(name)


def first_of(names: Sequence[str]) -> str:
    """The first of `names` and how many more there are, with the verb: `a.jpg is`, `a.jpg and 2 more are`."""
    return (
        f"{shown(names[0])} is" if len(names) == 1 else f"{shown(names[0])} and {len(names) - 1:,} more are"
    )
