import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import open_images
from bench.data.devkit import find_blacklist, read_blacklist, read_ground_truth
from bench.errors import DataError
from tests.helpers import result_or_refusal

DEVKIT = "ILSVRC2012_devkit_t12"


@pytest.fixture
def packed_devkit(shared):
    return shared / "data" / f"{DEVKIT}.tar.gz"


@pytest.fixture
def devkit(packed_devkit, tmp_path):
    """The real devkit, unpacked beside the validation folder."""
    with tarfile.open(packed_devkit) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / DEVKIT


def test_devkit_gives_the_labels_of_the_label_file(shared, packed_devkit):
    """Two independent sources: the devkit has ILSVRC ids, and the label file class indices."""
    data = shared / "data" / "ilsvrc-val"
    by_file, by_devkit = open_images(str(data)), open_images(str(data), devkit=packed_devkit)
    assert by_file.label_source.endswith("labels.txt")
    assert by_file.labels.tolist() == by_devkit.labels.tolist()
    assert len(by_file) == 200


def test_every_class_has_50_validation_images(devkit):
    assert np.bincount(read_ground_truth(devkit)).tolist() == [50] * 1000


def test_devkit_beside_the_data_is_found(devkit, validation_folder):
    images = open_images(str(validation_folder))
    assert images.label_source == str(devkit)
    assert images.labels.tolist() == read_ground_truth(devkit)[[0, 1, 6]].tolist()


@pytest.mark.parametrize("damage", ["empty ground truth", "ground truth in Latin-1", "half a meta.mat"])
def test_damaged_devkit_is_refused(devkit, validation_folder, damage):
    truth, meta = devkit / "data" / "ILSVRC2012_validation_ground_truth.txt", devkit / "data" / "meta.mat"
    if damage == "half a meta.mat":
        meta.write_bytes(meta.read_bytes()[:90_000])
    else:
        truth.write_bytes(b"" if damage == "empty ground truth" else b"\xe4\n" * 50_000)
    with pytest.raises(DataError, match="take another copy"):
        open_images(str(validation_folder), devkit=devkit)


def test_official_blacklist_is_recognised_in_every_form(shared, tmp_path):
    plain = shared / "facts" / "blacklist.txt"
    blacklist = read_blacklist(plain)
    assert blacklist.official
    assert len(blacklist.numbers) == 1762
    assert (min(blacklist.numbers), max(blacklist.numbers)) == (36, 49981)
    assert sum(blacklist.numbers) == 44_731_238
    folder = tmp_path / "ILSVRC2014_devkit"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "ILSVRC2014_clsloc_validation_blacklist.txt").write_bytes(
        plain.read_bytes().replace(b"\n", b"\r\n")
    )
    with tarfile.open(tmp_path / "ILSVRC2014_devkit.tgz", "w:gz") as archive:
        archive.add(folder, folder.name)
    for devkit in (folder, tmp_path / "ILSVRC2014_devkit.tgz"):
        assert read_blacklist(devkit).numbers == blacklist.numbers
        assert read_blacklist(devkit).official


def test_blacklist_of_a_devkit_is_preferred_to_a_plain_list(tmp_path, validation_folder):
    assert find_blacklist(validation_folder, None) is None
    (tmp_path / "blacklist.txt").write_text("2\n")
    assert find_blacklist(validation_folder, None).numbers == {2}
    devkit = tmp_path / "ILSVRC2014_devkit"
    devkit.mkdir()
    assert find_blacklist(validation_folder, devkit).numbers == {2}
    (devkit / "ILSVRC2014_clsloc_validation_blacklist.txt").write_text("7\n")
    assert find_blacklist(validation_folder, None).numbers == {7}
    assert find_blacklist(None, devkit).numbers == {7}


@pytest.mark.parametrize(
    "text", ["0\n", "50001\n", "", "ILSVRC2012_val_00000036\n", "99999999999999999999\n"]
)
def test_list_that_is_no_blacklist_is_refused(tmp_path, text):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=r"list\.txt"):
        read_blacklist(tmp_path / "list.txt")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_blacklist_or_an_error(tmp_path, data):
    path = tmp_path / "list.txt"
    path.write_bytes(data)
    blacklist, refusal = result_or_refusal(lambda: read_blacklist(path), DataError)
    if refusal:
        assert str(path) in refusal
    else:
        assert 1 <= min(blacklist.numbers) <= max(blacklist.numbers) <= 50_000
