import numpy as np
import pytest

from results.detection import score
from results.detection.score import difference, mean_interval, score_detections
from results.errors import RunError, RunUsageError
from tests.results.detection.made import annotations, detections, random_case, slow_score

CAT = ("a", 0, 0, 0, 49, 49)
FOUND = ("a", 0, 0.9, 0, 0, 49, 49)


def scored(annotated, found, rule="ilsvrc", classes=None):
    """(The score, its notes)."""
    notes = []
    return score_detections(found, classes or annotated.classes, annotated, rule, notes.append), notes


@pytest.mark.parametrize("rule", ["ilsvrc", "pascal"])
@pytest.mark.parametrize("seed", range(4))
def test_random_detections_score_as_in_loops_over_boxes(seed, rule):
    annotated, found = random_case(seed, digits=1 + seed % 2)
    blacklist = {("image 3", 1), ("image 7", 0), ("image 8", 2)} if rule == "ilsvrc" else set()
    annotated = annotations(
        *((i, c, *b) for i, c, b in zip(annotated.image, annotated.category, annotated.box, strict=True)),
        images=annotated.images,
        classes=annotated.classes,
        difficult=np.flatnonzero(annotated.difficult),
        blacklist=blacklist,
    )
    expected = slow_score(annotated, found, rule)
    result, _ = scored(annotated, found, rule)
    assert dict(enumerate(result.precisions["ap"] / 100)) == pytest.approx(expected, abs=1e-12)
    assert result.means["ap"][0] / 100 == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
    assert 0.2 < np.mean(list(expected.values())) < 0.9


def test_scores_of_all_images_are_sorted_together():
    """The miss in the image b comes before the hit in a."""
    annotated = annotations(CAT, images=("a", "b"))
    result, _ = scored(annotated, detections(FOUND, ("b", 0, 0.95, 0, 0, 49, 49)))
    assert result.precisions["ap"][0] == pytest.approx(50)


def test_equal_scores_are_in_the_order_of_images_and_of_the_file():
    annotated = annotations(CAT, ("b", 1, 0, 0, 49, 49), images=("a", "b"))
    miss = ("a", 1, 0.9, 0, 0, 9, 9)
    assert scored(annotated, detections(("b", 1, 0.9, 0, 0, 49, 49), miss))[0].precisions["ap"][1] == 50
    hit_first = detections(FOUND, ("a", 0, 0.9, 60, 60, 70, 70))
    assert scored(annotated, hit_first)[0].precisions["ap"][0] == 100
    miss_first = detections(("a", 0, 0.9, 60, 60, 70, 70), FOUND)
    assert scored(annotated, miss_first)[0].precisions["ap"][0] == 50


def test_blacklist_takes_objects_and_detections_of_a_class_in_an_image():
    two = [CAT, ("b", 0, 0, 0, 49, 49), ("a", 1, 0, 0, 49, 49)]
    annotated = annotations(*two, images=("a", "b"), blacklist=[("a", 0)])
    result, _ = scored(annotated, detections(FOUND, ("b", 0, 0.5, 0, 0, 49, 49), ("a", 1, 0.5, 0, 0, 49, 49)))
    assert result.objects.tolist() == [1, 1]
    assert result.detections.tolist() == [1, 1]
    assert result.precisions["ap"].tolist() == [100, 100]


def test_difficult_objects_count_by_the_challenge_and_not_by_pascal():
    annotated = annotations(CAT, ("a", 0, 60, 60, 99, 99), difficult=[1])
    found = detections(FOUND)
    assert scored(annotated, found, "pascal")[0].precisions["ap"][0] == 100
    result, notes = scored(annotated, found)
    assert result.precisions["ap"][0] == 50
    assert any("1 objects are marked as difficult" in note for note in notes)


def test_class_without_objects_is_not_in_the_mean():
    result, _ = scored(annotations(CAT), detections(FOUND, ("a", 1, 0.9, 0, 0, 9, 9)))
    assert result.means["ap"][0] == 100
    assert np.isnan(result.precisions["ap"][1])


def test_class_that_nobody_detected_counts_as_zero():
    annotated = annotations(CAT, ("a", 1, 0, 0, 49, 49))
    assert scored(annotated, detections(FOUND))[0].means["ap"][0] == 50


