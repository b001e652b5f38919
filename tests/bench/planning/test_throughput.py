"""What a machine can do: the arithmetic on made-up rates, and the command on images."""

import pytest

from bench.data import open_images
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.planning.throughput import Throughput, run_throughput
from bench.progress import Silent
from bench.zoo.loading import untrained
from tests.conftest import TINY
from tests.helpers import cli, cli_error, cli_json, table_cells

RATES = (
    "decode_images_per_s",
    "render_crops_per_s",
    "forward_crops_per_s",
    "end_to_end_crops_per_s",
    "efficiency",
)


def made_up(decode, render, forward, whole):
    images = open_images("mini")
    evaluation = prepare_loaded(Options(), images, None, untrained("mini-v3"), Silent())
    return Throughput(evaluation, 58, 10.0, 5, decode, render, forward, whole)


@pytest.mark.parametrize(
    ("decode", "render", "forward", "limit", "stage"),
    [
        (100.0, 2000.0, 900.0, 900.0, "forward"),
        (50.0, 2000.0, 900.0, 500.0, "decoding"),
        (100.0, 300.0, 900.0, 300.0, "rendering"),
    ],
)
def test_limit_is_the_slowest_stage(decode, render, forward, limit, stage):
    measured = made_up((decode,) * 3, (render,) * 3, (forward,) * 3, (270.0, 240.0, 300.0))
    assert measured.limit == limit
    described = measured.describe()
    assert described["limit"] == stage
    assert described["efficiency"] == pytest.approx(270 / limit)
    assert described["spread"]["efficiency"] == pytest.approx([240 / limit, 300 / limit])
    assert (
        f"limit: {stage}; efficiency, end to end over the limit: {270 / limit:.3f}"
        in measured.summary_lines()[0]
    )


def test_efficiency_ignores_a_machine_that_slows_down():
    measured = made_up((1e6, 1e6, 1e6), (1e6, 1e6, 1e6), (1000.0, 500.0, 400.0), (900.0, 450.0, 360.0))
    assert measured.describe()["efficiency"] == pytest.approx(0.9)


@pytest.fixture
def throughput(tiny_weights, photos):
    """The command, for the small network on the small pictures."""
    return ["throughput", "--model", TINY, "--weights", tiny_weights, "--data", photos]


def test_every_stage_is_measured(throughput):
    options = ("--crops", "10", "--rounds", 2, "--seconds", 0.1)
    measured = cli_json(*throughput, *options)
    assert all(measured[name] > 0 for name in RATES)
    assert (measured["crops_per_image"], measured["rounds"], measured["folded"]) == (10, 2, 13)
    stages = {
        "decoding": 10 * measured["decode_images_per_s"],
        "rendering": measured["render_crops_per_s"],
        "forward": measured["forward_crops_per_s"],
    }
    assert stages[measured["limit"]] == min(stages.values())


def test_stage_and_round_are_shown_while_it_measures(throughput):
    lines = cli(*throughput, "--rounds", 2, "--seconds", 0.1).stderr.splitlines()
    stages = ("decoding", "rendering", "forward", "end to end")
    assert [line for line in lines if line.startswith("round")] == [
        f"round {number} of 2: {stage}" for number in (1, 2) for stage in stages
    ]


def test_stages_are_printed_on_a_line_each(throughput):
    lines = cli(*throughput, "--rounds", 1, "--seconds", 0.1).stdout.splitlines()
    stages = ["decoding", "rendering", "forward", "end to end"]
    assert [cells[0] for cells in table_cells(lines)] == stages
    assert lines[7].startswith("limit: ")


@pytest.mark.parametrize("crops", ["1,dense", "144"])
def test_every_protocol_can_be_measured(crops, tiny_weights, photos):
    options = Options(model=TINY, weights=str(tiny_weights), data=str(photos), crops=crops, limit=1)
    measured = run_throughput(options, 1, 0.1, Silent())
    assert measured.crops >= 5
    assert all(rate > 0 for rate in (*measured.decode, *measured.render, *measured.forward, *measured.whole))


def test_data_without_a_readable_image_are_an_error(throughput, photos):
    for path in photos.glob("*/*.JPEG"):
        path.write_bytes(b"nothing")
    assert cli_error(*throughput, code=1) == f"none of the images in {photos} can be read"


@pytest.mark.parametrize("option", ["--rounds", "--seconds"])
def test_numbers_that_mean_nothing_are_usage_errors(option):
    assert option in cli("throughput", option, 0, code=2).stderr


def test_unknown_protocol_is_a_usage_error():
    assert "no protocol '11'" in cli_error("throughput", "--crops", "11", code=2)
