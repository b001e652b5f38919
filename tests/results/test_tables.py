import hashlib
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from results.class_sets import ClassSet
from results.ensemble import ensemble
from results.errors import RunError, RunUsageError
from results.manifest import DataRecord, PlanRecord, ProtocolRecord, RuntimeRecord
from results.metrics import wilson_interval
from results.run import Run, Shard, write_manifest
from results.scoring import ALL_CLASSES, Scoring, Truth
from results.tables import (
    HELD,
    KEY,
    MEASURED,
    ROUNDING,
    AccuracyRow,
    Counts,
    _protocol_hash,
    accuracy,
    count_hits,
    paper_names,
    predictions,
    without_unused,
)
from tests.helpers import (
    complete_run,
    on_no_blacklist,
    random_run,
    random_shard,
    start_run,
    validation_run,
    with_blacklist,
)


def test_each_protocol_and_image_set_has_a_row_with_its_own_n(run):
    table = accuracy([with_blacklist(run, "image 3", "image 24")])
    assert table[["protocol", "image_set", "n"]].to_numpy().tolist() == [
        ["1", "all", 25],
        ["10", "all", 25],
        ["1", "non-blacklisted", 23],
        ["10", "non-blacklisted", 23],
    ]


def test_columns_are_those_of_the_row(run):
    table = accuracy([run])
    assert list(table) == [field.name for field in fields(AccuracyRow)]
    assert tuple(table)[: len(KEY) + len(MEASURED)] == (*KEY, *MEASURED)


def test_hits_are_those_of_the_exported_predictions(run):
    table = accuracy([with_blacklist(run, "image 3")]).set_index(["protocol", "image_set"])
    for protocol in ("1", "10"):
        frame = predictions(run, protocol)
        kept = frame[frame["image"] != "image 3"]
        five = kept[[f"top{k}" for k in range(1, 6)]].to_numpy()
        row = table.loc[(protocol, "non-blacklisted")]
        assert row["top1_hits"] == (kept["top1"] == kept["label"]).sum()
        assert row["top5_hits"] == (five == kept[["label"]].to_numpy()).any(axis=1).sum()


def test_errors_have_their_intervals_beside_them(run):
    for row in accuracy([run]).to_dict("records"):
        for k in (1, 5):
            hits = row[f"top{k}_hits"]
            assert row[f"top{k}_error"] == pytest.approx(100 * (25 - hits) / 25)
            assert (row[f"top{k}_low"], row[f"top{k}_high"]) == wilson_interval(hits, 25)


def test_image_set_without_images_has_no_row(run):
    table = accuracy([with_blacklist(run, *(f"image {number}" for number in range(25)))])
    assert table["image_set"].tolist() == ["all", "all"]


def test_run_without_images_has_no_table(tmp_path):
    nothing = random_run(tmp_path / "run", 0, skipped=range(25))
    with pytest.raises(RunError, match=r"run has no image that could be read, so there is nothing to report"):
        accuracy([nothing])


def test_number_of_classes_is_that_of_their_names_or_of_imagenet(tmp_path):
    usual = random_run(tmp_path / "usual", 1, classes=3)
    data = replace(usual.manifest.data, classes=("a", "b", "c"))
    own = random_run(tmp_path / "own", 2, classes=3, data=data)
    assert [set(accuracy([run])["classes"]) for run in (usual, own)] == [{1000}, {3}]


def test_weights_are_named_by_their_tag_or_where_they_came_from(tmp_path):
    model = random_run(tmp_path / "run", 1).manifest.model
    for number, (tag, weights, expected) in enumerate([("tag", "file", "tag"), ("", "file", "file")]):
        changed = replace(model, tag=tag, weights=weights)
        run = random_run(tmp_path / f"{number}", 1, model=changed)
        assert set(accuracy([run])["weights"]) == {expected}
        assert set(accuracy([run])["run"]) == {f"{number}"}


