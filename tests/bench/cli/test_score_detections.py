import csv
import io
import json
import sys

import pytest

from tests.helpers import cli, cli_error, cli_json, table_cells
from tests.results.detection.made import write_run

DOG, CAT = "n02084071", "n02121808"
XML = (
    "<annotation><object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object></annotation>"
)
HEADER = "image,class,score,xmin,ymin,xmax,ymax\n"


@pytest.fixture
def devkit(tmp_path, monkeypatch):
    """A small devkit in the current folder: three images with a dog, a cat and a dog."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val").mkdir()
    for image, name in {"a": DOG, "b": CAT, "c": DOG}.items():
        (tmp_path / "val" / f"{image}.xml").write_text(XML.format(name, 1, 1, 50, 50))
    (tmp_path / "val.txt").write_text("a 1\nb 2\nc 3\n")
    (tmp_path / "blacklist.txt").write_text(f"3 {DOG}\n")
    (tmp_path / "result.txt").write_text("1 58 0.9 1 1 50 50\n1 58 0.8 1 1 50 50\n2 59 0.9 60 60 90 90\n")
    (tmp_path / "result.csv").write_text(f"{HEADER}a,dog,0.9,0,0,49,49\nc,dog,0.7,0,0,49,49\n")
    coco = {
        "images": [{"id": i, "file_name": f"{image}.jpg"} for i, image in enumerate("abc", start=1)],
        "categories": [{"id": 58, "name": "dog"}, {"id": 59, "name": "cat"}],
        "annotations": [
            {"image_id": i, "category_id": c, "bbox": [0, 0, 50, 50]} for i, c in ((1, 58), (2, 59), (3, 58))
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    results = [{"image_id": 1, "category_id": 58, "bbox": [0, 0, 50, 50], "score": 0.9}]
    (tmp_path / "result.json").write_text(json.dumps(results))
    return tmp_path


OF_DEVKIT = ("--annotations", "val", "--images", "val.txt")


def test_result_text_of_the_devkit_is_scored(devkit):
    """One of two dogs is found, and no cat: (50 + 0) / 2."""
    described = cli_json("score-detections", "result.txt", *OF_DEVKIT)
    (row,) = described["rows"]
    assert (described["rule"], described["images"]) == ("ilsvrc", 3)
    assert (row["file"], row["class"], row["objects"], row["detections"]) == ("result.txt", None, 3, 3)
    assert row["ap"] == pytest.approx(25)
    assert row["ap_low"] <= 25 <= row["ap_high"]


def test_blacklist_leaves_a_dog_out(devkit):
    described = cli_json("score-detections", "result.txt", *OF_DEVKIT, "--blacklist", "blacklist.txt")
    assert described["rows"][0]["ap"] == pytest.approx(50)


def test_classes_have_rows_with_names(devkit):
    cli("score-detections", "result.csv", "--annotations", "val", "--by", "class", "-o", "scores.csv")
    total, *classes = csv.DictReader(io.StringIO((devkit / "scores.csv").read_text()))
    assert (total["class"], total["ap"], total["left_out"]) == ("", "50.0", "0")
    assert len(classes) == 200
    (dog,) = (row for row in classes if row["name"] == "dog")
    assert (dog["class"], dog["objects"], dog["detections"], dog["ap"]) == (DOG, "2", "2", "100.0")
    assert (classes[0]["name"], classes[0]["objects"], classes[0]["ap"]) == ("accordion", "0", "")


def test_all_forms_of_the_same_give_the_same(devkit):
    (devkit / "one.csv").write_text(f"{HEADER}a,dog,0.9,0,0,49,49\n")
    (devkit / "one.txt").write_text("1 58 0.9 1 1 50 50\n")
    write_run(devkit / "run", (devkit / "one.csv").read_text())
    rows = cli_json(
        "score-detections", "one.csv", "one.txt", "result.json", "run", "--annotations", "coco.json"
    )
    assert [row["ap"] for row in rows["rows"]] == [25.0] * 4
    assert [row["difference"] for row in rows["rows"]] == [None, 0.0, 0.0, 0.0]


def test_table_has_intervals_and_the_difference_to_the_first(devkit):
    done = cli(
        "score-detections", "result.csv", "result.json", "--annotations", "coco.json", "--rule", "pascal"
    )
    assert "average precision in %, pascal, 3 images, 2 of 2 classes have objects" in done.stdout
    one, other = table_cells(done.stdout.splitlines())
    assert one[:3] == ["result.csv", "3", "2"]
    assert one[3].startswith("50.00 [")
    assert other[4].startswith("-25.00 [")


def test_json_and_csv_of_stdout_are_pure(devkit):
    (devkit / "more.csv").write_text(f"{HEADER}a,cow,0.9,0,0,49,49\nx,dog,1,0,0,9,9\na,dog,1,0,0,49,49\n")
    done = cli("score-detections", "more.csv", "--annotations", "coco.json", "-o", "-")
    assert len(list(csv.reader(io.StringIO(done.stdout)))) == 2
    assert done.stderr.splitlines() == [
        f"note: left out of more.csv: detections of {what} that the annotations do not have (1), "
        f"such as {name}"
        for what, name in (("images", "'x'"), ("classes", "'cow'"))
    ]
    assert cli("score-detections", "more.csv", "--annotations", "coco.json", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ("none.csv --annotations val", 1, "cannot read the detections none.csv: No such file or directory"),
        (
            "result.txt --annotations val",
            1,
            "result.txt has numbers for images: pass --images with the list that has them",
        ),
        (
            "result.csv --annotations none",
            1,
            "there is no none: name a folder or a .tar of XML files, or COCO's",
        ),
        ("result.csv --annotations val --images none", 1, "cannot read none: No such file or directory"),
        ("result.csv --annotations val --rule voc", 2, "no rule 'voc': write ilsvrc, pascal or coco"),
        ("result.csv --annotations val --by image", 2, "--by image: write class, or leave it out"),
        (
            "result.csv --annotations val -o s.json",
            2,
            "s.json does not end in .csv: scores are written as CSV",
        ),
        ("result.csv --annotations val -o - --json", 2, "--json and -o - both write to stdout: name a file"),
        ("result.csv result.csv --annotations val", 2, "the same detections are named twice: name each once"),
        (
            "result.csv --annotations val --blacklist blacklist.txt",
            1,
            "blacklist.txt, line 1 means an image by its number: pass --images with the list of their names",
        ),
        (
            "result.csv --annotations val --rule coco --blacklist blacklist.txt",
            2,
            "a blacklist is of the rule ilsvrc alone: leave it out with coco",
        ),
        ("val --annotations val", 1, "val is no run of detect: name a run's folder, a .csv, a .json"),
    ],
)
def test_wrong_input_is_one_line(devkit, arguments, code, line):
    assert cli_error("score-detections", *arguments.split(), code=code).startswith(line)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["", "--annotations", "val"], "an empty name leads nowhere"),
        (["result.csv", "--annotations", ""], "an empty name leads nowhere"),
        (["result.csv", "--annotations", "val", "-o", ""], "an empty name leads nowhere"),
    ],
)
def test_empty_name_is_refused(devkit, arguments, line):
    assert cli_error("score-detections", *arguments, code=2).startswith(line)


def test_file_of_other_annotations_is_named(devkit):
    (devkit / "other.csv").write_text(f"{HEADER}x,dog,0.9,0,0,49,49\n")
    line = cli_error("score-detections", "result.csv", "other.csv", "--annotations", "val", code=1)
    assert line == (
        "other.csv has only detections of images that the annotations do not have (1), "
        "such as 'x': name the annotations that belong to it"
    )


def test_coco_s_rule_says_what_it_needs(devkit, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    monkeypatch.delitem(sys.modules, "pycocotools.cocoeval", raising=False)
    line = cli_error("score-detections", "result.csv", "--annotations", "val", "--rule", "coco", code=2)
    assert line == "COCO's rule needs pycocotools: install it with pip install 'inception-bench[detection]'"
