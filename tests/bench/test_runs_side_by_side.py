"""ensemble, compare, check, reproduce and report on the command line, with the runs of the demo."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import top_k_accuracy_score
from typer.testing import CliRunner

from bench.cli import app
from bench.data import open_images
from bench.evaluation.reproduce import rows_of
from bench.views.page import real_noise
from results.errors import RunError
from results.run import Run, Shard, finish, write_manifest
from results.tables import accuracy
from tests.conftest import random_weights


def cli(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


def pooled(run, protocol):
    return np.concatenate([shard.probabilities[protocol] for shard in run.shards()])


@pytest.mark.parametrize("protocol", ["1", "144"])
def test_the_ensemble_of_the_mini_networks_is_numpys_mean(demo_runs, protocol):
    *members, whole = demo_runs
    mean = np.mean([pooled(run, protocol) for run in members], axis=0)
    assert np.abs(pooled(whole, protocol) - mean).max() < 1e-6
    labels = open_images("mini").labels
    rows = accuracy([whole]).set_index(["protocol", "image_set"])
    for k in (1, 5):
        hits = top_k_accuracy_score(labels, mean, k=k, labels=range(50), normalize=False)
        assert rows.loc[(protocol, "all"), f"top{k}_hits"] == hits


def test_an_ensemble_on_the_command_line_and_its_growth(demo, demo_runs, tmp_path):
    paths = [run.path for run in demo_runs[:4]]
    said = json.loads(cli("ensemble", *paths, "--each", "--json", "--out", tmp_path).stdout)
    assert Run.open(Path(said["run"])).complete
    assert [row["cost"] for row in said["each"] if row["image_set"] == "all"] == [
        k * c for k in (1, 2, 3, 4) for c in (1, 10, 12, 144)
    ]
    assert (
        "members, in the order they are added: mini-v1, mini-v3"
        in cli("ensemble", *paths, "--each", "--out", tmp_path).stdout
    )
    by_name = json.loads(
        cli("ensemble", "--models", "mini-v1,mini-v3", "--crops", "144", "--out", demo[1], "--json").stdout
    )
    assert (
        by_name["rows"][3]["top1_hits"]
        == next(row for row in said["each"] if row["cost"] == 288)["top1_hits"]
    )  # runs were used again


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ensemble"], 2, "two runs or more"),
        (["ensemble", "--models", ","], 2, "names no network"),
        (["ensemble", "--nope"], 2, "No such option"),
        (
            ["ensemble", "--models", "mini-v1,mini-v1", "--limit", "9"],
            2,
            "mini-v1 and mini-v1 are the same network with the same weights",
        ),
        (["ensemble", "--models", "mini-v1,v9"], 2, "no network 'v9'"),
        (["ensemble", "--models", "mini-v1=nowhere.pth,mini-v3"], 2, "no weights at nowhere.pth"),
        (["papers", "inception-v4/table9"], 2, "no table 'inception-v4/table9': try inception-v4/table"),
        (["reproduce", "table4"], 2, "no table 'table4'"),
        (["reproduce", "mini", "--weights", "v3"], 2, "write NAME=FILE"),
        (["reproduce", "mini", "--weights", "v3=nowhere"], 2, "there is no such file"),
    ],
)
def test_what_users_get_wrong(tmp_path, arguments, code, message):
    done = cli(
        *arguments, *(["--out", tmp_path] if arguments[0] in ("ensemble", "reproduce") else []), code=code
    )
    assert message in done.stderr
    assert done.stderr.count("inception-bench:") == int("No such option" not in message)
    assert "a bug" not in done.stderr


def test_public_weights_have_their_figures():
    rows = json.loads(cli("papers", "weights", "--json").stdout)
    assert {"weights": "timm/inception_v4.tf_in1k", "top1_error": "19.856"}.items() <= rows[4].items()
    assert "25.37" in cli("papers", "weights").stdout


def test_every_row_is_gone_through_with_random_weights(shared, tmp_path):
    """One real image, the single crop, networks that know nothing: rows are run or say why, and the verdicts are right."""
    given = [
        f"{name}={random_weights(name, tmp_path / f'{name}.safetensors')}"
        for name in ("bn", "v3", "v4", "ir-v1", "ir-v2")
    ]
    data = [
        "--data",
        shared / "data" / "ilsvrc-val",
        "--devkit",
        shared / "data" / "ILSVRC2012_devkit_t12.tar.gz",
        "--limit",
        "1",
    ]
    blacklist = ["--blacklist", shared / "facts" / "blacklist.txt", "--out", tmp_path, "--json"]
    weights = [word for one in given for word in ("--weights", one)]
    rows = json.loads(cli("reproduce", "inception-v4/table2", *data, *blacklist, *weights).stdout)["rows"]
    assert [row["model"] for row in rows] == ["bn", "v3", "ir-v1", "v4", "ir-v2"]
    for row in rows:
        assert row["n"] == 1
        inside = all(
            row[f"{k}_low"] - 0.05 <= row[f"published_{k}"] <= row[f"{k}_high"] + 0.05
            for k in ("top1", "top5")
        )
        assert row["verdict"].startswith("within noise" if inside else "differs")
        assert row["difference_top1"] == pytest.approx(row["top1_error"] - row["published_top1"])


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        ("inception-v4/table4", ["v1=A"], "--weights v1=...: inception-v4/table4 has ir-v1, ir-v2, v3, v4"),
        (
            "inception-v4/table4",
            ["v3=A", "v3=B"],
            "--weights v3=... 2 times: no row of inception-v4/table4 has more than 1 of it",
        ),
        ("inception-v4/table5", ["v3=A", "v3=C"], "the same weights as v3="),
    ],
)
def test_weights_that_a_table_has_no_use_for_are_refused(tmp_path, table, given, message):
    for name, content in (("A", b"a"), ("B", b"b"), ("C", b"a")):
        (tmp_path / name).write_bytes(content)
    words = [word for one in given for word in ("--weights", one.replace("=", f"={tmp_path}/"))]
    assert message in cli("reproduce", table, *words, code=2).stderr


def test_a_training_of_its_own_is_not_another_rows(tmp_path):
    (tmp_path / "A").write_bytes(b"a")
    rows = rows_of("rethinking/table3", [f"v2={tmp_path}/A"])
    assert [row.paper["network"] for row in rows if row.members and row.members[0][0] == "v2"] == [
        "Inception-v2"
    ]
    (rmsprop,) = [row for row in rows if row.paper["network"] == "Inception-v2 RMSProp"]
    assert rmsprop.why == "needs weights of v2:rmsprop, none public: pass --weights v2:rmsprop=FILE"


def test_a_network_of_other_classes_is_refused_before_anything_is_fetched():
    done = cli("reproduce", "inception-v4/table4", code=2)
    assert "v3 tells 1,000 classes apart" in done.stderr


def test_reproduce_mini_has_the_papers_four_tables(demo, demo_runs):
    said = json.loads(cli("reproduce", "mini", "--out", demo[1], "--json").stdout)
    assert list(dict.fromkeys(row["table"] for row in said["rows"])) == [
        f"mini/table{number}" for number in (2, 3, 4, 5)
    ]
    expected = accuracy(demo_runs).set_index(["model", "protocol", "image_set"])
    for row in said["rows"]:
        assert (
            row["top1_hits"] == expected.loc[(row["model"], row["protocol"], row["image_set"]), "top1_hits"]
        )
    shown = cli("reproduce", "mini", "--out", demo[1]).stdout
    assert all(f"mini/table{number}" in shown for number in (2, 3, 4, 5))


def test_a_dry_run_says_what_and_how_long():
    said = json.loads(cli("reproduce", "mini", "--dry-run", "--limit", "100", "--json").stdout)
    assert [(one["network"], one["crops_in_all"]) for one in said["would_run"]] == [
        (name, 14_400) for name in ("mini-v1", "mini-v3", "mini-v4", "mini-ir-v2")
    ]
    assert all(one["seconds"] > 0 for one in said["would_run"])
    assert "not run: SuperVision 2012" in cli("reproduce", "googlenet/table2", "--dry-run").stdout


def test_compare_tells_of_flips_and_draws_them(demo_runs, tmp_path):
    a, b = demo_runs[0], demo_runs[4]
    said = json.loads(cli("compare", a.path, b.path, "--json", "--show", tmp_path / "flips.png").stdout)
    assert said["n"] == 1000
    assert said["protocol"] == "144"
    lost, gained = said["flipped"]
    assert 10 * (gained - lost) == pytest.approx(
        100 * (said["top1_error"][0] - said["top1_error"][1]), abs=1e-6
    )
    assert (
        said["difference_interval"][0]
        < said["top1_error"][1] - said["top1_error"][0]
        < said["difference_interval"][1]
    )
    with Image.open(tmp_path / "flips.png") as picture:
        assert picture.width == 6 * 168 + 8
    assert f"exact McNemar p = {said['p_value']:.3g}" in cli("compare", a.path, b.path).stdout


def test_the_gate_passes_the_same_run_and_fails_a_worsened_one(demo_runs, tmp_path, monkeypatch):
    """Labels of 3 % of the images changed."""
    baseline, summary = tmp_path / "baseline.csv", tmp_path / "summary.md"
    good = json.loads(cli("eval", "--out", tmp_path / "runs", "--json").stdout)["run"]
    cli("check", good, "--against", baseline, "--update")
    assert "all 2 rows pass" in cli("check", good, "--against", baseline).stdout
    images = open_images("mini")
    labels = images.labels.copy()
    labels[::33] = (labels[::33] + 1) % 50
    lines = (f"{image_id}.JPEG {label}\n" for image_id, label in zip(images.ids, labels, strict=True))
    (tmp_path / "labels.txt").write_text("".join(lines))
    bad = json.loads(
        cli("eval", "--labels", tmp_path / "labels.txt", "--out", tmp_path / "runs", "--json").stdout
    )["run"]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = cli("check", bad, "--against", baseline, "--junit", tmp_path / "junit.xml", code=3)
    assert done.stdout.count("::error title=mini-v3%2C 1%2C all::worse: top-1 error +") == 1
    assert "inception-bench check: 2 of 2 rows fail" in summary.read_text()
    assert "2 of 2 rows fail" in done.stdout
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().attrib["failures"] == "2"
    said = json.loads(cli("check", bad, "--against", baseline, "--json", code=3).stdout)
    assert said["passed"] is False
    assert {row["passed"] for row in said["rows"]} == {False}


def test_a_missing_row_fails_the_gate(demo_runs, demo, tmp_path):
    table = pd.read_csv(demo[1] / "demo.csv")
    table[:-1].to_csv(tmp_path / "part.csv", index=False)
    done = cli("check", tmp_path / "part.csv", "--against", demo[1] / "demo.csv", code=3)
    assert "missing: it was not measured" in done.stdout
    assert "1 of 40 rows fail" in done.stdout
    done = cli("check", demo[1] / "demo.csv", "--against", tmp_path / "part.csv", code=3)
    assert "not in the baseline" in done.stdout


@pytest.fixture
def worse(demo_runs, tmp_path):
    """The first run with its single crop in place of its 144."""
    run = demo_runs[0]
    folder = tmp_path / "worse"
    for shard in run.shards():
        swapped = shard.probabilities | {"144": shard.probabilities["1"]}
        Shard(shard.start, shard.stop, shard.ids, shard.labels, swapped).save(folder / "shards", "worse")
    return finish(write_manifest(folder, dict(run.manifest) | {"identity": "worse", "complete": False}), 1.0)


def test_two_runs_are_held_to_the_paired_test(demo_runs, worse):
    """A tolerance of 50 points lets 1 crop stand for 144; the images do not."""
    good = demo_runs[0].path
    done = cli("check", worse.path, "--against", good, "--tolerance", "50", code=3)
    assert done.stdout.count("FAIL") == 2
    assert "all 8 rows pass" in cli("check", good, "--against", good, "--tolerance", "0").stdout
    assert "all 8 rows pass" in cli("check", good, "--against", worse.path, "--tolerance", "50").stdout
    assert (
        cli("check", good, "--against", worse.path, "--tolerance", "50", "--both-ways", code=3).stdout.count(
            "FAIL"
        )
        == 2
    )


def test_other_images_and_other_protocols_do_not_pass(tmp_path):
    """As many images, but not the same; crops of the same name, but pooled otherwise."""
    out = ["--out", tmp_path, "--limit", "40", "--json"]
    runs = [
        json.loads(cli("eval", *out, *more).stdout)["run"]
        for more in ([], ["--shuffle-seed", "3"], ["--pool", "logits", "--crops", "10"], ["--crops", "10"])
    ]
    for measured, baseline, word in ((1, 0, "other images or labels"), (2, 3, "another protocol")):
        cli("check", runs[baseline], "--against", tmp_path / "base.csv", "--update")
        for against in (tmp_path / "base.csv", runs[baseline]):
            said = json.loads(
                cli(
                    "check", runs[measured], "--against", against, "--tolerance", "60", "--json", code=3
                ).stdout
            )
            assert any(word in row["why"] for row in said["rows"]), said
            assert not any(
                row["passed"] for row in said["rows"] if row["protocol"] != "1" or word != "another protocol"
            )


def test_runs_of_different_protocols_are_compared_by_what_they_share(demo_runs, tmp_path):
    single = json.loads(cli("eval", "--model", "mini-v1", "--out", tmp_path, "--json").stdout)["run"]
    said = json.loads(cli("compare", demo_runs[0].path, single, "--json").stdout)
    assert (said["protocol"], said["flipped"], said["p_value"]) == ("1", [0, 0], 1.0)
    assert (
        "no protocol 144 that all runs have"
        in cli("compare", demo_runs[0].path, single, "--protocol", "144", code=2).stderr
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--tolerance", "-1"], 2, "--tolerance -1: write points of error"),
        (["--alpha", "1"], 2, "--alpha 1: write a probability"),
        (["--tolerance", "nan"], 2, "--tolerance nan"),
    ],
)
def test_gates_that_mean_nothing(demo, arguments, code, message):
    assert (
        message
        in cli("check", demo[1] / "demo.csv", "--against", demo[1] / "demo.csv", *arguments, code=code).stderr
    )


def test_a_baseline_that_is_not_there_is_named(demo, tmp_path):
    assert (
        "cannot read the table"
        in cli("check", demo[1] / "demo.csv", "--against", tmp_path / "none.csv", code=1).stderr
    )
    assert (
        "--update writes a .csv"
        in cli("check", demo[1] / "demo.csv", "--against", tmp_path / "none.txt", "--update", code=2).stderr
    )


def test_the_page_has_the_mistakes_with_their_pictures(demo_runs, tmp_path):
    paths = [run.path for run in demo_runs]
    cli("report", *paths, "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 5 * 12
    assert "checked-star" in page
    assert len(page) < 2_000_000
    assert "-o report.html" in cli("report", *paths, "--real", code=2).stderr
    other = json.loads(cli("eval", "--limit", "40", "--out", tmp_path, "--json").stdout)["run"]
    assert (
        "is on other images or labels than"
        in cli("report", *paths, other, "-o", tmp_path / "two.html", code=1).stderr
    )
    done = cli("report", *paths, "--real", "-o", tmp_path / "real.html", code=1)
    assert "is not on ImageNet's validation images, which ReaL labels are for" in done.stderr


def test_a_table_in_latex(demo_runs):
    text = cli("report", demo_runs[0].path, "--format", "tex").stdout
    assert r"mini-v1 & 144 & non-blacklisted & 961 &" in text
    assert text.count(r" \\") == 9


def test_real_labels_by_hand(shared, tmp_path):
    """The real validation images that are here, all said to be tench (0): by ReaL right where it lists 0."""
    from timm.data.real_labels import RealLabelsImagenet

    from tests.results.test_run import started

    devkit = shared / "data" / "ILSVRC2012_devkit_t12.tar.gz"
    images = open_images(str(shared / "data" / "ilsvrc-val"), devkit=devkit)
    said = np.zeros((len(images), 1000), dtype=np.float32)
    said[:, 0] = 1
    run = started(tmp_path / "run", len(images))
    run = write_manifest(
        run.path, dict(run.manifest) | {"plan": {"protocols": {"1": {}}}, "shard_images": len(images)}
    )
    Shard(0, len(images), list(images.ids), images.labels, {"1": said}).save(
        run.path / "shards", run.identity
    )
    noise = real_noise(finish(run, 1.0))
    oracle = RealLabelsImagenet(
        [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)]
    ).real_labels
    lists = [oracle[f"{image_id}.JPEG"] for image_id in images.ids]
    assert noise.n == sum(bool(labels) for labels in lists)
    assert noise.error == pytest.approx(100 * sum(0 not in labels for labels in lists if labels) / noise.n)


def test_real_labels_are_for_imagenet_alone(demo_runs):
    with pytest.raises(RunError, match="leave --real away"):
        real_noise(demo_runs[0])
