"""The picture of what a protocol looks at."""

import pytest
from PIL import Image, ImageColor

from bench.errors import DataError, UsageError
from bench.views.contact_sheet import COLOURS, GAP, draw_contact_sheet, draw_dialect
from tests.conftest import drawn


@pytest.fixture
def image(tmp_path):
    """A picture of 500 x 375 pixels."""
    drawn(500, 375).save(tmp_path / "image.jpg")
    return tmp_path / "image.jpg"


def test_sheet_has_the_resized_images_beside_twelve_columns_of_crops(image, tmp_path):
    line = draw_contact_sheet(image, "144", "v1", None, tmp_path / "sheet.png")
    assert line == f"{tmp_path}/sheet.png: protocol 144 has 144 views, on this image 144 different ones"
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 469 + 12 * 112  # the largest resized image beside twelve crops
        assert sheet.height >= 12 * 112


def test_views_with_the_same_pixels_are_drawn_once(tmp_path):
    """The three squares of a square image are the same."""
    drawn(300, 300).save(tmp_path / "image.png")
    line = draw_contact_sheet(tmp_path / "image.png", "144", "v1", None, tmp_path / "sheet.png")
    assert line.endswith("protocol 144 has 144 views, on this image 48 different ones")


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
        draw_contact_sheet(image, "1", "v1", "60000", tmp_path / "sheet.png")


def test_file_that_is_no_image_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no image at .*nowhere\.jpg: there is no such file"):
        draw_contact_sheet(tmp_path / "nowhere.jpg", "1", "v1", None, tmp_path / "sheet.png")
