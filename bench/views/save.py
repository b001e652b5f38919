"""Writing a picture to the file that a user named."""

from pathlib import Path

from PIL import Image

from bench.errors import BenchError


def save_picture(picture: Image.Image, output: Path) -> None:
    """Write `picture` to `output` in the format of its ending. Raises `BenchError` where that fails."""
    try:
        picture.save(output)
    except OSError as error:
        raise BenchError(f"cannot write {output}: {error.strerror or error}; name a .png") from None
    except ValueError as error:  # Pillow's, for an ending that is no format
        raise BenchError(f"cannot write {output}: {error}; name a .png") from None
