"""Input that nobody thought of: whatever comes is read as what it is, or refused with one of the package's own errors."""

import io
import json
import tarfile

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save

from bench.data.classes import wordnet_ids
from bench.data.decode import decode
from bench.data.devkit import read_blacklist
from bench.data.images import find_images
from bench.data.labels import read_label_file
from bench.errors import BenchError, DataError, UnreadableImage, WeightsError
from bench.zoo import weights
from crops import Plan, ProtocolError, parse, parse_scales, place
from results import baseline as regression
from results.errors import RunError
from results.report import csv
from results.run import MANIFEST, Run, finish
from tests.conftest import drawn
from tests.results.test_run import shard, started

FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SIZE = 64


def attempt(read, *errors):
    """(what was read, None), or (None, the line with which it was refused)."""
    try:
        return read(), None
    except errors as error:
        return None, str(error)


def mutations(data, number, seed=0):
    """The bytes with some flipped, cut out, doubled, or set to a limit of some integer: `number` times."""
    generator = np.random.default_rng(seed)
    for _ in range(number):
        changed = bytearray(data)
        for _ in range(generator.integers(1, 6)):
            at = int(generator.integers(len(changed)))
            length = int(generator.integers(1, 9))
            match generator.integers(5):
                case 0:
                    changed[at] ^= 1 << generator.integers(8)
                case 1:
                    del changed[at : at + length]
                case 2:
                    changed[at:at] = changed[at : at + length]
                case 3:
                    changed[at : at + length] = (
                        generator.choice([b"\0", b"\xff", b"\x7f", b"\x80"]).item() * length
                    )
                case 4:
                    del changed[at:]
            changed = changed or bytearray(1)
        yield bytes(changed)


@given(
    st.text(alphabet="0123456789x,.- densetimmcropé²", max_size=30),
    st.none() | st.text(alphabet="0123456789,.- x", max_size=20),
)
@example("144", None)
@example("9" * 400, None)
@example("2x1x5x2", "70,80")
def test_protocols_are_parsed_or_refused(crops, scales):
    """Whatever is parsed are protocols that each average their own views."""
    plan, refusal = attempt(lambda: Plan(parse(crops, SIZE, parse_scales(scales)), SIZE), ProtocolError)
    if refusal:
        assert "\n" not in refusal
        return
    patches, weights_ = plan.patches(90, 70)
    assert weights_.shape == (len(plan.names), len(patches))
    assert np.allclose(weights_.sum(axis=1), 1)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(parse("144", SIZE)[-1].views))
def test_a_view_of_any_image_is_inside_of_it(width, height, view):
    patch = place(view, width, height, SIZE)
    left, top, right, bottom = patch.box
    assert min(patch.resized) == view.scale
    assert 0 <= left < right <= patch.resized[0]
    assert 0 <= top < bottom <= patch.resized[1]
    assert right - left == bottom - top


NAMES = [f"{letter}/{number}.jpg" for letter in "ab" for number in range(3)]
LINE = st.one_of(
    st.tuples(
        st.sampled_from([*NAMES, "0.jpg", "2", "a/1", "c/9.jpg"]),
        st.sampled_from(" \t,"),
        st.integers(-2, 1001).map(str),
    ).map("".join),
    st.tuples(st.sampled_from(NAMES), st.just(" "), st.sampled_from(wordnet_ids()[:3])).map("".join),
    st.integers(-1, 1001).map(str),
    st.text(max_size=8),
)


@FILES
@given(
    st.lists(LINE, max_size=12) | st.permutations([f"{name} {number}" for number, name in enumerate(NAMES)])
)
def test_label_files_are_read_or_refused(tmp_path, lines):
    """What is read is what the line of each image's name says, or, with nothing but numbers, the line of its number."""
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(lines), "utf-8", errors="surrogatepass")
    labels, refusal = attempt(lambda: read_label_file(path, NAMES, wordnet_ids()).tolist(), DataError)
    if refusal:
        assert str(path) in refusal
        return
    assert all(0 <= label < 1000 for label in labels)
    stated = {
        line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] in NAMES
    }
    for name, label in zip(NAMES, labels, strict=True):
        if name in stated:
            assert stated[name] in (str(label), wordnet_ids()[label])


