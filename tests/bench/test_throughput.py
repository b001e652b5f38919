"""What a machine can do: the arithmetic on made-up rates, and the command on real images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.evaluation.prepare import set_up
from bench.options import Options
from bench.planning.throughput import Throughput, run_throughput
from bench.progress import Silent
from bench.zoo.loading import untrained
from tests.conftest import TINY

RATES = (
    "decode_images_per_s",
    "render_crops_per_s",
    "forward_crops_per_s",
    "end_to_end_crops_per_s",
    "efficiency",
)


def made_up(decode, render, forward, whole):
    return Throughput(set_up(Options(), untrained("mini-v3")), 58, 10.0, 5, decode, render, forward, whole)


@pytest.mark.parametrize(
    ("decode", "render", "forward", "limit", "stage"),
    [
        (100.0, 2000.0, 900.0, 900.0, "forward"),
        (50.0, 2000.0, 900.0, 500.0, "decoding"),
        (100.0, 300.0, 900.0, 300.0, "rendering"),
    ],
)
def test_the_limit_is_the_slowest_stage(decode, render, forward, limit, stage):
    measured = made_up((decode,) * 3, (render,) * 3, (forward,) * 3, (270.0, 240.0, 300.0))
    assert measured.limit == limit
    described = measured.describe()
    assert described["limit"] == stage
    assert described["efficiency"] == pytest.approx(270 / limit)
    assert described["spread"]["efficiency"] == pytest.approx([240 / limit, 300 / limit])
    assert f"limit: {stage}; efficiency, end to end over the limit: {270 / limit:.3f}" in measured.text()


def test_a_machine_that_slows_down_does_not_count_as_inefficiency():
    measured = made_up((1e6, 1e6, 1e6), (1e6, 1e6, 1e6), (1000.0, 500.0, 400.0), (900.0, 450.0, 360.0))
    assert measured.describe()["efficiency"] == pytest.approx(0.9)


def test_the_command_measures_every_stage(run_cli, tiny_weights, photos):
    options = (
        "--model",
        TINY,
        "--weights",
        tiny_weights,
        "--data",
        photos,
        "--crops",
        "10",
        "--rounds",
        2,
        "--seconds",
        0.2,
    )
    done = run_cli("throughput", *options, "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert all(measured[name] > 0 for name in RATES)
    assert measured["crops_per_image"] == 10
    assert measured["folded"] == 13
    lowest = min(
        measured["decode_images_per_s"] * 10, measured["render_crops_per_s"], measured["forward_crops_per_s"]
    )
    assert lowest == {"decoding": measured["decode_images_per_s"] * 10, "rendering": measured["render_crops_per_s"],
                      "forward": measured["forward_crops_per_s"]}[measured["limit"]]  # fmt: skip
    shown = run_cli("throughput", *options)
    assert shown.returncode == 0
    assert [line.split("  ")[0].strip() for line in shown.stdout.splitlines()[:5]] == [
        "stage",
        "decoding",
        "rendering",
        "forward",
        "end to end",
    ]


@pytest.mark.parametrize("crops", ["1,dense", "144"])
def test_every_protocol_can_be_measured(crops, tiny_weights, photos):
    options = Options(model=TINY, weights=str(tiny_weights), data=str(photos), crops=crops, limit=1)
    measured = run_throughput(options, 1, 0.1, Silent())
    assert measured.crops >= 5
    assert all(rate > 0 for rate in (*measured.decode, *measured.render, *measured.forward, *measured.whole))


def test_without_an_image_that_can_be_read(run_cli, tmp_path, tiny_weights):
    folder = tmp_path / "n01440764"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"nothing")
    done = run_cli("throughput", "--model", TINY, "--weights", tiny_weights, "--data", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"inception-bench: none of the images in {tmp_path} can be read\n",
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--rounds", 0, "--rounds"), ("--seconds", 0, "--seconds"), ("--crops", "11", "no protocol '11'")],
)
def test_wrong_input(run_cli, option, value, said):
    done = run_cli("throughput", option, value)
    assert done.returncode == 2
    assert said in done.stderr


def test_peers_predict_the_same(shared, lite0, tmp_path):
    """The comparison's first claim, that the work is the same: timm's loader, TenCrop and Pillow see the same crops."""
    for picture in sorted((shared / "data" / "imagenet-sample").glob("*/*"))[:3]:
        folder = tmp_path / picture.parent.name
        folder.mkdir()
        (folder / picture.name).symlink_to(picture)
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "peers.py"
    command = [sys.executable, script, "--data", tmp_path, "--weights", lite0, "--rounds", "1", "--few", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("| 1", "3 of 3 |"),
        ("| 10", "3 of 3 |"),
        ("| 144", "1 of 1 |"),
    ]
