import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from results.ensemble import aligned_shards, ensemble, growth, mean_shard
from results.errors import IncompleteRun, RunError
from results.manifest import DataRecord
from results.run import Run, Shard, write_manifest
from results.tables import accuracy, predictions
from tests.helpers import complete_run, on_no_blacklist, pooled, random_run, random_shard, with_blacklist


def labels_of(run):
    return np.concatenate([shard.labels for shard in run.shards()])


@pytest.mark.parametrize("protocol", ["1", "10"])
def test_ensemble_is_the_mean_of_its_members(members, tmp_path, protocol):
    run = ensemble(members, tmp_path / "out")
    expected = np.mean([pooled(member, protocol) for member in members], axis=0)
    assert np.abs(pooled(run, protocol) - expected).max() < 1e-6
    rows = accuracy([run]).set_index(["protocol", "image_set"])
    for k in (1, 5):
        hits = top_k_accuracy_score(labels_of(run), expected, k=k, labels=range(10), normalize=False)
        assert rows.loc[(protocol, "all"), f"top{k}_hits"] == hits


def with_native(run, folder):
    """The run with crop 1 as its native crop, too."""
    crops = {"native": run.manifest.plan.protocols["1"]} | run.manifest.plan.protocols
    shards = [
        replace(shard, probabilities={"native": shard.probabilities["1"]} | shard.probabilities)
        for shard in run.shards()
    ]
    plan = replace(run.manifest.plan, protocols=crops)
    copy = replace(run.manifest, identity=f"native {run.identity}", plan=plan, complete=False, shards=())
    return complete_run(write_manifest(folder, copy), shards)


@pytest.mark.parametrize("first_has_it", [True, False])
def test_native_crop_is_averaged_where_all_members_have_it(members, tmp_path, first_has_it):
    native = [with_native(members[number], tmp_path / f"native{number}") for number in range(2)]
    both = ensemble(native, tmp_path / "out")
    assert both.protocols == ("native", "1", "10")
    assert np.array_equal(pooled(both, "native"), pooled(both, "1"))
    mixed = [native[0], members[1]] if first_has_it else [members[1], native[0]]
    run = ensemble(mixed, tmp_path / "out")
    assert run.protocols == ("1", "10")
    assert sorted(run.manifest.top1_hits) == ["1", "10"]
    assert np.abs(pooled(run, "10") - pooled(both, "10")).max() < 1e-6
    assert growth(native).equals(growth(members[:2]))
    assert growth(mixed)["protocol"].tolist() == ["1", "10"] * 2


def test_ensemble_is_a_run_with_its_members_in_it(members, tmp_path):
    run = Run.open(ensemble(members, tmp_path / "out").path)
    model = run.manifest.model
    assert model.name == "net0+net1+net2+net3"
    assert (model.parameters, model.multiply_adds) == (12, 20)
    assert [member.identity for member in model.members] == [member.identity for member in members]
    assert [member.model for member in model.members] == [member.manifest.model for member in members]
    assert [member.run for member in model.members] == ["run0", "run1", "run2", "run3"]
    assert run.manifest.runtime is None
    assert len(predictions(run, "10")) == 25
    assert accuracy([run, members[0]])["n"].tolist() == [25] * 4


def test_cost_of_an_ensemble_is_not_known_where_that_of_a_member_is_not(members, tmp_path):
    model = replace(members[0].manifest.model, name="other", parameters=None)
    other = random_run(tmp_path / "other", 8, model=model)
    model = ensemble([members[0], other], tmp_path / "out").manifest.model
    assert (model.parameters, model.multiply_adds) == (None, 10)
    assert model.weights == "2 networks"


def test_folder_of_an_ensemble_has_its_networks_data_and_largest_protocol_in_its_name(members, tmp_path):
    run = ensemble(members[:2], tmp_path / "out")
    assert run.path == tmp_path / "out" / f"net0+net1-val-10-{run.identity[:8]}"


def test_folder_of_an_ensemble_is_a_name_that_file_systems_take(tmp_path):
    """However long, and whatever letters are in it."""
    runs = []
    for seed, name in enumerate(["a/b:c", "x" * 200]):
        model = replace(random_run(tmp_path / "usual", seed).manifest.model, name=name)
        runs.append(random_run(tmp_path / f"run{seed}", seed, model=model))
    run = ensemble(runs, tmp_path / "out")
    assert run.path.name == "a_b_c+" + "x" * 114 + f"-{run.identity[:8]}"


