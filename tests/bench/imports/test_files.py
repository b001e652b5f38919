"""The same scores in every format, and what is wrong with a file."""

import json
import os
import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from bench.errors import DataError, UsageError
from bench.imports.files import read_names, read_scores

SCORES = np.random.default_rng(0).dirichlet(np.ones(7), 5).astype(np.float32)
NAMES = [f"folder/{number}, a cat.jpg" for number in range(5)]


def with_names(column):
    frame = pd.DataFrame(SCORES, columns=[f"class {number}" for number in range(7)])
    frame.insert(3, column, NAMES)
    return frame


def as_lists(path):
    pd.DataFrame({"image": NAMES, "scores": list(SCORES)}).to_parquet(path)


WRITERS = {
    "names.npz": lambda path: np.savez(path, probs=SCORES, labels=np.arange(5), names=np.array(NAMES)),
    "bytes.npz": lambda path: np.savez(path, probs=SCORES, ids=np.array(NAMES, dtype="S")),
    "json.safetensors": lambda path: save_file(
        {"probs": torch.from_numpy(SCORES)}, path, {"names": json.dumps(NAMES)}
    ),
    "lines.safetensors": lambda path: save_file(
        {"probs": torch.from_numpy(SCORES)}, path, {"ids": "\n".join(NAMES)}
    ),
    "image.csv": lambda path: with_names("image").to_csv(path, index=False),
    "name.csv": lambda path: with_names("name").to_csv(path, index=False),
    "image.parquet": lambda path: with_names("image").to_parquet(path),
    "name.parquet": lambda path: with_names("name").to_parquet(path),
    "lists.parquet": as_lists,
}


@pytest.mark.parametrize("name", WRITERS)
def test_formats_with_names_have_the_same_scores(tmp_path, name):
    WRITERS[name](tmp_path / name)
    found = read_scores(str(tmp_path / name))
    assert found.names == NAMES
    assert np.array_equal(found.values, SCORES)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floating_point_numbers_of_any_size_are_read(tmp_path, dtype):
    np.save(tmp_path / "scores.npy", SCORES.astype(dtype))
    found = read_scores(str(tmp_path / "scores.npy"))
    assert found.names is None
    assert np.array_equal(found.values, SCORES.astype(dtype))


def test_bfloat16_is_read(tmp_path):
    rounded = torch.from_numpy(SCORES).bfloat16()
    save_file({"probs": rounded}, tmp_path / "scores.safetensors")
    assert np.array_equal(read_scores(str(tmp_path / "scores.safetensors")).values, rounded.float().numpy())


def test_array_stays_on_disk_until_it_is_used(tmp_path):
    np.save(tmp_path / "scores.npy", SCORES)
    assert isinstance(read_scores(str(tmp_path / "scores.npy")).values, np.memmap)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_one_of_several_arrays_is_named_behind_a_colon(tmp_path, ending):
    path = tmp_path / f"scores.{ending}"
    if ending == "npz":
        np.savez(path, a=SCORES, b=1 - SCORES)
    else:
        save_file({"a": torch.from_numpy(SCORES), "b": torch.from_numpy(1 - SCORES)}, path)
    assert np.array_equal(read_scores(f"{path}:b").values, 1 - SCORES)
    with pytest.raises(UsageError, match=re.escape(f"has the arrays a, b: name one of them, {path}:a")):
        read_scores(str(path))
    with pytest.raises(UsageError, match="has no array 'c': it has a, b"):
        read_scores(f"{path}:c")


@pytest.mark.parametrize(
    ("heading", "names", "columns"),
    [
        (None, False, ()),
        (None, True, ()),
        (list(map(str, range(7))), False, tuple("0123456")),
        (["image", *map(str, range(7))], True, tuple("0123456")),
        (["name", *"abcdefg"], True, tuple("abcdefg")),
    ],
)
def test_heading_of_a_csv_file_is_told_from_scores(tmp_path, heading, names, columns):
    rows = [
        ([f'"{name}"'] if names else []) + list(map(str, row))
        for name, row in zip(NAMES, SCORES.tolist(), strict=True)
    ]
    lines = [",".join(row) for row in ([heading, *rows] if heading else rows)]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    found = read_scores(str(tmp_path / "scores.csv"))
    assert np.array_equal(found.values, SCORES)
    assert found.names == (NAMES if names else None)
    assert found.columns == columns


def test_csv_file_of_many_rows_is_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.imports.files.ROWS", 2)
    for name in ("image.csv", "image.parquet"):
        WRITERS[name](tmp_path / name)
        found = read_scores(str(tmp_path / name))
        assert found.names == NAMES
        assert np.array_equal(found.values, SCORES)


def bad(name, write, message):
    return pytest.param(name, write, message, id=message)


def save(array):
    return lambda path: np.save(path, array, allow_pickle=True)


def text(content):
    return lambda path: path.write_bytes(content)


