"""Whether predictions and labels can be about the same classes in the same order."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.data.classes import class_indices
from bench.zoo.loading import LABEL_ORDERS, ORDER_OF_OUTPUTS, LabelOrder, columns_of
from results.class_sets import ClassSet
from results.run import Shard

ENOUGH = 200
"""Images before anything is concluded: by chance, 200 images of 1000 classes have 0.2 hits."""

MOST = 2000
"""Images after which nothing more is checked: a mix-up shows by then."""

CHANCE = 0.001
"""p of an exact binomial test above which hits may be chance."""


def _no_indices() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class GivenOrder:
    """An order of a network's outputs that the user gave, with `--label-order`."""

    order: LabelOrder
    outputs: int
    """Of the network."""


@dataclass(frozen=True)
class RanksAmong:
    """Where the labels are among the classes of a set."""

    classes: int
    """Of the set."""
    ranks: NDArray[np.int64]
    """[n] how many of them are ahead of the label."""

    def hits(self, k: int) -> int:
        """Images whose label is among the k likeliest."""
        return int((self.ranks < k).sum())


@dataclass
class LabelCheck:
    """Checks the images of an evaluation as their shards come, those whose label is in `class_set`."""

    classes: int
    given: GivenOrder | None = None
    """None where the order is the usual one for the number of outputs."""
    class_set: ClassSet | None = None
    """The classes among which predictions are scored; None for all."""
    predicted: NDArray[np.int64] = field(default_factory=_no_indices)
    """[n] class indices, of all classes, under the largest protocol."""
    labels: NDArray[np.int64] = field(default_factory=_no_indices)
    """[n] class indices."""
    ranks: NDArray[np.int64] = field(default_factory=_no_indices)
    """[n] how many classes of the set are ahead of the label; empty where all classes count."""
    judged: int = 0
    """Images of all shards that were added."""
    right: int = 0
    """Those whose prediction is right."""

    def add(self, shard: Shard) -> str | None:
        """Add a shard's images: what is wrong with the order of the classes, in one line, or None."""
        probabilities, labels = list(shard.probabilities.values())[-1], shard.labels
        ranks = _no_indices()
        if self.class_set:
            kept = self.class_set.group_of(self.classes)[labels] >= 0
            probabilities, labels = probabilities[kept], labels[kept]
            ranks = self.class_set.label_ranks(probabilities, labels)
        predicted = probabilities.argmax(axis=1) if len(probabilities) else _no_indices()
        self.judged += len(labels)
        self.right += int((ranks < 1).sum() if self.class_set else (predicted == labels).sum())
        return self.add_predictions(predicted, labels, ranks)

    def add_predictions(
        self, predicted: NDArray[np.int64], labels: NDArray[np.int64], ranks: NDArray[np.int64]
    ) -> str | None:
        """Add images, the arrays as those of the same names here: as `add`."""
        if len(self.labels) >= MOST:
            return None
        self.predicted = np.concatenate([self.predicted, predicted])
        self.labels = np.concatenate([self.labels, labels])
        self.ranks = np.concatenate([self.ranks, ranks])
        among = RanksAmong(len(self.class_set.groups), self.ranks) if self.class_set else None
        return find_mix_up(self.predicted, self.labels, self.classes, self.given, among)


def find_mix_up(
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: int,
    given: GivenOrder | None = None,
    among: RanksAmong | None = None,
) -> str | None:
    """What is wrong with the order of the classes, in one line, or None. Both arrays are [n] class indices.

    It names the reading of labels or outputs that explains the predictions far better, that of an order
    which was `given` first; or it says that they are no better than chance, `among` the classes of a set
    where there is one. There the five likeliest count, too: of ImageNet-A, whose images were chosen because a
    ResNet-50 fails on them, timm's table has it with no image right, and 14 % among the five likeliest.
    """
    n = len(labels)
    if n < ENOUGH:
        return None
    from scipy.special import bdtrc  # binomtest does the same; scipy.stats takes a second to import

    hits = among.hits(1) if among else int((predicted == labels).sum())
    measured = f"{hits} of {n} images are right"
    if classes == 1000:
        reading, better = _best_reading(predicted, labels, given)
        if better > max(3 * hits, n // 10):
            return f"{measured}, but {better} would be: {reading}"
    tries = [(hits, 1 / classes)]
    if among:
        tries = [(among.hits(k), k / among.classes) for k in (1, 5) if k < among.classes]
    if all(bdtrc(count - 1, n, p) > CHANCE for count, p in tries):
        return f"{measured}, which is chance: wrong weights, labels or normalisation?"
    return None


def _best_reading(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], given: GivenOrder | None
) -> tuple[str, int]:
    """Of the usual mix-ups the one that explains most predictions: what to say of it, and how many are
    right then. Where several do, the first one.
    """
    by_ilsvrc_id = class_indices()
    readings = [
        *(_readings_of_outputs(predicted, labels, given) if given else ()),
        (
            "the labels look like ILSVRC ids (1 to 1000) instead of class indices: pass --devkit",
            by_ilsvrc_id[labels - 1] == predicted,
        ),
        (
            "the labels look like ILSVRC ids less one instead of class indices: pass --devkit",
            by_ilsvrc_id[labels] == predicted,
        ),
        (
            "the network's outputs look like ILSVRC ids: pass --label-order ilsvrc",
            by_ilsvrc_id[predicted] == labels,
        ),
        (
            "the labels look one too high, as if counted from 1: subtract one",
            labels - 1 == predicted,
        ),
        (
            "the labels look one too low against the outputs: "
            "is there a background class (--label-order background-first)?",
            labels + 1 == predicted,
        ),
    ]
    counted = [(reading, int(right.sum())) for reading, right in readings]
    return max(counted, key=lambda pair: pair[1])


def _readings_of_outputs(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], given: GivenOrder
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The readings of the outputs in other orders than the given one."""
    outputs = columns_of(given.order, given.outputs).numpy()[predicted]
    for order in LABEL_ORDERS:
        if order in (given.order, "own") or (order == "background-first" and given.outputs == 1000):
            continue
        class_of_output = np.full(given.outputs, -1)
        class_of_output[columns_of(order, given.outputs)] = np.arange(1000)
        usual = ORDER_OF_OUTPUTS.get(given.outputs) == order
        advice = "leave --label-order out" if usual else f"pass --label-order {order}"
        reading = f"the network's outputs seem to be in the order {order}, not {given.order}: {advice}"
        yield reading, class_of_output[outputs] == labels
