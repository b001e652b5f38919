"""Labels or outputs in the wrong order are found, and what explains them is named."""

import re

import numpy as np
import pytest

from bench.data.classes import class_indices
from bench.evaluation.label_check import GivenOrder, LabelCheck, find_mix_up

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.integers(0, 1000, 400)
GOOD = np.where(GENERATOR.random(400) < 0.7, TRUTH, GENERATOR.integers(0, 1000, 400))
ORDER = class_indices()
INVERSE = ORDER.argsort()
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
    assert gathered.add_predictions(INVERSE[GOOD[:150]], TRUTH[:150]) is None
    assert gathered.add_predictions(INVERSE[GOOD[150:]], TRUTH[150:]) == find_mix_up(
        INVERSE[GOOD], TRUTH, 1000
    )