def test_counts_of_shards_add_up(run):
    shards = list(run.shards())
    whole = Shard(
        0,
        25,
        [image for shard in shards for image in shard.ids],
        np.concatenate([shard.labels for shard in shards]),
        {"1": np.concatenate([shard.probabilities["1"] for shard in shards])},
    )
    key = ("1", "all")
    total = sum((count_hits(shard, None, 0.2)[key] for shard in shards), Counts())
    assert total == count_hits(whole, None, 0.2)[key]
    assert total.n == 25


def test_each_shard_is_read_once_for_a_table(run, monkeypatch):
    read = []
    load = Shard.load.__func__

    def recorded(cls, path, identity, expected_sha256=None):
        read.append(path)
        return load(cls, path, identity, expected_sha256)

    monkeypatch.setattr(Shard, "load", classmethod(recorded))
    accuracy([with_blacklist(run, "image 3")])
    assert read == [run.shard_path(part) for part in run.parts]


def test_run_that_is_named_twice_is_refused(run):
    with pytest.raises(RunUsageError, match="is the same run as"):
        accuracy([run, Run.open(run.path)])


def test_predictions_have_a_row_for_each_image_in_order(run):
    frame = predictions(run, "10")
    best = [f"{column}{k}" for column in ("top", "p") for k in range(1, 6)]
    assert list(frame) == ["image", "label", *best, "p_label"]
    assert frame["image"].tolist() == [f"image {number}" for number in range(25)]
    first = random_shard(0, 10)
    assert frame["p_label"][:10].to_numpy() == pytest.approx(
        first.probabilities["10"][np.arange(10), first.labels]
    )


def test_predictions_have_the_likeliest_classes_and_their_probabilities(run):
    frame = predictions(run, "1")
    shard = random_shard(0, 10)
    for probabilities, row in zip(shard.probabilities["1"], frame.to_dict("records"), strict=False):
        likeliest = sorted(enumerate(probabilities), key=lambda pair: -pair[1])[:5]
        assert [(row[f"top{k}"], row[f"p{k}"]) for k in range(1, 6)] == likeliest
    assert frame["label"][:10].tolist() == shard.labels.tolist()
    assert frame.index.tolist() == list(range(25))


def test_names_of_images_and_folders_need_not_be_unicode(tmp_path):
    shard = replace(random_shard(0, 10), ids=[f"image \udcff{number}" for number in range(10)])
    run = complete_run(start_run(tmp_path / "run \udcff", 10), [shard])
    assert predictions(run, "1")["image"].tolist() == shard.ids
    assert set(accuracy([run])["run"]) == {"run \udcff"}


def test_predictions_have_the_names_of_the_classes(run):
    names = [f"class {number}" for number in range(10)]
    frame = predictions(run, "10", names)
    for column in ("label", *(f"top{k}" for k in range(1, 6))):
        assert frame[f"{column}_name"].tolist() == [names[number] for number in frame[column]]


def test_protocol_of_predictions_may_be_a_number(run):
    assert predictions(run, 10).equals(predictions(run, "10"))


def test_predictions_under_a_protocol_that_the_run_lacks_are_refused(run):
    with pytest.raises(RunUsageError, match="run has no protocol '144': it has 1, 10"):
        predictions(run, 144)


def test_predictions_among_three_classes_have_three_of_them(tmp_path):
    frame = predictions(random_run(tmp_path / "run", 0, classes=3), "1")
    assert list(frame) == ["image", "label", "top1", "top2", "top3", "p1", "p2", "p3", "p_label"]
    assert frame[["p1", "p2", "p3"]].sum(axis=1).to_numpy() == pytest.approx(1)


def test_without_a_known_blacklist_there_is_one_image_set(run):
    assert set(accuracy([run])["image_set"]) == {"all"}


def test_images_that_cannot_be_on_a_blacklist_are_one_image_set(run):
    assert set(accuracy([on_no_blacklist(run)])["image_set"]) == {"all"}


