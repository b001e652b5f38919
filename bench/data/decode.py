"""From a file's bytes to pixels, as the field does it: RGB, 8 bits, EXIF orientation ignored."""

import io
import warnings

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bench.errors import UnreadableImage

LARGEST = 89_478_485
"""Pixels of the largest image that is decoded: where Pillow begins to warn of decompression bombs."""

warnings.simplefilter("error", Image.DecompressionBombWarning)
warnings.filterwarnings(
    "ignore", module=r"PIL\.", category=UserWarning
)  # of metadata, which is not looked at


def decode(data: bytes) -> NDArray[np.uint8]:
    """[height x width x 3] uint8. Raises `UnreadableImage` with the reason.

    libjpeg-turbo through simplejpeg reads what it can without a complaint, with Pillow's pixels and faster; whatever
    else comes (CMYK, a PNG by another name, a warning from the decoder) is Pillow's to read or to refuse.
    """
    if simplejpeg.is_jpeg(data):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            _check_size(width, height)
            if colours in ("YCbCr", "Gray"):
                pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
                return pixels
        except ValueError:
            pass
    return np.asarray(open_image(data))


def open_image(data: bytes) -> Image.Image:
    """The image as Pillow reads it, in RGB. Raises `UnreadableImage` with the reason."""
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_size(*image.size)
            return image.convert("RGB")
    except UnidentifiedImageError:
        raise UnreadableImage("this is not an image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(str(error)) from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableImage(f"cannot be decoded: {error}") from None


def _check_size(width: int, height: int) -> None:
    if width * height > LARGEST:
        raise UnreadableImage(f"{width} x {height} pixels are more than the {LARGEST:,} that are decoded")
