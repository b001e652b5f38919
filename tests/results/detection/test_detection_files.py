import json

import pytest

from results.detection.detection_files import read_detections
from results.detection.names import Numbering
from results.errors import IncompleteRun, RunError
from tests.helpers import start_run
from tests.results.detection.made import write_run

NUMBERS = Numbering({7: "b", 8: "a"}, {1: "cat", 2: "dog"})
HEADER = "image,class,score,xmin,ymin,xmax,ymax\n"
WANTED = "expected an image, a class, a score and xmin, ymin, xmax, ymax"


def read(path, text, classes=("cat", "dog"), numbering=NUMBERS):
    path.write_text(text)
    return read_detections(path, numbering, classes)


def test_table_counts_from_0_and_has_names(tmp_path):
    found, classes = read(
        tmp_path / "d.csv", f'{HEADER}val/a.jpg,dog,0.25,0,1,9,19\n\nb,"cow, red",1e-3,1,1,1,1\n'
    )
    assert (found.image, classes, found.category.tolist()) == (["a", "b"], ("dog", "cow, red"), [0, 1])
    assert found.score.tolist() == [0.25, 1e-3]
    assert found.box.tolist() == [[0, 1, 9, 19], [1, 1, 1, 1]]


def test_table_may_name_the_challenge_s_classes(tmp_path):
    text = f"{HEADER}a,person,1,0,0,9,9\na,n02084071,1,0,0,9,9\n"
    assert read(tmp_path / "d.csv", text, ("n00007846", "n02084071"))[1] == ("n00007846", "n02084071")
    assert read(tmp_path / "d.csv", text, ("person",))[1] == ("person", "n02084071")


def test_devkit_s_lines_count_from_1_and_have_numbers(tmp_path):
    found, classes = read(tmp_path / "d.txt", "8 2 0.5 1 2 10 20\n7 1 -3.5 5 5 5.5 6\n9 3 1 1 1 2 2\n")
    assert (found.image, classes, found.category.tolist()) == (
        ["a", "b", "number 9"],
        ("dog", "cat", "number 3"),
        [0, 1, 2],
    )
    assert found.box[:2].tolist() == [[0, 1, 9, 19], [4, 4, 4.5, 5]]


def test_coco_s_results_have_sides(tmp_path):
    entries = [
        {"image_id": 8, "category_id": 2, "bbox": [0, 1, 10, 20], "score": 0.5},
        {"image_id": 4, "category_id": 3, "bbox": [0, 1, 10, 20], "score": 1},
    ]
    found, classes = read(tmp_path / "d.json", json.dumps(entries))
    assert (found.image, classes, found.category.tolist()) == (["a", "number 4"], ("dog", "number 3"), [0, 1])
    assert found.box[0].tolist() == [0, 1, 9, 20]


def test_run_s_folder_has_its_table(tmp_path):
    folder = write_run(tmp_path / "run", f"{HEADER}a,dog,1,0,0,9,9\n")
    assert read_detections(folder, NUMBERS, (), pytest.fail)[0].image == ["a"]


def test_images_that_a_run_left_out_are_noted(tmp_path):
    folder, notes = write_run(tmp_path / "run", HEADER, skipped={"b.jpg": "cut off"}), []
    read_detections(folder, NUMBERS, (), notes.append)
    assert notes == [f"{folder} lacks 1 images that could not be read: their objects are missed"]


def test_run_that_is_not_whole_is_refused(tmp_path):
    unfinished = write_run(tmp_path / "unfinished", complete=False)
    with pytest.raises(
        IncompleteRun, match=r"unfinished is incomplete: the same detect command continues it"
    ):
        read_detections(unfinished, NUMBERS, ())
    whole = write_run(tmp_path / "whole", f"{HEADER}a,dog,1,0,0,9,9\nb,dog,1,0,0,9,9\n")
    table, manifest = whole / "detections.csv", whole / "manifest.json"
    table.write_text(table.read_text()[:-16])
    with pytest.raises(IncompleteRun, match=r"detections.csv is missing or damaged: the same detect command"):
        read_detections(whole, NUMBERS, ())
    table.unlink()
    with pytest.raises(IncompleteRun, match=r"detections.csv is missing or damaged: the same detect command"):
        read_detections(whole, NUMBERS, ())
    manifest.write_text(manifest.read_text()[:50])
    with pytest.raises(IncompleteRun, match=r"manifest.json is damaged, or was edited: the same detect"):
        read_detections(whole, NUMBERS, ())


