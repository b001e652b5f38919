from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import top_k_accuracy_score

from results.metrics import (
    chances_of_change,
    difference_interval,
    error_percent,
    hit_margins,
    label_ranks,
    mcnemar_p,
    sign_flip_p,
    top_classes,
    wilson_interval,
)


def random_predictions(seed, n=200, classes=20):
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(classes), n).astype(np.float32), generator.integers(0, classes, n)


@pytest.mark.parametrize("k", [1, 5])
@given(seed=st.integers(0, 2**32 - 1))
def test_hits_are_those_of_scikit_learn(seed, k):
    probabilities, labels = random_predictions(seed)
    expected = top_k_accuracy_score(labels, probabilities, k=k, labels=range(20), normalize=False)
    assert (label_ranks(probabilities, labels) < k).sum() == expected


def test_lower_class_index_comes_first_in_a_tie():
    probabilities = np.array([[0.25, 0.25, 0.25, 0.25]] * 4, dtype=np.float32)
    assert label_ranks(probabilities, np.arange(4)).tolist() == [0, 1, 2, 3]
    assert top_classes(probabilities, 3).tolist() == [[0, 1, 2]] * 4


def test_ties_among_a_thousand_classes_are_in_the_order_of_their_indices():
    """Ten levels only, so that each has a hundred classes."""
    probabilities = np.random.default_rng(0).integers(0, 10, (5, 1000)).astype(np.float32)
    for row, best in zip(probabilities, top_classes(probabilities, 300), strict=True):
        in_order = sorted(range(1000), key=lambda index: (-row[index], index))
        assert best.tolist() == in_order[:300]


@given(seed=st.integers(0, 2**32 - 1))
def test_ranks_and_top_agree(seed):
    probabilities, labels = random_predictions(seed, n=50)
    best = top_classes(probabilities, 5)
    for rank, label, row in zip(label_ranks(probabilities, labels), labels, best, strict=True):
        assert (rank < 5) == (label in row)
        assert rank >= 5 or row[rank] == label


@given(n=st.integers(1, 50_000), share=st.floats(0, 1))
def test_wilson_interval_is_that_of_scipy(n, share):
    hits = round(n * share)
    expected = binomtest(n - hits, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, n) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-9)


def test_wilson_interval_stays_between_0_and_100():
    """However floats round at its ends, where no image or each one is a hit."""
    for n in range(1, 1000):
        assert wilson_interval(0, n)[1] <= 100
        assert wilson_interval(n, n)[0] >= 0


def test_error_is_in_percent():
    assert error_percent(39_033, 50_000) == pytest.approx(21.934)


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from([1, 5]))
def test_margin_is_the_ratio_of_the_best_right_class_and_the_kth_wrong_one(classes, seed, k):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), 20).astype(np.float32)
    right = generator.random((20, classes)) < 0.3
    right[:, 0] |= ~right.any(axis=1)
    for row, own, margin in zip(probabilities, right, hit_margins(probabilities, right, [k])[0], strict=True):
        wrong = sorted(row[~own], reverse=True)
        expected = abs(np.log(max(row[own]) / wrong[k - 1])) if len(wrong) >= k else np.inf
        assert margin == pytest.approx(expected, abs=1e-5)


def test_margin_of_a_tie_is_none_even_where_both_are_impossible():
    rows = np.array([[0.4, 0.4, 0.2], [0.0, 1.0, 0.0]], dtype=np.float32)
    own = np.array([[True, False, False]] * 2)
    assert hit_margins(rows[:1], own[:1], [1]).tolist() == [[0]]
    assert hit_margins(rows[1:], own[1:], [2]).tolist() == [[0]]


def test_expected_changes_are_as_many_as_random_errors_make():
    """Of two classes, whose logarithms of the ratio get normal errors: 40,000 draws."""
    generator = np.random.default_rng(0)
    share = generator.uniform(0.4, 0.6, 200)
    probabilities = np.stack([share, 1 - share], axis=1)
    right = np.array([[True, False]] * 200)
    expected = chances_of_change(hit_margins(probabilities, right, [1]), 0.15).sum()
    logs = np.log(share / (1 - share))
    changed = [(logs > 0) != (logs + generator.normal(0, 0.15, 200) > 0) for _ in range(200)]
    assert expected == pytest.approx(np.sum(changed) / 200, rel=0.03)
    assert 20 < expected < 60


@given(only_a=st.integers(0, 400), only_b=st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test_of_scipy(only_a, only_b):
    expected = binomtest(min(only_a, only_b), only_a + only_b, 0.5).pvalue if only_a + only_b else 1
    assert mcnemar_p(only_a, only_b) == pytest.approx(expected)


def test_mcnemar_by_hand():
    """Ten flips, one of them the other way: 2 (1 + 10) / 2**10."""
    assert mcnemar_p(1, 9) == pytest.approx(22 / 1024)


def test_interval_of_a_paired_difference_by_hand():
    """59 and 6 of 162, and half an image more in each cell.

    (59.5 - 6.5) / 164 +- 1.96 sqrt(66 - 53**2 / 164) / 164
    """
    half = 1.959963984540054 * np.sqrt(66 - 53**2 / 164) / 164
    assert difference_interval(59, 6, 162) == pytest.approx(
        (100 * (53 / 164 - half), 100 * (53 / 164 + half))
    )


def test_interval_of_a_paired_difference_has_the_truth_95_times_in_100():
    generator = np.random.default_rng(0)
    only_a, only_b, _ = generator.multinomial(1000, [0.05, 0.03, 0.92], 4000).T
    intervals = [difference_interval(int(a), int(b), 1000) for a, b in zip(only_a, only_b, strict=True)]
    assert 0.94 < np.mean([low <= 2.0 <= high for low, high in intervals]) < 0.965


@given(only_a=st.integers(0, 300), only_b=st.integers(0, 300))
def test_sign_flip_test_of_one_pair_is_mcnemars(only_a, only_b):
    gains = np.repeat([-1, 0, 1], [only_a, 5, only_b])
    assert sign_flip_p(gains) == pytest.approx(mcnemar_p(only_a, only_b), rel=1e-9)


@given(gains=st.lists(st.integers(-4, 4), max_size=8))
def test_sign_flip_test_counts_all_signs(gains):
    sums = [abs(sum(map(int.__mul__, signs, gains))) for signs in product((-1, 1), repeat=len(gains))]
    share = np.mean([total >= abs(sum(gains)) for total in sums])
    assert sign_flip_p(np.array(gains, dtype=np.int64)) == pytest.approx(share)
