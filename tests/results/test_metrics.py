import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import top_k_accuracy_score

from results.metrics import error, rank_range, ranks, top, wilson


def made_up(seed, n=200, classes=20):
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(classes), n).astype(np.float32), generator.integers(0, classes, n)


@pytest.mark.parametrize("k", [1, 5])
@given(seed=st.integers(0, 2**32 - 1))
def test_hits_are_scikit_learns(seed, k):
    probabilities, labels = made_up(seed)
    expected = top_k_accuracy_score(labels, probabilities, k=k, labels=range(20), normalize=False)
    assert (ranks(probabilities, labels) < k).sum() == expected


def test_the_lower_class_index_stands_first_in_a_tie():
    probabilities = np.array([[0.25, 0.25, 0.25, 0.25]] * 4, dtype=np.float32)
    assert ranks(probabilities, np.arange(4)).tolist() == [0, 1, 2, 3]
    assert top(probabilities, 3).tolist() == [[0, 1, 2]] * 4


@given(seed=st.integers(0, 2**32 - 1))
def test_ranks_and_top_agree(seed):
    probabilities, labels = made_up(seed, n=50)
    best = top(probabilities, 5)
    for rank, label, row in zip(ranks(probabilities, labels), labels, best, strict=True):
        assert (rank < 5) == (label in row)
        assert rank >= 5 or row[rank] == label


@given(n=st.integers(1, 50_000), share=st.floats(0, 1))
def test_wilsons_interval_is_scipys(n, share):
    hits = round(n * share)
    expected = binomtest(n - hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-9)


def test_errors_are_in_percent():
    assert error(39_033, 50_000) == pytest.approx(21.934)


@given(st.integers(2, 7), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-3, 0.2]))
def test_the_range_of_ranks_is_what_disturbances_reach(classes, seed, tolerance):
    """Each probability moved by half the tolerance at most: no rank leaves the range; and its ends are those of the extremes."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), 20)
    probabilities[:, 1] = probabilities[:, 0]  # ties
    labels = generator.integers(0, classes, 20)
    least, greatest = rank_range(probabilities, labels, tolerance)
    for _ in range(10):
        moved = ranks(
            probabilities + generator.uniform(-0.499, 0.499, probabilities.shape) * tolerance, labels
        )
        assert ((least <= moved) & (moved <= greatest)).all()
    own = np.arange(classes) == labels[:, None]
    assert (
        least.tolist()
        == ((probabilities - np.where(own, 0, tolerance)) > (probabilities * own).sum(1, keepdims=True))
        .sum(1)
        .tolist()
    )
    assert (least <= ranks(probabilities, labels)).all()
    assert (greatest >= ranks(probabilities, labels)).all()
