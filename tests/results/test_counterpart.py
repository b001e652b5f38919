"""The run on validation images that stands beside one on ImageNet-A is found."""

from dataclasses import replace

import pytest

from results.class_sets import ClassSet
from results.counterpart import accuracy_beside, find_clean_run
from results.ensemble import ensemble
from results.run import write_manifest
from results.tables import accuracy
from tests.helpers import on_no_blacklist, random_run, with_blacklist

SET = ClassSet(name="imagenet-a", groups=((1,), (4,), (7,)))


def among(run, class_set=SET):
    """The run, scored among a set."""
    return write_manifest(
        run.path, replace(run.manifest, data=replace(run.manifest.data, class_set=class_set))
    )


def of_one_network(folder, name, label_seed=0, **changes):
    """A run of the network `net1`; the name of its folder tells it from others."""
    return random_run(folder / name, 1, label_seed=label_seed, **changes)


@pytest.fixture
def unusual(tmp_path):
    """A run on ImageNet-A, by its set."""
    return among(on_no_blacklist(of_one_network(tmp_path, "a", label_seed=5)))


def test_run_on_most_validation_images_is_found(tmp_path, unusual):
    assert find_clean_run(unusual, tmp_path) is None
    few = of_one_network(tmp_path, "few")
    assert find_clean_run(unusual, tmp_path).path == few.path
    many = with_blacklist(of_one_network(tmp_path, "many", images=35), "image 3")
    assert find_clean_run(unusual, tmp_path).path == many.path
    assert find_clean_run(unusual, tmp_path / "nowhere") is None


def test_run_over_all_classes_or_on_validation_images_has_no_counterpart(tmp_path, unusual):
    val = of_one_network(tmp_path, "val")
    assert find_clean_run(among(unusual, None), tmp_path) is None
    assert find_clean_run(among(val), tmp_path) is None


def test_other_runs_are_no_counterpart(tmp_path, unusual):
    random_run(tmp_path / "other-network", 2)
    on_no_blacklist(of_one_network(tmp_path, "sketch"))
    among(of_one_network(tmp_path, "among"))
    names = replace(unusual.manifest.data, class_set=None, classes=tuple("abcdefghij"))
    of_one_network(tmp_path, "own-classes", data=names)
    unfinished = of_one_network(tmp_path, "unfinished")
    write_manifest(unfinished.path, replace(unfinished.manifest, complete=False))
    for name, value in (
        ("pool", "max"),
        ("size", 160),
        ("protocols", {"1": unusual.manifest.plan.protocols["1"]}),
    ):
        of_one_network(tmp_path, name, plan=replace(unusual.manifest.plan, **{name: value}))
    assert find_clean_run(unusual, tmp_path) is None


def test_ensemble_stands_beside_the_same_ensemble(tmp_path):
    on_a = [on_no_blacklist(random_run(tmp_path / f"a{seed}", seed, label_seed=5)) for seed in (1, 2)]
    run = among(ensemble(on_a, tmp_path))
    members = [random_run(tmp_path / f"val{seed}", seed) for seed in (1, 2, 3)]
    ensemble([members[0], members[2]], tmp_path)
    assert find_clean_run(run, tmp_path) is None
    clean = ensemble(members[:2], tmp_path)
    assert find_clean_run(run, tmp_path).path == clean.path


def test_table_has_both_among_the_same_classes(tmp_path, unusual):
    clean = with_blacklist(of_one_network(tmp_path, "val"), "image 3")
    table = accuracy_beside(unusual, clean)
    assert set(table["class_set"]) == {"imagenet-a"}
    assert list(dict.fromkeys(table["run"])) == ["a", "val"]
    alone = accuracy([among(clean)])
    measured = ["protocol", "image_set", "n", "top1_hits"]
    rows = table[table["run"] == "val"]
    assert rows[measured].to_numpy().tolist() == alone[measured].to_numpy().tolist()


def test_protocols_that_only_the_clean_run_has_are_left_out(tmp_path):
    plan = of_one_network(tmp_path, "val").manifest.plan
    one = replace(plan, protocols={"1": plan.protocols["1"]})
    run = of_one_network(tmp_path, "a", label_seed=5, plan=one)
    run = among(on_no_blacklist(run))
    clean = find_clean_run(run, tmp_path)
    assert clean.path.name == "val"
    assert set(accuracy_beside(run, clean)["protocol"]) == {"1"}
