import io
import json
import tarfile
from pathlib import Path

import pytest

from results.detection.annotations import read_annotations
from results.detection.names import ilsvrc_classes
from results.errors import RunError

XML = "<annotation><filename>x</filename>{}</annotation>"
BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
DOG, CAT = "n02084071", "n02121808"


def xml_object(name=DOG, box=(1, 2, 10, 20), difficult="", parts=""):
    return f"<object><name>{name}</name>{difficult}{BOX.format(*box)}{parts}</object>"


def write_xml(folder, **images):
    """A folder with an XML file for each image, of the objects that are given."""
    folder.mkdir(exist_ok=True)
    for image, objects in images.items():
        (folder / f"{image}.xml").write_text(XML.format("".join(objects)))
    return folder


@pytest.fixture
def devkit(tmp_path):
    """Three annotated images, the list of two, and a blacklist."""
    folder = write_xml(tmp_path / "val", a=[xml_object()], b=[xml_object(CAT), xml_object()], c=[])
    (tmp_path / "val.txt").write_text("b 7\na 8\n")
    (tmp_path / "blacklist.txt").write_text(f"7 {DOG}\n8 {CAT}\n9 {CAT}\n")
    return folder


def coco(path, **changes):
    content = {
        "images": [{"id": 5, "file_name": "val/a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {"image_id": 5, "category_id": 18, "bbox": [0, 1, 10, 20], "area": 200},
            {"image_id": 9, "category_id": 17, "bbox": [2.5, 1, 0.5, 20], "iscrowd": 1},
        ],
    }
    path.write_text(json.dumps(content | changes))
    return path


def test_devkit_has_its_200_classes_and_boxes_from_0(devkit):
    found, numbering = read_annotations(devkit)
    assert found.images == ("a", "b", "c")
    assert found.classes == tuple(ilsvrc_classes())
    assert found.image == ["a", "b", "b"]
    assert [found.classes[i] for i in found.category] == [DOG, CAT, DOG]
    assert found.box[0].tolist() == [0, 1, 9, 19]
    assert not found.difficult.any()
    assert numbering.images is None
    assert (numbering.classes[58], numbering.classes[59], numbering.classes[200]) == (DOG, CAT, "n02391049")


def test_list_says_which_images_count_and_in_which_order(devkit):
    notes = []
    blacklist = devkit.parent / "blacklist.txt"
    found, numbering = read_annotations(devkit, devkit.parent / "val.txt", blacklist, notes.append)
    assert found.images == ("b", "a")
    assert numbering.images == {7: "b", 8: "a"}
    (devkit.parent / "val.txt").write_text("a 8\nb 7\n")
    assert read_annotations(devkit, devkit.parent / "val.txt")[0].images == ("b", "a")
    assert notes == [f"1 of 3 lines of {blacklist} are of images that do not count"]
    assert found.blacklist == {("b", found.classes.index(DOG)), ("a", found.classes.index(CAT))}


def test_list_of_names_alone_numbers_the_images_from_1(devkit):
    (devkit.parent / "names.txt").write_text("c.JPEG\nval/a\n")
    found, numbering = read_annotations(devkit, devkit.parent / "names.txt")
    assert numbering.images == {1: "c", 2: "a"}
    assert found.image == ["a"]


def test_tar_has_what_its_folder_has(devkit):
    path = devkit.parent / "val.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("c", "b", "a"):
            archive.add(devkit / f"{name}.xml", f"ILSVRC2013_DET_bbox_val/{name}.xml")
        stray = tarfile.TarInfo("._a.xml")
        archive.addfile(stray, io.BytesIO())
    one, other = read_annotations(devkit)[0], read_annotations(path)[0]
    assert one.images == other.images == ("a", "b", "c")
    assert (other.image, other.box.tolist()) == (["b", "b", "a"], one.box[[1, 2, 0]].tolist())


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_archive_that_is_cut_off_or_damaged_is_an_error(devkit, mode):
    path = devkit.parent / "val.tar"
    with tarfile.open(path, mode) as archive:
        archive.add(devkit, "val")
    whole = path.read_bytes()
    second = whole.index(b"val/b.xml") if mode == "w" else len(whole) // 2
    for data in (whole[:second], whole[:second] + b"damaged" + whole[second + 7 :]):
        path.write_bytes(data)
        with pytest.raises(RunError, match=r"is no whole .tar"):
            read_annotations(path)


def test_pascal_has_difficult_objects_and_parts(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>3</xmin></bndbox></part>"
    objects = [xml_object("dog", difficult="<difficult>1</difficult>"), xml_object("cat", parts=part)]
    found, numbering = read_annotations(write_xml(tmp_path / "voc", a=objects))
    assert found.classes == ("cat", "dog")
    assert found.difficult.tolist() == [True, False]
    assert numbering.classes is None


def test_classes_beside_the_files_are_numbered_in_their_order(devkit):
    (devkit / "classes.txt").write_text(f"{CAT}\nbird\n{DOG}\n")
    found, numbering = read_annotations(devkit)
    assert found.category.tolist() == [2, 0, 2]
    assert numbering.classes == {1: CAT, 2: "bird", 3: DOG}


def test_coco_has_its_own_numbers(tmp_path):
    found, numbering = read_annotations(coco(tmp_path / "val.json"))
    assert (found.images, found.classes) == (("a", "b"), ("cat", "dog"))
    assert found.box.tolist() == [[0, 1, 9, 20], [2.5, 1, 2, 20]]
    assert found.difficult.tolist() == [False, True]
    assert (numbering.images, numbering.classes) == ({5: "a", 9: "b"}, {17: "cat", 18: "dog"})
    (tmp_path / "list.txt").write_text("b\n")
    found, numbering = read_annotations(tmp_path / "val.json", tmp_path / "list.txt")
    assert (found.images, found.image, found.category.tolist()) == (("b",), ["b"], [0])
    assert numbering.images == {5: "a", 9: "b"}


def test_images_of_coco_are_in_the_order_of_their_numbers(tmp_path):
    """As pycocotools takes them, which counts for equal scores."""
    images = [
        {"id": 9, "file_name": "b.jpg"},
        {"id": 5, "file_name": "a.jpg"},
        {"id": 7, "file_name": "c.jpg"},
    ]
    assert read_annotations(coco(tmp_path / "val.json", images=images))[0].images == ("a", "c", "b")
    (tmp_path / "list.txt").write_text("b\na\n")
    found, _ = read_annotations(tmp_path / "val.json", tmp_path / "list.txt")
    assert found.images == ("a", "b")


def test_xml_may_be_named_with_the_image_s_ending(tmp_path):
    write_xml(tmp_path / "val", **{"a.jpg": [xml_object()]})
    assert read_annotations(tmp_path / "val")[0].images == ("a",)


@pytest.mark.parametrize(
    ("objects", "line"),
    [
        ("<object>", "a.xml is no XML (mismatched tag: line 1, column 44): take another copy"),
        (xml_object(" "), "a.xml, object 1 has no name: correct it"),
        (
            xml_object(box=(1, 1, "1e300", 9)),
            "a.xml, object 1: 1 1 1e+300 9 is no box with xmin <= xmax and ymin <= ymax: correct it",
        ),
        (
            "<object><name>x</name></object>",
            "a.xml, object 1 has no bndbox of xmin, ymin, xmax, ymax: correct it",
        ),
        (
            xml_object() + xml_object(box=(5, 2, 4, 9)),
            "a.xml, object 2: 5 2 4 9 is no box with xmin <= xmax and ymin <= ymax: correct it",
        ),
        (
            xml_object(box=(5, 2, "nan", 9)),
            "a.xml, object 1: 5 2 nan 9 is no box with xmin <= xmax and ymin <= ymax: correct it",
        ),
        (
            xml_object(difficult="<difficult>2</difficult>"),
            "a.xml, object 1: difficult is 0 or 1, not '2': correct it",
        ),
    ],
)
def test_wrong_xml_is_named_with_its_object(tmp_path, objects, line):
    with pytest.raises(RunError) as error:
        read_annotations(write_xml(tmp_path / "val", a=[objects]))
    assert str(error.value) == f"{tmp_path / 'val'}: {line}"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"images": [{"id": "5"}]},
            "has no annotations in COCO's form (Expected `int`, got `str` - at `$.images",
        ),
        ({"images": []}, ": images is empty: name a file of annotations"),
        (
            {"categories": [{"id": 1, "name": "x"}] * 2},
            ": categories has an id more than once: keep or rename one",
        ),
        (
            {"images": [{"id": 5, "file_name": "1/a.jpg"}, {"id": 9, "file_name": "2/a.jpg"}]},
            ": images has 'a' more than once: keep or rename one",
        ),
        (
            {"annotations": [{"image_id": 6, "category_id": 18, "bbox": [0, 0, 1, 1]}]},
            ": the image of annotations[0] is not in the file: correct it",
        ),
        (
            {"annotations": [{"image_id": 5, "category_id": 18, "bbox": [0, 0, 1, -1]}]},
            ": the bbox of annotations[0] is not x, y, width and height of a box: correct it",
        ),
    ],
)
def test_wrong_coco_file_is_named_with_its_entry(tmp_path, changes, line):
    with pytest.raises(RunError) as error:
        read_annotations(coco(tmp_path / "val.json", **changes))
    assert line in str(error.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a 1\nb 1\n", ", line 2: the number 1 is that of line 1, too: correct one"),
        ("a 1\n\na.JPEG 2\n", ", line 3: the image a is there twice: keep one of the lines"),
        ("a -1\n", ", line 1: expected the name of an image and its number, not 'a -1'"),
        (
            "a " + "1" * 5000,
            ", line 1: expected the name of an image and its number, not 'a " + "1" * 78 + "'",
        ),
        ("", " names no image: write one on each line"),
    ],
)
def test_wrong_list_is_named_with_its_line(devkit, text, line):
    (devkit.parent / "list.txt").write_text(text)
    with pytest.raises(RunError) as error:
        read_annotations(devkit, devkit.parent / "list.txt")
    assert str(error.value) == f"{devkit.parent / 'list.txt'}{line}"


