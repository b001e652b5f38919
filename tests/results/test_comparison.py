from dataclasses import replace

import numpy as np
import pytest

from results.class_sets import ClassSet
from results.comparison import compare
from results.errors import RunError, RunUsageError
from results.run import Shard
from results.scoring import Scoring, Truth
from results.tables import predictions
from tests.helpers import complete_run, on_no_blacklist, random_run, random_shard, start_run, with_blacklist

LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
A = [0, 0, 1, 1, 1, 0, 2, 2, 0, 2]
"""Right but for images 2, 5 and 8."""
B = [0, 1, 0, 2, 2, 0, 2, 2, 2, 2]
"""Right but for images 1, 3, 4 and 5."""


def run_that_predicts(folder, classes, content=(None, None)):
    """A run of the images of `LABELS`; `content` has the hashes of each shard's images."""
    run = start_run(folder, len(LABELS), identity=folder.name, shard_images=len(LABELS) // len(content))
    shards = []
    for part, hashes in zip(run.parts, content, strict=True):
        some = slice(part.start, part.stop)
        likely = np.eye(3, dtype=np.float32)[classes[some]]
        ids = [f"image {number}" for number in part]
        probabilities = {"1": likely, "10": likely}
        labels = np.array(LABELS[some])
        shards.append(Shard(part.start, part.stop, ids, labels, probabilities, content=hashes))
    return complete_run(run, shards)


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed, classes=4) for seed in range(2)]


def test_flips_are_those_of_the_exported_predictions(runs):
    found = compare(*runs)
    a, b = (predictions(run, "10") for run in runs)
    right_a, right_b = a["top1"] == a["label"], b["top1"] == b["label"]
    assert found.n == 25
    assert found.only_a_right == (right_a & ~right_b).sum()
    assert found.only_b_right == (right_b & ~right_a).sum()
    assert found.top1_error == pytest.approx((100 * (~right_a).mean(), 100 * (~right_b).mean()))
    assert set(found.flipped["image"]) == set(a["image"][right_a != right_b])
    classes = found.classes()
    assert classes["gained"].sum() == found.only_b_right
    assert classes["lost"].sum() == found.only_a_right
    assert classes["n"].tolist() == [(a["label"] == label).sum() for label in classes["label"]]


@pytest.mark.parametrize("shards_of_b", [1, 2])
def test_comparison_by_hand(tmp_path, shards_of_b):
    """Run a has two shards."""
    b = run_that_predicts(tmp_path / "b", B, [None] * shards_of_b)
    found = compare(run_that_predicts(tmp_path / "a", A), b)
    assert (found.n, found.top1_error) == (10, (30, 40))
    assert (found.only_a_right, found.only_b_right, found.p_value) == (3, 2, 1)
    half = 1.959963984540054 * np.sqrt(6 - 1 / 12) / 12
    assert found.interval == pytest.approx((100 * (1 / 12 - half), 100 * (1 / 12 + half)))
    assert list(found.images) == ["image", "label", "a", "right_a", "b", "right_b"]
    assert found.images[["label", "a", "b"]].to_numpy().T.tolist() == [LABELS, A, B]
    assert found.flipped["image"].tolist() == [f"image {number}" for number in (1, 2, 3, 4, 8)]


def test_classes_that_changed_most_come_first(tmp_path):
    """Class 0 gained an image and lost one, class 1 lost two, class 2 gained one."""
    classes = compare(run_that_predicts(tmp_path / "a", A), run_that_predicts(tmp_path / "b", B)).classes()
    assert list(classes) == ["label", "n", "gained", "lost"]
    assert classes.to_numpy().tolist() == [[1, 3, 0, 2], [2, 4, 1, 0], [0, 3, 1, 1]]
    assert classes.index.tolist() == [0, 1, 2]


def test_classes_that_changed_as_much_are_in_the_order_of_their_labels(tmp_path):
    """Of forty classes, those with an odd label lost two images and the others one."""
    labels = np.array([label for label in range(40) for _ in range(1 + label % 2)])
    runs = []
    for name, predicted in (("a", labels), ("b", (labels + 1) % 40)):
        likely = np.eye(40, dtype=np.float32)[predicted]
        ids = [f"image {number}" for number in range(60)]
        shard = Shard(0, 60, ids, labels, {"1": likely, "10": likely})
        runs.append(complete_run(start_run(tmp_path / name, 60, identity=name, shard_images=60), [shard]))
    assert compare(*runs).classes()["label"].tolist() == [*range(1, 40, 2), *range(0, 40, 2)]


def test_classes_without_a_flipped_image_are_left_out(tmp_path):
    gained = [0, 0, 0, 1, 1, 0, 2, 2, 0, 2]
    classes = compare(
        run_that_predicts(tmp_path / "a", A), run_that_predicts(tmp_path / "b", gained)
    ).classes()
    assert classes.to_numpy().tolist() == [[0, 3, 1, 0]]


