"""Imported predictions are a run like any other, to compare and to average with evaluated ones."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import top_k_accuracy_score

import bench
from bench.data.classes import ilsvrc_order, wordnet_ids
from bench.errors import DataError, ImplausibleLabels, UsageError
from crops import ProtocolError
from results.comparison import compare
from results.ensemble import ensemble, growth
from results.errors import IncompleteRun, RunUsageError
from results.run import Run, Shard
from results.tables import MEASURED, accuracy, predictions
from tests.conftest import MINI_IMAGES
from tests.helpers import pooled


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"}


def test_table_has_the_counts_of_numpy_and_scikit_learn(made, imported):
    row = accuracy([imported(made.logits, logits=True)]).iloc[0]
    best = np.argsort(-made.logits, axis=1)
    for k in (1, 5):
        hits = int((best[:, :k] == made.labels[:, None]).any(axis=1).sum())
        counted = top_k_accuracy_score(made.labels, made.logits, k=k, labels=range(1000), normalize=False)
        assert row[f"top{k}_hits"] == hits == counted
    assert 100 < row["top1_hits"] < row["top5_hits"] < row["n"] == len(made.ids)


def test_run_says_what_was_imported(made, imported, tmp_path):
    run = Run.open(imported(made.logits, logits=True, model="resnet50", protocol=10).path)
    manifest = run.manifest
    assert run.path.name == f"resnet50-imported-val-10-{run.identity[:8]}"
    assert (run.name, manifest.model.provider) == ("resnet50 (imported)", "imported")
    assert manifest.model.weights == str(tmp_path / "scores.npy")
    assert manifest.runtime is None
    assert (run.protocols, manifest.plan.protocols["10"].crops) == (("10",), 10)
    assert [shard.content for shard in run.shards()] == [None]


def test_formats_give_the_same_shards(made, imported, tmp_path):
    scores, names = made.probabilities, [f"{image}.JPEG" for image in made.ids]
    order = np.random.default_rng(0).permutation(len(names))
    shuffled, named = scores[order], [names[row] for row in order]
    frame = pd.DataFrame(shuffled, columns=list(map(str, range(1000))))
    frame.insert(0, "image", named)
    np.save(tmp_path / "a.npy", shuffled)
    (tmp_path / "names.txt").write_text("\n".join(named))
    np.savez(tmp_path / "a.npz", probs=shuffled, names=np.array(named))
    save_file({"probs": torch.from_numpy(shuffled)}, tmp_path / "a.safetensors", {"names": json.dumps(named)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    (expected,) = imported(scores).shards()
    for ending in ("npy", "npz", "safetensors", "csv", "parquet"):
        names_file = tmp_path / "names.txt" if ending == "npy" else None
        (shard,) = imported(tmp_path / f"a.{ending}", names=names_file).shards()
        assert (shard.ids, shard.labels.tolist()) == (made.ids, made.labels.tolist())
        assert np.array_equal(shard.probabilities["1"], expected.probabilities["1"])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_precisions_give_the_same_predictions(made, imported, dtype):
    best = predictions(imported(made.probabilities.astype(dtype)), "1")["top1"]
    assert best.tolist() == made.logits.argmax(axis=1).tolist()


def test_outputs_in_other_orders_are_put_in_order(made, imported):
    expected = pooled(imported(made.logits, logits=True), "1")
    by_ilsvrc_id = made.logits[:, [wordnet_ids().index(name) for name in ilsvrc_order()]]
    background = np.random.default_rng(1).normal(size=(len(made.ids), 8)).astype(np.float32)
    several = [
        np.hstack([background[:, :1], made.logits]),
        np.hstack([background[:, :1], by_ilsvrc_id, background[:, 1:]]),
    ]
    for scores in several:
        assert np.array_equal(pooled(imported(scores, logits=True), "1"), expected)
    found = imported(by_ilsvrc_id, logits=True, label_order="ilsvrc")
    assert np.array_equal(pooled(found, "1"), expected)


def test_mix_up_of_the_classes_is_named(made, imported, tmp_path):
    by_ilsvrc_id = made.logits[:, [wordnet_ids().index(name) for name in ilsvrc_order()]]
    with pytest.raises(ImplausibleLabels, match="outputs look like ILSVRC ids: pass --label-order ilsvrc"):
        imported(by_ilsvrc_id, logits=True)
    with pytest.raises(ImplausibleLabels, match="wordnet, not ilsvrc: leave --label-order out"):
        imported(made.logits, logits=True, label_order="ilsvrc")
    assert not (tmp_path / "runs").exists()
    assert imported(by_ilsvrc_id, logits=True, allow_implausible=True).complete


def test_mix_up_counts_when_more_shards_follow(made, imported, monkeypatch):
    monkeypatch.setattr("bench.evaluation.label_check.MOST", 200)
    monkeypatch.setattr("bench.imports.import_predictions.SHARD_IMAGES", 40)
    with pytest.raises(ImplausibleLabels, match="0 of 200 images are right, which is chance"):
        imported(np.roll(made.logits, 500, axis=1), logits=True)


def test_rows_in_another_order_are_chance(made, imported):
    with pytest.raises(ImplausibleLabels, match="which is chance"):
        imported(made.logits[::-1], logits=True)


@pytest.fixture
def exported(mini_runs, tmp_path):
    """`bench.import_predictions` of what a run of a mini network predicted under a protocol."""

    def run(evaluated, protocol, **options):
        np.save(tmp_path / "exported.npy", pooled(evaluated, protocol))
        usual = {"limit": MINI_IMAGES, "out": tmp_path / "runs", "model": evaluated.name}
        return bench.import_predictions(tmp_path / "exported.npy", protocol=protocol, **usual | options)

    return run


@pytest.mark.parametrize("protocol", ["1", "144"])
def test_evaluated_run_that_is_exported_and_imported_is_the_same(mini_runs, exported, protocol):
    evaluated = mini_runs[0]
    copy = exported(evaluated, protocol)
    rows = accuracy([evaluated]).query(f"protocol == '{protocol}'")
    again = accuracy([copy])
    assert again["model"].unique().tolist() == ["mini-v1 (imported)"]
    columns = ["image_set", *MEASURED, "images_sha256", "classes"]
    assert again[columns].to_dict("records") == rows[columns].to_dict("records")
    found = compare(evaluated, copy)
    assert (found.n, found.only_a_right, found.only_b_right) == (MINI_IMAGES, 0, 0)
    assert (found.images["a"] == found.images["b"]).all()


@pytest.mark.parametrize("evaluated_first", [True, False])
@pytest.mark.parametrize("protocol", ["1", "144"])
def test_ensemble_with_an_evaluated_run_is_the_mean(mini_runs, exported, tmp_path, protocol, evaluated_first):
    """Under the one protocol of the imported run, whatever the shards of both."""
    evaluated, copy = mini_runs[0], exported(mini_runs[1], protocol)
    members = [evaluated, copy] if evaluated_first else [copy, evaluated]
    run = Run.open(ensemble(members, tmp_path / "ensembles").path)
    mean = (pooled(mini_runs[0], protocol) + pooled(mini_runs[1], protocol)) / 2
    assert run.protocols == (protocol,)
    assert np.abs(pooled(run, protocol) - mean).max() < 1e-6
    assert run.manifest.plan.protocols[protocol] == evaluated.manifest.plan.protocols[protocol]
    assert accuracy([run])["top1_hits"].iloc[0] == (mean.argmax(axis=1) == labels_of(evaluated)).sum()
    assert {member.run: member.runtime is None for member in run.manifest.model.members} == {
        evaluated.path.name: False,
        copy.path.name: True,
    }
    assert growth(members).query("image_set == 'all'")["protocol"].tolist() == [protocol] * 2


def labels_of(run):
    return np.concatenate([shard.labels for shard in run.shards()])


def test_imported_runs_are_averaged(made, imported, tmp_path):
    runs = [imported(made.logits * factor, logits=True, model=f"x{factor}") for factor in (1, 2)]
    run = ensemble(runs, tmp_path / "ensembles")
    assert run.name == "x1 (imported)+x2 (imported)"
    mean = sum(pooled(each, "1") for each in runs) / 2
    assert np.abs(pooled(run, "1") - mean).max() < 1e-6


def test_other_protocol_is_not_averaged(mini_runs, tmp_path):
    np.save(tmp_path / "a.npy", pooled(mini_runs[1], "1"))
    dense = bench.import_predictions(tmp_path / "a.npy", protocol="dense", limit=MINI_IMAGES, out=tmp_path)
    with pytest.raises(RunUsageError, match=r"no protocol that all runs have: .* has dense"):
        ensemble([mini_runs[0], dense], tmp_path)


def test_same_call_returns_the_finished_run(made, imported, tmp_path):
    first = imported(made.logits, logits=True)
    files = files_of(tmp_path / "runs")
    assert imported(made.logits, logits=True).path == first.path
    assert files_of(tmp_path / "runs") == files
    imported(made.logits, logits=True, fresh=True)
    assert files_of(tmp_path / "runs") != files


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"protocol": "12"}, {"label_order": "ilsvrc"}, {"limit": 230}, "scores"]
)
def test_what_decides_the_figures_makes_another_run(made, imported, change):
    options = {"logits": True, "allow_implausible": True}
    first = imported(made.logits, **options)
    if change == "scores":
        other = imported(made.logits * 2, **options)
    else:
        n = change.get("limit", len(made.ids)) if isinstance(change, dict) else 0
        other = imported(made.logits[:n], **options | change)
    assert other.identity != first.identity
    assert first.complete


def test_each_array_of_a_file_is_a_run_of_its_own(made, imported, tmp_path):
    np.savez(tmp_path / "both.npz", a=made.logits, b=made.logits * 2)
    runs = [imported(f"{tmp_path}/both.npz:{name}", logits=True) for name in "ab"]
    assert [run.manifest.model.weights for run in runs] == [f"{tmp_path}/both.npz:{name}" for name in "ab"]
    assert len({run.identity for run in runs}) == 2
    assert accuracy(runs)["model"].nunique() == 2


def test_names_that_swap_two_rows_make_another_run(made, imported, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join([made.ids[1], made.ids[0], *made.ids[2:]]))
    swapped = imported(made.logits, logits=True, names=tmp_path / "names.txt")
    straight = imported(made.logits, logits=True)
    assert swapped.identity != straight.identity
    assert np.array_equal(pooled(swapped, "1")[:2], pooled(straight, "1")[1::-1])


def test_import_that_was_cut_off_is_finished_by_the_same_call(made, imported, monkeypatch, tmp_path):
    monkeypatch.setattr("bench.imports.import_predictions.SHARD_IMAGES", 50)
    save = Shard.save

    def stop_at_third(shard, *arguments):
        if shard.start >= 100:
            raise KeyboardInterrupt
        return save(shard, *arguments)

    monkeypatch.setattr(Shard, "save", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        imported(made.logits, logits=True)
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(IncompleteRun, match="100 of 240 images; the same import command continues it"):
        accuracy([Run.open(folder)])
    monkeypatch.setattr(Shard, "save", save)
    run = imported(made.logits, logits=True)
    assert run.path == folder
    assert accuracy([run])["n"].tolist() == [240]


def test_blacklist_that_is_named_later_is_noted_in_the_run(made, imported, tmp_path):
    first = imported(made.logits, logits=True)
    shards = files_of(first.path / "shards")
    (tmp_path / "list.txt").write_text("3\n5\n")
    run = imported(made.logits, logits=True, blacklist=tmp_path / "list.txt")
    assert (run.path, files_of(run.path / "shards")) == (first.path, shards)
    assert accuracy([run])["n"].tolist() == [240, 238]


def spoiled(row, change):
    def scores(made):
        probabilities = made.probabilities
        probabilities[row] = change(probabilities[row])
        return probabilities

    return scores


@pytest.mark.parametrize(
    ("scores", "options", "error", "message"),
    [
        (
            lambda made: made.logits,
            {},
            DataError,
            r"row 1, of ILSVRC2012_val_00000001, does not have prob.* is -",
        ),
        (spoiled(4, lambda row: row * 3), {}, DataError, "row 5, .* and their sum 3; pass --logits if"),
        (spoiled(4, lambda row: row - 0.001), {}, DataError, "row 5, .* the lowest is -0.0009"),
        (
            spoiled(6, lambda row: row * np.nan),
            {},
            DataError,
            "row 7, of .* has an infinite score, or one that",
        ),
        (spoiled(6, lambda row: row / 0), {"logits": True}, DataError, "row 7, of .* has an infinite score"),
        (lambda made: made.probabilities, {"logits": True}, UsageError, "has probabilities already: leave"),
        (lambda made: made.probabilities[1:], {}, DataError, "has 239 rows for the 240 images of .* --names"),
        (lambda made: made.probabilities[:, 1:], {}, UsageError, "has 999 columns in the order own"),
        (lambda made: made.probabilities, {"limit": 0}, UsageError, "--limit 0: write a number from 1"),
        (lambda made: made.probabilities, {"label_order": "x"}, UsageError, "no label order 'x'"),
        (lambda made: made.probabilities, {"model": " "}, UsageError, "--model is empty"),
        (
            lambda made: made.probabilities,
            {"protocol": "1,10"},
            UsageError,
            "--protocol 1,10: a file has the",
        ),
        (lambda made: made.probabilities, {"protocol": "7"}, ProtocolError, "no protocol '7'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_before_anything_is_written(
    made, imported, tmp_path, scores, options, error, message
):
    with np.errstate(all="ignore"), pytest.raises(error, match=message) as caught:
        imported(scores(made), **options)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_names_have_to_be_as_many_as_rows(made, imported, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(made.ids[1:]))
    with pytest.raises(DataError, match=r"names.txt has 239 names for the 240 rows of .*scores.npy: write a"):
        imported(made.probabilities, names=tmp_path / "names.txt")


@pytest.mark.parametrize("name", ["1", "12", "dense", "2x1x5x2", "1/timm"])
def test_protocols_are_named_as_an_evaluation_names_them(made, imported, name):
    assert imported(made.probabilities, protocol=name).protocols == (name,)


def test_order_of_rows_without_names_is_noted(made, imported, capsys):
    imported(made.probabilities)
    (text,) = (line for line in capsys.readouterr().err.splitlines() if "has no names" in line)
    assert text.endswith("in their order, from ILSVRC2012_val_00000001 to ILSVRC2012_val_00000240")
