"""Label files that cannot be right are refused: a wrong label would spoil every figure and show nowhere."""

import re

import pytest

from tests.conftest import drawn


@pytest.fixture
def three_images(tmp_path):
    """A flat folder of 0.jpg, 1.jpg and 2.jpg."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for number in range(3):
        drawn(30, 30, number).save(folder / f"{number}.jpg")
    return folder


BAD_LINE = "the line of '1.jpg' is not 'NAME CLASS' with a class from 0 to 999 or its name"
TOO_LARGE = "class indices end at 999: for ILSVRC ids pass the --devkit"
NOT_UTF_8 = "which are not UTF-8 .*: save them as UTF-8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"1\n2\n", "has 2 labels for 3 images: write 'NAME CLASS'", id="too-few"),
        pytest.param(b"1\n2\n3\n4\n", "has 4 labels for 3 images", id="too-many"),
        pytest.param(b"1\n2\n1000\n", TOO_LARGE, id="counted-from-1"),
        pytest.param(b"1\n2\n1" + b"0" * 5000, TOO_LARGE, id="index-of-5000-digits"),
        pytest.param(b"0.jpg 1\n2.jpg 3\n", "all images, 1.jpg is missing", id="image-without-a-label"),
        pytest.param(
            b"0.jpg 1\n",
            "all images, 1.jpg and 1 more are missing: add them",
            id="two-images-without-a-label",
        ),
        pytest.param(
            b"0.jpg 1\n1.jpg 2\n2.jpg 3\n0.jpg 2\n", "'0.jpg' twice, as 1 and 2: keep one", id="image-twice"
        ),
        pytest.param(b"0.jpg 1\n1.jpg n00000000\n2.jpg 3\n", BAD_LINE, id="unknown-class"),
        pytest.param(b"0.jpg 1\n1.jpg 1000\n2.jpg 3\n", BAD_LINE, id="class-1000"),
        pytest.param(b"0.jpg 1\n1.jpg -2\n2.jpg 3\n", BAD_LINE, id="negative-class"),
        pytest.param(b"0.jpg 1\n1.jpg 2.5\n2.jpg 3\n", BAD_LINE, id="fraction"),
        pytest.param(b"0.jpg 1\n1.jpg " + b"9" * 5000, BAD_LINE, id="class-of-5000-digits"),
        pytest.param(b"", "has 0 labels for 3 images", id="empty-file"),
        pytest.param("0.jpg 1\n1.jpg 2\n2.jpg 3\n".encode("utf-16"), NOT_UTF_8, id="utf-16"),
        pytest.param(bytes(range(256)), NOT_UTF_8, id="no-text"),
        pytest.param(
            "\u0661\n\u0662\n\u00b2\n".encode(), "is not 'NAME CLASS' with", id="digits-of-other-scripts"
        ),
        pytest.param(b"0.jpg\x00 1\n1.jpg 2\n2.jpg 3\n", "all images, 0.jpg is missing", id="zero-byte"),
    ],
)
@pytest.mark.parametrize("option", ["--labels", "found-beside-the-data"])
def test_label_file_that_cannot_be_right_is_refused(eval_refusal, three_images, text, message, option):
    path = three_images.parent / "labels.txt"
    path.write_bytes(text)
    options = ["--labels", path] if option == "--labels" else []
    line = eval_refusal("--data", three_images, *options)
    assert str(path) in line
    assert re.search(message, line), line
