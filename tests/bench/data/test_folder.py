import os

import pytest

from bench.data.open import find_images
from bench.errors import DataError
from tests.conftest import drawn


def test_files_are_sorted_and_read_whole(photos):
    files = find_images(str(photos))
    assert len(files.names) == 6
    assert files.names == sorted(files.names)
    for i, name in enumerate(files.names):
        assert files.read(i) == (photos / name).read_bytes()
        assert files.sizes[i] == len(files.read(i))


def test_links_are_followed(photos, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for folder in photos.iterdir():
        (linked / folder.name).symlink_to(folder)
    assert find_images(str(linked)).names == find_images(str(photos)).names


def test_folder_that_is_linked_twice_is_refused(photos):
    (photos / "n01484850_again").symlink_to(photos / "n01484850")
    with pytest.raises(DataError, match="would count twice"):
        find_images(str(photos))


def test_link_to_nowhere_is_refused(photos, tmp_path):
    (photos / "n01440764" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(DataError, match=r"gone\.jpg: No such file"):
        find_images(str(photos))


def test_pipe_or_device_is_refused_before_it_is_read(photos):
    """Reading it might never end."""
    os.mkfifo(photos / "n01440764" / "pipe.jpg")
    with pytest.raises(DataError, match=r"pipe\.jpg is a pipe or a device, not a file: remove it"):
        find_images(str(photos))
    (photos / "n01440764" / "pipe.jpg").unlink()
    (photos / "n01440764" / "zero.jpg").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"zero\.jpg is a pipe or a device"):
        find_images(str(photos))


def test_hidden_folders_are_skipped(photos):
    (photos / ".ipynb_checkpoints").mkdir()
    drawn(9, 9).save(photos / ".ipynb_checkpoints" / "copy.jpg")
    assert len(find_images(str(photos)).names) == 6


def test_stray_files_are_counted(photos):
    (photos / "notes.doc").write_text("x")
    (photos / "labels.txt").write_text("x")
    (photos / ".hidden").write_text("x")
    assert find_images(str(photos)).ignored == 1