def test_listed_image_without_annotation_is_an_error(devkit):
    (devkit.parent / "list.txt").write_text("a\nx\ny\n")
    with pytest.raises(RunError, match=r"has no annotation of x and 1 more images of .*list.txt"):
        read_annotations(devkit, devkit.parent / "list.txt")


def test_wrong_blacklist_is_named_with_its_line(devkit):
    blacklist = devkit.parent / "blacklist.txt"
    blacklist.write_text(f"7 {DOG}\n7 n00000000\n")
    with pytest.raises(
        RunError, match=r"blacklist.txt, line 2: expected an image and one of the annotations'"
    ):
        read_annotations(devkit, devkit.parent / "val.txt", blacklist)
    with pytest.raises(RunError, match=r"blacklist.txt, line 1 means an image by its number: pass --images"):
        read_annotations(devkit, None, blacklist)


def test_objects_of_other_classes_than_those_listed_are_an_error(devkit):
    (devkit / "classes.txt").write_text(f"{CAT}\n")
    with pytest.raises(RunError, match=rf"a.xml, object 1 is a '{DOG}', which classes.txt does not have"):
        read_annotations(devkit)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<html/>", "begins with <html>, and PASCAL's with <annotation>: take it away"),
        ("<?xml version='1.0' encoding='none'?><annotation/>", "is no XML (unknown encoding: none): take"),
        ("", "is no XML (no element found: line 1, column 0): take another copy"),
        (
            '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><annotation>&y;</annotation>',
            "is no XML (undefined entity &y;",
        ),
    ],
)
def test_xml_of_another_kind_is_named(tmp_path, text, line):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(RunError) as error:
        read_annotations(tmp_path)
    assert str(error.value).startswith(f"{tmp_path}: a.xml {line}")


def test_annotation_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.xml").symlink_to("nowhere")
    with pytest.raises(RunError, match=r"cannot read the annotations .*a.xml: No such file"):
        read_annotations(tmp_path)
    with pytest.raises(RunError, match=r"cannot read the annotations /dev/zero: it is a device, not a file"):
        read_annotations(Path("/dev/zero"))


def test_place_without_annotations_is_an_error(tmp_path):
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name, line in {"none": "there is no", "text.tar": "is no whole .tar", "empty": "has no .xml"}.items():
        with pytest.raises(RunError, match=line):
            read_annotations(tmp_path / name)
    write_xml(tmp_path / "twice", a=[])
    write_xml(tmp_path / "twice" / "more", a=[])
    with pytest.raises(RunError, match=r"annotates a twice, in a.xml and more/a.xml: remove or rename one"):
        read_annotations(tmp_path / "twice")