def test_published_figures_are_beside_the_measured_ones(run):
    table = accuracy([with_blacklist(run)]).set_index(["protocol", "image_set"])
    row = table.loc[("1", "all")]
    assert (row["weights_top1"], row["weights_top5"]) == (22.134, 6.356)
    assert row["weights_source"] == "timm, bicubic 341->299"
    row = table.loc[("1", "non-blacklisted")]
    assert (row["paper_top1"], row["paper_top5"], row["paper_source"]) == (21.2, 5.6, "rethinking table3")


FEW = ClassSet(name="few", groups=((1,), (4, 2), (7,)))


def scored_among(run, classes):
    """The run on other images, with this set in its manifest."""
    data = replace(run.manifest.data, class_set=classes, path="few-val", fingerprint="of others")
    return write_manifest(run.path, replace(run.manifest, data=data))


def hits_among(run, protocol, groups, label_of):
    """(n, top-1 hits) of the images that `label_of` a shard's labels are in the groups, image by image."""
    n = hits = 0
    for shard in run.shards():
        for row, label in zip(shard.probabilities[protocol], label_of(shard), strict=True):
            own = [number for number, group in enumerate(groups) if label in group]
            if own:
                n += 1
                scores = [row[list(group)].max() for group in groups]
                hits += int(np.argmax(scores)) == own[0]
    return n, hits


def test_run_among_a_set_stands_beside_the_same_classes_of_the_run_over_all(tmp_path):
    clean = with_blacklist(random_run(tmp_path / "clean", 0), "image 3")
    among = scored_among(random_run(tmp_path / "among", 0, label_seed=7), FEW)
    other = random_run(tmp_path / "other", 1, model=replace(clean.manifest.model, name="net1", tag="other"))
    table = accuracy([clean, among, other])
    rows = table[(table["protocol"] == "10") & (table["image_set"] == "all")]
    assert rows[["model", "class_set", "classes"]].to_numpy().tolist() == [
        ["net0 (data val)", "", 1000],
        ["net0 (data val)", "few", 3],
        ["net0 (data few-val)", "few", 3],
        ["net1 (data val)", "", 1000],
    ]
    for run, row in zip((clean, among), rows[1:3].to_dict("records"), strict=True):
        found = hits_among(run, "10", FEW.groups, lambda shard: shard.labels)
        assert (row["n"], row["top1_hits"]) == found
    assert set(table[table["class_set"] == "few"]["image_set"]) == {"all", "non-blacklisted"}


def test_run_without_images_of_a_set_has_no_rows_beside_it(tmp_path):
    """No image of the run has class 4."""
    clean = random_run(tmp_path / "clean", 0)
    assert not any((shard.labels == 4).any() for shard in clean.shards())
    among = random_run(tmp_path / "among", 0, label_seed=7)
    table = accuracy([clean, scored_among(among, ClassSet(name="four", groups=((4,),)))])
    assert table[["model", "class_set"]].drop_duplicates().to_numpy().tolist() == [
        ["net0 (data val)", ""],
        ["net0 (data few-val)", "four"],
    ]


def test_stated_classes_are_those_of_all_runs(tmp_path):
    clean = random_run(tmp_path / "clean", 0)
    among = scored_among(random_run(tmp_path / "among", 0, label_seed=7), FEW)
    assert set(accuracy([clean, among], Scoring(FEW))["class_set"]) == {"few"}
    everything = accuracy([clean, among], Scoring(ALL_CLASSES))
    assert set(everything["class_set"]) == {""}
    assert set(everything["n"]) == {25}


