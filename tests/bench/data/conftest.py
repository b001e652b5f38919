"""What the tests of `bench.data` share: a folder of validation images, and images as files."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import drawn


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of an image as a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


FILES = [encoded(drawn(40 + seed, 30, seed)) for seed in range(6)]
"""Six JPEGs of differing sizes."""


@pytest.fixture
def validation_folder(tmp_path: Path) -> Path:
    """A flat folder of the validation images 1, 2 and 7."""
    folder = tmp_path / "val"
    folder.mkdir()
    for number in (1, 2, 7):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(encoded(drawn(40, 30, number)))
    return folder
