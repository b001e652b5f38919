import tarfile

import pytest

from bench.data import open_images
from bench.data.open import find_images
from bench.errors import DataError


@pytest.fixture
def packed(photos, tmp_path):
    """The photos as a .tar."""
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos, "photos")
    return path


def test_tar_has_the_images_and_labels_of_its_folder(photos, packed):
    tar, folder = open_images(str(packed)), open_images(str(photos))
    assert tar.labels.tolist() == folder.labels.tolist()
    assert tar.sizes.tolist() == folder.sizes.tolist()
    assert [tar.read(i) for i in range(6)] == [folder.read(i) for i in range(6)]


def test_links_lead_to_the_bytes_they_point_to(photos, tmp_path):
    first = next((photos / "n01440764").iterdir())
    (photos / "n01440764" / "hard.jpg").hardlink_to(first)
    (photos / "n01443537" / "soft.jpg").symlink_to(f"../n01440764/{first.name}")
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    tar, folder = find_images(str(tmp_path / "photos.tar")), find_images(str(photos))
    assert tar.names == folder.names
    assert len(tar.names) == 8
    assert [tar.read(i) for i in range(8)] == [folder.read(i) for i in range(8)]


@pytest.mark.parametrize("more", [0, 100, 512, 700])
def test_tar_that_is_cut_off_is_refused(packed, more):
    """At a member's start, within its header, after its header, within its data."""
    with tarfile.open(packed) as archive:
        fourth = [member for member in archive if member.isfile()][3]
    packed.write_bytes(packed.read_bytes()[: fourth.offset + more])
    with pytest.raises(DataError, match=r"photos\.tar (ends after|is not)"):
        find_images(str(packed))


def test_tar_with_an_image_twice_is_refused(photos, packed):
    with tarfile.open(packed, "a") as archive:
        archive.add(photos / "n01440764", "photos/n01440764")
    with pytest.raises(DataError, match="more than once"):
        find_images(str(packed))
