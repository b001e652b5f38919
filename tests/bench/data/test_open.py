import tarfile

import numpy as np
import pytest

from bench.data import open_images
from bench.data.classes import wordnet_ids
from bench.errors import DataError
from tests.bench.data.conftest import FILES
from tests.bench.data.layouts import write_parquet, write_shard


def test_data_may_be_the_current_folder(validation_folder, monkeypatch):
    (validation_folder.parent / "labels.txt").write_text("1\n2\n3\n")
    monkeypatch.chdir(validation_folder)
    assert open_images(".").labels.tolist() == [1, 2, 3]


def test_classes_are_those_beside_the_images(photos):
    (photos.parent / "classes.txt").write_text("n01484850\nn01440764\nn01443537\n")
    images = open_images(str(photos))
    assert images.classes == ("n01484850", "n01440764", "n01443537")
    assert images.labels.tolist() == [1, 1, 2, 2, 0, 0]


def test_validation_image_in_two_folders_is_refused(validation_folder):
    (first, *_) = validation_folder.glob("*.JPEG")
    (validation_folder / "again").mkdir()
    (validation_folder / "again" / first.name).write_bytes(first.read_bytes())
    (validation_folder / "labels.txt").write_text("1\n2\n3\n4\n")
    with pytest.raises(DataError, match=f"'{first.stem}' more than once: keep one"):
        open_images(str(validation_folder))


@pytest.mark.parametrize("option", ["labels", "devkit"])
def test_label_source_that_does_not_exist_is_named(photos, tmp_path, option):
    with pytest.raises(DataError, match=r"no (labels|devkit) at .*nowhere: there is no such folder or file"):
        open_images(str(photos), **{option: tmp_path / "nowhere"})


LAYOUTS = ("val", "val.tar", "val.parquet", "hf://HERE/hub:validation", "val-{0..1}.tar")


@pytest.fixture
def layouts(tmp_path):
    """The same six images by name and label, as each of `LAYOUTS`."""
    names = [f"{wordnet_ids()[label]}/{number}.jpg" for number, label in enumerate((7, 7, 12, 500, 998, 999))]
    labels = [7, 7, 12, 500, 998, 999]
    for name, file in zip(names, FILES, strict=True):
        (tmp_path / "val" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "val" / name).write_bytes(file)
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        archive.add(tmp_path / "val", ".")
    write_parquet(tmp_path / "val.parquet", names, FILES, labels)
    write_parquet(tmp_path / "hub/data/validation-00000-of-00001.parquet", names, FILES, labels)
    for shard in range(2):
        members = {}
        for name, file, label in list(zip(names, FILES, labels, strict=True))[1 - shard :: 2]:
            members |= {name: file, name.replace(".jpg", ".cls"): str(label)}
        write_shard(tmp_path / f"val-{shard}.tar", members)
    return [layout.replace("HERE", str(tmp_path)) for layout in LAYOUTS]


def test_same_images_are_the_same_data_set_in_every_layout(layouts, tmp_path, monkeypatch):
    """The same ids, labels and sizes, and so the same run; and the same bytes."""
    monkeypatch.chdir(tmp_path)
    folder, *others = map(open_images, layouts)
    for other in others:
        assert (other.ids, other.labels.tolist()) == (folder.ids, folder.labels.tolist())
        assert other.fingerprint() == folder.fingerprint()
        assert [other.read(i) for i in range(6)] == FILES


def test_tables_are_equal_in_every_layout(layouts, tmp_path, evaluate, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [evaluate(data=layout, out=tmp_path / f"runs{n}") for n, layout in enumerate(layouts)]
    shards = [[run.shard_path(part).read_bytes() for part in run.parts] for run in runs]
    assert all(of_run == shards[0] for of_run in shards)
    assert len({run.identity for run in runs}) == 1


def test_validation_images_in_the_folders_of_imagenetv2_are_those_of_the_flat_folder(
    validation_folder, tmp_path
):
    (validation_folder / "labels.txt").write_text("5\n100\n5\n")
    for path, label in zip(sorted(validation_folder.glob("*.JPEG")), (5, 100, 5), strict=True):
        folder = tmp_path / "imagenetv2-top-images-format-val" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    flat, v2 = open_images(str(validation_folder)), open_images(str(folder.parent))
    assert dict(zip(v2.ids, v2.labels.tolist(), strict=True)) == dict(
        zip(flat.ids, flat.labels.tolist(), strict=True)
    )
    assert {name: v2.read(i) for i, name in enumerate(v2.ids)} == {
        name: flat.read(i) for i, name in enumerate(flat.ids)
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("val-{0..2}.tar", r"val-2\.tar is missing, of 3 that .*val-\{0\.\.2\}\.tar names"),
        ("val*", r"names \.parquet files and others: name files of one kind"),
        ("nothing.parquet", "there is no such folder or file"),
        ("empty.parquet", "no images at empty.parquet: it holds none"),
    ],
)
def test_files_that_are_not_one_data_set_are_one_line(layouts, tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    write_parquet(tmp_path / "empty.parquet", [], [], np.empty(0, dtype=np.int64))
    with pytest.raises(DataError, match=message):
        open_images(data)
