"""How stored probabilities are judged: among which classes, and by which labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results.class_sets import ClassSet
from results.errors import RunUsageError
from results.metrics import hit_margins, label_ranks, top_classes
from results.run import Run, Shard

ALL_CLASSES = ClassSet(name="", groups=())
"""In place of a set: all classes, also for a run whose manifest has a set."""


@dataclass(frozen=True)
class Truth:
    """Labels other than those of a run, of which an image may have several."""

    name: str
    """Such as `real`, or the name of a file."""
    right: Mapping[str, tuple[int, ...]]
    """The right classes of an image by its id. Images that have none are left out."""


@dataclass(frozen=True)
class Scoring:
    """Among which classes predictions are made, and by which labels they are right."""

    classes: ClassSet | None = None
    """None for what each run's manifest says; `ALL_CLASSES` for all."""
    truth: Truth | None = None
    """None for each run's own labels."""

    @property
    def class_set(self) -> str:
        """The name of the set; empty for all classes."""
        return self.classes.name if self.classes else ""

    @property
    def truth_name(self) -> str:
        """The name of the labels; empty for a run's own."""
        return self.truth.name if self.truth else ""

    def of_run(self, run: Run) -> "Scoring":
        """The same with the set that counts for this run, so that None means all classes.

        A label of ObjectNet stands for several classes, which are one also among all.
        """
        data = run.manifest.data
        classes = self.classes or data.class_set
        if self.classes == ALL_CLASSES and data.objectnet and data.class_set:
            classes = data.class_set.widen(1000)
        return replace(self, classes=classes if classes and classes.groups else None)


AS_STORED = Scoring()
"""Each run among its own classes, by its own labels."""


def scored_in_words(class_set: str, truth: str) -> str:
    """How rows were scored, to go behind their image set.

    >>> scored_in_words("imagenet-a", "real"), scored_in_words("", "")
    (', among imagenet-a, by real', '')
    """
    words = [f", among {class_set}"] * bool(class_set) + [f", by {truth}"] * bool(truth)
    return "".join(words)


