"""From the scores in a file to probabilities by class index."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import index_by_name
from bench.errors import UsageError
from bench.imports.files import StoredScores
from bench.zoo.loading import ORDER_OF_OUTPUTS, LabelOrder, check_label_order, columns_of

TOLERANCE = 0.01
"""By how much the sum of a row of probabilities may differ from 1: half precision and few digits round."""


def find_order(
    stored: StoredScores, classes: Sequence[str], label_order: str
) -> tuple[LabelOrder, NDArray[np.int64]]:
    """What the outputs stand for, and [classes] the output of each class index.

    With `auto`, columns that are named as the classes are go by their names, and others by their number.
    Raises `UsageError` where they do not fit the classes.
    """
    outputs = stored.values.shape[1]
    order = check_label_order(label_order)
    if order is None and set(stored.columns) == set(classes) and outputs == len(classes):
        index = index_by_name(stored.columns)
        return "own", np.array([index[name] for name in classes])
    order = order or ORDER_OF_OUTPUTS.get(outputs, "own")
    columns = np.arange(outputs) if order == "own" else columns_of(order, outputs).numpy()
    if len(columns) != len(classes) or columns.max() >= outputs:
        raise UsageError(
            f"{stored.path} has {outputs:,} columns in the order {order}, "
            f"which do not fit the {len(classes):,} classes of the images: "
            "write a column for each class, or pass another --label-order"
        )
    return order, columns


def are_probabilities(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n] whether none of a row's scores is negative and their sum is 1, up to rounding.

    >>> are_probabilities(np.array([[0.5, 0.5], [1.5, -0.5], [0.5, 0.0]], np.float32))
    array([ True, False, False])
    """
    sums = scores.sum(axis=1, dtype=np.float64)
    good: NDArray[np.bool_] = (scores >= 0).all(axis=1) & (np.abs(sums - 1) <= TOLERANCE)
    return good


def to_probabilities(
    scores: NDArray[np.float32], columns: NDArray[np.int64], *, logits: bool
) -> NDArray[np.float32]:
    """[n x outputs] -> [n x classes] probabilities, from `columns` alone: their sum is 1 without a background
    class, too.

    >>> to_probabilities(np.array([[0.5, 0.25, 0.25]], np.float32), np.array([2, 1]), logits=False)
    array([[0.5, 0.5]], dtype=float32)
    """
    if not logits and len(columns) == scores.shape[1]:
        return scores[:, columns]
    chosen = scores[:, columns].astype(np.float64)
    if logits:
        chosen = np.exp(chosen - chosen.max(axis=1, keepdims=True))
    sums = chosen.sum(axis=1, keepdims=True)
    probabilities: NDArray[np.float32] = (chosen / np.where(sums > 0, sums, 1)).astype(np.float32)
    return probabilities
