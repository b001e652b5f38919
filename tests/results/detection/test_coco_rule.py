"""Against pycocotools, called here as its documentation calls it."""

import contextlib
import io

import numpy as np
import pytest

from results.detection import coco_rule, score
from results.detection.average_precision import Matches, average_precisions
from results.detection.matching import HIT, LEFT_OUT, Located, match_ilsvrc
from tests.results.detection.made import annotations, detections, random_case

pytest.importorskip("pycocotools", reason="the extra detection")


def by_pycocotools(annotated, found):
    """[10 overlaps x 101 recalls x classes] the precision."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    number = {image: i for i, image in enumerate(annotated.images, start=1)}

    def entry(i, image, category, box):
        x, y, right, bottom = map(float, box)
        size = [right - x + 1, bottom - y + 1]
        return {
            "id": i + 1,
            "image_id": number[image],
            "category_id": int(category) + 1,
            "bbox": [x, y, *size],
            "area": size[0] * size[1],
        }

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        objects = zip(annotated.image, annotated.category, annotated.box, annotated.difficult, strict=True)
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in number.values()],
            "categories": [{"id": i + 1} for i in range(len(annotated.classes))],
            "annotations": [
                entry(i, image, category, box) | {"iscrowd": int(crowd)}
                for i, (image, category, box, crowd) in enumerate(objects)
            ],
        }
        truth.createIndex()
        results = zip(found.image, found.category, found.box, found.score, strict=True)
        own = truth.loadRes(
            [entry(i, *each[:3]) | {"score": float(each[3])} for i, each in enumerate(results)]
        )
        evaluation = COCOeval(truth, own, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 2]


@pytest.mark.parametrize("seed", range(2))
def test_precisions_are_those_of_pycocotools(seed, monkeypatch):
    monkeypatch.setattr(coco_rule, "IMAGES_AT_ONCE", 7)
    monkeypatch.setattr(score, "DRAWS", 10)
    annotated, found = random_case(seed, objects=150, digits=2)
    expected = by_pycocotools(annotated, found)
    own = score.score_detections(found, annotated.classes, annotated, "coco", print)
    assert own.precisions["ap"] == pytest.approx(100 * expected.mean(axis=(0, 1)), abs=1e-6)
    assert own.precisions["ap50"] == pytest.approx(100 * expected[0].mean(axis=0), abs=1e-6)
    assert own.precisions["ap75"] == pytest.approx(100 * expected[5].mean(axis=0), abs=1e-6)
    assert own.means["ap"][0] == pytest.approx(100 * expected.mean(), abs=1e-6)
    assert 5 < own.means["ap"][0] < 80


def test_more_than_a_hundred_detections_of_a_class_in_an_image_do_not_count():
    annotated = annotations(("a", 0, 0, 0, 49, 49))
    misses = [("a", 0, 0.9, 60, 60, 70, 70)] * 100
    found = detections(*misses, ("a", 0, 0.1, 0, 0, 49, 49))
    assert score.score_detections(found, annotated.classes, annotated, "coco", print).means["ap"][0] == 0
    assert by_pycocotools(annotated, found)[:, :, 0].max() == 0


@pytest.mark.parametrize("seed", range(3))
def test_challenge_matches_as_pycocotools_where_objects_are_large(seed):
    """Then it needs 0.5 of each object, too."""
    annotated, found = random_case(seed, smallest=40, largest=90, digits=9, objects=150)
    plain = annotations(
        *((i, c, *b) for i, c, b in zip(annotated.image, annotated.category, annotated.box, strict=True)),
        images=annotated.images,
        classes=annotated.classes,
    )
    number = {image: i for i, image in enumerate(plain.images)}
    order = np.argsort(-found.score)
    image = np.array([number[each] for each in found.image])[order]
    boxes = Located(image, found.category[order], found.box[order])
    objects = Located(np.array([number[each] for each in plain.image]), plain.category, plain.box)
    counts = match_ilsvrc(boxes, objects, np.zeros(len(order), dtype=bool))
    assert LEFT_OUT not in counts
    own = Matches(len(plain.images), 4, counts == HIT, image, boxes.category, objects.image, objects.category)
    precisions = average_precisions(own, np.ones((len(plain.images), 1)), points=True)[:, 0]
    assert precisions == pytest.approx(by_pycocotools(plain, found)[0].mean(axis=0), abs=1e-6)