def test_detections_elsewhere_are_left_out_with_a_note():
    found = detections(FOUND, ("x", 0, 1, 0, 0, 9, 9), ("y", 1, 1, 0, 0, 9, 9), ("a", 1, 1, 0, 0, 9, 9))
    result, notes = scored(annotations(CAT), found, classes=("cat", "cow"))
    assert result.precisions["ap"][0] == 100
    assert result.left_out == 3
    assert notes == [
        "left out of the file: detections of images that the annotations do not have (2), such as 'x'",
        "left out of the file: detections of classes that the annotations do not have (1), such as 'cow'",
    ]


def test_nothing_that_counts_is_an_error():
    with pytest.raises(RunError) as error:
        scored(annotations(CAT), detections(("x", 0, 1, 0, 0, 9, 9), ("a", 1, 1, 0, 0, 9, 9)), classes="ab")
    assert str(error.value) == (
        "the file has only detections of images that the annotations do not have (1), such as 'x', and "
        "detections of classes that the annotations do not have (1), such as 'b': "
        "name the annotations that belong to it"
    )
    with pytest.raises(RunError, match="no object that counts"):
        scored(annotations(CAT, blacklist=[("a", 0)]), detections(FOUND))
    with pytest.raises(RunUsageError, match="a blacklist is of the rule ilsvrc alone"):
        scored(annotations(CAT, blacklist=[("a", 0)]), detections(FOUND), "pascal")
    with pytest.raises(RunUsageError, match="no rule 'voc'"):
        scored(annotations(CAT), detections(FOUND), "voc")


def test_no_detections_at_all_score_zero():
    assert scored(annotations(CAT), detections())[0].means["ap"][0] == 0


def test_interval_is_around_the_mean_and_the_same_again():
    annotated, found = random_case(0)
    (one, _), (again, _) = scored(annotated, found), scored(annotated, found)
    low, high = mean_interval(one.means["ap"])
    assert low < one.means["ap"][0] < high
    assert mean_interval(again.means["ap"]) == (low, high)
    assert (one.intervals["ap"][:, 0] < one.precisions["ap"]).all()
    assert (one.intervals["ap"][:, 1] > one.precisions["ap"]).all()


def test_interval_is_that_of_normal_errors_where_images_are_alike():
    """400 images with an object each, of which a share is found, without misses: AP is that share.

    Its standard error is sqrt(p (1 - p) / n), here 2.5 points at p = 0.5.
    """
    images = [str(i) for i in range(400)]
    annotated = annotations(*((image, 0, 0, 0, 49, 49) for image in images), images=images, classes=("cat",))
    found = detections(*((image, 0, 0.5, 0, 0, 49, 49) for image in images[::2]))
    low, high = mean_interval(scored(annotated, found)[0].means["ap"])
    assert (low, high) == pytest.approx((50 - 1.96 * 2.5, 50 + 1.96 * 2.5), abs=0.6)


def test_difference_is_paired():
    """One more object is found in each tenth image: the interval is far narrower than that of either mean."""
    images = [str(i) for i in range(400)]
    annotated = annotations(*((image, 0, 0, 0, 49, 49) for image in images), images=images, classes=("cat",))
    some = [(image, 0, 0.5, 0, 0, 49, 49) for image in images[::2]]
    more = [(image, 0, 0.5, 0, 0, 49, 49) for image in images[1::10]]
    a, b = (scored(annotated, detections(*found))[0] for found in (some, some + more))
    points, low, high = difference(a, b)
    assert points == pytest.approx(10)
    assert (low, high) == pytest.approx((10 - 1.96 * 1.5, 10 + 1.96 * 1.5), abs=0.5)
    assert difference(a, a) == (0, 0, 0)


def test_interval_holds_what_the_mean_is_in_expectation(monkeypatch):
    """In at least 90 of 100 data sets of the same kind, with few objects of a class."""
    monkeypatch.setattr(score, "DRAWS", 60)
    means = []
    for seed in range(100):
        annotated, found = random_case(seed, images=50, objects=60, found=150, digits=6)
        means.append(scored(annotated, found)[0].means["ap"])
    expected = np.mean([mean[0] for mean in means])
    intervals = [mean_interval(mean) for mean in means]
    assert 90 <= sum(low <= expected <= high for low, high in intervals) <= 99
