"""Labels or outputs in the wrong order are found, and what explains them is named."""

import re

import numpy as np
import pytest

from bench.data.class_sets import find_class_set
from bench.data.classes import class_indices
from bench.evaluation.label_check import GivenOrder, LabelCheck, RanksAmong, find_mix_up
from results.run import Shard

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.integers(0, 1000, 400)
GOOD = np.where(GENERATOR.random(400) < 0.7, TRUTH, GENERATOR.integers(0, 1000, 400))
ORDER = class_indices()
INVERSE = ORDER.argsort()
NO_RANKS = np.empty(0, dtype=np.int64)
FEW = INVERSE[TRUTH] < 999  # whose ILSVRC id could be a class index


def test_good_network_passes():
    assert find_mix_up(GOOD, TRUTH, 1000) is None


def test_poor_network_passes():
    """2 % right is bad, and far above chance."""
    poor = np.where(np.arange(400) % 50 == 0, TRUTH, (TRUTH + 500) % 1000)
    assert find_mix_up(poor, TRUTH, 1000) is None


def test_chance_is_reported():
    assert "which is chance" in find_mix_up(GENERATOR.integers(0, 1000, 400), TRUTH, 1000)


def test_few_images_prove_nothing():
    assert find_mix_up(np.zeros(150, dtype=np.int64), np.ones(150, dtype=np.int64), 1000) is None


@pytest.mark.parametrize(
    ("predicted", "labels", "reading"),
    [
        (GOOD[FEW], INVERSE[TRUTH[FEW]] + 1, r"the labels look like ILSVRC ids \(1 to 1000\)"),
        (GOOD, INVERSE[TRUTH], "the labels look like ILSVRC ids less one"),
        (INVERSE[GOOD], TRUTH, "--label-order ilsvrc"),
        (np.minimum(GOOD, 998), np.minimum(TRUTH, 998) + 1, "the labels look one too high"),
        (np.maximum(GOOD, 1), np.maximum(TRUTH, 1) - 1, "the labels look one too low"),
    ],
)
def test_mix_up_is_named(predicted, labels, reading):
    assert re.search(reading, find_mix_up(predicted, labels, 1000))


ONE_TOO_HIGH = np.minimum(GOOD, 998) + 1


@pytest.mark.parametrize(
    ("predicted", "given", "advice"),
    [
        (ORDER[GOOD], GivenOrder("ilsvrc", 1000), "wordnet, not ilsvrc: leave --label-order out"),
        (INVERSE[GOOD], GivenOrder("wordnet", 1000), "ilsvrc, not wordnet: pass --label-order ilsvrc"),
        (ONE_TOO_HIGH, GivenOrder("wordnet", 1001), "background-first, not wordnet: leave --label-order out"),
    ],
)
def test_wrong_option_is_named_before_the_labels(predicted, given, advice):
    assert find_mix_up(predicted, TRUTH, 1000, given).endswith(f"outputs seem to be in the order {advice}")


def test_option_is_not_named_where_the_labels_explain_more():
    problem = find_mix_up(GOOD, INVERSE[TRUTH], 1000, GivenOrder("wordnet", 1000))
    assert "the labels look like ILSVRC ids less one" in problem


def test_images_of_several_shards_are_judged_together():
    gathered = LabelCheck(1000)
    assert gathered.add_predictions(INVERSE[GOOD[:150]], TRUTH[:150], NO_RANKS) is None
    assert gathered.add_predictions(INVERSE[GOOD[150:]], TRUTH[150:], NO_RANKS) == find_mix_up(
        INVERSE[GOOD], TRUTH, 1000
    )


OF_A = find_class_set("imagenet-a")
LABELS_OF_A = GENERATOR.choice(np.concatenate(OF_A.groups), 400)


def shard_with(right, labels=LABELS_OF_A):
    """A shard in which class 0 is the likeliest, and then the label for the images that are `right`."""
    probabilities = GENERATOR.random((len(labels), 1000), dtype=np.float32)
    probabilities[np.arange(len(labels))[right], labels[right]] = 2
    probabilities[:, 0] = 3
    return Shard(0, len(labels), [str(i) for i in range(len(labels))], labels, {"1": probabilities})


def test_scores_of_classes_outside_the_set_are_left_out():
    check = LabelCheck(1000, None, OF_A)
    assert 0 not in np.concatenate(OF_A.groups)
    assert check.add(shard_with(np.arange(400) % 4 == 0)) is None
    assert check.judged == 400
    assert 100 <= check.right < 110
    everything = LabelCheck(1000)
    assert "0 of 400 images are right, which is chance" in everything.add(shard_with(np.arange(400) % 4 == 0))


def test_chance_is_one_of_the_classes_of_the_set():
    """2 of 400 images are what chance gives among 200 classes, and far more than it gives among 1,000."""
    shard = shard_with(np.arange(400) < 0)
    assert "which is chance" in LabelCheck(1000, None, OF_A).add(shard)
    assert "which is chance" in find_mix_up(GOOD, TRUTH, 1000, None, RanksAmong(200, np.arange(400) // 2))


def test_network_that_has_only_the_five_likeliest_right_passes():
    ranks = np.where(np.arange(400) < 58, 3, 100)  # 14 %, as timm's table has it of resnet50.tv_in1k
    assert find_mix_up((LABELS_OF_A + 500) % 1000, LABELS_OF_A, 1000, None, RanksAmong(200, ranks)) is None


def test_images_outside_the_set_are_not_judged():
    check = LabelCheck(1000, None, OF_A)
    assert check.add(shard_with(np.arange(400) < 400, np.zeros(400, dtype=np.int64))) is None
    assert (check.judged, len(check.labels)) == (0, 0)


def test_mix_up_is_named_among_a_set():
    labels = INVERSE[LABELS_OF_A]
    probabilities = np.zeros((400, 1000), dtype=np.float32)
    probabilities[np.arange(400), LABELS_OF_A] = 1
    shard = Shard(0, 400, [str(i) for i in range(400)], labels, {"1": probabilities})
    problem = LabelCheck(1000, None, OF_A.widen(1000)).add(shard)
    assert "the labels look like ILSVRC ids less one" in problem
