import os
import re

import pytest
from PIL import Image

from crops import DIALECTS
from tests.conftest import drawn
from tests.helpers import cli, cli_error


@pytest.fixture
def image(tmp_path):
    """A picture of 500 x 375 pixels."""
    drawn(500, 375).save(tmp_path / "image.jpg")
    return tmp_path / "image.jpg"


def test_sheet_is_written_and_described(image, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = cli("crops", image, "--crops", "10", "--interpolation", "bicubic", "-o", sheet)
    views = "protocol 10 has 10 views, on this image 10 different ones"
    assert done.stdout == f"{sheet}: {views}; interpolation bicubic\n"
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"


def test_sheet_is_of_the_named_networks_input(image, tmp_path):
    (tmp_path / "nets.py").write_text(
        "import torch\n"
        "def make(): return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())\n"
    )
    own = ("--model", f"{tmp_path}/nets.py:make")
    usual = ("crops", image, "--dialect", "timm", "-o", tmp_path / "sheet.png")
    assert cli("crops", image, *own, "--input-size", 96, "-o", tmp_path / "sheet.png").exit_code == 0
    for options, size in ((("--model", "resnet50"), 288), ((*own, "--input-size", 96), 96)):
        assert cli(*usual, *options).stdout.endswith(f"for an input of {size} x {size}\n")
    assert cli_error(*usual, *own, code=2).endswith("does not say all of its input: pass --input-size")


def test_native_crop_of_the_networks_weights_is_drawn(image, tmp_path):
    """The public weights of v1 are torchvision's: 256 pixels, and a crop of 224."""
    sheet = tmp_path / "sheet.png"
    done = cli("crops", image, "--crops", "native", "-o", sheet)
    part = "224 x 224 pixels of the image at 341 x 256, for an input of 224 x 224"
    assert done.stdout == f"{sheet}: protocol native takes {part}\n"
    assert sheet.stat().st_size


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialect_is_drawn(image, tmp_path, dialect):
    done = cli("crops", image, "--dialect", dialect, "-o", tmp_path / "sheet.png")
    assert done.stdout.startswith(f"{tmp_path}/sheet.png: dialect {dialect} takes ")
    assert (tmp_path / "sheet.png").stat().st_size


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--scales", "60000"], 2, "uses 4 of the 1 scales|144 crops need"),
        (["--crops", "1", "--scales", "60000"], 2, "would be resized to 4,800,000,000 pixels"),
        (["--crops", "11"], 2, "no protocol '11'"),
        (
            ["--crops", "native", "--model", "mini-v3"],
            2,
            "native is the crop of weights of timm, torchvision",
        ),
        (["--crops", "native", "--scales", "300"], 2, "native has a scale of its own: leave out --scales"),
        (["--dialect", "timm", "--crops", "10"], 2, "--dialect timm decides .*: leave out --crops,"),
        (["--dialect", "timm", "--interpolation", "bicubic"], 2, "leave out .* and --interpolation"),
        (["--model", "timm/resnet5O"], 2, "no network 'timm/resnet5O': try timm/resnet50"),
        (["--input-size", "0"], 2, "--input-size 0: write a number of pixels from 16"),
        (["--interpolation", "nearest"], 2, "no interpolation 'nearest': try "),
        (["-o", "sheet.xyz"], 1, "cannot write sheet.xyz.*name a .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_options_are_errors(image, options, code, message):
    assert re.search(message, cli_error("crops", image, *options, code=code))


def test_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "image.jpg").write_text("x")
    assert "image.jpg: this is not an image of a known format" in cli_error(
        "crops", tmp_path / "image.jpg", code=1
    )
    assert "nowhere.jpg: there is no such file" in cli_error("crops", tmp_path / "nowhere.jpg", code=1)


def test_device_is_refused(tmp_path):
    """Reading it might never end."""
    assert cli_error("crops", "/dev/zero", code=1) == (
        "/dev/zero: it is a device, not a file; name an image file"
    )


def test_image_may_come_through_a_pipe(image, tmp_path):
    """As from `crops <(cat image.jpg)`."""
    reading, writing = os.pipe()
    os.write(writing, Image.open(image).resize((50, 40))._repr_jpeg_())
    os.close(writing)
    cli("crops", f"/dev/fd/{reading}", "--model", "mini-v3", "-o", tmp_path / "sheet.png")
    os.close(reading)
    assert (tmp_path / "sheet.png").stat().st_size
