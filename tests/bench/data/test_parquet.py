"""Parquet files in the hub's layout, written by pyarrow."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.data import open_images
from bench.data.classes import wordnet_ids
from bench.data.parquet import RowGroups
from bench.errors import DataError
from results.storage import parse_path, write
from tests.bench.data.conftest import FILES
from tests.bench.data.layouts import write_parquet

NAMES = [f"ILSVRC2012_val_0000000{n}.JPEG" for n in range(1, 7)]


@pytest.fixture
def table(tmp_path):
    """The path of six images in row groups of two, by `write_parquet`'s options."""

    def write(name="validation.parquet", **options):
        usual = {"names": NAMES, "files": FILES, "labels": [7, 999, 0, 1, 2, 3], "row_group_size": 2}
        return write_parquet(tmp_path / name, **usual | options)

    return write


def test_images_labels_and_sizes_are_as_stored(table):
    path = table()
    images = open_images(str(path))
    assert list(images.ids) == [name.removesuffix(".JPEG") for name in NAMES]
    assert images.labels.tolist() == [7, 999, 0, 1, 2, 3]
    assert images.sizes.tolist() == [len(file) for file in FILES]
    assert [images.read(i) for i in (5, 0, 3, 1, 4, 2)] == [FILES[i] for i in (5, 0, 3, 1, 4, 2)]
    assert (images.path, images.label_source) == (str(path), f"{path}, column label")


def test_files_of_a_folder_are_one_set(table, tmp_path):
    for number, part in enumerate((slice(0, 2), slice(2, 6))):
        name = f"data/validation-0000{number}-of-00002.parquet"
        table(name, names=NAMES[part], files=FILES[part], labels=[7, 999, 0, 1, 2, 3][part])
    images = open_images(str(tmp_path))
    assert images.labels.tolist() == [7, 999, 0, 1, 2, 3]
    assert [images.read(i) for i in range(6)] == FILES
    assert open_images(f"{tmp_path}/data/validation-*.parquet").fingerprint() == images.fingerprint()
    (tmp_path / "data/validation-00001-of-00002.parquet").unlink()
    with pytest.raises(DataError, match=r"has 1 of the 2 files of data/validation: fetch the others"):
        open_images(str(tmp_path))


def test_folder_of_several_splits_is_refused(table, tmp_path):
    table("data/train.parquet")
    table("data/validation.parquet")
    with pytest.raises(DataError) as caught:
        open_images(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path} has several sets of .parquet files (data/train, data/validation): "
        f"name the files of one, such as --data '{tmp_path}/data/validation*.parquet'"
    )


def test_each_row_group_is_decoded_once_by_all_threads(table, monkeypatch):
    decoded = []
    decode = RowGroups._decode
    all_threads = threading.Barrier(6, timeout=60)

    def counted(groups, group):
        decoded.append(group)
        return decode(groups, group)

    monkeypatch.setattr(RowGroups, "_decode", counted)
    images = open_images(str(table()))

    def read(i):
        all_threads.wait()
        return images.read(i)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(read, range(6))) == FILES
    assert sorted(decoded) == [0, 1, 2]


def test_few_row_groups_are_kept(table, monkeypatch):
    monkeypatch.setattr("bench.data.parquet.MOST_BYTES", 1)
    images = open_images(str(table()))
    assert [images.read(i) for i in (0, 2, 4, 0)] == [FILES[i] for i in (0, 2, 4, 0)]
    assert len(images.read.__self__._kept) == 2


def test_row_group_that_cannot_be_read_is_read_again(table, monkeypatch):
    """As after a fault of the network."""
    images = open_images(str(table()))
    monkeypatch.setattr(RowGroups, "_decode", lambda *_: (_ for _ in ()).throw(OSError("lost")))
    with pytest.raises(OSError, match="lost"):
        images.read(0)
    monkeypatch.undo()
    assert images.read(0) == FILES[0]


