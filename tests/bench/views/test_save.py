"""Pictures, written to what the user named."""

import os
import threading

import pytest
from PIL import Image

from bench.errors import BenchError
from bench.views.save import save_picture
from results.errors import RunError
from tests.conftest import drawn


@pytest.mark.parametrize(("ending", "kind"), [(".png", "PNG"), (".JPG", "JPEG"), ("", "PNG")])
def test_format_follows_the_ending(tmp_path, ending, kind):
    save_picture(drawn(9, 9), tmp_path / f"picture{ending}")
    with Image.open(tmp_path / f"picture{ending}") as picture:
        assert (picture.format, picture.size) == (kind, (9, 9))


@pytest.mark.parametrize("ending", [".xyz", ".psd"])
def test_ending_that_is_no_format_is_refused(tmp_path, ending):
    with pytest.raises(BenchError, match=rf"cannot write .*{ending} is no format of pictures; name a .png"):
        save_picture(drawn(9, 9), tmp_path / f"picture{ending}")
    assert not list(tmp_path.iterdir())


def test_full_disk_leaves_no_file(tmp_path, monkeypatch):
    def fail(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("results.storage._write_file", fail)
    with pytest.raises(RunError, match="No space left on device"):
        save_picture(drawn(9, 9), tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())


def test_picture_goes_through_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=save_picture, args=(drawn(9, 9), pipe))
    writer.start()
    with pipe.open("rb") as file, Image.open(file) as picture:
        assert picture.format == "PNG"
    writer.join()
    assert pipe.is_fifo()
