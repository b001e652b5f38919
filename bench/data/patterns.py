"""Several files by one name: braces, wildcards, and the numbered files of one series."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from glob import glob
from itertools import islice
from pathlib import Path
from typing import Any, cast

from bench.data.file_names import first_of
from bench.errors import DataError
from results import storage

BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d+)\.\.(\d+)")
WILDCARD = re.compile(r"[*?\[]")

MOST_FILES = 100_000
"""No pattern names so many: it would be a slip of the pen that fills the memory."""

NUMBER = re.compile(r"[-_.]?(\d+)(?:-of-(\d+))?$")
"""At the end of a file's name, without its ending: its number in a series, and the length of the series."""


def is_pattern(name: str) -> bool:
    """Whether a name stands for several files.

    >>> is_pattern("val-{0000..0063}.tar"), is_pattern("val-*.tar"), is_pattern("val.tar")
    (True, True, False)
    """
    return bool(BRACES.search(name) or WILDCARD.search(name))


def expand_braces(name: str) -> Iterator[str]:
    """The names that a name with braces stands for, as in a shell: ranges of numbers, and lists.

    >>> list(expand_braces("{train,val}-{08..10}.tar"))[2:5]
    ['train-10.tar', 'val-08.tar', 'val-09.tar']
    """
    match = BRACES.search(name)
    if not match:
        yield name
        return
    words: Iterable[str] = match[1].split(",")
    if numbers := RANGE.fullmatch(match[1]):
        first, last = numbers.groups()
        words = (f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    for word in words:
        for rest in expand_braces(name[match.end() :]):
            yield f"{name[: match.start()]}{word}{rest}"


def find_by_pattern(pattern: Path) -> list[Path]:
    """The files that a pattern names, in its order. Raises `DataError` where one is missing or twice."""
    names = list(islice(expand_braces(str(pattern)), MOST_FILES))
    if not names or len(names) == MOST_FILES:
        number = "no file" if not names else f"{MOST_FILES:,} files or more"
        raise DataError(
            f"{pattern} names {number}: write the first and the last number, as in {{0000..0063}}"
        )
    if len(set(names)) < len(names):
        raise DataError(f"{pattern} names a file more than once: correct what is in braces")
    paths: list[Path] = []
    missing: list[str] = []
    for name in names:
        if WILDCARD.search(name):
            found = _glob(name)
            check_complete([path.name for path in found], str(pattern))
        else:
            found = [path for path in (storage.parse_path(name),) if path.is_file()]
        paths += found
        missing += [] if found else [name]
    if missing == [str(pattern)]:
        raise DataError(f"no file is named like {pattern}: correct the pattern")
    if missing:
        raise DataError(
            f"{first_of(missing)} missing, of {len(names):,} that {pattern} names: "
            "fetch what is missing, or correct the pattern"
        )
    return paths


def _glob(pattern: str) -> list[Path]:
    path = storage.parse_path(pattern)
    if storage.is_local(path):
        return sorted(map(Path, glob(str(path))))  # noqa: PTH207 - the pattern may begin at the root
    remote = cast(Any, path)
    return [
        storage.parse_path(f"{remote.protocol}://{found}") for found in sorted(remote.fs.glob(remote.path))
    ]


def series_of(name: str) -> str:
    """What the names of a data set's numbered files have in common.

    >>> series_of("data/validation-00003-of-00014.parquet"), series_of("default/validation/0000.parquet")
    ('data/validation', 'default/validation/')
    """
    return NUMBER.sub("", name.rpartition(".")[0])


def names_its_number(name: str) -> bool:
    """Whether a file's name says how many there are in its series, as `val-00000-of-00014.parquet` does."""
    match = NUMBER.search(name.rpartition(".")[0])
    return bool(match and match[2])


def check_one_series(names: Sequence[str], folder: Path) -> None:
    """Raise `DataError` unless the files in a folder are one series, and all of it."""
    series = sorted(set(map(series_of, names)))
    if len(series) > 1:
        ending = names[0].rpartition(".")[2]
        listed = ", ".join(series[:5]) + (", ..." if len(series) > 5 else "")
        raise DataError(
            f"{folder} has several sets of .{ending} files ({listed}): "
            f"name the files of one, such as --data '{folder}/{series[-1]}*.{ending}'"
        )
    check_complete(names, str(folder))


def check_complete(names: Sequence[str], where: str) -> None:
    """Raise `DataError` where files are numbered `-00003-of-00014` and not all of them are there.

    >>> check_complete(["val-00000-of-00002.parquet", "val-00001-of-00002.parquet"], "the hub")
    """
    numbers: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for name in names:
        match = NUMBER.search(name.rpartition(".")[0])
        if match and match[2]:
            numbers[series_of(name), int(match[2])].add(int(match[1]))
    for (series, length), found in numbers.items():
        if len(found) != length:
            raise DataError(
                f"{where} has {len(found):,} of the {length:,} files of {series}: fetch the others, too"
            )