def test_folder_that_is_no_run_of_detections_is_refused(tmp_path):
    run = start_run(tmp_path / "run").path
    with pytest.raises(RunError, match=r"run has predictions and no detections: name a run of detect"):
        read_detections(run, NUMBERS, ())
    with pytest.raises(RunError, match=r"is no run of detect: name a run's folder, a .csv"):
        read_detections(tmp_path, NUMBERS, ())


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("d.csv", "image,score\n", ", line 1: expected the columns image,class,score,xmin,ymin,xmax,ymax"),
        ("d.csv", "", ", line 1: expected the columns image,class,score,xmin,ymin,xmax,ymax"),
        ("d.csv", f"{HEADER}a,dog,1,0,0,9,9\na,dog,1,0,0,9\n", f", line 3: {WANTED}, not 'a dog 1 0 0 9'"),
        ("d.csv", f"{HEADER}\na,dog,high,0,0,9,9\n", f", line 3: {WANTED}, not 'a dog high 0 0 9 9'"),
        (
            "d.csv",
            f"{HEADER}\na,dog,nan,0,0,9,9\n",
            ", line 3: nan 0 0 9 9 is no score and a box with xmin <= xmax and ymin <= ymax",
        ),
        (
            "d.csv",
            f"{HEADER}a,dog,1,-1e308,0,1e308,9\n",
            ", line 2: 1 -1e+308 0 1e+308 9 is no score and a box with xmin <= xmax and ymin <= ymax",
        ),
        (
            "d.csv",
            f"{HEADER}1/a.jpg,dog,1,0,0,9,9\n2/a.jpg,dog,1,0,0,9,9\n",
            ", line 3: 2/a.jpg is the same image as 1/a.jpg, since folders and endings do not count: give",
        ),
        (
            "d.csv",
            f"{HEADER}a,dog,1,9,0,0,9\n",
            ", line 2: 1 9 0 0 9 is no score and a box with xmin <= xmax and ymin <= ymax",
        ),
        ("d.txt", "8 2 0.5 1 2 10 20 3\n", f", line 1: {WANTED}, not '8 2 0.5 1 2 10 20 3'"),
        (
            "d.txt",
            "8 2 0.5 1 2 10 20\na 2 0.5 1 2 10 20\n",
            ", line 2: 'a' is no number of an image or a class",
        ),
        ("d.txt", "8 2.5 0.5 1 2 10 20\n", ", line 1: '2.5' is no number of an image or a class"),
        (
            "d.json",
            '[{"image_id": 8}]',
            " has no results in COCO's form (Object missing required field `category_id` - at `$[0]`): "
            "correct it, or name another",
        ),
        (
            "d.json",
            '[{"image_id": 8, "category_id": 2, "score": 1, "bbox": [0, 0, -1, 1]}]',
            ": the bbox of [0] is not x, y, width and height of a box: correct it",
        ),
        (
            "d.npz",
            "",
            " ends in neither .csv, .json nor .txt: name a run's folder, a .csv, a .json in COCO's form",
        ),
    ],
)
def test_wrong_line_is_named(tmp_path, name, text, line):
    with pytest.raises(RunError) as error:
        read(tmp_path / name, text)
    assert str(error.value).startswith(f"{tmp_path / name}{line}")


def test_numbers_need_their_meaning(tmp_path):
    for numbering, name, line in (
        (Numbering(None, {}), "d.txt", "pass --images with the list that has them"),
        (Numbering({}, None), "d.txt", r"write the names in their order into classes.txt"),
        (Numbering({}, None), "d.json", "pass COCO's annotations"),
    ):
        with pytest.raises(RunError, match=line):
            read(tmp_path / name, "[]", numbering=numbering)
