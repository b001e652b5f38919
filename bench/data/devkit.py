"""The ILSVRC devkit, a folder or its .tar.gz: the ground truth of the validation images and the blacklist."""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_indices
from bench.data.file_names import BLACKLIST_FILE
from bench.errors import DataError
from results.storage import refuse_device

# Names of the files of a devkit that are read here.
GROUND_TRUTH = re.compile(r"ILSVRC20\d\d_(clsloc_)?validation_ground_truth\.txt$")
BLACKLIST = re.compile(r"ILSVRC20\d\d_clsloc_validation_blacklist\.txt$")
CLASS_TABLE = re.compile(r"(meta|meta_clsloc)\.mat$")

VALIDATION_IMAGES = 50_000

OFFICIAL_BLACKLIST = "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a"
"""sha256 of the numbers of the challenge's blacklist, sorted, one on each line."""


@dataclass(frozen=True)
class Blacklist:
    """The validation images that the image set `non-blacklisted` leaves out."""

    numbers: frozenset[int]
    """Numbers of the images, from 1."""

    source: str
    """Where the list is from, for messages and manifests."""

    sha256: str
    """Hash of the sorted numbers, one on each line: the same for the same images in any file. Empty where
    there is no list, since no image could be on it.
    """

    @property
    def official(self) -> bool:
        """Whether this is the list of the CLS-LOC challenge: 1,762 images."""
        return self.sha256 == OFFICIAL_BLACKLIST


def find_devkit(data: Path) -> Path | None:
    """The devkit in or beside the folder `data`: the first with ground truth, else the first, else None."""
    devkits = _devkits_near(data)
    for devkit in devkits:
        if _has(devkit, GROUND_TRUTH):
            return devkit
    return devkits[0] if devkits else None


def find_blacklist(data: Path | None, devkit: Path | None) -> Blacklist | None:
    """The first blacklist of: `devkit`; a devkit in the folder `data` or beside it; a `blacklist.txt` there.

    Raises `DataError` for a list that is damaged.
    """
    folders = [data, data.parent] if data else []
    devkits = [devkit] if devkit else []
    devkits += _devkits_near(data) if data else []
    for candidate in devkits:
        if _has(candidate, BLACKLIST):
            return read_blacklist(candidate)
    for folder in folders:
        if (folder / BLACKLIST_FILE).is_file():
            return read_blacklist(folder / BLACKLIST_FILE)
    return None


def read_ground_truth(devkit: Path) -> NDArray[np.int64]:
    """[50,000] class index of each validation image, in the order of their numbers. Raises `DataError`."""
    name, text = _require_file(devkit, GROUND_TRUTH, "ground truth of the validation images")
    ids = _parse_integers(text, f"{devkit}: {name}")
    if len(ids) != VALIDATION_IMAGES or ids.min() < 1 or ids.max() > 1000:
        raise DataError(
            f"{devkit}: {name} has {len(ids):,} ids, not 50,000 from 1 to 1000: take another copy"
        )
    labels: NDArray[np.int64] = class_indices(_read_ilsvrc_order(devkit))[ids - 1]
    return labels


def read_blacklist(path: Path) -> Blacklist:
    """The blacklist of a devkit (folder or archive), or of a plain list of numbers. Raises `DataError`."""
    if path.is_dir() or _is_archive(path):
        name, text = _require_file(path, BLACKLIST, "blacklist (the 2014 devkit and later have it)")
        return _parse_blacklist(text, f"{path}: {name}")
    try:
        refuse_device(path)
        return _parse_blacklist(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise DataError(f"no blacklist at {path}: there is no such folder or file") from None
    except OSError as error:
        raise DataError(f"cannot read the blacklist {path}: {error.strerror or error}") from None


def _devkits_near(data: Path) -> list[Path]:
    """The devkits in the folder `data`, then those beside it."""
    folders = [folder for folder in (data, data.parent) if folder.is_dir()]
    return [devkit for folder in folders for devkit in sorted(folder.glob("ILSVRC20*devkit*"))]


def _read_ilsvrc_order(devkit: Path) -> tuple[str, ...]:
    """WordNet ids by ILSVRC id less one, from the devkit's meta.mat."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    name, data = _require_file(devkit, CLASS_TABLE, "table of classes (meta.mat)")
    try:
        synsets = loadmat(cast(Any, io.BytesIO(data)), squeeze_me=True)["synsets"]
        by_id = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets}
        return tuple(by_id[number] for number in range(1, 1001))
    except (MatReadError, KeyError, ValueError, TypeError, OSError, IndexError) as error:
        raise DataError(
            f"{devkit}: {name} is not the devkit's table of 1000 classes ({error}): take another copy"
        ) from None


def _parse_blacklist(text: bytes, source: str) -> Blacklist:
    numbers = sorted(set(_parse_integers(text, source).tolist()))
    if not numbers or numbers[0] < 1 or numbers[-1] > VALIDATION_IMAGES:
        raise DataError(f"{source} is not a list of validation images, which are numbered 1 to 50,000")
    digest = hashlib.sha256("".join(f"{number}\n" for number in numbers).encode()).hexdigest()
    return Blacklist(frozenset(numbers), source, digest)


def _parse_integers(text: bytes, source: str) -> NDArray[np.int64]:
    r"""The integers in a text, one from each word.

    >>> _parse_integers(b"36\r\n50\n", "list.txt")
    array([36, 50])
    """
    try:
        return np.array([int(word) for word in text.split()], dtype=np.int64)
    except (ValueError, OverflowError):
        raise DataError(
            f"{source} should have one number a line, and has something else: take another copy"
        ) from None


def _is_archive(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return tarfile.is_tarfile(file)


def _has(devkit: Path, pattern: re.Pattern[str]) -> bool:
    return next(_matching_files(devkit, pattern), None) is not None


def _require_file(devkit: Path, pattern: re.Pattern[str], what: str) -> tuple[str, bytes]:
    """(name, bytes) of the first file of a devkit whose name matches. Raises `DataError` without one."""
    file = next(_matching_files(devkit, pattern), None)
    if file is None:
        raise DataError(f"{devkit} has no {what}: name an ILSVRC devkit, its folder or its .tar.gz")
    return file


def _matching_files(devkit: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each file of a devkit whose name matches; nothing for a path that is not a devkit."""
    if devkit.is_dir():
        for path in sorted(devkit.rglob("*")):
            if path.is_file() and pattern.search(path.name):
                yield path.name, path.read_bytes()
    elif _is_archive(devkit):
        try:
            with devkit.open("rb") as packed, tarfile.open(fileobj=packed) as archive:
                for member in archive:
                    if not (member.isfile() and pattern.search(member.name)):
                        continue
                    file = archive.extractfile(member)
                    if file:
                        yield Path(member.name).name, file.read()
        except (tarfile.TarError, OSError, EOFError) as error:
            raise DataError(f"{devkit} cannot be read: {error}") from None
