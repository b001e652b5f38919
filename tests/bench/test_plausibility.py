import numpy as np
import pytest

from bench.data.classes import class_indices
from bench.plausibility import doubt

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.integers(0, 1000, 400)
GOOD = np.where(GENERATOR.random(400) < 0.7, TRUTH, GENERATOR.integers(0, 1000, 400))
ORDER = class_indices()
INVERSE = ORDER.argsort()


def test_a_good_network_raises_no_doubt():
    assert doubt(GOOD, TRUTH, 1000) is None


def test_a_poor_network_raises_none_either():
    """2 % right is bad, and far above chance."""
    poor = np.where(np.arange(400) % 50 == 0, TRUTH, (TRUTH + 500) % 1000)
    assert doubt(poor, TRUTH, 1000) is None


def test_chance_is_named():
    assert "which is chance" in doubt(GENERATOR.integers(0, 1000, 400), TRUTH, 1000)


def test_nothing_is_said_of_few_images():
    assert doubt(np.zeros(150, dtype=np.int64), np.ones(150, dtype=np.int64), 1000) is None


@pytest.mark.parametrize(
    ("predicted", "labels", "reading"),
    [
        (GOOD, INVERSE[TRUTH], "the labels look like ILSVRC ids"),
        (INVERSE[GOOD], TRUTH, "--label-order ilsvrc"),
        (GOOD, TRUTH + 1, "the labels look one too high"),
        (GOOD, TRUTH - 1, "the labels look one too low"),
    ],
)
def test_a_mix_up_is_named(predicted, labels, reading):
    assert reading in doubt(predicted, labels, 1000)
