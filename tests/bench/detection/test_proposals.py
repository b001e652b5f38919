"""Files of proposals: which regions of which images, and what is wrong with others."""

import json

import numpy as np
import pytest

from bench.data import Images
from bench.detection.proposals import read_proposals
from bench.errors import DataError

IDS = ["val/a.jpg", "val/b.jpg", "000000000139.jpg", "v7/clip_7.jpg", "v8/clip_7.jpg", "first_1.jpg"]


@pytest.fixture
def images():
    zeros = np.zeros(len(IDS), dtype=np.int64)
    return Images("photos", IDS, zeros, zeros, lambda i: b"", "none")


@pytest.fixture
def read(images, tmp_path):
    """The proposals in a file with this text."""

    def read_text(text, ending=".csv"):
        path = tmp_path / f"proposals{ending}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_proposals(str(path), images)

    return read_text


def csv(*lines, heading="image,xmin,ymin,xmax,ymax"):
    return "\n".join([heading, *lines])


def test_regions_are_in_the_order_of_the_images(read):
    found = read(csv("val/b.jpg,1,2,3,4", "val/a.jpg,5,6,7,8", "", "val/b.jpg,0,0,9.5,9"))
    assert found.image.tolist() == [0, 1, 1]
    assert found.box.tolist() == [[5, 6, 7, 8], [1, 2, 3, 4], [0, 0, 9.5, 9]]
    assert [list(found.regions(range(i, i + 1))) for i in range(6)] == [[0], [1, 2], [], [], [], []]
    assert found.regions(range(1, 6)) == range(1, 3)
    assert (len(found.sample(1)), found.sample(1).images, found.sample(9) is found) == (1, 1, True)


@pytest.mark.parametrize("name", ["val/a.jpg", "a.jpg", "a", "photos/val/a.jpg", "val/a"])
def test_images_are_named_as_in_label_files(read, name):
    assert read(csv(f"{name},1,2,3,4")).image.tolist() == [0]


def test_scores_are_allowed(read):
    heading = "image,xmin,ymin,xmax,ymax,score"
    assert read(csv("a,1,2,3,4,0.5", heading=heading)).box.tolist() == [[1, 2, 3, 4]]


def test_boxes_of_coco_have_a_width_and_a_height(read):
    entries = [
        {"image_id": 139, "bbox": [10, 20, 30, 40.5], "score": 0.1},
        {"image_id": "a", "bbox": [0, 0, 0.5, 1]},
    ]
    found = read(json.dumps(entries), ".json")
    assert found.image.tolist() == [0, 2]
    assert read(json.dumps(entries), ".JSON").image.tolist() == [0, 2]
    assert found.box.tolist() == [[0, 0, 0, 0], [10, 20, 39, 59.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with the line image,xmin,ymin,xmax,ymax or the same with ,score"),
        ("a,1,2,3,4\n", "does not begin with the line"),
        (csv(), "has no region: propose some for the images of photos"),
        (csv("a,1,2,3,4", "a,1,2,3"), ", line 3: 4 values for 5 columns"),
        (csv("a,1,2,3,4,5"), ", line 2: 6 values for 5 columns"),
        (csv("a,1,2,three,4"), ", line 2: 'three' is not a number"),
        (csv("a,1,2,,4"), ", line 2: '' is not a number"),
        (csv("a,1,2,inf,4"), ", line 2: 'inf' is not finite"),
        (csv("a,1,2,nan,4"), ", line 2: 'nan' is not finite"),
        (csv("a,3,2,1,4"), ", line 2: the box 3,2,1,4 ends before it begins"),
        (csv("a,1,2,3,4", "z,1,2,3,4"), ", line 3: z is none of the 6 images, or may be several; correct it"),
        (csv("clip_7,1,2,3,4"), ", line 2: clip_7 is none of the 6 images, or may be several; correct it"),
        (csv("a,1,2,3,4,x", heading="image,xmin,ymin,xmax,ymax,score"), ", line 2: 'x' is not a number"),
        (csv().encode() + b"\n\xff,1,2,3,4", "is not UTF-8"),
        (csv("a,1,2,3,4", "b/a,1,2,3,4"), ", line 3: b/a is the same image as a before: use one name"),
        (csv('"a\nb",1,2,3,4'), ", line 3: 'a\\nb' is none of the 6 images"),
    ],
)
def test_wrong_lines_of_csv_are_named(read, text, message):
    with pytest.raises(DataError) as error:
        read(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"annotations": []}, "is not COCO's list of {image_id, bbox}"),
        ([], "has no region"),
        ([5], ", entry 1: it is not {image_id, bbox}"),
        ([{"image_id": 139}], ", entry 1: it is not {image_id, bbox}"),
        (
            [{"image_id": 139, "bbox": [1, 2, 3]}],
            ", entry 1: its bbox is [1, 2, 3], and not [x, y, width, height]",
        ),
        ([{"image_id": 139, "bbox": [1, 2, 0, 3]}], ", entry 1: its bbox is 0 pixels wide and 3 high"),
        ([{"image_id": 139, "bbox": [1, 2, None, 3]}], ", entry 1: None is not a number"),
        ([{"image_id": 139, "bbox": [True, 2, 5, 3]}], ", entry 1: True is not a number"),
        ([{"image_id": 139, "bbox": [10**400, 2, 5, 3]}], "is not finite"),
        ([{"image_id": True, "bbox": [1, 2, 5, 3]}], ", entry 1: True is none of the 6 images"),
        ([{"image_id": 139, "bbox": [1, 2, 1e999, 3]}], "is not finite"),
        (
            [{"image_id": [1], "bbox": [1, 2, 3, 4]}],
            ", entry 1: [1] is none of the 6 images, or may be several; correct it",
        ),
        (
            [{"image_id": 7, "bbox": [1, 2, 3, 4]}],
            ", entry 1: 7 is none of the 6 images, or may be several; correct it",
        ),
        ([{"image_id": 139, "bbox": [1, 2, 3, 4], "score": "x"}], ", entry 1: 'x' is not a number"),
    ],
)
def test_wrong_entries_of_coco_are_named(read, entries, message):
    with pytest.raises(DataError) as error:
        read(json.dumps(entries), ".json")
    assert message in str(error.value)


def test_broken_json_and_missing_files_are_one_line(read, images):
    with pytest.raises(DataError, match="is not JSON"):
        read("[{", ".json")
    with pytest.raises(DataError, match=r"no proposals at nowhere\.csv: there is no such file"):
        read_proposals("nowhere.csv", images)