def test_names_say_which_data_runs_are_on_where_one_is_among_a_set(tmp_path):
    clean = random_run(tmp_path / "clean", 0)
    plan = PlanRecord(protocols={"144": ProtocolRecord(crops=144)}, pool="mean")
    labels = np.arange(10) % 5
    shard = Shard(0, 10, list("abcdefghij"), labels, {"144": np.eye(10, dtype=np.float32)})
    data = DataRecord(path="few-val", images=10, class_set=FEW, fingerprint="of others")
    empty = start_run(tmp_path / "among", 10, identity="y", plan=plan, data=data, model=clean.manifest.model)
    table = accuracy([clean, complete_run(empty, [shard])])
    assert set(table["model"]) == {"net0 (data val)", "net0 (data few-val)"}


def test_each_way_of_scoring_has_rows_with_its_own_n_and_no_published_figures(run):
    truth = Truth("mine.json", {"image 3": (0, 1), "image 4": (), "image 20": (2,)})
    table = accuracy([with_blacklist(run, "image 3")], [Scoring(), Scoring(truth=truth)])
    assert table[table["protocol"] == "1"][["image_set", "truth", "n"]].to_numpy().tolist() == [
        ["all", "", 25],
        ["non-blacklisted", "", 24],
        ["all", "mine.json", 2],
        ["non-blacklisted", "mine.json", 1],
    ]
    assert accuracy([run])["weights_source"].any()
    assert not table[table["truth"] != ""][["weights_source", "paper_source"]].any(axis=None)
    assert not accuracy([run], Scoring(FEW))[["weights_source", "paper_source"]].any(axis=None)


def test_each_shard_is_read_once_for_several_ways_of_scoring(run, monkeypatch):
    opened = []
    shards = Run.shards
    monkeypatch.setattr(Run, "shards", lambda self: opened.append(self.path) or shards(self))
    accuracy([run], [Scoring(), Scoring(FEW)])
    assert opened == [run.path]


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (
            Scoring(truth=Truth("x.json", {})),
            "has a label in x.json: leave the run out, or score it otherwise",
        ),
        (Scoring(ClassSet(name="few", groups=((5,),))), "has a label that is among the classes few"),
    ],
)
def test_run_without_an_image_that_counts_is_refused(run, scoring, message):
    with pytest.raises(RunError, match=rf"no image of {run.path} {message}"):
        accuracy([run], scoring)


def test_predictions_among_a_set_are_its_likeliest_classes(run):
    """Of classes 4 and 2, which are one, it is the likelier. A label outside the set has no probability."""
    among, usual = predictions(run, "1", classes=FEW), predictions(run, "1")
    assert list(among) == ["image", "label", "top1", "top2", "top3", "p1", "p2", "p3", "p_label"]
    assert among["image"].tolist() == usual["image"].tolist()
    probabilities = np.concatenate([shard.probabilities["1"] for shard in run.shards()])
    for row, found in zip(probabilities, among.to_dict("records"), strict=True):
        best = sorted((1, max(4, 2, key=lambda index: row[index]), 7), key=lambda index: -row[index])
        assert [found[f"top{k}"] for k in (1, 2, 3)] == best
        own = {1: row[1], 2: row[[2, 4]].max(), 4: row[[2, 4]].max(), 7: row[7]}.get(found["label"])
        assert pd.isna(found["p_label"]) if own is None else found["p_label"] == own


def run_on(folder, images, protocol="native"):
    """A run of Inception-v3 whose images have these ids."""
    rows = np.tile(np.array([0.5, 0.3, 0.2], dtype=np.float32), (len(images), 1))
    shard = Shard(0, len(images), images, np.zeros(len(images), dtype=np.int64), {protocol: rows})
    plan = PlanRecord(protocols={protocol: ProtocolRecord(crops=1)}, pool="mean")
    return complete_run(start_run(folder, len(images), plan=plan), [shard])


def test_native_crop_has_its_figure_with_the_range_of_what_was_published(tmp_path):
    row = accuracy([run_on(tmp_path, ["ILSVRC2012_val_00000001"])]).loc[0]
    assert (row["weights_top1"], row["weights_top5"]) == (22.134, 6.356)
    assert row["weights_source"] == "timm, bicubic 341->299; 22.13 to 22.14 in 2 figures"


