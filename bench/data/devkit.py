"""What the ILSVRC devkit knows: ground truth, the order of ids, and the blacklist. A folder, or the .tar.gz as it is."""

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

GROUND_TRUTH = re.compile(r"ILSVRC20\d\d_(clsloc_)?validation_ground_truth\.txt$")
BLACKLIST = re.compile(r"ILSVRC20\d\d_clsloc_validation_blacklist\.txt$")
VALIDATION_IMAGES = 50_000


def find_devkit(data: Path) -> Path | None:
    """A devkit in the folder `data` or beside it, with ground truth rather than without."""
    kits = _devkits(data)
    return next((kit for kit in kits if next(_members(kit, GROUND_TRUTH), None)), next(iter(kits), None))


def _devkits(data: Path) -> list[Path]:
    return [
        kit
        for folder in (data, data.parent)
        if folder.is_dir()
        for kit in sorted(folder.glob("ILSVRC20*devkit*"))
    ]


def ground_truth(devkit: Path) -> NDArray[np.int64]:
    """[50,000] class index of each validation image in file-name order, from the devkit's ILSVRC ids."""
    name, text = _one(devkit, GROUND_TRUTH, "ground truth of the validation images")
    ids = _integers(text, f"{devkit}: {name}")
    if len(ids) != VALIDATION_IMAGES or ids.min() < 1 or ids.max() > 1000:
        raise DataError(
            f"{devkit}: {name} has {len(ids):,} ids, not 50,000 from 1 to 1000: take another copy"
        )
    labels: NDArray[np.int64] = class_indices(_order(devkit))[ids - 1]
    return labels


def _order(devkit: Path) -> tuple[str, ...]:
    """WordNet ids by ILSVRC id less one, from the devkit's meta.mat."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    name, data = _one(devkit, re.compile(r"(meta|meta_clsloc)\.mat$"), "table of classes (meta.mat)")
    try:
        synsets = loadmat(cast(Any, io.BytesIO(data)), squeeze_me=True)["synsets"]
        by_id = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets}
        return tuple(by_id[number] for number in range(1, 1001))
    except (MatReadError, KeyError, ValueError, TypeError, OSError, IndexError) as error:
        raise DataError(
            f"{devkit}: {name} is not the devkit's table of 1000 classes ({error}): take another copy"
        ) from None


@dataclass(frozen=True)
class Blacklist:
    """Numbers of the validation images that a second image set leaves out, where they were read and the hash of the list."""

    numbers: frozenset[int]
    source: str
    sha256: str

    @property
    def official(self) -> bool:
        """Whether this is the list of the CLS-LOC challenge: 1,762 images."""
        return self.sha256 == "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a"


def read_blacklist(path: Path) -> Blacklist:
    """The blacklist from a devkit (folder or archive) or a plain list of numbers. Raises `DataError`."""
    if path.is_dir() or _is_archive(path):
        name, data = _one(path, BLACKLIST, "blacklist (the 2014 devkit and later have it)")
        return _blacklist(data, f"{path}: {name}")
    try:
        return _blacklist(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"cannot read the blacklist {path}: {error}") from None


def find_blacklist(data: Path | None, devkit: Path | None) -> Blacklist | None:
    """The blacklist of `devkit`, or of any devkit in the folder `data` or beside it, or a `blacklist.txt` there."""
    for kit in filter(None, dict.fromkeys((devkit, *(_devkits(data) if data else ())))):
        if next(_members(kit, BLACKLIST), None):
            return read_blacklist(kit)
    plain = (folder / BLACKLIST_FILE for folder in ((data, data.parent) if data else ()))
    return next((read_blacklist(path) for path in plain if path.is_file()), None)


def _blacklist(text: bytes, source: str) -> Blacklist:
    numbers = sorted(set(_integers(text, source).tolist()))
    if not numbers or numbers[0] < 1 or numbers[-1] > VALIDATION_IMAGES:
        raise DataError(f"{source} is not a list of validation images, which are numbered 1 to 50,000")
    digest = hashlib.sha256("".join(f"{number}\n" for number in numbers).encode()).hexdigest()
    return Blacklist(frozenset(numbers), source, digest)


def _integers(text: bytes, source: str) -> NDArray[np.int64]:
    try:
        return np.array([int(line) for line in text.split()], dtype=np.int64)
    except (ValueError, OverflowError):
        raise DataError(
            f"{source} should have one number a line, and has something else: take another copy"
        ) from None


def _is_archive(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return tarfile.is_tarfile(file)


def _one(devkit: Path, pattern: re.Pattern[str], what: str) -> tuple[str, bytes]:
    found = next(_members(devkit, pattern), None)
    if found is None:
        raise DataError(f"{devkit} has no {what}: name an ILSVRC devkit, its folder or its .tar.gz")
    return found


def _members(devkit: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files of a devkit whose names match."""
    if devkit.is_dir():
        for path in sorted(devkit.rglob("*")):
            if path.is_file() and pattern.search(path.name):
                yield path.name, path.read_bytes()
    elif _is_archive(devkit):
        try:
            with devkit.open("rb") as packed, tarfile.open(fileobj=packed) as archive:
                for member in archive:
                    if (
                        member.isfile()
                        and pattern.search(member.name)
                        and (file := archive.extractfile(member))
                    ):
                        yield Path(member.name).name, file.read()
        except (tarfile.TarError, OSError, EOFError) as error:
            raise DataError(f"{devkit} cannot be read: {error}") from None
