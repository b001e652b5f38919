import pytest

from bench.data import open_images
from bench.errors import DataError


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
