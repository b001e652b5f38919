"""What the networks of the mini detection learn from."""

import io

import numpy as np
import pytest
from PIL import Image
from torchvision.ops import box_iou

from bench.data import open_images
from bench.mini.detection.draw import scene
from bench.mini.detection.training_regions import OF_A_SCENE, draw_regions, labels_of
from bench.mini.draw import CLASSES, jpeg
from tests.bench.mini.detection.test_draw import areas


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("regions") / "regions.tar"
    draw_regions(path, 12, 2013)
    return path


def test_labels_are_of_the_object_that_overlaps_by_half():
    labels = []
    for number in range(1, 13):
        drawn = scene(2013, number)
        overlap, nearest = box_iou(areas(drawn.proposals), areas(drawn.box)).max(dim=1)
        expected = np.where(overlap >= 0.5, drawn.category[nearest], 50)
        assert labels_of(drawn.proposals, drawn).tolist() == expected.tolist()
        labels += expected.tolist()
    background = np.mean(np.array(labels) == 50)
    assert 0.5 < background < 0.75


def test_regions_of_a_scene_are_its_first_proposals_with_their_labels(archive):
    images = open_images(str(archive))
    assert images.classes == (*CLASSES, "background")
    expected = [labels_of(scene(2013, n).proposals, scene(2013, n))[:OF_A_SCENE] for n in range(1, 13)]
    assert images.labels.tolist() == np.concatenate(expected).tolist()


def test_regions_are_warped_with_context_like_those_of_detect(archive):
    """By Pillow, with 16 of 227 pixels of context at each side, and grey beyond the image."""
    images = open_images(str(archive))
    for i in range(3 * OF_A_SCENE):
        drawn = scene(2013, 1 + i // OF_A_SCENE)
        xmin, ymin, xmax, ymax = drawn.proposals[i % OF_A_SCENE].tolist()
        x, y = (xmax + 1 - xmin) * 16 / 195, (ymax + 1 - ymin) * 16 / 195
        canvas = Image.new("RGB", (900, 900), (128, 128, 128))
        canvas.paste(Image.open(io.BytesIO(jpeg(drawn.image))), (300, 300))
        edges = (xmin - x, ymin - y, xmax + 1 + x, ymax + 1 + y)
        by_hand = canvas.crop(tuple(int(np.floor(edge + 0.5)) + 300 for edge in edges))
        by_hand = by_hand.resize((64, 64), Image.Resampling.BICUBIC)
        region = Image.open(io.BytesIO(images.read(i)))
        assert region.size == (64, 64)
        assert region.tobytes() == by_hand.tobytes(), i
