"""Writing a picture to the file that a user named."""

import io
from pathlib import Path

from PIL import Image

from bench.errors import BenchError
from results.storage import write_output


def save_picture(picture: Image.Image, output: Path) -> None:
    """Write `picture` to `output` in the format of its ending, PNG where it has none, as a pipe has.

    Raises `BenchError` for an ending that is no format, and `RunError` where `output` cannot be written.
    """
    ending = output.suffix.lower() or ".png"
    kind = Image.registered_extensions().get(ending, "")
    if kind not in Image.SAVE:
        raise BenchError(f"cannot write {output}: {ending} is no format of pictures; name a .png")
    encoded = io.BytesIO()
    try:
        picture.save(encoded, kind)
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot write {output}: {error}; name a .png") from None
    write_output(output, encoded.getvalue())
