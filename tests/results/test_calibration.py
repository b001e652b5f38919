"""Tests of the calibration, against torchmetrics, scikit-learn and a bin worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from results.calibration import BINS, SMALLEST, Calibration, calibration


def drawn(n: int, classes: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Probabilities of all confidences, and labels that are the predicted class half the time."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, classes)) * generator.uniform(0.2, 3, (n, 1))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    labels = np.where(
        generator.random(n) < 0.5, probabilities.argmax(axis=1), generator.integers(0, classes, n)
    )
    return probabilities, labels.astype(np.int64)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_calibration_error_is_that_of_torchmetrics(classes: int) -> None:
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    probabilities, labels = drawn(400, classes, seed=classes)
    assert (probabilities < 1).all()  # torchmetrics has a bin of its own for 1
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=classes, n_bins=BINS
    )
    assert calibration(probabilities, labels).ece == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_likelihood_and_brier_score_are_those_of_scikit_learn(classes: int) -> None:
    from sklearn.metrics import brier_score_loss, log_loss

    probabilities, labels = drawn(400, classes, seed=classes)
    values = probabilities.astype(np.float64)
    values /= values.sum(axis=1, keepdims=True)  # scikit-learn wants sums of 1 in double precision
    found = calibration(probabilities, labels)
    names = list(range(classes))
    assert found.nll == pytest.approx(log_loss(labels, values, labels=names), rel=1e-6)
    scale = {"scale_by_half": False} if classes == 2 else {}
    assert found.brier == pytest.approx(brier_score_loss(labels, values, labels=names, **scale), rel=1e-5)


def test_sums_of_parts_are_those_of_the_whole() -> None:
    probabilities, labels = drawn(300, 10, seed=3)
    whole = calibration(probabilities, labels)
    parts = Calibration() + calibration(probabilities[:70], labels[:70])
    parts += calibration(probabilities[70:], labels[70:])
    assert parts.n == whole.n
    np.testing.assert_allclose(parts.reliability(), whole.reliability())
    assert [parts.nll, parts.brier, parts.ece] == pytest.approx([whole.nll, whole.brier, whole.ece])


def test_certain_predictions_share_the_last_bin_and_a_label_of_no_probability_counts() -> None:
    probabilities = np.array([[1.0, 0.0], [0.95, 0.05], [1.0, 0.0]], dtype=np.float32)
    found = calibration(probabilities, np.array([0, 0, 1]))
    (bin_,) = found.reliability()
    assert bin_ == pytest.approx((2.95 / 3, 2 / 3, 3), abs=1e-6)
    assert found.ece == pytest.approx(2.95 / 3 - 2 / 3, abs=1e-6)
    assert found.nll == pytest.approx((-np.log(0.95) - np.log(SMALLEST)) / 3, rel=1e-6)


def test_probabilities_are_divided_by_their_sum_and_none_at_all_are_all_equal() -> None:
    probabilities, labels = drawn(50, 10, seed=4)
    whole, halves = calibration(probabilities, labels), calibration(probabilities / 2, labels)
    assert [halves.nll, halves.brier, halves.ece] == pytest.approx([whole.nll, whole.brier, whole.ece], 1e-5)
    nothing = calibration(np.zeros((2, 4), dtype=np.float32), np.array([0, 1]))
    assert (nothing.nll, nothing.brier, nothing.ece) == pytest.approx((np.log(4), 0.75, 0.25))