def parquet(**columns):
    return lambda path: pd.DataFrame(columns).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        bad("a.npy", lambda path: None, "no scores at .*a.npy: there is no such file"),
        bad("a.npy", lambda path: path.mkdir(), "a.npy is a folder, a pipe or a device: name a file"),
        bad("a.npy", os.mkfifo, "a.npy is a folder, a pipe"),
        bad("a.npy", text(b""), "a.npy is empty: write it again"),
        bad("a.pkl", text(pickle.dumps(SCORES)), r"a.pkl is none of the files that are read: write .npy, "),
        bad("a.npy", text(pickle.dumps(SCORES)), "a.npy is no file of numpy's arrays: write it with numpy"),
        bad("a.npy", save(np.array([["a", 1]], object)), "a.npy cannot be read .*Python objects in dtype"),
        bad("a.npy", save(SCORES[None]), "a.npy has the shape 1 x 5 x 7: write a row for each image"),
        bad("a.npy", save(SCORES[0]), "a.npy has the shape 7: write a row for each image"),
        bad("a.npy", save(SCORES[:0]), "a.npy has the shape 0 x 7"),
        bad("a.npy", save(np.float32(1)), "a.npy has the shape a single number"),
        bad("a.npy", save(SCORES.argmax(axis=1)[:, None]), "a.npy holds int64, not floating-point numbers"),
        bad(
            "a.npz",
            lambda path: np.savez(path, labels=np.arange(3)),
            "has no array of a row .* it has labels",
        ),
        bad(
            "a.npz",
            lambda path: np.savez(path, a=SCORES, names=np.array(NAMES, object)),
            r"a.npz cannot be read \(Object arrays cannot be loaded",
        ),
        bad("a.npz", lambda path: np.savez(path, a=SCORES, names=NAMES[1:]), "has 4 names for 5 rows"),
        bad("a.npz", text(b"PK\x03\x04" + b"x" * 99), r"a.npz cannot be read \(File is not a zip file\)"),
        bad("a.safetensors", text(b"x" * 99), r"a.safetensors cannot be read \("),
        bad("a.csv", text(b"0.5 0.5\n0.5 0.5\n"), "has 1 values on its first line and 1 on its second"),
        bad("a.csv", text(b"a,b\n1,0,0\n"), "has 2 values on its first line and 3 on its second"),
        bad("a.csv", text(b"a,b\n1,0\n1,0,0\n"), r"cannot be read \(.*Expected 2 fields in line 3, saw 3"),
        bad("a.csv", text(b"a,b\n1,cat\n"), "cannot be read .*could not convert string to float: 'cat'"),
        bad("a.csv", text(b",0,1\n0,0.5,0.5\n"), "has a column without a name, maybe .* index=False"),
        bad("a.csv", text(b"a,b\n"), "a.csv has the shape 0 x 2"),
        bad("a.csv", text(bytes(range(256))), "a.csv cannot be read .*'utf-8' codec"),
        bad("a.parquet", text(b"PAR1" + b"x" * 99), r"a.parquet cannot be read \("),
        bad("a.parquet", parquet(a=[0.5], label=[3]), "has columns that are no scores: label: leave them"),
        bad("a.parquet", parquet(a=[[0.5]], b=[[0.5]]), "has the columns a, b: keep one that has a list"),
        bad("a.parquet", parquet(a=[[1.0, 0.0, 0.0], [1.0]]), "has rows with more scores than others"),
        bad("a.parquet", parquet(a=[[1.0, 0.0], None]), "has rows with more scores than others"),
    ],
)
def test_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises((DataError, UsageError), match=message) as caught:
        read_scores(str(tmp_path / name))
    assert len(str(caught.value).splitlines()) == 1


def test_no_pickle_is_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    for name in ("a.npy", "b.npz"):
        array = np.array([Harmful()], object)
        (np.save if name == "a.npy" else np.savez)(tmp_path / name, array)
        with pytest.raises(DataError):
            read_scores(str(tmp_path / name))
    assert not (tmp_path / "made").exists()


def test_file_in_a_store_has_to_be_copied_first():
    with pytest.raises(UsageError, match=r"s3://bucket/a.npy is not on this machine: copy it here first"):
        read_scores("s3://bucket/a.npy")


def test_missing_pyarrow_is_named_with_the_extra(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"needs pyarrow: pip install 'inception-bench\[hf\]'"):
        read_scores(str(tmp_path / "a.parquet"))


def test_names_are_the_lines_of_a_text_file(tmp_path):
    (tmp_path / "names.txt").write_bytes("\ufeffa cat.jpg\r\n\r\n  b.jpg  \n".encode())
    assert read_names(tmp_path / "names.txt") == ["a cat.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no names at .*: there is no such file"),
        (lambda path: path.mkdir(), "cannot read the names .*: Is a directory"),
        (
            lambda path: path.write_bytes(b"\x93"),
            "is not UTF-8 .*: write a text file with a name on each line",
        ),
    ],
)
def test_names_that_cannot_be_read_are_refused(tmp_path, make, message):
    make(tmp_path / "names.txt")
    with pytest.raises(DataError, match=message):
        read_names(tmp_path / "names.txt")
