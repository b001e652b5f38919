"""What is worth knowing of images, labels, blacklist and weights before a run."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.data import Images, open_images
from bench.data.devkit import OFFICIAL_BLACKLIST, Blacklist
from bench.data.labels import IMAGENETV2
from bench.evaluation.findings import (
    Finding,
    examine_blacklist,
    examine_images,
    examine_weights,
    open_blacklist,
    report_notes,
)
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import untrained
from results.class_sets import ClassSet


def images_of(labels, names="{}.jpg", classes=("cat", "dog", "owl"), **changes):
    """Images with these labels, whose bytes cannot be read."""
    ids = [names.format(number) for number in range(1, len(labels) + 1)]
    sizes = np.full(len(labels), 500_000)
    images = Images("photos", ids, np.array(labels), sizes, lambda i: b"", "labels.txt", classes=classes)
    return replace(images, **changes)


def test_images_are_described():
    findings = {each.subject: each for each in examine_images(images_of([0, 1, 2]), Options())}
    assert findings == {
        "data": Finding("data", "ok", "3 images, 1.5 MB, in photos"),
        "labels": Finding("labels", "ok", "from labels.txt"),
        "classes": Finding("classes", "ok", "3 classes, each with 1 images"),
    }


def test_labels_by_the_folders_of_imagenetv2_are_noted():
    images = images_of([0, 1, 2], label_source=IMAGENETV2)
    (finding,) = (each for each in examine_images(images, Options()) if each.subject == "labels")
    assert finding.state == "note"
    assert finding.text == (
        "labels are from folders 0 to 999, as ImageNetV2 has them: "
        "the check of the label order confirms them after 200 images"
    )


@pytest.mark.parametrize(
    ("labels", "state", "text"),
    [
        ([0, 0, 1, 1, 2, 2], "ok", "3 classes, each with 2 images"),
        ([0, 1, 1, 2, 2, 2], "ok", "3 classes, each with 1 to 3 images"),
        ([0, 0, 1, 2, 2], "note", "1 of 3 classes have fewer than 2 images: dog (1)"),
        ([0, 0, 1], "note", "1 of 3 classes have no image: owl"),
    ],
)
def test_classes_with_few_images_are_noted(labels, state, text):
    *_, finding = examine_images(images_of(labels), Options())
    assert finding == Finding("classes", state, text)


def test_five_classes_are_named_at_most():
    classes = tuple("abcdefghij")
    *_, finding = examine_images(images_of([0, 1, 2], classes=classes), Options())
    assert finding.text == "7 of 10 classes have no image: d, e, f, g, h and 2 more"


def test_classes_are_those_of_the_images_that_are_evaluated():
    *_, finding = examine_images(images_of([0, 1, 2]), Options(limit=1))
    assert finding.text == "2 of 3 classes have no image: dog, owl"


def test_set_of_classes_is_noted():
    pair = ClassSet(name="pets", groups=((0,), (1, 2)))
    images = images_of([0, 1, 2, 3, 3], classes=("cat", "dog", "wolf", "owl"), class_set=pair)
    *_, among, classes = examine_images(images, Options(classes="pets"))
    text = "3 of 5 images have a label in pets, and errors count these: they are scored among its 2 classes"
    assert among == Finding("classes", "note", text)
    assert classes == Finding("classes", "ok", "2 classes, each with 1 to 2 images")
    *_, recognised, _ = examine_images(images, Options())
    assert recognised.text.endswith(
        "by which the data set was recognised; --classes all scores them among all 1,000"
    )


def test_objectnets_border_and_other_classes_are_noted():
    found = list(examine_images(images_of([0, 1, 2], left_out=31, objectnet=True), Options()))
    text = "31 images in photos are left out: ImageNet lacks their classes"
    assert Finding("data", "note", text) in found
    text = "a red border of one or two pixels is cut off each image that has one, before anything else"
    assert Finding("data", "note", text) in found


def test_files_that_are_no_images_are_noted():
    found = list(examine_images(images_of([0, 1, 2], ignored=4), Options()))
    text = "4 files in photos are left out: their names do not end like images"
    assert Finding("data", "note", text) in found


def test_part_of_the_validation_set_is_noted():
    found = list(examine_images(images_of([0, 1, 2], "ILSVRC2012_val_{:08d}"), Options()))
    text = "3 of the 50,000 validation images: not the papers' figures"
    assert Finding("data", "note", text) in found


OFFICIAL = Blacklist(frozenset(range(1762)), "devkit", OFFICIAL_BLACKLIST)
OTHER = Blacklist(frozenset({3, 5}), "blacklist.txt", "another")


@pytest.mark.parametrize(
    ("names", "blacklist", "state", "text"),
    [
        ("ILSVRC2012_val_{:08d}", OFFICIAL, "ok", "1,762 images, from devkit"),
        (
            "ILSVRC2012_val_{:08d}",
            OTHER,
            "note",
            "blacklist.txt has 2 images, the challenge's .* 1,762",
        ),
        ("ILSVRC2012_val_{:08d}", None, "note", "no blacklist in or beside the data: pass --blacklist"),
        ("mini_val_{:08d}", OTHER, "ok", "2 images, from blacklist.txt"),
        ("{}.jpg", OTHER, "note", "no image is named ILSVRC2012_val_..., so none is on the blacklist"),
    ],
)
def test_blacklist_is_held_to_the_images(names, blacklist, state, text):
    (finding,) = examine_blacklist(blacklist, images_of([0, 1, 2], names))
    assert (finding.subject, finding.state) == ("blacklist", state)
    assert re.match(text, finding.text)


def test_blacklist_is_that_of_the_option_or_of_the_data(tmp_path):
    (tmp_path / "own.txt").write_text("7\n")
    mini = open_images("mini")
    assert open_blacklist(mini, Options(blacklist=tmp_path / "own.txt")).numbers == {7}
    assert len(open_blacklist(mini, Options()).numbers) == 39


def test_blacklist_is_empty_where_no_image_can_be_on_it(tmp_path):
    here = str(tmp_path)
    (tmp_path / "blacklist.txt").write_text("7\n")
    assert open_blacklist(images_of([0], path=here), Options()).numbers == frozenset()
    (tmp_path / "blacklist.txt").unlink()
    assert open_blacklist(images_of([0], "ILSVRC2012_val_{:08d}", path=here), Options()) is None


def test_preprocessing_that_is_a_guess_is_noted():
    network = replace(untrained("mini-v3"), prepared_like="v3.tf_in1k", prepared_otherwise=("v3.gluon_in1k",))
    described, note = examine_weights(network, Options(weights="own.pth"))
    assert described.state == "ok"
    assert note == Finding(
        "weights",
        "note",
        "assuming the preprocessing of v3.tf_in1k for own.pth; "
        "other weights of this network need another: --model v3.gluon_in1k",
    )


def test_choice_among_weights_is_noted():
    network = untrained("mini-v3")
    network = replace(network, weights=replace(network.weights, ema=True, note="a.pth has a running average"))
    _, note = examine_weights(network, Options())
    assert note == Finding("weights", "note", "a.pth has a running average")


@pytest.mark.parametrize(
    ("model", "dialect", "applied"),
    [
        ("mini-v3", "caffe", "mean 0.408, 0.459, 0.482 and std 0.004, 0.004, 0.004, in blue, green, red"),
        ("timm/resnet18", "tf-slim", "mean 0.500, 0.500, 0.500 and std 0.500, 0.500, 0.500"),
        ("mini-v3", "tf-slim", None),
        ("v1-paper", "caffe", None),
        ("mini-v3", "timm", None),
        ("mini-v3", "paper", None),
        ("timm/resnet18", "torchvision", None),
    ],
)
def test_normalisation_of_a_dialect_that_the_weights_do_not_expect_is_noted(model, dialect, applied):
    network = untrained(model)
    notes = [finding.text for finding in examine_weights(network, Options(dialect=dialect))][1:]
    assert len(notes) == (applied is not None)
    for note in notes:
        assert note.startswith(
            f"--dialect {dialect} normalises with {applied}, but {network.prepared_like.rstrip('.')} expects "
        )


def test_notes_alone_are_reported():
    class Notes(Silent):
        def note(self, text):
            noted.append(text)

    noted = []
    findings = [Finding("data", state, state) for state in ("ok", "note", "wrong")]
    report_notes(findings, Notes())
    assert noted == ["note"]
