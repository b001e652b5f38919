import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from bench.data.decode import decode, decoded_size, without_red_border
from tests.bench.data.conftest import encoded
from tests.conftest import SHARED, drawn


def pixels_of_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


IMAGE = drawn(60, 40)
LEVELS_OF_16_BITS = Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 25)
FRAMES = {"save_all": True, "append_images": [drawn(60, 40, 5)]}
EXIF = Image.Exif()
EXIF[0x0112] = 6  # orientation: turned by 90 degrees


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(IMAGE), id="jpeg"),
        pytest.param(encoded(drawn(61, 43), progressive=True, quality=100, subsampling=0), id="progressive"),
        pytest.param(encoded(IMAGE.convert("L")), id="greyscale"),
        pytest.param(encoded(IMAGE.convert("CMYK")), id="cmyk"),
        pytest.param(encoded(IMAGE, "PNG"), id="png"),
        pytest.param(encoded(IMAGE.convert("RGBA"), "PNG"), id="transparent png"),
        pytest.param(encoded(IMAGE.convert("P"), "PNG", transparency=0), id="palette with transparency"),
        pytest.param(encoded(IMAGE.convert("1"), "PNG"), id="one bit"),
        pytest.param(encoded(LEVELS_OF_16_BITS, "PNG"), id="16 bits"),
        pytest.param(encoded(LEVELS_OF_16_BITS, "TIFF"), id="16 bits in a tiff"),
        pytest.param(encoded(IMAGE.convert("P"), "GIF"), id="gif"),
        pytest.param(encoded(IMAGE, "GIF", **FRAMES), id="animated gif, of which the first frame counts"),
        pytest.param(encoded(IMAGE, "WEBP", lossless=True, **FRAMES), id="animated webp"),
        pytest.param(encoded(drawn(1, 1)), id="one pixel"),
        pytest.param(encoded(drawn(20_000, 8)), id="20,000 pixels wide"),
        pytest.param(encoded(IMAGE, exif=EXIF), id="exif orientation, which is ignored"),
        pytest.param(encoded(IMAGE, icc_profile=b"not a profile"), id="broken colour profile"),
        pytest.param(encoded(IMAGE) + b"<script>" * 100, id="bytes after the end"),
    ],
)
def test_pixels_are_those_of_pillow(data):
    pixels = decode(data)
    assert (pixels.dtype, pixels.ndim) == (np.uint8, 3)
    assert np.array_equal(pixels, pixels_of_pillow(data))
    room = np.empty(decoded_size(data), np.uint8)
    assert room.size == pixels.size
    in_room = decode(data, lambda size: room[:size])
    assert np.array_equal(in_room, pixels)


def test_jpeg_is_decoded_where_there_is_room():
    data = encoded(IMAGE)
    room = np.empty(60 * 40 * 3, np.uint8)
    assert np.shares_memory(decode(data, lambda size: room), room)
    assert np.array_equal(decode(data, lambda size: None), pixels_of_pillow(data))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"no image", encoded(IMAGE)[:20]])
def test_size_of_what_cannot_be_read_is_0(data):
    assert decoded_size(data) == 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real data is not here")
def test_pixels_of_300_real_images_are_those_of_pillow():
    paths = sorted((SHARED / "data").rglob("*.JPEG"))
    assert len(paths) == 300
    for path in paths:
        data = path.read_bytes()
        assert np.array_equal(decode(data), pixels_of_pillow(data)), path


@pytest.mark.parametrize(("width", "removed"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_red_border_of_at_most_two_pixels_is_cut_off(width, removed):
    bordered = ImageOps.expand(IMAGE, width, (255, 0, 0))
    left = width - removed
    assert np.array_equal(without_red_border(np.asarray(bordered)), ImageOps.expand(IMAGE, left, (255, 0, 0)))


@pytest.mark.parametrize("place", [(0, 0), (61, 41), (30, 0), (0, 20)])
def test_border_that_is_not_all_red_stays(place):
    bordered = ImageOps.expand(IMAGE, 1, (255, 0, 0))
    bordered.putpixel(place, (254, 0, 0))
    assert np.array_equal(without_red_border(np.asarray(bordered)), bordered)


def test_something_is_left_of_a_red_image():
    for size in [(1, 1), (2, 5), (3, 3), (4, 4)]:
        assert without_red_border(np.full((*size, 3), (255, 0, 0), dtype=np.uint8)).size
