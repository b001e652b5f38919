"""Judging stored probabilities, beside plain loops, NumPy by hand, scikit-learn and the published rules."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from results.class_sets import ClassSet
from results.errors import RunUsageError
from results.metrics import label_ranks
from results.run import Shard, write_manifest
from results.scoring import (
    ALL_CLASSES,
    AS_STORED,
    Scoring,
    Truth,
    clean_counterparts,
    common_scoring,
    judge,
    top_predictions,
)
from tests.helpers import random_run

CLASSES = 8
PETS = ClassSet(name="pets", groups=((1,), (6, 2), (4,)))


def shard_with_ties(seed, images=12, classes=CLASSES):
    """Probabilities of a few levels only, so that many are equal."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 4, (images, classes)).astype(np.float32) / 4
    ids = [f"image {number}" for number in range(images)]
    return Shard(0, images, ids, generator.integers(0, classes, images), {"1": levels})


def set_among(classes, data):
    """A set of one to four groups of these classes, each class in one group at most."""
    order = data.draw(st.permutations(range(classes)))
    cuts = sorted(data.draw(st.sets(st.integers(1, classes - 1), min_size=1, max_size=4)))
    groups = [tuple(order[start:stop]) for start, stop in zip([0, *cuts], cuts, strict=False)]
    return ClassSet(name="drawn", groups=tuple(groups))


def judged_by_a_loop(shard, groups, right):
    """{image: (rank, p of the best right class)} of one image and one class after the other."""
    found = {}
    for image, row in zip(shard.ids, shard.probabilities["1"].tolist(), strict=True):
        scores = [max(row[index] for index in group) for group in groups]
        among = [number for number, group in enumerate(groups) if set(group) & set(right[image])]
        if among:
            order = sorted(range(len(groups)), key=lambda number: (-scores[number], number))
            best = min(among, key=order.index)
            found[image] = (order.index(best), scores[best])
    return found


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.data())
def test_judgement_is_that_of_a_loop(seed, has_set, has_truth, data):
    shard = shard_with_ties(seed)
    classes = set_among(CLASSES, data) if has_set else None
    right = {image: (label,) for image, label in zip(shard.ids, shard.labels.tolist(), strict=True)}
    truth = None
    if has_truth:
        some = st.lists(st.integers(0, CLASSES - 1), max_size=3, unique=True).map(tuple)
        right = {image: data.draw(some) for image in shard.ids}
        truth = Truth("drawn", {image: each for image, each in right.items() if each or image < "image 4"})
    judged = judge(shard, Scoring(classes, truth))
    groups = classes.groups if classes else [(index,) for index in range(CLASSES)]
    expected = judged_by_a_loop(shard, groups, right)
    assert judged.ids == list(expected)
    found = zip(judged.ranks("1").tolist(), judged.p_right("1").tolist(), strict=True)
    assert list(found) == list(expected.values())


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5]), st.data())
def test_no_error_below_the_margins_changes_a_hit_and_one_above_changes_each(seed, k, data):
    """All right classes go one way, as the logarithms of their probabilities, and all others stay."""
    shard = shard_with_ties(seed)
    sets = st.sets(st.integers(0, CLASSES - 1), min_size=1, max_size=3).map(tuple)
    truth = Truth("drawn", {image: data.draw(sets) for image in shard.ids})
    scoring = Scoring(set_among(CLASSES, data), truth)
    judged = judge(shard, scoring)
    if not judged.ids:
        return
    margins = judged.margins("1", [k])[0]
    hits = judged.ranks("1") < k

    def hits_after(factors):
        moved = shard.probabilities["1"].astype(np.float64)
        group = scoring.classes.group_of(CLASSES)
        for i, factor in zip(judged.kept.tolist(), factors, strict=True):
            own = {group[index] for index in truth.right[shard.ids[i]]} - {-1}
            moved[i, np.isin(group, list(own))] *= factor
        return judge(replace(shard, probabilities={"1": moved}), scoring).ranks("1") < k

    away = np.where(hits, -1.0, 1.0)
    possible = judged.p_right("1") > 0  # else no factor changes it
    decided = (margins < 20) & possible  # beyond that the rival is impossible
    reached = np.where(decided, margins, 0)
    assert (hits_after(np.exp(away * 0.99 * reached)) == hits)[reached > 0].all()
    assert (hits_after(np.exp(away * (1.01 * reached + 1e-6))) != hits)[decided].all()
    assert hits[~np.isfinite(margins)].all()


