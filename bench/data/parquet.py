"""Images in parquet files, in the layout of the Hugging Face hub: a column of images and one of labels.

An image is a struct of `bytes` and `path`, or bytes alone. Needs pyarrow, which the extra `hf` brings.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.files import ImageFiles, StoredLabels
from bench.errors import DataError, UsageError, first_line
from results import storage

LABEL_COLUMNS = ("label", "labels", "cls")
"""Names under which a data set's labels are found, the first ones first."""

BATCH = 256
"""Images whose sizes are counted at once."""

BUFFER = 2**20
"""Bytes of a local file that are read at once, so that a row group is never in memory as it is stored."""

MOST_BYTES = 2**27
"""Bytes of row groups that are kept for the next images; two are kept in any case."""


@dataclass(frozen=True)
class Table:
    """A parquet file: what its images are called, how large they are, and which labels they have."""

    path: Path
    metadata: Any
    """The file's footer, so that it is read once."""
    image: str
    """The name of the column of images."""
    bytes_column: str
    """The path of the column with the images' bytes."""
    label: str
    """The name of the column of labels."""
    classes: tuple[str, ...]
    """The names of the classes that the column of labels declares."""
    names: list[str | None]
    sizes: list[int]
    labels: NDArray[np.int64]


def parquet_files(where: str, paths: Sequence[Path]) -> ImageFiles:
    """The images of these files in their order, with their labels.

    All of them are read once to know their sizes, a row group at a time. Raises `DataError`, and `UsageError`
    where pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - before threads need it
    except ImportError:
        raise UsageError(f"{where} needs pyarrow: pip install 'inception-bench[hf]'") from None
    with ThreadPoolExecutor() as pool:
        tables = list(pool.map(_list_table, paths))
    if len({table.classes for table in tables}) > 1:
        raise DataError(f"{where}: its files declare different classes: name files of one data set")
    names = _unique_names([name for table in tables for name in table.names])
    sizes = [size for table in tables for size in table.sizes]
    labels = np.concatenate([table.labels for table in tables])
    stored = StoredLabels(labels, tables[0].classes, f"{where}, column {tables[0].label}")
    return ImageFiles(where, names, sizes, RowGroups(tables).read, labels=stored)


class RowGroups:
    """Reads images from parquet files, and each row group about once where images are read in order.

    A row group is decoded as a whole. So those that were used last are kept, and several threads that need
    the same one wait for the first of them.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        """The images are numbered through all tables."""
        groups = [(table, group) for table in tables for group in range(table.metadata.num_row_groups)]
        self._groups = groups
        rows = [table.metadata.row_group(group).num_rows for table, group in groups]
        self._first_rows = np.cumsum([0, *rows[:-1]])
        self._kept: OrderedDict[int, Future[Any]] = OrderedDict()
        self._lock = Lock()

    def read(self, i: int) -> bytes:
        """The bytes of image i. Raises `OSError`."""
        group = int(np.searchsorted(self._first_rows, i, side="right")) - 1
        return bytes(self._decoded(group)[i - int(self._first_rows[group])].as_py())

    def _decoded(self, group: int) -> Any:
        with self._lock:
            decoded = self._kept.get(group)
            is_first = decoded is None
            if decoded is None:
                decoded = self._kept[group] = Future()
                self._drop_oldest()
            self._kept.move_to_end(group)
        if is_first:
            try:
                decoded.set_result(self._decode(group))
            except BaseException as error:  # noqa: BLE001 - whatever it is, other threads wait for it
                with self._lock:
                    self._kept.pop(group, None)  # so that it is read again
                decoded.set_exception(error)
        return decoded.result()

    def _drop_oldest(self) -> None:
        while len(self._kept) > 2 and sum(map(self._bytes, self._kept)) > MOST_BYTES:
            self._kept.popitem(last=False)

    def _bytes(self, group: int) -> int:
        table, number = self._groups[group]
        return int(table.metadata.row_group(number).total_byte_size)

    def _decode(self, group: int) -> Any:
        table, number = self._groups[group]
        with _opened(table.path, table.metadata) as file:
            rows = file.read_row_group(number, columns=[table.bytes_column], use_threads=False)
        return _bytes_of(rows.column(table.image))


