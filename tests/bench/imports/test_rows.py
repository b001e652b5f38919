"""Rows find their images by name, each exactly once."""

import numpy as np
import pytest

from bench.data import Images
from bench.errors import DataError
from bench.imports.rows import rows_of_images

IDS = ["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg", "ILSVRC2012_val_00000007"]


def images(ids):
    n = len(ids)
    return Images("photos", ids, np.zeros(n, np.int64), np.zeros(n, np.int64), lambda i: b"", "labels.txt")


@pytest.mark.parametrize(
    "names",
    [
        IDS,
        ["cats/1", "cats/2", "dogs/1", "ILSVRC2012_val_00000007.JPEG"],
        ["/mnt/x/cats/1.jpg", "cats/2.jpg", "./dogs/1.jpg", "val/n01440764/ILSVRC2012_val_00000007.JPEG"],
        ["cats/1.jpg", "2.jpg", "dogs/1.jpg", "ILSVRC2012_val_00000007_n01440764.JPEG"],
        ["cats/1.jpg", "2", "dogs/1.jpg", "ILSVRC2012_val_00000007"],
        ["cats/1.jpg", "elsewhere/2.png", "dogs/1.jpg", "ILSVRC2012_val_00000007"],
    ],
)
def test_images_are_named_by_path_or_by_name_with_or_without_ending(names):
    order = [2, 0, 3, 1]
    rows = rows_of_images([names[number] for number in order], images(IDS), "scores.npy")
    assert [order[row] for row in rows] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["x.jpg", *IDS[1:], "y.jpg"],
            r"^scores.npy: x.jpg and 1 more are not among the 4 images of photos: leave such rows out, or",
        ),
        ([*IDS[1:], "1.jpg"], "^scores.npy: 1.jpg is not among the 4 images"),
        ([*IDS, "x/cats/1.jpg"], "^scores.npy has the image cats/1.jpg twice, in the rows 1 and 5: keep one"),
        (IDS[:2], "^scores.npy: dogs/1.jpg and 1 more are without a row: add what is missing"),
    ],
)
def test_rows_that_are_not_each_of_one_image_are_refused(names, message):
    with pytest.raises(DataError, match=message):
        rows_of_images(names, images(IDS), "scores.npy")
