"""Files that are named like images and are broken, or made to do harm: refused by name, with the reason."""

import os
import re
import struct
import zlib

import pytest
from PIL import EpsImagePlugin, PngImagePlugin

from bench.data.decode import decode
from bench.errors import UnreadableImage
from tests.bench.data.conftest import encoded
from tests.conftest import drawn

IMAGE = drawn(90, 70)
JPEG = encoded(IMAGE)
PNG = encoded(IMAGE, "PNG")


def jpeg_that_claims(width, height):
    """A JPEG whose header has another size than its data."""
    data = bytearray(JPEG)
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def png_that_claims(width, height):
    """A PNG whose header has this size, and which has no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def png_with_a_large_comment():
    """A PNG of 100 kB with a comment of 100 MB."""
    comment = PngImagePlugin.PngInfo()
    comment.add_text("comment", "x" * 100_000_000, zip=True)
    return encoded(IMAGE, "PNG", pnginfo=comment)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
NO_IMAGE = "this is not an image of a known format"

HOSTILE_IMAGES = [
    pytest.param(b"", "the file is empty", id="no-bytes"),
    pytest.param(b"not a picture", NO_IMAGE, id="text"),
    pytest.param(b"<!DOCTYPE html><title>404</title>", NO_IMAGE, id="error-page"),
    pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', NO_IMAGE, id="svg"),
    pytest.param(b"PK\x03\x04" + bytes(100), NO_IMAGE, id="zip"),
    pytest.param(POSTSCRIPT, NO_IMAGE, id="postscript"),
    *(pytest.param(encoded(IMAGE, kind), NO_IMAGE, id=kind) for kind in ("PPM", "TGA", "ICO")),
    pytest.param(encoded(drawn(300, 200))[:3000], "cannot be decoded: .*truncated.*", id="truncated-jpeg"),
    pytest.param(JPEG[:180], NO_IMAGE, id="jpeg-that-ends-after-its-header"),
    pytest.param(JPEG[:2] + b"\xff" * 50, NO_IMAGE, id="jpeg-header-and-nothing"),
    pytest.param(b"\xff\xd8\xff" + bytes(500), NO_IMAGE, id="jpeg-of-zeros"),
    pytest.param(
        jpeg_that_claims(65_000, 65_000),
        "65000 x 65000 pixels are more than the 89,478,485 that are decoded",
        id="jpeg-that-claims-4-gigapixels",
    ),
    pytest.param(jpeg_that_claims(60, 0), NO_IMAGE, id="jpeg-without-rows"),
    pytest.param(PNG[:600], "cannot be decoded: .*truncated", id="truncated-png"),
    pytest.param(PNG.replace(b"IDAT", b"IDAU", 1), NO_IMAGE, id="png-with-a-wrong-checksum"),
    pytest.param(
        png_that_claims(12_000, 12_000), ".*decompression bomb.*", id="png-that-claims-144-megapixels"
    ),
    pytest.param(
        png_that_claims(60_000, 60_000), ".*decompression bomb.*", id="png-that-claims-3.6-gigapixels"
    ),
    pytest.param(png_that_claims(0, 0), NO_IMAGE, id="png-that-claims-no-pixels"),
    pytest.param(
        png_with_a_large_comment(), "cannot be decoded: .*too large.*", id="png-with-a-comment-of-100-MB"
    ),
    pytest.param(encoded(IMAGE, "WEBP")[:300], "cannot be decoded: .*", id="truncated-webp"),
    pytest.param(encoded(IMAGE, "GIF")[:400], NO_IMAGE, id="truncated-gif"),
    pytest.param(b"II*\0\x08\0\0\0\0\0\x08\0\0\0", NO_IMAGE, id="tiff-whose-directory-is-itself"),
]


@pytest.mark.parametrize(("data", "reason"), HOSTILE_IMAGES)
def test_hostile_image_is_refused_with_the_reason(data, reason):
    with pytest.raises(UnreadableImage, match=f"^{reason}$"):
        decode(data)


def test_postscript_is_not_run(tmp_path, monkeypatch):
    """Pillow hands it to Ghostscript, where that is installed."""
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/it-ran\n")
    ghostscript.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    with pytest.raises(UnreadableImage):
        decode(POSTSCRIPT)
    assert not (tmp_path / "it-ran").exists()


def test_hostile_image_ends_the_run_with_its_name(eval_refusal, photos):
    (photos / "n01440764" / "hostile.JPEG").write_bytes(JPEG[:180])
    assert eval_refusal("--data", photos) == (
        f"n01440764/hostile.JPEG in {photos}: this is not an image of a known format; "
        "repair it, or leave such images out with --skip-unreadable"
    )


def test_hostile_images_are_left_out_and_listed_with_the_reason(eval_run, photos):
    """With `--skip-unreadable`, all of them in one data set with six good images."""
    reasons = {}
    for case in HOSTILE_IMAGES:
        data, reason = case.values
        (photos / "n01440764" / f"{case.id}.JPEG").write_bytes(data)
        reasons[f"n01440764/{case.id}.JPEG"] = reason
    run = eval_run("--data", photos, "--skip-unreadable")
    assert sum(len(shard.ids) for shard in run.shards()) == 6
    assert run.skipped.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert re.fullmatch(reason, run.skipped[name])
