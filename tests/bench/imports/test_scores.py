from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.classes import ilsvrc_order, wordnet_ids
from bench.errors import UsageError
from bench.imports.files import StoredScores
from bench.imports.scores import are_probabilities, find_order, to_probabilities

LOGITS = np.random.default_rng(0).normal(size=(20, 1008)).astype(np.float32) * 5


def stored(outputs, columns=()):
    return StoredScores(Path("scores.npy"), "", LOGITS[:, :outputs], columns=columns)


@pytest.mark.parametrize(
    ("outputs", "label_order", "expected"),
    [
        (1000, "auto", lambda scores: scores),
        (1001, "auto", lambda scores: scores[:, 1:]),
        (1000, "ilsvrc", lambda scores: scores[:, [ilsvrc_order().index(name) for name in wordnet_ids()]]),
        (1008, "auto", lambda scores: scores[:, [1 + ilsvrc_order().index(name) for name in wordnet_ids()]]),
    ],
)
@pytest.mark.parametrize("logits", [True, False])
def test_outputs_become_class_indices_as_in_an_evaluation(outputs, label_order, expected, logits):
    """With the softmax of the classes alone, which leaves a background class out."""
    scores = LOGITS[:, :outputs]
    _, columns = find_order(stored(outputs), wordnet_ids(), label_order)
    given = scores if logits else torch.from_numpy(scores).softmax(1).numpy()
    found = to_probabilities(given, columns, logits=logits)
    assert found.dtype == np.float32
    assert np.abs(found - torch.from_numpy(expected(scores)).softmax(1).numpy()).max() < 1e-6


def test_columns_with_the_names_of_the_classes_go_by_their_names():
    order, columns = find_order(stored(1000, ilsvrc_order()), wordnet_ids(), "auto")
    assert order == "own"
    assert [ilsvrc_order()[column] for column in columns] == list(wordnet_ids())
    _, columns = find_order(stored(1000, ilsvrc_order()), wordnet_ids(), "wordnet")
    assert columns.tolist() == list(range(1000))


def test_classes_of_ones_own_are_in_the_order_of_the_columns():
    assert find_order(stored(3), ("cat", "dog", "fox"), "auto")[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("outputs", "order", "classes", "message"),
    [
        (900, "auto", wordnet_ids(), "scores.npy has 900 columns in the order own, .* the 1,000 classes"),
        (1000, "auto", ("cat", "dog"), "has 1,000 columns in the order wordnet, .* the 2 classes"),
        (1000, "background-first", wordnet_ids(), "has 1,000 columns in the order background-first"),
        (900, "ilsvrc", wordnet_ids(), "has 900 columns in the order ilsvrc"),
        (1000, "alphabetic", wordnet_ids(), "no label order 'alphabetic'"),
    ],
)
def test_columns_that_do_not_fit_the_classes_are_refused(outputs, order, classes, message):
    with pytest.raises(UsageError, match=message):
        find_order(stored(outputs), classes, order)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rounded_probabilities_are_probabilities_and_logits_are_not(dtype):
    rounded = torch.from_numpy(LOGITS).softmax(1).to(dtype).float().numpy()
    assert are_probabilities(rounded).all()
    assert not are_probabilities(LOGITS).any()
    assert not are_probabilities(rounded * 1.05).any()


def test_large_logits_do_not_overflow():
    found = to_probabilities(np.array([[1e4, 0, -1e4]], np.float32), np.arange(3), logits=True)
    assert found.tolist() == [[1, 0, 0]]
