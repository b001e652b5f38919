"""Sets of classes: which they are, and which data sets are recognised as theirs."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from bench.data import open_images
from bench.data.class_sets import find_class_set, objectnet_folders
from bench.data.classes import read_timm_imagenet_file, wordnet_ids
from bench.errors import DataError, UsageError
from tests.conftest import drawn

LIST_A = read_timm_imagenet_file("imagenet_a_synsets.txt").split()


def synsets(class_set):
    return [[wordnet_ids()[index] for index in group] for group in class_set.groups]


def make_folders(data, names, image="1.png"):
    """A folder for each name, with one small image."""
    for number, name in enumerate(names):
        (data / name).mkdir(parents=True)
        Image.new("RGB", (4, 4), (number % 256, 0, 0)).save(data / name / image)
    return data


@pytest.mark.parametrize("name", ["imagenet-a", "imagenet-r"])
def test_timms_indices_are_its_synsets(name):
    listed = read_timm_imagenet_file(f"{name.replace('-', '_')}_synsets.txt").split()
    assert synsets(find_class_set(name)) == [[wordnet_id] for wordnet_id in listed]
    assert len(set(listed)) == 200


def test_objectnet_has_113_of_our_classes_in_313_folders():
    groups = [group for group in objectnet_folders().values() if group]
    classes = [index for group in groups for index in group]
    assert (len(objectnet_folders()), len(groups), len(classes), len(set(classes))) == (313, 113, 125, 125)
    assert find_class_set("objectnet").groups == tuple(groups)


@pytest.mark.parametrize(
    ("folder", "lemmas"),
    [
        ("chair", ["barber chair", "folding chair", "rocking chair, rocker"]),
        ("wheel", ["car wheel", "paddlewheel, paddle wheel"]),
        ("trash_bin", ["ashcan, trash can, garbage can, wastebin, ash bin, ash-bin, ashbin, dustbin, "]),
        ("weight_exercise", ["dumbbell"]),
    ],
)
def test_folders_of_objectnet_mean_what_their_names_say(folder, lemmas):
    names = dict(
        line.split("\t") for line in read_timm_imagenet_file("imagenet_synset_to_lemma.txt").splitlines()
    )
    found = [names[wordnet_ids()[index]] for index in objectnet_folders()[folder]]
    assert all(name.startswith(lemma) for name, lemma in zip(found, lemmas, strict=True))


def test_all_is_no_set():
    assert find_class_set("all") is None


def test_each_line_of_a_file_is_a_class(tmp_path):
    file = tmp_path / "pets.txt"
    file.write_text("n01440764\n\n n01484850  n01443537 \n")
    found = find_class_set(str(file))
    assert (found.name, found.groups) == (str(file), ((0,), (2, 1)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"n01440764\nn00000001\n", "line 2: 'n00000001' is no WordNet id of the 1,000 classes"),
        (b"tench\nn01440764", "line 1: 'tench' is no WordNet id"),
        (b"n01440764 n01443537\nn01440764\n", "has n01440764 on lines 1 and 2: keep one of them"),
        (b"n01440764 n01440764\nn01443537\n", "has n01440764 on lines 1 and 1"),
        (b"", "should have two classes or more: write a WordNet id on each line"),
        (b"n01440764 n01443537\n", "should have two classes or more"),
        (b"\xff\xfe\x00", "cannot read the classes"),
    ],
)
def test_unusable_file_is_refused(tmp_path, content, message):
    (tmp_path / "set.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        find_class_set(str(tmp_path / "set.txt"))


def test_name_of_no_set_is_refused(tmp_path):
    for name in ("imagenet-c", str(tmp_path)):
        with pytest.raises(UsageError, match="write imagenet-a, imagenet-r, objectnet, all, or a file"):
            find_class_set(name)


def test_data_set_is_recognised_by_exactly_its_folders(tmp_path):
    data = make_folders(tmp_path / "a", LIST_A)
    assert open_images(str(data)).class_set == find_class_set("imagenet-a")
    assert open_images(str(data), class_set="all").class_set is None
    assert open_images(str(data), class_set="imagenet-r").class_set.name == "imagenet-r"
    make_folders(data, [next(each for each in wordnet_ids() if each not in LIST_A)])
    assert open_images(str(data)).class_set is None


def test_images_that_count_have_a_label_in_the_set(photos):
    images = open_images(str(photos), class_set="imagenet-r")
    assert {name.split("/")[0] for name in images.ids} == {"n01440764", "n01443537", "n01484850"}
    counted = images.scored()
    assert {name.split("/")[0] for name in counted.ids} == {"n01443537", "n01484850"}
    assert len(counted) == 4
    assert len(open_images(str(photos)).scored()) == 6


def test_199_of_its_folders_are_not_recognised(tmp_path):
    assert open_images(str(make_folders(tmp_path, LIST_A[1:]))).class_set is None


def test_200_other_folders_are_not_recognised(tmp_path):
    assert open_images(str(make_folders(tmp_path, wordnet_ids()[:200]))).class_set is None


def test_classes_of_its_own_are_not_scored_among_imagenets():
    assert open_images("mini", class_set="all").class_set is None
    with pytest.raises(UsageError, match="has classes of its own, leave --classes out"):
        open_images("mini", class_set="imagenet-a")


def test_objectnet_is_recognised_and_what_imagenet_lacks_is_left_out(tmp_path):
    data = make_folders(tmp_path / "objectnet", objectnet_folders())
    images = open_images(str(data))
    assert (len(images), images.left_out, images.class_set.name) == (113, 200, "objectnet")
    assert images.objectnet
    for name, label in zip(images.ids, images.labels, strict=True):
        assert label == objectnet_folders()[name.split("/")[0]][0]
    assert images.read(3) == (data / images.ids[3]).read_bytes()
    for folder in [folder for folder, indices in objectnet_folders().items() if not indices]:
        (data / folder / "1.png").unlink()
    assert open_images(str(data)).left_out == 0


def test_score_of_objectnet_among_all_classes_leaves_none_out(tmp_path):
    data = make_folders(tmp_path, objectnet_folders())
    groups = open_images(str(data), class_set="all").class_set.groups
    assert (len(groups), sorted(index for group in groups for index in group)) == (988, [*range(1000)])
    assert set(find_class_set("objectnet").groups) <= set(groups)


def test_some_folders_of_objectnet_need_the_option(tmp_path):
    data = str(make_folders(tmp_path / "objects", ["banana", "chair", "air_freshener"]))
    with pytest.raises(DataError, match="no labels"):
        open_images(data)
    images = open_images(data, class_set="objectnet")
    assert (list(images.labels), images.left_out) == ([954, 423], 1)
    make_folders(tmp_path / "objects", ["my_things"])
    with pytest.raises(DataError, match="no labels"):
        open_images(data, class_set="objectnet")


def test_objectnet_without_a_shared_class_is_refused(tmp_path):
    data = str(make_folders(tmp_path, ["air_freshener"]))
    with pytest.raises(DataError, match="no image of the 113 classes that ObjectNet shares with ImageNet"):
        open_images(data, class_set="objectnet")


def test_cropped_images_are_other_images_to_a_run(tmp_path):
    data = str(make_folders(tmp_path / "objects", ["banana", "chair"]))
    labels = tmp_path / "labels.txt"
    labels.write_text("banana/1.png 954\nchair/1.png 423\n")
    as_they_are, cropped = open_images(data, labels), open_images(data, class_set="objectnet")
    assert list(as_they_are.labels) == list(cropped.labels)
    assert as_they_are.fingerprint() != cropped.fingerprint()


def test_border_is_cut_off_the_pixels(tmp_path):
    (tmp_path / "banana").mkdir()
    photo = drawn(30, 20)
    ImageOps.expand(photo, 1, (255, 0, 0)).save(tmp_path / "banana/1.png")
    images = open_images(str(tmp_path), class_set="objectnet")
    assert np.array_equal(images.decode(images.read(0)), np.asarray(photo))
