import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from results.ensemble import ensemble, growth, name_of
from results.errors import IncompleteRun, RunError
from results.run import Run, Shard, finish, write_manifest
from results.tables import accuracy, predictions
from tests.results.test_run import started

SHARDS = ((0, 10), (10, 20), (20, 25))
PLAN = {"protocols": {"1": {"crops": 1}, "10": {"crops": 10}}, "pool": "mean"}


def made(folder, seed, *, images=25, classes=10, changes=None, labels=0, skipped=()):
    """A run of random probabilities; the labels are those of the seed `labels`."""
    run = started(folder, images)
    data = {
        "images": images,
        "fingerprint": f"labels {labels}",
        "path": "val",
        "labels": "labels.txt",
        "classes": None,
    }
    plan = {"protocols": {"1": {"crops": 1}, "10": {"crops": 10}}, "pool": "mean"}
    manifest = dict(run.manifest) | {
        "identity": f"{seed} {folder.name}",
        "data": data,
        "plan": plan,
        "shard_images": 10,
        "environments": [],
    }
    manifest["model"] = dict(manifest["model"]) | {"name": f"net{seed}", "parameters": 3, "multiply_adds": 5}
    run = write_manifest(folder, manifest | (changes or {}))
    truth = np.random.default_rng(labels).integers(0, classes, images)
    generator = np.random.default_rng(100 + seed)
    for start, stop in SHARDS:
        kept = [number for number in range(start, stop) if number not in skipped]
        probabilities = {
            name: generator.dirichlet(np.ones(classes), len(kept)).astype(np.float32) for name in ("1", "10")
        }
        reasons = {f"image {number}": "no image" for number in skipped if start <= number < stop}
        part = Shard(start, stop, [f"image {number}" for number in kept], truth[kept], probabilities, reasons)
        part.save(run.path / "shards", run.identity)
    return finish(run, 1.0)


def pooled(run, protocol):
    return np.concatenate([shard.probabilities[protocol] for shard in run.shards()])


@pytest.fixture
def members(tmp_path):
    return [made(tmp_path / f"run{seed}", seed) for seed in range(4)]


@pytest.mark.parametrize("protocol", ["1", "10"])
def test_an_ensemble_is_the_mean_of_its_members(members, tmp_path, protocol):
    run = ensemble(members, tmp_path / "out")
    expected = np.mean([pooled(member, protocol) for member in members], axis=0)
    assert np.abs(pooled(run, protocol) - expected).max() < 1e-6
    labels = np.concatenate([shard.labels for shard in run.shards()])
    rows = accuracy([run]).set_index(["protocol", "image_set"])
    for k in (1, 5):
        hits = top_k_accuracy_score(labels, expected, k=k, labels=range(10), normalize=False)
        assert rows.loc[(protocol, "all"), f"top{k}_hits"] == hits


def test_an_ensemble_is_a_run_like_any_other(members, tmp_path):
    run = Run.open(ensemble(members, tmp_path / "out").path)
    assert run.manifest["model"]["name"] == "net0+net1+net2+net3"
    assert (run.manifest["model"]["parameters"], run.manifest["model"]["multiply_adds"]) == (12, 20)
    assert len(predictions(run, "10")) == 25
    assert accuracy([run, members[0]])["n"].tolist() == [25] * 4
    with pytest.raises(RunError, match="is an ensemble itself: name its members"):
        ensemble([run, made(tmp_path / "other", 9)], tmp_path / "out")


def test_a_damaged_ensemble_is_made_again(members, tmp_path):
    run = ensemble(members, tmp_path / "out")
    before = pooled(run, "10")
    run.shard_path(run.parts[1]).unlink()
    assert np.array_equal(pooled(ensemble(members, tmp_path / "out"), "10"), before)
    (run.path / "manifest.json").write_text("{")
    assert np.array_equal(pooled(ensemble(members, tmp_path / "out"), "10"), before)


def test_the_same_members_give_the_run_that_is_there(members, tmp_path):
    first = ensemble(members, tmp_path / "out")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_mtime_ns
    assert ensemble(members, tmp_path / "out").path == first.path
    assert shard.stat().st_mtime_ns == before
    assert ensemble(members[:3], tmp_path / "out").path != first.path


def test_members_of_one_network_are_counted():
    assert name_of(["v4", "ir-v2", "ir-v2", "ir-v2"]) == "v4+3xir-v2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": 1},
            r"other is on other images or labels than .*run0: 25 of val, labelled by labels.txt; 25 of val",
        ),
        (
            {"changes": {"plan": PLAN | {"protocols": {"1": {"crops": 1}}}}},
            r"other has the protocols 1, .*run0 1, 10",
        ),
        ({"changes": {"plan": PLAN | {"pool": "max"}}}, r"other pools its crops by max, .*run0 by mean"),
        ({"changes": {"identity": "0 run0"}}, r"other is there twice \(as .*run0\): name each run once"),
        (
            {
                "changes": {
                    "plan": PLAN
                    | {"size": 80, "protocols": {"1": {"crops": 1, "scales": [96]}, "10": {"crops": 10}}}
                }
            },
            "has other 1 crops than",
        ),
        ({"skipped": (12,)}, r"image 12 is in only one of .*run0 and .*other"),
    ],
)
def test_members_that_cannot_be_averaged_are_refused_by_name(members, tmp_path, changes, message):
    other = made(tmp_path / "other", 7, **changes)
    with pytest.raises(RunError, match=message):
        ensemble([members[0], other], tmp_path / "out")


def test_members_with_different_blacklists_are_refused(members, tmp_path):
    marked = [
        write_manifest(
            member.path,
            dict(member.manifest)
            | {"blacklist": {"source": "x", "sha256": "", "excluded": [f"image {number}"]}},
        )
        for number, member in enumerate(members[:2])
    ]
    with pytest.raises(RunError, match="was given another blacklist than"):
        ensemble(marked, tmp_path / "out")
    run = ensemble([marked[0], members[2]], tmp_path / "out")
    assert set(accuracy([run])["n"]) == {25, 24}


def test_an_incomplete_member_is_exit_code_4(members, tmp_path):
    unfinished = write_manifest(members[1].path, dict(members[1].manifest) | {"complete": False})
    with pytest.raises(IncompleteRun, match="run1 is incomplete"):
        ensemble([members[0], unfinished], tmp_path / "out")


def test_the_very_same_run_twice_is_refused(members, tmp_path):
    with pytest.raises(RunError, match="is there twice"):
        ensemble([members[0], members[0]], tmp_path / "out")


def test_one_run_is_no_ensemble(members, tmp_path):
    with pytest.raises(RunError, match="two runs or more"):
        ensemble(members[:1], tmp_path / "out")


def test_growth_has_a_row_for_each_number_of_networks_and_crops(members):
    """As GoogLeNet's Table 3: cost is networks x crops, and differences are to the first row."""
    steps = growth(members)
    assert steps[["networks", "protocol", "cost"]].to_numpy().tolist() == [
        [networks, protocol, networks * int(protocol)] for networks in range(1, 5) for protocol in ("1", "10")
    ]
    labels = np.concatenate([shard.labels for shard in members[0].shards()])
    for row in steps.to_dict("records"):
        mean = np.mean([pooled(member, row["protocol"]) for member in members[: row["networks"]]], axis=0)
        assert row["top5_hits"] == top_k_accuracy_score(labels, mean, k=5, labels=range(10), normalize=False)
        assert row["top5_to_base"] == pytest.approx(row["top5_error"] - steps["top5_error"][0])