def test_other_images_have_the_figures_of_their_set(tmp_path):
    row = accuracy([run_on(tmp_path / "native", ["n01440764/sketch_0.JPEG"])]).loc[0]
    assert (row["weights_top1"], row["weights_top5"]) == (72.218, 54.289)
    row = accuracy([run_on(tmp_path / "single", ["n01440764/sketch_0.JPEG"], "144")]).loc[0]
    assert (row["weights_source"], row["paper_source"]) == ("", "")  # no paper has them


def test_papers_may_have_another_name_for_a_network(run):
    model = run.manifest.model
    assert paper_names(model) == ["v3"]
    assert paper_names(replace(model, paper="ir-v1")) == ["ir-v1"]


def test_protocol_hash_depends_on_how_the_protocol_is_evaluated(tmp_path):
    usual = accuracy([random_run(tmp_path / "run", 1)])["protocol_sha256"]
    assert usual[0] != usual[1]
    plan = random_run(tmp_path / "same", 1).manifest.plan
    for changes in ({"pool": "max"}, {"size": 299}, {"interpolation": "bicubic"}):
        other = random_run(tmp_path / f"{changes}", 1, plan=replace(plan, **changes))
        assert not set(usual) & set(accuracy([other])["protocol_sha256"])


def test_protocol_hash_is_that_of_these_plain_values(tmp_path):
    """Baselines have it, so a change to it fails the gate of all who stored one."""
    protocol = ProtocolRecord(crops=2, scales=(256,), views={"scale": (256,), "mirror": (False, True)})
    plan = PlanRecord(protocols={"2": protocol}, size=224, pool="mean", interpolation="bicubic")
    run = random_run(tmp_path / "run", 1, plan=plan)
    values = (
        '[[{"crops": 2, "scales": [256], "views": {"mirror": [false, true], "scale": [256]}}, '
        '"mean", "bicubic", 224]]'
    )
    assert _protocol_hash(run, "2") == hashlib.sha256(values.encode()).hexdigest()


def test_protocol_hash_of_an_ensemble_is_of_the_plans_of_its_members(members, tmp_path):
    other = replace(members[1].manifest.plan, size=299)
    run = random_run(tmp_path / "other", 1, plan=other)
    both = [ensemble(pair, tmp_path / "out") for pair in (members[:2], [members[0], run])]
    hashes = [set(accuracy([each])["protocol_sha256"]) for each in (members[0], *both)]
    assert len(set.union(*hashes)) == 6


def test_rounding_of_an_ensemble_is_that_of_its_least_precise_member(tmp_path):
    """The first two classes of each image are 0.001 apart, which fp16 may turn around and fp32 may not."""
    rows = np.tile(np.array([0.4, 0.401, 0.199], dtype=np.float32), (10, 1))
    shard = Shard(0, 10, list("abcdefghij"), np.zeros(10, dtype=np.int64), {"1": rows, "10": rows})
    near = {}
    members = []
    for precision in ("fp32", "fp16"):
        runtime = RuntimeRecord(device="cpu", precision=precision)
        run = start_run(tmp_path / precision, 10, identity=precision, runtime=runtime)
        members.append(complete_run(run, [shard]))
        near[precision] = accuracy(members[-1:])["top1_near"].tolist()
    model = replace(members[0].manifest.model, provider="imported")  # whose precision is not known
    imported = start_run(tmp_path / "imported", 10, identity="imported", model=model, runtime=None)
    near["imported"] = accuracy([complete_run(imported, [shard])])["top1_near"].tolist()
    change = 10 * norm.cdf(-np.log(0.401 / 0.4) / ROUNDING["fp16"])
    assert near == {"fp32": [0, 0], "fp16": [pytest.approx(change, abs=0.01)] * 2, "imported": [0, 0]}
    for pair in (members, members[::-1]):
        assert accuracy([ensemble(pair, tmp_path / "out")])["top1_near"].tolist() == near["fp16"]


