"""The scores in a file: .npy, .npz, .safetensors, .csv or .parquet. No pickle is ever read."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, DataError, UsageError, first_line
from results.storage import is_local, parse_path, refuse_device

NAMES = ("image", "name", "filename", "names", "ids")
"""What the images' names are called: a column, an array, or a key of a safetensors file's metadata."""

WITH_ARRAYS = (".npz", ".safetensors")
"""Endings of files with several arrays."""

ROWS = 2048
"""Rows of a .csv or .parquet file that are read at a time."""


@dataclass(frozen=True)
class StoredScores:
    """A row of scores for each image."""

    path: Path
    array: str
    """The name of the array in the file; empty where it has no names."""
    values: NDArray[Any]
    """[rows x outputs] floating-point numbers; those of a .npy file stay on disk until they are used."""
    names: list[str] | None = None
    """The image of each row; None where the file does not say."""
    columns: tuple[str, ...] = ()
    """The names of the outputs; empty where they have none."""


def read_scores(file: str) -> StoredScores:
    """The scores in FILE, or in the array NAME of FILE:NAME.

    Raises `UsageError` for another kind of file, and `DataError` for one that cannot be read.
    """
    path, array = _split(file)
    if not path.exists():
        raise DataError(f"no scores at {path}: there is no such file")
    if not path.is_file():
        raise DataError(f"{path} is a folder, a pipe or a device: name a file of scores")
    if path.suffix.lower() not in READERS:
        raise UsageError(f"{path} is none of the files that are read: write {', '.join(READERS)}")
    with _reading(path):
        if not path.stat().st_size:
            raise DataError(f"{path} is empty: write it again")
        scores = READERS[path.suffix.lower()](path, array)
    _check(scores)
    return scores


def read_names(path: Path) -> list[str]:
    """The lines of a text file, stripped, without empty ones. Raises `DataError`."""
    if not path.exists():
        raise DataError(f"no names at {path}: there is no such file")
    try:
        refuse_device(path)
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 ({error}): write a text file with a name on each line"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read the names {path}: {error.strerror or error}") from None
    return [line.strip() for line in lines if line.strip()]


def _split(file: str) -> tuple[Path, str]:
    """The file, and the name of the array behind its colon."""
    path = parse_path(file)
    if not is_local(path):
        raise UsageError(f"{file} is not on this machine: copy it here first")
    before, _, array = file.rpartition(":")
    if Path(before).suffix.lower() in WITH_ARRAYS and not path.exists():
        return parse_path(before), array
    return path, ""


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise a `DataError` in place of whatever the library that reads a file raises."""
    try:
        yield
    except (BenchError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - each library raises what it likes, and more for broken files
        raise DataError(
            f"{path} cannot be read ({shorten(first_line(error), 120, placeholder='...')}): "
            "save it again, with numbers and names alone"
        ) from None


def _check(scores: StoredScores) -> None:
    """Raise `DataError` unless there is a row of floating-point numbers for each name."""
    values, names = scores.values, scores.names
    if values.ndim != 2 or not values.size:
        shape = " x ".join(map(str, values.shape)) or "a single number"
        raise DataError(
            f"{scores.path} has the shape {shape}: write a row for each image with a column for each class"
        )
    if values.dtype.kind != "f":
        raise DataError(
            f"{scores.path} holds {values.dtype}, not floating-point numbers: save probabilities or logits"
        )
    if names is not None and len(names) != len(values):
        raise DataError(
            f"{scores.path} has {len(names):,} names for {len(values):,} rows: name each row once"
        )


def _read_numpy(path: Path, array: str) -> StoredScores:
    with path.open("rb") as file:
        begins = file.read(6)
        if begins == b"\x93NUMPY":
            return StoredScores(path, "", np.load(path, mmap_mode="r", allow_pickle=False))
        if not begins.startswith(b"PK\x03\x04"):  # a .zip, which an .npz is
            raise DataError(f"{path} is no file of numpy's arrays: write it with numpy.save or numpy.savez")
        file.seek(0)
        with np.load(file, allow_pickle=False) as found:
            name = _choose({each: found[each].ndim for each in found.files if each not in NAMES}, array, path)
            names = next((found[each] for each in NAMES if each in found.files), None)
            return StoredScores(path, name, found[name], None if names is None else _texts(names))


def _texts(names: NDArray[Any]) -> list[str]:
    """The names in an array of text or of bytes."""
    texts = np.char.decode(names, "utf-8") if names.dtype.kind == "S" else names
    return list(map(str, texts.ravel()))


def _read_safetensors(path: Path, array: str) -> StoredScores:
    import torch
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        arrays = list(file.keys())
        name = _choose({each: len(file.get_slice(each).get_shape()) for each in arrays}, array, path)
        metadata = file.metadata() or {}
        tensor = file.get_tensor(name)
    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # numpy has no bfloat16
    text = next((metadata[each] for each in NAMES if each in metadata), None)
    return StoredScores(path, name, tensor.numpy(), None if text is None else _names_in(text))


def _names_in(text: str) -> list[str]:
    """The names in a text of safetensors' metadata: a list in JSON, or a name on each line.

    >>> _names_in('["a.jpg", "b.jpg"]'), _names_in("a.jpg")
    (['a.jpg', 'b.jpg'], ['a.jpg'])
    """
    return [str(name) for name in json.loads(text)] if text.lstrip().startswith("[") else text.splitlines()


def _choose(axes: Mapping[str, int], wanted: str, path: Path) -> str:
    """The array `wanted`, or the only one with two axes. `axes` is their number for each array."""
    if wanted:
        if wanted not in axes:
            raise UsageError(f"{path} has no array {wanted!r}: it has {', '.join(axes) or 'none'}")
        return wanted
    tables = [name for name, number in axes.items() if number == 2]
    if not tables:
        raise DataError(
            f"{path} has no array of a row for each image with a column for each class: "
            f"it has {', '.join(axes) or 'none'}"
        )
    if len(tables) > 1:
        raise UsageError(f"{path} has the arrays {', '.join(tables)}: name one of them, {path}:{tables[0]}")
    return tables[0]


def _read_csv(path: Path, array: str) -> StoredScores:
    import pandas as pd

    with path.open(newline="", encoding="utf-8-sig") as file:
        first, second = next(lines := csv.reader(file), []), next(lines, [])
    if len(first) < 2 or len(second) not in (0, len(first)):
        raise DataError(
            f"{path} has {len(first):,} values on its first line and {len(second):,} on its second: "
            "write as many on each, with commas between"
        )
    heading = _heading(first)
    if heading and "" in heading:
        raise DataError(
            f"{path} has a column without a name, maybe the row numbers of pandas: write it with index=False"
        )
    columns = heading or ["" if _is_number(word) else NAMES[0] for word in first]
    numbers = [number for number, column in enumerate(columns) if column not in NAMES]
    words = [number for number in range(len(columns)) if number not in numbers]
    blocks, names = [], []
    for frame in pd.read_csv(
        path,
        header=0 if heading else None,
        names=range(len(columns)),
        dtype=dict.fromkeys(numbers, np.float32),
        converters=dict.fromkeys(words, str.strip),
        encoding="utf-8-sig",
        chunksize=ROWS,
    ):
        blocks.append(frame[numbers].to_numpy(np.float32))
        names += [str(name) for number in words[:1] for name in frame[number]]
    named = tuple(columns[number] for number in numbers) if heading else ()
    return StoredScores(path, "", np.concatenate(blocks), names if words else None, named)


def _heading(words: Sequence[str]) -> list[str] | None:
    """The names of the columns, if these words of a first line are names and not scores.

    Names are text, or 0, 1, 2 and so on, as pandas writes them. The first word of a row may be an image's.

    >>> _heading(["image", "0", "1"]), _heading(["0", "1"]), _heading(["cat.jpg", "0.5", "0.5"])
    (['image', '0', '1'], ['0', '1'], None)
    """
    counted = list(map(str, range(len(words))))
    are_scores = all(map(_is_number, words[1:])) and words[1:] not in (counted[1:], counted[:-1])
    return None if are_scores else [word.strip() for word in words]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return not word.strip()  # a missing value, which is refused by its row
    return True


def _read_parquet(path: Path, array: str) -> StoredScores:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UsageError(
            f"{path} needs pyarrow: pip install 'inception-bench[hf]', or save it as .npy"
        ) from None
    with pq.ParquetFile(path) as file:
        types = {each.name: each.type for each in file.schema_arrow}
        named = next((name for name in NAMES if name in types), None)
        columns = [name for name in types if name != named]
        lists = [name for name in columns if pa.types.is_nested(types[name])]
        if others := [name for name in columns if not (pa.types.is_floating(types[name]) or name in lists)]:
            raise DataError(f"{path} has columns that are no scores: {', '.join(others[:3])}: leave them out")
        if len(lists) > 1 or (lists and len(columns) > 1):
            raise DataError(
                f"{path} has the columns {', '.join(columns[:3])}: keep one that has a list of scores"
            )
        blocks: list[NDArray[Any]] = []
        names: list[str] = []
        for batch in file.iter_batches(ROWS):
            blocks.append(_flattened(batch[lists[0]], path) if lists else _side_by_side(batch, columns))
            names += map(str, batch[named].to_pylist()) if named else ()
    values = np.concatenate(blocks) if blocks else np.empty((0, 0), np.float32)
    return StoredScores(path, "", values, names if named else None, () if lists else tuple(columns))


def _flattened(scores: Any, path: Path) -> NDArray[np.float32]:
    """[n x outputs] of a column of lists. Raises `DataError` unless all are as long."""
    import pyarrow.compute as pc

    if len(set(pc.list_value_length(scores).to_pylist())) > 1:
        raise DataError(f"{path} has rows with more scores than others: write one for each class")
    values: NDArray[np.float32] = scores.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(len(scores), -1)


def _side_by_side(batch: Any, columns: Sequence[str]) -> NDArray[np.float32]:
    """[n x outputs] of columns of numbers."""
    scores = np.empty((batch.num_rows, len(columns)), np.float32)
    for number, name in enumerate(columns):
        scores[:, number] = batch[name].to_numpy(zero_copy_only=False)
    return scores


READERS = {
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".safetensors": _read_safetensors,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
"""What reads a file, by its ending."""