@pytest.mark.parametrize(
    ("classes", "values", "expected"),
    [
        pytest.param(wordnet_ids()[::-1], [0, 999], [999, 0], id="WordNet ids in another order"),
        pytest.param(("n01484850", "n01440764"), [0, 1], [2, 0], id="a few WordNet ids"),
        pytest.param([f"word {n}" for n in range(1000)], [3, 5], [3, 5], id="words in sorted order"),
        pytest.param(
            sorted(map(str, range(1000))), [1, 2], [1, 10], id="ImageNetV2's folders sorted as text"
        ),
    ],
)
def test_labels_are_by_the_declared_names(table, classes, values, expected):
    path = table(names=NAMES[:2], files=FILES[:2], labels=values, classes=classes)
    assert open_images(str(path)).labels.tolist() == expected


def test_classes_of_its_own_are_beside_the_file(table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    path = table(labels=[0, 1] * 3, classes=("dog", "cat"))
    images = open_images(str(path))
    assert (images.classes, images.labels.tolist()) == (("cat", "dog"), [1, 0] * 3)


def test_label_file_goes_before_the_stored_labels(table, tmp_path):
    (tmp_path / "mine.txt").write_text("".join(f"{name} 5\n" for name in NAMES))
    images = open_images(str(table(labels=[-1] * 6)), labels=tmp_path / "mine.txt")
    assert images.labels.tolist() == [5] * 6


def test_images_without_names_are_numbered_and_repeated_names_too(table):
    assert open_images(str(table(names=[None] * 6))).ids[:2] == ["00000000", "00000001"]
    assert open_images(str(table(names=["1.jpg"] * 6))).ids[5] == "00000005/1.jpg"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [-1] * 6}, "images without a label: .*1.JPEG and 5 more are of class -1, .* 0 to 999"),
        ({"labels": [0, None, 1, 1, 1, 1]}, "images without a label: .*2.JPEG is of class -1"),
        ({"labels": [0, 1, 2, 3, 4, 1000]}, "6.JPEG is of class 1000, and class indices are 0 to 999"),
        ({"labels": ["cat"] * 6}, "its column label holds string, not class indices: write integers"),
        ({"files": [*FILES[:5], None]}, "has 1 images without their bytes in the column image"),
        ({"classes": ["cat", "dog", "bird"], "labels": [0, 1] * 3}, "its 3 classes are neither WordNet ids"),
        ({"columns": ("image", "target")}, "has the columns image, target: .* named `label` are needed"),
        ({"columns": ("label", "cls")}, "one of images, with their bytes"),
        ({"names": [NAMES[0]] * 6}, "'ILSVRC2012_val_00000001' more than once"),
    ],
)
def test_file_that_cannot_be_used_is_one_line(table, options, message):
    with pytest.raises(DataError, match=message) as caught:
        open_images(str(table(**options)))
    assert "\n" not in str(caught.value)


def test_file_in_a_store_is_read_as_a_local_one(table):
    local = table()
    write(parse_path("memory://set/val.parquet"), local.read_bytes())
    images = open_images("memory://set/val.parquet")
    assert images.fingerprint() == open_images(str(local)).fingerprint()
    assert [images.read(i) for i in range(6)] == FILES
    write(parse_path("memory://set/val.parquet"), table(columns=("image", "target")).read_bytes())
    with pytest.raises(DataError, match=r"^memory://set/val\.parquet has the columns image, target"):
        open_images("memory://set/val.parquet")
    write(parse_path("memory://set/val.parquet"), local.read_bytes()[:100])
    with pytest.raises(DataError, match=r"^memory://set/val\.parquet is not a parquet file"):
        open_images("memory://set/val.parquet")


@pytest.mark.parametrize("cut", [slice(0, 100), slice(0, -20), slice(0, 0)])
def test_damaged_file_is_one_line(table, cut):
    path = table()
    path.write_bytes(path.read_bytes()[cut])
    with pytest.raises(
        DataError, match=r"validation\.parquet is not a parquet file that can be read .*fetch it"
    ):
        open_images(str(path))


def test_file_that_is_damaged_within_is_one_line(table):
    path = table()
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a parquet file that can be read"):
        open_images(str(path))