def test_images_that_rounding_may_change_are_expected(tmp_path):
    """One of four images is far from a tie, two are ties for the first class or nearly so, and one is nearly
    a tie for the fifth.
    """
    rows = np.full((4, 10), 0.01, dtype=np.float32)
    rows[:, :6] = [
        [0.9, 0, 0, 0, 0, 0],
        [0.3, 0.3, 0, 0, 0, 0],
        [0.3, 0.300005, 0, 0, 0, 0],
        [0.099999, 0.3, 0.2, 0.15, 0.12, 0.1],
    ]
    shard = Shard(0, 4, list("abcd"), np.zeros(4, dtype=np.int64), {"1": rows, "10": rows})
    table = accuracy([complete_run(start_run(tmp_path, 4), [shard])])
    one = norm.cdf(-np.log(0.300005 / 0.3) / ROUNDING["fp32"]) + 0.5
    five = norm.cdf(-np.log(0.1 / 0.099999) / ROUNDING["fp32"])
    counts = table[["top1_hits", "top5_hits", "top1_near", "top5_near"]]
    assert counts.to_numpy().tolist() == [pytest.approx([2, 3, one, five], abs=0.01)] * 2


def test_native_row_is_held_to_its_published_figure(tmp_path):
    """The columns are there only where a row has a verdict."""
    table = accuracy([validation_run(tmp_path / "run", 12_602, 3_910)])
    assert table.loc[0, list(HELD)].tolist() == [
        "differs by 25 images, of which rounding explains 0",
        pytest.approx(0.05),
        0,
    ]
    assert set(HELD) <= set(without_unused(table))
    assert not set(HELD) & set(without_unused(table.assign(verdict="")))
    larger = accuracy([validation_run(tmp_path / "larger", 75, 23, images=300, resized=320)])
    assert (
        larger.loc[0, "verdict"] == "not comparable: another crop, bicubic 320->224 and not bicubic 256->224"
    )
    assert larger["top1_gap"].isna().all()


def test_calibration_is_of_the_images_of_a_row_among_the_classes_of_its_set(run):
    run = with_blacklist(run, "image 3", "image 24")
    pairs = ClassSet(name="pairs", groups=((1, 4), (2,), (0, 9), (5,)))
    probabilities = np.concatenate([shard.probabilities["10"] for shard in run.shards()]).astype(float)
    labels = np.concatenate([shard.labels for shard in run.shards()])
    among = np.stack([probabilities[:, group].max(axis=1) for group in pairs.groups], axis=1)
    among /= among.sum(axis=1, keepdims=True)
    right = np.array([[label in group for group in pairs.groups] for label in labels])
    table = accuracy([run], [Scoring(), Scoring(pairs)]).set_index(["class_set", "protocol", "image_set"])
    clean = np.array([number not in (3, 24) for number in range(25)])
    every = np.eye(10, dtype=bool)[labels]
    for name, values, of, images in (
        ("", probabilities, every, clean),
        ("pairs", among, right, clean & right.any(axis=1)),
    ):
        row = table.loc[(name, "10", "non-blacklisted")]
        own = values[images][of[images]]
        assert row["nll"] == pytest.approx(-np.log(own).mean(), rel=1e-5)
        assert row["brier"] == pytest.approx(((values - of)[images] ** 2).sum(axis=1).mean(), rel=1e-5)
        assert 0 < row["ece"] < 1


def test_calibration_is_by_other_labels_only_where_no_image_has_several(run):
    one = {f"image {number}": (number % 10,) for number in range(25)}
    for right, known in ((one, True), (one | {"image 12": (1, 2)}, False)):
        row = accuracy([run], Scoring(truth=Truth("other", right))).iloc[0]
        assert [pd.notna(row[name]) for name in ("nll", "brier", "ece")] == [known] * 3