def test_file_with_another_content_is_refused_where_both_runs_know_all(tmp_path):
    hashes = [np.arange(5, dtype=np.uint64), np.arange(5, 10, dtype=np.uint64)]
    other = [hashes[0], hashes[1] + np.array([0, 0, 1, 0, 0], dtype=np.uint64)]
    a = run_that_predicts(tmp_path / "a", A, hashes)
    b = run_that_predicts(tmp_path / "b", B, other)
    with pytest.raises(RunError, match=r"^image 7 had another content for .*b than for .*a"):
        compare(a, b)
    assert compare(a, run_that_predicts(tmp_path / "partly", B, [hashes[0], None])).n == 10
    assert compare(a, run_that_predicts(tmp_path / "same", B, hashes)).n == 10


def test_images_whose_names_are_not_unicode_are_compared(tmp_path):
    shard = replace(random_shard(0, 10), ids=[f"image \udcff{number}" for number in range(10)])
    runs = [complete_run(start_run(tmp_path / name, 10, identity=name), [shard]) for name in "ab"]
    assert compare(*runs).images["image"].tolist() == shard.ids


def test_run_is_equal_to_itself(runs):
    found = compare(runs[0], runs[0])
    assert (found.only_a_right, found.only_b_right, found.p_value) == (0, 0, 1.0)
    assert len(found.flipped) == len(found.classes()) == 0


def test_blacklist_leaves_images_out(runs):
    with pytest.raises(RunError, match=r"neither .*run0 nor .*run1 knows the blacklist"):
        compare(*runs, image_set="non-blacklisted")
    marked = with_blacklist(runs[1], "image 3", "image 4")
    found = compare(runs[0], marked, "1", "non-blacklisted")
    assert found.n == 23
    assert "image 3" not in set(found.images["image"])
    assert found.images.index.tolist() == list(range(23))


def test_images_that_cannot_be_on_a_blacklist_have_one_image_set(runs):
    runs = [on_no_blacklist(run) for run in runs]
    with pytest.raises(RunUsageError, match=r"no image of .*run0 could be on the blacklist: leave --image-"):
        compare(*runs, image_set="non-blacklisted")


def test_blacklist_of_all_images_leaves_nothing_to_compare(runs):
    marked = with_blacklist(runs[0], *(f"image {number}" for number in range(25)))
    with pytest.raises(RunError, match=r"no image of .*run0 is in the image set non-blacklisted"):
        compare(marked, runs[1], image_set="non-blacklisted")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("144",), "no protocol 144 that all runs have"), (("1", "half"), "no image set 'half'")],
)
def test_protocol_or_image_set_that_does_not_exist_is_refused(runs, arguments, message):
    with pytest.raises(RunError, match=message):
        compare(*runs, *arguments)


def test_image_that_one_run_skipped_is_refused(runs, tmp_path):
    other = random_run(tmp_path / "other", 2, classes=4, skipped=(12, 24))
    with pytest.raises(RunError, match=r"^image 12 is in only one of .*run0 and .*other"):
        compare(runs[0], other)
    with pytest.raises(RunError, match=r"^image 12 is in only one of .*other and .*run0"):
        compare(other, runs[0])


def test_runs_on_other_images_are_refused(runs, tmp_path):
    with pytest.raises(RunError, match=r"other is on other images or labels than .*run0"):
        compare(runs[0], random_run(tmp_path / "other", 2, classes=4, label_seed=1))


def test_comparison_among_a_set_and_by_other_labels_by_hand(tmp_path):
    """Classes 0 and 2 alone: images 3, 4 and 5 are left out, and class 1 is never predicted.

    Run a likes class 1 best on image 2, of class 0, and the first of the equal classes 0 and 2 is 0.
    """
    runs = [run_that_predicts(tmp_path / name, predicted) for name, predicted in (("a", A), ("b", B))]
    pair = ClassSet(name="pair", groups=((0,), (2,)))
    found = compare(*runs, scoring=Scoring(pair))
    assert found.images["image"].tolist() == [f"image {number}" for number in (0, 1, 2, 6, 7, 8, 9)]
    assert found.images["a"].tolist() == [0, 0, 0, 2, 2, 0, 2]
    assert (found.only_a_right, found.only_b_right) == (0, 1)
    truth = Truth("mine", {"image 1": (1, 2), "image 2": (1,), "image 5": (0, 1), "image 6": ()})
    found = compare(*runs, scoring=Scoring(truth=truth))
    assert found.images[["image", "right_a", "right_b"]].to_numpy().tolist() == [
        ["image 1", False, True],
        ["image 2", True, False],
        ["image 5", True, True],
    ]
    assert found.flipped["image"].tolist() == ["image 1", "image 2"]


def test_comparison_without_an_image_that_counts_is_refused(runs):
    with pytest.raises(
        RunError, match=r"no image of .* is in the image set all, with a label among those that"
    ):
        compare(*runs, scoring=Scoring(truth=Truth("mine", {})))
