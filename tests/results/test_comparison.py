import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from results.comparison import compare
from results.errors import RunError
from results.metrics import difference, mcnemar
from results.run import write_manifest
from results.tables import predictions
from tests.results.test_ensemble import made


@given(only_a=st.integers(0, 400), only_b=st.integers(0, 400))
def test_mcnemar_is_scipys_exact_binomial(only_a, only_b):
    expected = binomtest(min(only_a, only_b), only_a + only_b, 0.5).pvalue if only_a + only_b else 1
    assert mcnemar(only_a, only_b) == pytest.approx(expected)


def test_mcnemar_by_hand():
    """Ten flips, one the other way: 2 (1 + 10) / 2**10."""
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)


def test_the_interval_of_a_paired_difference_by_hand():
    """59 and 6 of 162, and half an image in each cell: (59.5 - 6.5) / 164 +- 1.96 sqrt(66 - 53**2 / 164) / 164."""
    half = 1.959963984540054 * np.sqrt(66 - 53**2 / 164) / 164
    assert difference(59, 6, 162) == pytest.approx((100 * (53 / 164 - half), 100 * (53 / 164 + half)))


def test_the_interval_holds_the_truth_about_95_times_in_100():
    generator = np.random.default_rng(0)
    only_a, only_b, _ = generator.multinomial(1000, [0.05, 0.03, 0.92], 4000).T
    held = [
        low <= 2.0 <= high
        for low, high in (difference(int(a), int(b), 1000) for a, b in zip(only_a, only_b, strict=True))
    ]
    assert 0.94 < np.mean(held) < 0.965


@pytest.fixture
def runs(tmp_path):
    return [made(tmp_path / f"run{seed}", seed, classes=4) for seed in range(2)]


def test_flips_are_those_of_the_exported_predictions(runs):
    found = compare(*runs)
    a, b = (predictions(run, "10") for run in runs)
    right_a, right_b = a["top1"] == a["label"], b["top1"] == b["label"]
    assert (found.n, found.only_a_right, found.only_b_right) == (
        25,
        (right_a & ~right_b).sum(),
        (right_b & ~right_a).sum(),
    )
    assert found.top1_error == pytest.approx((100 * (~right_a).mean(), 100 * (~right_b).mean()))
    assert set(found.flipped["image"]) == set(a["image"][right_a != right_b])
    classes = found.classes()
    assert classes["gained"].sum() == found.only_b_right
    assert classes["lost"].sum() == found.only_a_right
    assert classes["n"].tolist() == [(a["label"] == label).sum() for label in classes["label"]]


def test_a_run_is_equal_to_itself(runs):
    found = compare(runs[0], runs[0])
    assert (
        found.only_a_right,
        found.only_b_right,
        found.p_value,
        len(found.flipped),
        len(found.classes()),
    ) == (0, 0, 1.0, 0, 0)


def test_the_blacklist_leaves_images_out(runs):
    with pytest.raises(RunError, match="knows the blacklist"):
        compare(*runs, image_set="non-blacklisted")
    entry = {"blacklist": {"source": "x", "sha256": "", "excluded": ["image 3", "image 4"]}}
    marked = write_manifest(runs[1].path, dict(runs[1].manifest) | entry)
    found = compare(runs[0], marked, "1", "non-blacklisted")
    assert found.n == 23
    assert "image 3" not in set(found.images["image"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [(("144",), "no protocol 144 that all runs have"), (("1", "half"), "no image set 'half'")],
)
def test_what_cannot_be_compared(runs, asked, message):
    with pytest.raises(RunError, match=message):
        compare(*runs, *asked)
