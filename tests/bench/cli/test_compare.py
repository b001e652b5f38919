import json
from dataclasses import replace

import pytest
from PIL import Image

import bench
from results.run import write_manifest
from results.tables import predictions
from tests.helpers import cli, cli_error, cli_json


@pytest.fixture
def paths(mini_runs):
    """The folders of the run of mini-v1 and of the ensemble."""
    return mini_runs[0].path, mini_runs[4].path


def test_json_has_errors_flips_and_the_paired_test(paths):
    printed = cli_json("compare", *paths)
    assert (printed["n"], printed["protocol"]) == (60, "144")
    lost, gained = printed["flipped"]
    error_a, error_b = printed["top1_error"]
    assert 100 * (gained - lost) / 60 == pytest.approx(error_a - error_b)
    low, high = printed["difference_interval"]
    assert low < error_b - error_a < high
    assert f"exact McNemar p = {printed['p_value']:.3g}" in cli("compare", *paths).stdout


def test_flipped_images_are_drawn(paths, tmp_path):
    done = cli("compare", *paths, "--show", tmp_path / "flips.png")
    flipped = sum(cli_json("compare", *paths)["flipped"])
    assert f"wrote {tmp_path}/flips.png: {flipped} of {flipped} images that flipped" in done.stderr
    with Image.open(tmp_path / "flips.png") as picture:
        assert picture.format == "PNG"


def test_images_at_a_url_are_drawn_only_where_the_user_names_it(run, evaluate, tmp_path):
    data = replace(run.manifest.data, path="memory://nowhere")
    write_manifest(run.path, replace(run.manifest, data=data))
    other = evaluate(crops="1").path
    show = ("--show", tmp_path / "flips.png")
    line = cli_error("compare", run.path, other, *show, code=2)
    assert line.endswith(
        "is on images at memory://nowhere, which is opened with --data memory://nowhere alone"
    )
    assert "no images at memory://nowhere" in cli_error(
        "compare", run.path, other, *show, "--data", "memory://nowhere", code=1
    )
    assert not (tmp_path / "flips.png").exists()


def test_default_protocol_is_the_last_that_both_runs_have(mini_runs, tmp_path):
    single = bench.evaluate(model="mini-v1", limit=60, out=tmp_path)
    printed = cli_json("compare", mini_runs[0].path, single.path)
    assert (printed["protocol"], printed["flipped"], printed["p_value"]) == ("1", [0, 0], 1.0)
    line = cli_error("compare", mini_runs[0].path, single.path, "--protocol", "144", code=2)
    assert "no protocol 144 that all runs have" in line


def test_image_set_can_be_chosen(mini_runs, paths):
    excluded = len(mini_runs[0].manifest.blacklist.excluded)
    assert excluded > 0
    assert cli_json("compare", *paths, "--image-set", "non-blacklisted")["n"] == 60 - excluded
    assert "image set" in cli_error("compare", *paths, "--image-set", "some", code=2)


def test_other_labels_decide_what_is_right(paths, mini_runs, tmp_path):
    """By the labels that the second run predicts, it alone is right wherever they disagree."""
    a, b = (predictions(run, "144") for run in (mini_runs[0], mini_runs[4]))
    labels = {image: [top1] for image, top1 in zip(b["image"], b["top1"].tolist(), strict=True)}
    labels[b["image"][0]] = []  # such an image is left out
    (tmp_path / "second.json").write_text(json.dumps(labels))
    printed = cli_json("compare", *paths, "--truth", tmp_path / "second.json")
    differing = int((a["top1"] != b["top1"])[1:].sum())
    assert (printed["n"], printed["flipped"]) == (59, [0, differing])
    assert printed["top1_error"] == [pytest.approx(100 * differing / 59), 0]
    shown = cli("compare", *paths, "--truth", tmp_path / "second.json").stdout
    assert "144 crops, all, by second.json, n = 59" in shown


def test_runs_on_other_images_are_refused(mini_runs, run):
    assert "is on other images" in cli_error("compare", mini_runs[0].path, run.path, code=1)