@contextmanager
def _opened(path: Path, metadata: Any = None) -> Iterator[Any]:
    """The file, open. Raises `OSError` in place of pyarrow's errors.

    `pre_buffer` would keep all row groups that were read in memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if storage.is_local(path):
            with pq.ParquetFile(path, metadata=metadata, pre_buffer=False, buffer_size=BUFFER) as file:
                yield file
            return
        remote: Any = path
        with (
            storage.reaching(path),
            remote.fs.open(remote.path, "rb", cache_type="none") as source,
            pq.ParquetFile(source, metadata=metadata, pre_buffer=False) as file,
        ):
            yield file
    except pa.ArrowException as error:
        raise OSError(0, first_line(error), str(path)) from None


def _list_table(path: Path) -> Table:
    names: list[str | None] = []
    sizes: list[int | None] = []
    labels: list[NDArray[np.int64]] = []
    try:
        with _opened(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
        image, label, classes = _find_columns(schema, path)
        parts = _leaves(schema, image)
        with _opened(path, metadata) as file:
            for batch in file.iter_batches(BATCH, columns=[*parts, label], use_threads=False):
                names += _names_of(batch.column(image), len(batch))
                sizes += _sizes_of(batch.column(image))
                labels.append(_values_of(batch.column(label)))
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path} is not a parquet file that can be read ({reason}): fetch it again") from None
    if None in sizes:
        number = sizes.count(None)
        raise DataError(
            f"{path} has {number:,} images without their bytes in the column {image}: "
            "write the images themselves into the file"
        )
    known = [size for size in sizes if size is not None]
    values = np.concatenate(labels) if labels else np.empty(0, dtype=np.int64)
    return Table(path, metadata, image, parts[0], label, classes, names, known, values)


def _find_columns(schema: Any, path: Path) -> tuple[str, str, tuple[str, ...]]:
    """The names of the columns of images and of labels, and the classes in the hub's metadata."""
    import pyarrow.types as types

    images = [field.name for field in schema if _is_image(field.type)]
    labels = [name for name in LABEL_COLUMNS if name in schema.names]
    if not images or not labels:
        raise DataError(
            f"{path} has the columns {', '.join(schema.names)}: "
            "one of images, with their bytes, and one named `label` are needed"
        )
    label = labels[0]
    if not types.is_integer(schema.field(label).type):
        raise DataError(
            f"{path}: its column {label} holds {schema.field(label).type}, not class indices: write integers"
        )
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        classes = tuple(map(str, features[label]["names"]))
    except (KeyError, TypeError, ValueError):  # other tools write no such metadata
        classes = ()
    return images[0], label, classes


def _is_image(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _is_image(kind.field(index).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _leaves(schema: Any, image: str) -> list[str]:
    """The columns of an image to read: its bytes first, and its name where there is one."""
    import pyarrow.types as types

    kind = schema.field(image).type
    if not types.is_struct(kind):
        return [image]
    return [f"{image}.bytes", *([f"{image}.path"] if kind.get_field_index("path") >= 0 else [])]


def _bytes_of(column: Any) -> Any:
    import pyarrow.compute as pc
    import pyarrow.types as types

    return pc.struct_field(column, "bytes") if types.is_struct(column.type) else column


def _names_of(column: Any, number: int) -> list[str | None]:
    import pyarrow.compute as pc
    import pyarrow.types as types

    if not types.is_struct(column.type) or column.type.get_field_index("path") < 0:
        return [None] * number
    names: list[str | None] = pc.struct_field(column, "path").to_pylist()
    return names


def _sizes_of(column: Any) -> list[int | None]:
    import pyarrow.compute as pc

    sizes: list[int | None] = pc.binary_length(_bytes_of(column)).to_pylist()
    return sizes


def _values_of(column: Any) -> NDArray[np.int64]:
    """[n] labels, -1 where there is none."""
    values: NDArray[np.int64] = column.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
    return values


def _unique_names(names: list[str | None]) -> list[str]:
    """A name for each image: its own, or its number where it has none. Where names repeat, both.

    >>> _unique_names(["cats/1.jpg", None])
    ['cats/1.jpg', '00000001']
    >>> _unique_names(["1.jpg", "1.jpg"])
    ['00000000/1.jpg', '00000001/1.jpg']
    """
    known = [name or f"{number:08d}" for number, name in enumerate(names)]
    if len(set(known)) == len(known):
        return known
    return [f"{number:08d}/{name}" for number, name in enumerate(known)]