@dataclass(frozen=True)
class Judgement:
    """The images of a shard that count, and which classes are right for each."""

    shard: Shard
    classes: ClassSet | None
    """Those among which predictions are made; None for all."""
    kept: NDArray[np.intp]
    """[n] the numbers, in the shard, of the images with a right class."""
    right: NDArray[np.bool_]
    """[n x classes] whether a class of the set is right."""

    @property
    def ids(self) -> list[str]:
        """The n images that count."""
        return [self.shard.ids[i] for i in self.kept.tolist()]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """[n] the right class of each image among those of the set; None where an image has several."""
        return None if (self.right.sum(axis=1) > 1).any() else self.right.argmax(axis=1)

    def probabilities(self, protocol: str) -> NDArray[np.float32]:
        """[n x classes] of the classes of the set."""
        kept = self.shard.probabilities[protocol][self.kept]
        return self.classes.project(kept) if self.classes else kept

    def ranks(self, protocol: str) -> NDArray[np.int64]:
        """[n] the number of classes ahead of the best-ranked right one; ties as in `label_ranks`."""
        probabilities = self.probabilities(protocol)
        return label_ranks(probabilities, self._best(probabilities))

    def margins(self, protocol: str, ks: Sequence[int]) -> NDArray[np.float64]:
        """[ks x n] how far each image is from a tie that decides whether it is a top-k hit: `hit_margins`."""
        return hit_margins(self.probabilities(protocol), self.right, ks)

    def p_right(self, protocol: str) -> NDArray[np.float32]:
        """[n] the probability of the best-ranked right class."""
        probabilities = self.probabilities(protocol)
        return np.take_along_axis(probabilities, self._best(probabilities)[:, None], axis=1)[:, 0]

    def _best(self, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
        """[n] the right class with the highest probability, the first of equal ones."""
        return np.asarray(np.where(self.right, probabilities, -np.inf).argmax(axis=1), dtype=np.int64)


def judge(shard: Shard, scoring: Scoring) -> Judgement:
    """Which images of a shard count, and what is right for each.

    `scoring` is of `Scoring.of_run`. Images are left out whose right classes are not in the set, and those
    for which the labels name none. Raises `RunUsageError` for classes that the predictions are not of.
    """
    classes = next(iter(shard.probabilities.values())).shape[1]
    if scoring.truth is None:
        rows, columns = np.arange(len(shard.ids)), shard.labels
    else:
        named = [scoring.truth.right.get(image, ()) for image in shard.ids]
        rows = np.repeat(np.arange(len(named)), [len(each) for each in named])
        columns = np.fromiter(chain.from_iterable(named), dtype=np.int64)
        _check_known(columns, classes, scoring.truth.name)
    if scoring.classes:
        _check_known(list(chain.from_iterable(scoring.classes.groups)), classes, scoring.classes.name)
        columns = scoring.classes.group_of(classes)[columns]
        rows, columns = rows[columns >= 0], columns[columns >= 0]
        classes = len(scoring.classes.groups)
    right = np.zeros((len(shard.ids), classes), dtype=bool)
    right[rows, columns] = True
    kept = np.flatnonzero(right.any(axis=1))
    return Judgement(shard, scoring.classes, kept, right[kept])


def _check_known(indices: ArrayLike, classes: int, name: str) -> None:
    array = np.asarray(indices)
    if ((array < 0) | (array >= classes)).any():
        raise RunUsageError(f"{name} is of other classes than the run's {classes}: leave it out, or the run")


def top_predictions(
    probabilities: NDArray[np.float32], classes: ClassSet | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """([n x k], [n x k]) the likeliest classes among a set, None for all, and their probabilities.

    Of several classes that are one in the set, it is the likeliest. Ties as in `label_ranks`.

    >>> pets = ClassSet(name="pets", groups=((0,), (2, 3)))
    >>> top_predictions(np.array([[0.1, 0.5, 0.15, 0.25]]), pets, 5)
    (array([[3, 0]]), array([[0.25, 0.1 ]]))
    """
    if classes:
        likeliest = [np.array(group)[probabilities[:, group].argmax(axis=1)] for group in classes.groups]
        indices = np.stack(likeliest, axis=1)
        best = top_classes(classes.project(probabilities), k)
        found = np.take_along_axis(indices, best, axis=1)
    else:
        found = top_classes(probabilities, k)
    return found, np.take_along_axis(probabilities, found, axis=1)


def common_scoring(runs: Sequence[Run], scoring: Scoring) -> Scoring:
    """`Scoring.of_run` of all these runs. Raises `RunUsageError` where they have different classes."""
    common = scoring.of_run(runs[0])
    for run in runs[1:]:
        if (own := scoring.of_run(run)) != common:
            sets = " and ".join(each.class_set or "all classes" for each in (common, own))
            raise RunUsageError(
                f"{runs[0].path} and {run.path} are scored among {sets}: pass --classes with one of them"
            )
    return common


def clean_counterparts(run: Run, runs: Sequence[Run], stated: Sequence[Scoring]) -> list[Scoring]:
    """The further ways in which a table of `runs` scores one of them, each of `Scoring.of_run`.

    A run over all classes is also scored among the sets of the runs of the same network, so that the same
    classes of other images, such as ImageNet's own, stand beside theirs. Not where a set is stated.
    """
    if run.manifest.data.class_set:
        return []
    sets = {other.manifest.data.class_set: None for other in runs if _weights(other) == _weights(run)}
    return [
        replace(scoring, classes=each).of_run(run)
        for each in sets
        for scoring in stated
        if each and scoring.classes is None
    ]


def _weights(run: Run) -> list[tuple[str, ...]]:
    """What tells the weights of a run's network, or of each of its ensemble, from others."""
    model = run.manifest.model
    models = [member.model for member in model.members] or [model]
    return [
        (each.weights_sha256,)
        if each.weights_sha256
        else (each.provider, each.architecture, each.tag, each.weights)
        for each in models
    ]