@given(st.integers(0, 2**32 - 1))
def test_top1_by_several_labels_is_the_published_rule_of_real(seed):
    """mean(pred in labels) over the images that have labels (Beyer et al., reassessed-imagenet)."""
    generator = np.random.default_rng(seed)
    shard = replace(shard_with_ties(seed), probabilities={"1": generator.random((12, CLASSES), np.float32)})
    labels = [generator.choice(CLASSES, generator.integers(0, 4), replace=False).tolist() for _ in shard.ids]
    predicted = shard.probabilities["1"].argmax(axis=1)
    is_correct = [pred in labels[i] for i, pred in enumerate(predicted) if labels[i]]
    truth = Truth("real", {image: tuple(each) for image, each in zip(shard.ids, labels, strict=True)})
    ranks = judge(shard, Scoring(truth=truth)).ranks("1")
    assert (ranks == 0).tolist() == is_correct


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5]))
def test_hits_among_a_set_are_those_of_scikit_learn(seed, k):
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(30)[:12]
    probabilities = generator.dirichlet(np.ones(30), 50).astype(np.float32)
    labels = generator.integers(0, 30, 50)
    shard = Shard(0, 50, [f"{number}" for number in range(50)], labels, {"1": probabilities})
    classes = ClassSet(name="drawn", groups=tuple((index,) for index in chosen.tolist()))
    kept = np.isin(labels, chosen)
    position = {index: number for number, index in enumerate(chosen.tolist())}
    among = [position[label] for label in labels[kept].tolist()]
    if len(among) < 2:
        return
    expected = top_k_accuracy_score(
        among, probabilities[kept][:, chosen], k=k, labels=range(12), normalize=False
    )
    assert (judge(shard, Scoring(classes)).ranks("1") < k).sum() == expected


def test_without_a_set_and_other_labels_ranks_are_those_of_the_labels():
    shard = shard_with_ties(3)
    judged = judge(shard, AS_STORED)
    assert judged.ids == shard.ids
    assert judged.ranks("1").tolist() == label_ranks(shard.probabilities["1"], shard.labels).tolist()


@given(st.integers(0, 2**32 - 1), st.data())
def test_likeliest_classes_among_a_set_are_the_best_of_its_best_groups(seed, data):
    probabilities = np.random.default_rng(seed).random((6, CLASSES), np.float32)
    classes = set_among(CLASSES, data)
    found, highest = top_predictions(probabilities, classes, 2)
    for row, indices, values in zip(probabilities, found, highest, strict=True):
        best = [max(group, key=lambda index: row[index]) for group in classes.groups]
        expected = sorted(best, key=lambda index: -row[index])[:2]
        assert indices.tolist() == expected
        assert values.tolist() == row[expected].tolist()


def scored_among(run, classes):
    """The run as it is with this set in its manifest."""
    data = replace(run.manifest.data, class_set=classes)
    return write_manifest(run.path, replace(run.manifest, data=data))


def test_run_is_scored_among_the_set_of_its_manifest_unless_another_is_stated(run):
    other = ClassSet(name="other", groups=((0,), (1,)))
    own = scored_among(run, PETS)
    assert AS_STORED.of_run(run) == AS_STORED
    assert AS_STORED.of_run(own).classes == PETS
    assert Scoring(other).of_run(own).classes == other
    assert Scoring(ALL_CLASSES).of_run(own).classes is None


def test_classes_that_the_run_lacks_are_refused(tmp_path):
    run = random_run(tmp_path / "run", 0, classes=5)
    shard = next(run.shards())
    for scoring in (Scoring(PETS), Scoring(truth=Truth("pets", {"image 3": (5,)}))):
        with pytest.raises(
            RunUsageError, match="pets is of other classes than the run's 5: leave it out, or"
        ):
            judge(shard, scoring)


def test_runs_that_are_scored_among_other_classes_have_no_scoring_in_common(tmp_path):
    all_classes, among = random_run(tmp_path / "a", 0), scored_among(random_run(tmp_path / "b", 0), PETS)
    with pytest.raises(RunUsageError, match="are scored among all classes and pets: pass --classes"):
        common_scoring([all_classes, among], AS_STORED)
    assert common_scoring([all_classes, among], Scoring(PETS)) == Scoring(PETS)


def test_counterpart_of_a_run_among_a_set_is_the_same_network_over_all_classes(tmp_path):
    clean, other = random_run(tmp_path / "clean", 0), random_run(tmp_path / "other", 1)
    weights = replace(other.manifest.model, weights_sha256="of another file")
    other = write_manifest(other.path, replace(other.manifest, model=weights))
    among = scored_among(random_run(tmp_path / "among", 0), PETS)
    runs = [clean, other, among]
    truth = Truth("real", {})
    stated = [AS_STORED, Scoring(truth=truth)]
    assert clean_counterparts(clean, runs, stated) == [Scoring(PETS), Scoring(PETS, truth)]
    assert clean_counterparts(other, runs, stated) == clean_counterparts(among, runs, stated) == []
    assert clean_counterparts(clean, runs, [Scoring(ALL_CLASSES), Scoring(PETS)]) == []


def test_classes_that_are_one_label_are_one_also_among_all(tmp_path):
    run = random_run(tmp_path / "run", 1)
    among_pets = replace(run.manifest.data, class_set=PETS)
    for objectnet, expected in ((True, PETS.widen(1000)), (False, None)):
        data = replace(among_pets, objectnet=objectnet)
        changed = write_manifest(run.path, replace(run.manifest, data=data))
        assert Scoring(ALL_CLASSES).of_run(changed).classes == expected
        assert AS_STORED.of_run(changed).classes == PETS
