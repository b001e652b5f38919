import numpy as np
import pytest

from results.detection.average_precision import Matches, average_precisions, draw_images
from tests.results.detection.made import slow_average_precision


def matches(hits, image=0, *, objects, images=1, object_image=0):
    n = len(hits)
    return Matches(
        images=images,
        classes=1,
        hit=np.array(hits, dtype=bool),
        image=np.broadcast_to(image, n).astype(np.int64),
        category=np.zeros(n, dtype=np.int64),
        object_image=np.broadcast_to(object_image, objects).astype(np.int64),
        object_category=np.zeros(objects, dtype=np.int64),
    )


def once(found, **how):
    return average_precisions(found, np.ones((found.images, 1)), **how)[0, 0]


@pytest.mark.parametrize(
    ("hits", "objects", "expected"),
    [
        ([True, True], 2, 1.0),
        ([True], 2, 1 / 2),
        ([False, True], 1, 1 / 2),
        ([True, False, True], 2, (1 + 2 / 3) / 2),
        ([False, True, True], 2, 2 / 3),  # the precision rises: the highest at this recall or beyond counts
        ([False, False], 2, 0.0),
        ([], 2, 0.0),
    ],
)
def test_area_by_hand(hits, objects, expected):
    assert once(matches(hits, objects=objects)) == pytest.approx(expected)


def test_points_by_hand():
    """Precision 1 up to recall 1 / 2, which are 51 of the 101 points, and nothing beyond."""
    assert once(matches([True], objects=2), points=True) == pytest.approx(51 / 101)


def test_class_without_objects_has_no_precision():
    assert np.isnan(once(matches([False], objects=0)))


@pytest.mark.parametrize("points", [False, True])
def test_draws_are_as_if_each_image_were_there_so_often(points):
    """Each draw is scored again from copies of the images, in a class of 300 detections."""
    generator = np.random.default_rng(1)
    hits, image, object_image = generator.random(300) < 0.3, generator.integers(0, 9, 300), np.arange(120) % 9
    found = matches(hits, image, objects=120, images=9, object_image=object_image)
    draws = draw_images(9, 20, seed=2)
    scored = average_precisions(found, draws, points=points)[0]
    for drawn, precision in zip(draws.T.astype(int), scored, strict=True):
        copies, objects = np.repeat(hits, drawn[image]), int(drawn[object_image].sum())
        if points:
            assert precision == pytest.approx(once(matches(copies, objects=objects), points=True))
        else:
            assert precision == pytest.approx(slow_average_precision(copies, objects))


def test_draws_have_as_many_images_and_one_seed():
    draws = draw_images(7, 50, seed=0)
    assert (draws.sum(axis=0) == 7).all()
    assert (draws == draw_images(7, 50, seed=0)).all()
    assert (draws != draw_images(7, 50, seed=1)).any()
    assert draws.std(axis=1).min() > 0
