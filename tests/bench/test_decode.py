import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bench.data.decode import decode
from bench.errors import UnreadableImage
from tests.conftest import SHARED, drawn


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pillows(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


CMYK = drawn(60, 40).convert("CMYK")
EXIF = Image.Exif()
EXIF[0x0112] = 6  # turned by 90 degrees


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(drawn(60, 40)), id="jpeg"),
        pytest.param(encoded(drawn(61, 43), progressive=True, quality=100, subsampling=0), id="progressive"),
        pytest.param(encoded(drawn(60, 40).convert("L")), id="greyscale"),
        pytest.param(encoded(CMYK), id="cmyk"),
        pytest.param(encoded(drawn(60, 40), "PNG"), id="png"),
        pytest.param(encoded(drawn(60, 40).convert("RGBA"), "PNG"), id="transparent png"),
        pytest.param(encoded(drawn(60, 40).convert("P"), "GIF"), id="gif"),
        pytest.param(encoded(drawn(1, 1)), id="one pixel"),
        pytest.param(encoded(drawn(20_000, 8)), id="20,000 pixels wide"),
        pytest.param(encoded(drawn(60, 40), exif=EXIF), id="exif orientation, which is ignored"),
        pytest.param(encoded(drawn(60, 40)) + b"more", id="bytes after the end"),
    ],
)
def test_pixels_are_pillows(data):
    assert np.array_equal(decode(data), pillows(data))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real data is not here")
def test_the_pixels_of_300_real_images_are_pillows():
    paths = sorted((SHARED / "data").rglob("*.JPEG"))
    assert len(paths) == 300
    assert all(np.array_equal(decode(path.read_bytes()), pillows(path.read_bytes())) for path in paths)


def bomb(side):
    """A PNG that claims to have `side` x `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "empty", id="no bytes"),
        pytest.param(b"this is text", "not an image", id="text"),
        pytest.param(encoded(drawn(600, 400))[:5000], "truncated", id="truncated jpeg"),
        pytest.param(encoded(drawn(60, 40), "PNG")[:500], "decoded", id="truncated png"),
        pytest.param(
            encoded(drawn(60, 40))[:2] + b"\xff" * 50, "decoded|not an image", id="jpeg header and nothing"
        ),
        pytest.param(bomb(12_000), "decompression bomb|more than the", id="144 megapixels"),
        pytest.param(bomb(60_000), "decompression bomb", id="3.6 gigapixels"),
    ],
)
def test_what_cannot_be_decoded_says_why(data, reason):
    with pytest.raises(UnreadableImage, match=reason):
        decode(data)


def test_a_jpeg_that_claims_too_many_pixels_is_not_decoded():
    data = bytearray(encoded(drawn(60, 40)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    with pytest.raises(UnreadableImage, match="65000 x 65000 pixels are more"):
        decode(bytes(data))
