"""The mini set of detection, and the program that drew it."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou, masks_to_boxes

from bench.data import open_images
from bench.data.open import open_unlabelled
from bench.mini import draw as mini
from bench.mini.detection import ANNOTATIONS, FOLDER, IMAGES, PROPOSALS
from bench.mini.detection.draw import box_of, draw, scene
from results.detection.annotations import read_annotations

FILES = ("annotations.json", "proposals.csv", "classes.txt")
CORNERS = ["xmin", "ymin", "xmax", "ymax"]


def areas(box):
    """Boxes of pixels as torchvision has them, whose right and lower ends are not inside."""
    return torch.as_tensor(np.add(np.asarray(box), [0.0, 0, 1, 1]))


@pytest.fixture(scope="module")
def annotated():
    return read_annotations(ANNOTATIONS)[0]


@pytest.fixture(scope="module")
def proposed():
    return pd.read_csv(PROPOSALS)


def test_set_is_small_and_has_some_objects_of_each_class(annotated):
    assert IMAGES.stat().st_size < 1e6
    assert annotated.classes == mini.CLASSES
    assert len(annotated.images) == 200
    assert np.bincount(annotated.category).min() >= 3
    per_image = pd.Series(annotated.image).value_counts()
    assert len(per_image) == 200
    assert set(per_image) == {1, 2, 3, 4}


def test_set_is_what_the_program_draws(tmp_path):
    """Pictures to a level on average, since another version of Pillow may compress differently."""
    draw(tmp_path / IMAGES.name, 10, 2014)
    drawn, packaged = open_unlabelled(str(tmp_path / IMAGES.name)), open_unlabelled(str(IMAGES))
    assert drawn.ids == packaged.ids[:10]
    for i in range(10):
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(images.read(i))), dtype=float) for images in (drawn, packaged)
        )
        assert np.abs(ours - theirs).mean() < 1
    ours, theirs = (json.loads((folder / "annotations.json").read_text()) for folder in (tmp_path, FOLDER))
    assert ours["images"] == theirs["images"][:10]
    assert ours["annotations"] == theirs["annotations"][: len(ours["annotations"])]
    assert PROPOSALS.read_text().startswith((tmp_path / "proposals.csv").read_text())
    assert (tmp_path / "classes.txt").read_text() == (FOLDER / "classes.txt").read_text()


def test_box_of_an_object_is_that_of_the_pixels_it_changes():
    """Where an object covers a pixel, it has the same colour on black and on white."""
    for label in range(len(mini.CLASSES)):
        black, white = np.zeros((120, 150, 3)), np.ones((120, 150, 3))
        coverage, again = (
            mini.draw_object(np.random.default_rng(label), canvas, label, (0.13, 0.28))
            for canvas in (black, white)
        )
        assert np.allclose(coverage, 1 - (white - black).mean(axis=2))
        (box,) = masks_to_boxes(torch.from_numpy((white - black).mean(axis=2) <= 0.5)[None])
        assert box_of(coverage) == box_of(again) == tuple(box.tolist())


def test_objects_of_a_scene_hide_nothing_of_each_other(monkeypatch):
    drawn = []

    def draw_object(random, canvas, *arguments):
        coverage = draw_one(random, canvas, *arguments)
        drawn.append((canvas, coverage))
        return coverage

    draw_one = mini.draw_object
    monkeypatch.setattr(mini, "draw_object", draw_object)
    for number in range(1, 11):
        drawn.clear()
        found = scene(2014, number)
        boxes = [box_of(coverage) for _, coverage in drawn]
        kept = [drawn[boxes.index(tuple(box))][1] for box in found.box.tolist()]
        assert np.sum([coverage > 0 for coverage in kept], axis=0).max() == 1


def test_proposals_are_within_their_images_and_of_whole_pixels(proposed):
    sizes = pd.DataFrame(json.loads(ANNOTATIONS.read_text())["images"])
    merged = proposed.merge(sizes.assign(image=sizes["file_name"].str.removesuffix(".JPEG")), on="image")
    assert len(merged) == len(proposed)
    assert (proposed[CORNERS].dtypes == np.int64).all()
    assert (merged[["xmin", "ymin"]] >= 0).all(axis=None)
    assert (merged["xmin"] <= merged["xmax"]).all()
    assert (merged["ymin"] <= merged["ymax"]).all()
    assert (merged["xmax"] < merged["width"]).all()
    assert (merged["ymax"] < merged["height"]).all()
    assert open_unlabelled(str(IMAGES)).ids == [f"{name}" for name in sizes["file_name"]]


def test_each_object_has_a_good_proposal_and_there_are_bad_ones(annotated, proposed):
    """In no order: the first proposals of an image are no better than the last."""
    best, first, last = [], [], []
    for image, boxes in proposed.groupby("image", sort=False):
        own = np.flatnonzero([each == image for each in annotated.image])
        overlap = box_iou(areas(annotated.box[own]), areas(boxes[CORNERS]))
        assert overlap.max(dim=1).values.min() > 0.6
        of_proposals = overlap.max(dim=0).values
        best.append(of_proposals)
        first.append(of_proposals[:5])
        last.append(of_proposals[-5:])
    best = torch.cat(best)
    assert 25 < len(best) / 200 < 40
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        assert ((best >= low) & (best < high)).double().mean() > 0.1
    assert abs(torch.cat(first).mean() - torch.cat(last).mean()) < 0.04


def test_another_seed_draws_other_scenes():
    assert scene(2013, 1).image.tobytes() != scene(2014, 1).image.tobytes()


def test_pictures_of_the_set_have_no_labels_of_their_own():
    """Objects have them, so that evaluating the pictures as a classification is refused."""
    assert not (FOLDER / "labels.txt").exists()
    with pytest.raises(Exception, match="label"):
        open_images(str(IMAGES))
