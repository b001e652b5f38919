"""The picture of what a protocol looks at."""

import pytest
from PIL import Image, ImageChops, ImageColor, ImageDraw

from bench.errors import DataError, UsageError
from bench.views.contact_sheet import COLOURS, GAP, TILE, draw_contact_sheet, draw_dialect
from tests.conftest import drawn


@pytest.fixture
def image(tmp_path):
    """A picture of 500 x 375 pixels."""
    drawn(500, 375).save(tmp_path / "image.jpg")
    return tmp_path / "image.jpg"


@pytest.fixture
def texts(monkeypatch):
    """Every text that is drawn, in its order."""
    drawn_texts = []
    draw = ImageDraw.ImageDraw.text

    def record(pen, xy, text, *arguments, **options):
        drawn_texts.append(text)
        draw(pen, xy, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return drawn_texts


def test_sheet_has_the_resized_images_beside_twelve_columns_of_crops(image, tmp_path):
    line = draw_contact_sheet(image, "144", "v1", None, "auto", tmp_path / "sheet.png")
    views = "protocol 144 has 144 views, on this image 144 different ones"
    assert line == f"{tmp_path}/sheet.png: {views}; interpolation bilinear"
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 469 + 12 * 112  # the largest resized image beside twelve crops
        assert sheet.height >= 12 * 112


def test_views_with_the_same_pixels_are_drawn_once(tmp_path):
    """The three squares of a square image are the same."""
    drawn(300, 300).save(tmp_path / "image.png")
    line = draw_contact_sheet(tmp_path / "image.png", "144", "v1", None, "auto", tmp_path / "sheet.png")
    assert "protocol 144 has 144 views, on this image 48 different ones" in line


def test_crops_are_labelled_with_scale_square_position_and_mirror(image, tmp_path, texts):
    draw_contact_sheet(image, "12", "v1", None, "bicubic", tmp_path / "sheet.png")
    positions = ("centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole")
    lines = [f"256 central square\n{position}{end}" for position in positions for end in ("", " mirrored")]
    assert texts == ["341 x 256", *lines]


@pytest.mark.parametrize(
    ("size", "squares"),
    [
        ((500, 375), ["central square", "left square", "right square"]),
        ((375, 500), ["central square", "top square", "bottom square"]),
        ((300, 300), ["central, 3 views"]),
    ],
    ids=["landscape", "portrait", "square"],
)
def test_squares_are_named_as_they_lie_in_the_image(tmp_path, texts, size, squares):
    drawn(*size).save(tmp_path / "image.png")
    draw_contact_sheet(tmp_path / "image.png", "1x3x1x1", "v1", None, "bicubic", tmp_path / "sheet.png")
    assert texts[1:] == [f"256 {square}\ncentre" for square in squares]


def test_labels_are_no_wider_than_a_crop(image, tmp_path, texts):
    draw_contact_sheet(image, "144", "v3", None, "bicubic", tmp_path / "sheet.png")
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    widths = [pen.textlength(line) for text in texts[4:] for line in text.split("\n")]
    assert len(widths) == 2 * 144
    assert max(widths) <= TILE


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_crops_have_the_pixels_of_the_interpolation(image, tmp_path, interpolation):
    """mini-v3's 80 pixels fit into a tile, so that they are as Pillow resizes them."""
    sheet = tmp_path / "sheet.png"
    draw_contact_sheet(image, "1", "mini-v3", None, interpolation, sheet)
    resample = Image.Resampling[interpolation.upper()]
    with Image.open(image) as picture, Image.open(sheet) as shown:
        crop = picture.convert("RGB").resize((121, 91), resample).crop((21, 6, 101, 86))
        left = 121 + 2 * GAP
        assert not ImageChops.difference(shown.crop((left, GAP, left + 80, GAP + 80)), crop).getbbox()


@pytest.mark.parametrize(("model", "expected"), [("v1", "bilinear"), ("v3", "bicubic")])
def test_interpolation_is_that_of_the_weights(image, tmp_path, model, expected):
    """torchvision resizes bilinearly for its googlenet, timm bicubically for its inception_v3."""
    line = draw_contact_sheet(image, "1", model, None, "auto", tmp_path / "auto.png")
    draw_contact_sheet(image, "1", model, None, expected, tmp_path / "expected.png")
    assert line.endswith(f"; interpolation {expected}")
    assert (tmp_path / "auto.png").read_bytes() == (tmp_path / "expected.png").read_bytes()


def test_unknown_interpolation_is_refused(image, tmp_path):
    with pytest.raises(UsageError, match="no interpolation 'nearest': try "):
        draw_contact_sheet(image, "1", "v1", None, "nearest", tmp_path / "sheet.png")


@pytest.mark.parametrize(
    ("name", "part", "at", "corner"),
    [
        ("timm", "299 x 299", "454 x 341", (78, 21)),
        ("torchvision", "299 x 299", "456 x 342", (78, 22)),
        ("tf-slim", "438 x 329", "500 x 375", (31, 23)),
        ("caffe", "299 x 299", "342 x 342", (21, 21)),
    ],
)
def test_dialect_is_drawn_where_it_takes_its_crop(image, tmp_path, name, part, at, corner):
    """For the public weights of v3. The first pixel of the box is in the colour of the first box."""
    sheet = tmp_path / "sheet.png"
    line = draw_dialect(image, name, "v3", sheet)
    said = f"dialect {name} takes {part} pixels of the image at {at}, for an input of 299 x 299"
    assert line == f"{sheet}: {said}"
    with Image.open(sheet) as picture:
        left, top = (GAP + length for length in corner)
        assert picture.getpixel((left, top)) == ImageColor.getrgb(COLOURS[0])
        assert picture.getpixel((left - 1, top - 1)) != ImageColor.getrgb(COLOURS[0])


def test_unknown_dialect_is_refused(image, tmp_path):
    with pytest.raises(UsageError, match="no dialect 'opencv': try paper, timm"):
        draw_dialect(image, "opencv", "v3", tmp_path / "sheet.png")


def test_scales_that_make_the_image_too_large_are_refused(image, tmp_path):
    with pytest.raises(UsageError, match="would be resized to 4,800,000,000 pixels"):
        draw_contact_sheet(image, "1", "v1", "60000", "auto", tmp_path / "sheet.png")


def test_file_that_is_no_image_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no image at .*nowhere\.jpg: there is no such file"):
        draw_contact_sheet(tmp_path / "nowhere.jpg", "1", "v1", None, "auto", tmp_path / "sheet.png")
