"""Image files, wherever they are: what each reader of a layout returns."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, DataError
from results import storage


@dataclass(frozen=True)
class StoredLabels:
    """Labels that are stored with the images, as in parquet files and WebDataset shards."""

    values: NDArray[np.int64]
    """[n] class indices as stored; negative where an image has no label."""

    names: Sequence[str]
    """Names of the classes by those indices, as the data set declares them; empty where it declares none."""

    source: str
    """Where the labels are from, for messages and manifests."""


@dataclass(frozen=True)
class ImageFiles:
    """The files of images. File i has entry i of `names` and `sizes`."""

    path: str
    """Where they are: a folder, a file, a pattern of files, a URL or `hf://NAME:SPLIT`."""

    names: list[str]
    """Paths relative to `path`, with slashes. No two are the same."""

    sizes: list[int]
    """Bytes of each file."""

    read: Callable[[int], bytes]
    """The bytes of file i. Several threads call it. Raises `OSError`."""

    ignored: int = 0
    """Number of files that are neither images nor files about them."""

    labels: StoredLabels | None = None
    """None where folders or files beside the images say their classes."""


@contextmanager
def data_errors(path: Path) -> Iterator[None]:
    """Raise a `DataError` in place of an `OSError`, and of whatever the client of an object store raises."""
    refusal: BenchError | None = None
    try:
        with storage.reaching(path):
            try:
                yield
            except BenchError as error:  # no error of the store's client
                refusal = error
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror or error}") from None
    if refusal:
        raise refusal
