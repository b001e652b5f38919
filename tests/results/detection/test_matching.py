"""The clauses of the rules, by hand. ILSVRC's are those of eval_detection.m of the devkit of 2014."""

import numpy as np
import pytest

from results.detection import matching
from results.detection.matching import HIT, LEFT_OUT, MISS, Located, match_ilsvrc, match_pascal

BOX = (0, 0, 99, 99)
HALF = (0, 0, 99, 49)  # overlaps with it by exactly 0.5
LESS = (0, 0, 99, 48)


def located(*boxes, image=0, category=0):
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    images = np.broadcast_to(image, len(boxes)).astype(np.int64)
    return Located(images, np.broadcast_to(category, len(boxes)).astype(np.int64), boxes)


def ilsvrc(found, objects, left_out=False):
    return match_ilsvrc(found, objects, np.broadcast_to(left_out, len(found.image))).tolist()


def pascal(found, objects, difficult=False):
    return match_pascal(found, objects, np.broadcast_to(difficult, len(objects.image))).tolist()


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_half_of_the_union_is_enough_for_a_large_object(match):
    assert match(located(HALF), located(BOX)) == [HIT]
    assert match(located(LESS), located(BOX)) == [MISS]


def test_small_object_needs_less():
    """Of 10 x 10 pixels it needs 100 / 400, which five more pixels on each side give."""
    small, around = (10, 10, 19, 19), (5, 5, 24, 24)
    assert ilsvrc(located(around), located(small)) == [HIT]
    assert ilsvrc(located((5, 5, 24, 25)), located(small)) == [MISS]
    assert pascal(located(around), located(small)) == [MISS]


def test_object_of_one_pixel_has_an_area():
    """It needs 1 / 121: a box of 11 x 11 pixels around it is just enough."""
    assert ilsvrc(located((0, 0, 10, 10)), located((5, 5, 5, 5))) == [HIT]
    assert ilsvrc(located((0, 0, 10, 11)), located((5, 5, 5, 5))) == [MISS]


def test_object_without_width_is_not_found_from_afar():
    """COCO's boxes may have a side of 0, for which any overlap is enough, and none is not."""
    assert ilsvrc(located((50, 50, 59, 59)), located((5, 5, 4, 13))) == [MISS]


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_object_is_found_once(match):
    assert match(located(HALF, BOX, BOX), located(BOX)) == [HIT, MISS, MISS]


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_class_and_image_must_agree(match):
    assert match(located(BOX, image=1), located(BOX)) == [MISS]
    assert match(located(BOX, category=1), located(BOX)) == [MISS]
    assert match(located(BOX, BOX, image=[0, 1]), located(BOX, BOX, image=[1, 0])) == [HIT, HIT]


def test_found_object_leaves_the_next_best():
    """ILSVRC's second detection takes the other object; PASCAL's goes to the one that it overlaps most."""
    objects = located(BOX, (0, 0, 99, 79))
    assert ilsvrc(located(BOX, BOX), objects) == [HIT, HIT]
    assert pascal(located(BOX, BOX), objects) == [HIT, MISS]


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_best_overlap_decides_and_not_the_order_of_objects(match):
    """The first detection takes BOX, of which it is a copy. So HALF is left for the second, which overlaps
    BOX by 0.4 alone.
    """
    found = located(BOX, (0, 0, 99, 39))
    assert match(found, located(BOX, HALF)) == [HIT, HIT]
    assert match(found, located(HALF, BOX)) == [HIT, HIT]


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_first_object_of_equal_overlaps_is_found(match):
    """The first detection overlaps both halves by 0.5."""
    found, other_half = located(BOX, HALF), (0, 50, 99, 99)
    assert match(found, located(HALF, other_half)) == [HIT, MISS]
    assert match(found, located(other_half, HALF)) == [HIT, HIT]


def test_overlap_too_small_for_one_object_may_do_for_a_smaller_one():
    """The larger overlap is with the first object, which needs 0.5; the small one needs 0.25 and gets it."""
    large, small, box = (0, 0, 39, 39), (40, 40, 49, 49), (30, 30, 49, 49)
    assert ilsvrc(located(box), located(large, small)) == [HIT]
    assert ilsvrc(located(box), located(large)) == [MISS]


def test_detection_on_the_blacklist_counts_as_nothing_and_finds_nothing():
    assert ilsvrc(located(BOX, BOX), located(BOX), [True, False]) == [LEFT_OUT, HIT]


def test_detections_of_a_difficult_object_count_as_nothing():
    assert pascal(located(BOX, BOX, LESS), located(BOX), True) == [LEFT_OUT, LEFT_OUT, MISS]


@pytest.mark.parametrize("match", [ilsvrc, pascal])
def test_no_detection_or_no_object_is_no_error(match):
    assert match(located(), located(BOX)) == []
    assert match(located(BOX), located()) == [MISS]


def test_pairs_come_in_parts_with_the_same_result(monkeypatch):
    generator = np.random.default_rng(0)
    corners = generator.integers(0, 30, (300, 2))
    boxes = np.concatenate([corners, corners + generator.integers(1, 30, (300, 2))], axis=1)
    found, objects = located(*boxes[:200]), located(*boxes[200:])
    whole = ilsvrc(found, objects), pascal(found, objects)
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", 250)
    assert (ilsvrc(found, objects), pascal(found, objects)) == whole
    assert HIT in whole[0]