def test_ensemble_is_found_again_under_another_name(members, tmp_path):
    first = ensemble(members[:2], tmp_path / "out")
    renamed = first.path.rename(tmp_path / "out" / f"mine-{first.identity[:8]}")
    assert ensemble(members[:2], tmp_path / "out").path == renamed


def test_incomplete_member_is_refused_before_anything_is_written(members, tmp_path):
    unfinished = write_manifest(members[1].path, replace(members[1].manifest, complete=False))
    with pytest.raises(IncompleteRun, match="is incomplete"):
        ensemble([members[0], unfinished], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fresh_ensemble_is_made_again(members, tmp_path):
    first = ensemble(members[:2], tmp_path / "out")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_ino
    assert ensemble(members[:2], tmp_path / "out").path == first.path
    assert shard.stat().st_ino == before
    assert ensemble(members[:2], tmp_path / "out", fresh=True).path == first.path
    assert shard.stat().st_ino != before


def test_hashes_of_files_are_those_of_the_first_member_that_knows_them():
    hashes = np.arange(10, dtype=np.uint64)
    unknown = random_shard(0, 10)
    known = replace(unknown, content=hashes)
    assert mean_shard([unknown, unknown]).content is None
    assert mean_shard([unknown, known]).content is hashes
    assert mean_shard([known, unknown]).content is hashes


def test_file_that_members_saw_with_another_content_is_refused(members):
    runs = []
    for member, first in zip(members[:2], (1, 2), strict=True):
        hashes = [np.arange(len(shard.ids), dtype=np.uint64) for shard in member.shards()]
        hashes[2][0] = first
        shards = [replace(shard, content=known) for shard, known in zip(member.shards(), hashes, strict=True)]
        runs.append(complete_run(member, shards))
    with pytest.raises(RunError, match=r"^image 20 had another content for .*run1 than for .*run0"):
        list(aligned_shards(runs))


def test_ensemble_of_an_ensemble_is_refused(members, tmp_path):
    run = ensemble(members, tmp_path / "out")
    with pytest.raises(RunError, match="is an ensemble itself: name its members"):
        ensemble([run, random_run(tmp_path / "other", 9)], tmp_path / "out")


def test_damaged_ensemble_is_made_again(members, tmp_path):
    run = ensemble(members, tmp_path / "out")
    before = pooled(run, "10")
    run.shard_path(run.parts[1]).unlink()
    assert np.array_equal(pooled(ensemble(members, tmp_path / "out"), "10"), before)
    (run.path / "manifest.json").write_text("{")
    assert np.array_equal(pooled(ensemble(members, tmp_path / "out"), "10"), before)


def test_same_members_give_the_same_run_again(members, tmp_path):
    first = ensemble(members, tmp_path / "out")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_mtime_ns
    assert ensemble(members, tmp_path / "out").path == first.path
    assert shard.stat().st_mtime_ns == before
    assert ensemble(members[:3], tmp_path / "out").path != first.path


def test_blacklist_of_the_members_is_that_of_the_ensemble(members, tmp_path):
    first = ensemble(members[:2], tmp_path / "out")
    assert first.excluded is None
    marked = with_blacklist(members[0], "image 3")
    again = ensemble([marked, members[1]], tmp_path / "out")
    assert (again.path, again.identity) == (first.path, first.identity)
    assert Run.open(again.path).excluded == {"image 3"}
    assert set(accuracy([again])["n"]) == {25, 24}


def test_ensemble_on_images_that_cannot_be_on_a_blacklist_says_so(members, tmp_path):
    marked = [on_no_blacklist(member) for member in members[:2]]
    run = ensemble(marked, tmp_path / "out")
    assert run.manifest.blacklist == marked[0].manifest.blacklist
    assert set(growth(marked)["image_set"]) == set(accuracy([run])["image_set"]) == {"all"}


def test_image_that_all_members_skipped_is_skipped(tmp_path):
    members = [random_run(tmp_path / f"run{seed}", seed, skipped=(12, 24)) for seed in range(2)]
    run = ensemble(members, tmp_path / "out")
    assert run.skipped == {"image 12": "no image", "image 24": "no image"}
    assert [shard.images for shard in run.manifest.shards] == [10, 9, 4]
    assert set(accuracy([run])["n"]) == {23}


def test_image_that_one_member_skipped_is_refused(members, tmp_path):
    other = random_run(tmp_path / "other", 7, skipped=(12,))
    with pytest.raises(RunError, match=r"image 12 is in only one of .*run0 and .*other"):
        ensemble([members[0], other], tmp_path / "out")


def test_other_shards_are_refused(members, tmp_path):
    other = random_run(tmp_path / "other", 7, shard_images=5)
    with pytest.raises(RunError, match=r"other has other shards than .*run0: make one of them again"):
        ensemble([members[0], other], tmp_path / "out")


def test_one_run_is_not_an_ensemble(members, tmp_path):
    with pytest.raises(RunError, match="two runs or more"):
        ensemble(members[:1], tmp_path / "out")


def test_each_shard_is_read_once_to_make_an_ensemble_and_once_for_its_table(members, tmp_path, monkeypatch):
    read = []
    load = Shard.load.__func__

    def recorded(cls, path, identity, expected_sha256=None):
        read.append(path)
        return load(cls, path, identity, expected_sha256)

    monkeypatch.setattr(Shard, "load", classmethod(recorded))
    run = ensemble(members, tmp_path / "out")
    assert sorted(read) == sorted(member.shard_path(part) for member in members for part in member.parts)
    read.clear()
    accuracy([run])
    assert read == [run.shard_path(part) for part in run.parts]


def test_growth_has_a_row_for_each_number_of_networks_and_protocol(members):
    """As GoogLeNet's Table 3: cost is networks x crops, and differences are to the first row."""
    steps = growth(members)
    assert steps[["networks", "protocol", "cost"]].to_numpy().tolist() == [
        [networks, protocol, networks * int(protocol)] for networks in range(1, 5) for protocol in ("1", "10")
    ]
    labels = labels_of(members[0])
    for row in steps.to_dict("records"):
        mean = np.mean([pooled(member, row["protocol"]) for member in members[: row["networks"]]], axis=0)
        for k in (1, 5):
            hits = top_k_accuracy_score(labels, mean, k=k, labels=range(10), normalize=False)
            error = row[f"top{k}_error"]
            assert (row[f"top{k}_hits"], row["n"]) == (hits, 25)
            assert error == pytest.approx(100 * (25 - hits) / 25)
            assert row[f"top{k}_to_base"] == pytest.approx(error - steps[f"top{k}_error"][0])


def test_growth_has_no_row_for_an_image_set_without_images(members):
    members[0] = with_blacklist(members[0], *(f"image {number}" for number in range(25)))
    assert growth(members)["image_set"].tolist() == ["all"] * 8


def test_growth_has_both_image_sets_with_a_base_each(members):
    members[0] = with_blacklist(members[0], "image 3")
    steps = growth(members)
    assert steps["image_set"].tolist() == ["all"] * 8 + ["non-blacklisted"] * 8
    for image_set, n in (("all", 25), ("non-blacklisted", 24)):
        rows = steps[steps["image_set"] == image_set]
        assert set(rows["n"]) == {n}
        assert (rows["top1_to_base"].iloc[0], rows["top5_to_base"].iloc[0]) == (0, 0)


def test_shards_of_an_ensemble_behind_a_link_are_not_written(members, tmp_path):
    run, other = ensemble(members, tmp_path / "out"), members[0]
    shutil.rmtree(run.path / "shards")
    (run.path / "shards").symlink_to(other.path / "shards")
    before = [path.read_bytes() for path in sorted(other.path.glob("shards/*"))]
    with pytest.raises(RunError, match="shards is a link, maybe to another run's shards"):
        ensemble(members, tmp_path / "out")
    assert [path.read_bytes() for path in sorted(other.path.glob("shards/*"))] == before


def test_folder_of_an_ensemble_has_a_short_name_in_any_script(tmp_path):
    data = DataRecord(path="\u5b57" * 80, images=25, labels="labels.txt")
    members = [random_run(tmp_path / f"run{seed}", seed, data=data) for seed in range(2)]
    assert ensemble(members, tmp_path / "out").complete
