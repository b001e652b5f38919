"""From a file's bytes to pixels, as other evaluations do it: RGB, 8 bits, EXIF orientation ignored."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bench.errors import UnreadableImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is decoded, whatever a file's name says. Pillow knows more formats, of which some start other programs
(EPS starts Ghostscript).
"""

LARGEST = 89_478_485
"""Pixels of the largest image that is decoded: where Pillow begins to warn of decompression bombs."""

warnings.simplefilter("error", Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.", category=UserWarning)  # about metadata, which is not used

RED = (255, 0, 0)

WIDEST_BORDER = 2
"""Pixels of a red border that are cut off at each side, at most."""

Room = Callable[[int], NDArray[np.uint8] | None]
"""From a number of bytes to an array of so many, or None."""


def no_room(size: int) -> None:
    """Room that there is not: each image gets an array of its own."""


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) in an image file's header; (0, 0) where it cannot be read."""
    try:
        if simplejpeg.is_jpeg(data):
            height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        else:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
    except Exception:  # noqa: BLE001 - `decode` says why
        return 0, 0
    return width, height


def decoded_size(data: bytes) -> int:
    """Bytes of the pixels of an image file; 0 where it cannot be read."""
    width, height = image_size(data)
    return int(height * width * 3) if height * width <= LARGEST else 0


def decode(data: bytes, room: Room = no_room) -> NDArray[np.uint8]:
    """The pixels of an image file, [height x width x 3] levels from 0 to 255; in the array that `room` gives,
    where simplejpeg decodes it.


    simplejpeg, which is libjpeg-turbo, is faster than Pillow and gives the same pixels. Pillow decodes or
    refuses everything that simplejpeg does not read without a warning: CMYK, a PNG whose name ends in .JPEG,
    a damaged file. Raises `UnreadableImage` with the reason.
    """
    if simplejpeg.is_jpeg(data):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            _check_size(width, height)
            if colours in ("YCbCr", "Gray"):
                buffer = room(height * width * 3)
                pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True, buffer=buffer)
                return pixels
        except ValueError:
            pass
    return np.asarray(open_image(data))


def without_red_border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels [height x width x 3] inside a border of pure red, of one or two pixels, where there is one.

    ObjectNet's licence speaks of a border of one pixel. Its own loader (`objectnet_pytorch_dataloader.py`)
    cuts off two, and the images that are published with it have two. So what counts is what is red; an image
    whose border was removed before stays as it is.

    >>> without_red_border(np.full((5, 6, 3), RED, dtype=np.uint8)).shape
    (1, 2, 3)
    """
    for _ in range(WIDEST_BORDER):
        sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
        if min(pixels.shape[:2]) < 3 or not all((side == RED).all() for side in sides):
            break
        pixels = pixels[1:-1, 1:-1]
    return np.ascontiguousarray(pixels)


def open_image(data: bytes) -> Image.Image:
    """The image as Pillow reads it, in RGB. Raises `UnreadableImage` with the reason."""
    if not data:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(*image.size)
            return image.convert("RGB")
    except UnidentifiedImageError:
        raise UnreadableImage("this is not an image of a known format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(str(error)) from None
    except (MemoryError, UnreadableImage):
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise errors of all kinds for damaged files
        raise UnreadableImage(f"cannot be decoded: {error or type(error).__name__}") from None


def _check_size(width: int, height: int) -> None:
    if width * height > LARGEST:
        raise UnreadableImage(f"{width} x {height} pixels are more than the {LARGEST:,} that are decoded")