@FILES
@given(st.binary(max_size=200))
def test_bytes_are_no_labels_and_no_blacklist_or_sensible_ones(tmp_path, data):
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    for read in (lambda: read_label_file(path, NAMES, wordnet_ids()), lambda: read_blacklist(path)):
        _, refusal = attempt(read, BenchError)  # anything else it raises fails the test
        assert refusal is None or str(path) in refusal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["schema", "plan", "shards", "data", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@FILES
@given(JSON | st.binary(max_size=100))
@example({"schema": 2, "sha256": "x"})
def test_manifests_are_those_that_were_written_or_refused(tmp_path, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / MANIFEST).write_bytes(data)
    with pytest.raises(RunError):
        Run.open(tmp_path)


def whole(folder):
    opened = started(folder)
    for part in (shard(0, 10), shard(10, 20, skipped={"image 12": "no image"}), shard(20, 25)):
        part.save(folder / "shards", "x")
    return finish(opened, 1.5)


def test_a_run_that_is_changed_anyhow_is_refused(tmp_path):
    run = whole(tmp_path)
    for path in (tmp_path / MANIFEST, run.shard_path(run.parts[1])):
        good = path.read_bytes()
        for data in mutations(good, 500):
            path.write_bytes(data)
            if data == good:
                continue
            with pytest.raises(RunError):
                list(Run.open(tmp_path).shards())
        path.write_bytes(good)
    assert len(list(Run.open(tmp_path).shards())) == 3


CELL = st.one_of(
    st.integers(-5, 50).map(str), st.floats().map(str), st.text(alphabet='ab,"\n\r=', max_size=4), st.just("")
)


@FILES
@given(st.lists(st.lists(CELL, min_size=4, max_size=7), max_size=4), st.booleans())
@example([["v3", "1", "all", "9.223372036854776e+18", "0", "0"]], True)
def test_tables_are_read_or_refused(tmp_path, rows, headed):
    path = tmp_path / "table.csv"
    heading = ["model,protocol,image_set,n,top1_hits,top5_hits"] if headed else []
    path.write_text("\n".join([*heading, *map(",".join, rows)]), "utf-8")
    table, refusal = attempt(lambda: regression.read(path), RunError)
    if refusal:
        assert str(path) in refusal
        return
    assert (
        (table["top1_hits"] <= table["top5_hits"]) & (table["top5_hits"] <= table["n"]) & (table["n"] > 0)
    ).all()


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=8), min_size=1, max_size=5))
def test_csv_has_as_many_rows_and_cells_as_the_table_and_no_formula(names):
    import csv as reader

    text = csv.write(
        pd.DataFrame(
            {"image": pd.Series(names, dtype=object), "n": 1, "text": pd.Series(names, dtype=object)}
        )
    )
    rows = list(reader.reader(io.StringIO(text, newline="")))
    assert [len(row) for row in rows] == [3] * (len(names) + 1)
    for name, row in zip(names, rows[1:], strict=True):
        assert row[0].removeprefix("'" if name.startswith(csv.FORMULA) else "") == name.replace("\r", "\\r")
        assert not row[0].startswith(csv.FORMULA)


def encoded(kind, **options):
    buffer = io.BytesIO()
    drawn(60, 40).save(buffer, kind, **options)
    return buffer.getvalue()


KINDS = {
    "JPEG": {},
    "JPEG progressive": {"progressive": True},
    "PNG": {},
    "GIF": {},
    "WEBP": {},
    "TIFF": {},
    "BMP": {},
}


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", KINDS)
def test_mutated_images_are_pillows_pixels_or_refused(kind):
    """Also, where libjpeg-turbo reads one without a complaint, the pixels are Pillow's."""
    refused = 0
    for data in mutations(encoded(kind.partition(" ")[0], **KINDS[kind]), 1000):
        pixels, refusal = attempt(lambda data=data: decode(data), UnreadableImage)
        refused += refusal is not None
        if not refusal:
            assert (pixels.dtype, pixels.ndim) == (np.uint8, 3)
            with Image.open(io.BytesIO(data)) as image:
                assert np.array_equal(pixels, np.asarray(image.convert("RGB")))
    assert 0 < refused < 1000


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".old.pth"])
def test_mutated_checkpoints_are_tensors_or_refused_and_nothing_runs(tmp_path, ending):
    path = tmp_path / f"weights{ending}"
    state = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3)}
    if ending == ".safetensors":
        path.write_bytes(save({name: value.numpy() for name, value in state.items()}))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=ending == ".pth")
    for data in mutations(path.read_bytes(), 400):
        path.write_bytes(data)
        found, refusal = attempt(lambda: weights.read(path), WeightsError)
        assert (
            "\n" not in refusal
            if refusal
            else all(isinstance(value, torch.Tensor) for value in found.values())
        )


def test_mutated_archives_are_listed_or_refused(tmp_path):
    path = tmp_path / "data.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(3):
            about = tarfile.TarInfo(f"n01440764/{number}.jpg")
            about.size = 100
            archive.addfile(about, io.BytesIO(bytes(100)))
    for data in mutations(path.read_bytes(), 2000):
        path.write_bytes(data)
        files, refusal = attempt(lambda: find_images(str(path)), DataError)
        if refusal:
            assert str(path) in refusal
            continue
        assert all(len(files.read(i)) == size for i, size in enumerate(files.sizes))
        assert len(set(files.names)) == len(files.names)
