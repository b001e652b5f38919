import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.detection.select import Selection
from tests.bench.detection.conftest import REGIONS, make_scene, networks, write_proposals  # noqa: F401 - a fixture
from tests.conftest import TINY
from tests.helpers import cli, cli_error, cli_json


@pytest.fixture
def place(tmp_path):
    return make_scene(tmp_path)


@pytest.fixture
def command(place, networks):  # noqa: F811
    """The command that detects with a small network."""
    usual = ["--data", place / "scene", "--proposals", place / "proposals.csv", "--out", place / "runs"]
    return ["detect", "--model", networks[0], *usual, "--device", "cpu"]


def test_json_has_the_run_and_its_counts(command):
    printed = cli_json(*command, "--most", "2")
    counts = {name: printed[name] for name in ("images", "skipped", "regions", "detections")}
    assert counts == {"images": 4, "skipped": 0, "regions": 7, "detections": 6}
    lines = Path(printed["table"]).read_text().splitlines()
    assert lines[0] == "image,class,score,xmin,ymin,xmax,ymax"
    assert len(lines) == 1 + 6
    assert Path(printed["run"]) == Path(printed["table"]).parent


def test_counts_table_and_run_are_printed(command):
    lines = cli(*command, "--most", "2").stdout.splitlines()
    assert lines[0] == "6 detections in 4 images, from 7 regions"
    assert [line.partition(": ")[0] for line in lines[1:]] == ["table", "run"]


def test_images_that_could_not_be_read_are_among_all_and_counted_beside(command, place):
    image = place / "scene" / "a.png"
    image.write_bytes(bytes(image.stat().st_size))
    lines = cli(*command, "--most", "2", "--skip-unreadable").stdout.splitlines()
    assert lines[0] == "4 detections in 4 images, from 7 regions; 1 of the images could not be read"
    printed = cli_json(*command, "--most", "2", "--skip-unreadable")
    counts = {name: printed[name] for name in ("images", "skipped", "regions", "detections")}
    assert counts == {"images": 4, "skipped": 1, "regions": 7, "detections": 4}


def test_numbers_are_those_of_the_selection(command):
    run = Path(cli_json(*command)["run"])
    assert json.loads((run / "manifest.json").read_text())["selection"] == asdict(Selection())


def test_other_commands_say_that_these_are_detections(command):
    run = cli_json(*command, "--most", "2")["run"]
    line = cli_error("report", run, code=1)
    assert line == f"{run} has detections and no predictions: score-detections reads it"
    (listed,) = cli_json("runs", Path(run).parent)
    assert (listed["run"], listed["state"]) == (run, "detections")


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--overlap", "1.5"], 2, "--overlap 1.5: write a number from 0 to 1"),
        (["--overlap", "nan"], 2, "--overlap nan: write a number from 0 to 1"),
        (["--least-score", "-0.1"], 2, "--least-score -0.1: write a number from 0 to 1"),
        (["--most", "0"], 2, "--most 0: write a number from 1"),
        (["--limit", "0"], 2, "--limit 0: write a number from 1"),
        (["--model", ","], 2, "--model ',' names no network: write NAME, NAME.TAG or NAME=FILE, with commas"),
        (["--model", f"{TINY}=nowhere.pt"], 2, "no weights at nowhere.pt: there is no such file"),
        (["--model", "v99"], 2, "v99"),
        (["--data", "nowhere"], 1, "no images at nowhere"),
        (["--proposals", "nowhere.csv"], 1, "no proposals at nowhere.csv: there is no such file"),
        (["--proposals", ""], 2, "an empty name leads nowhere"),
    ],
)
def test_error_is_one_line(command, more, code, message):
    assert message in cli_error(*command, *more, code=code)


def test_network_that_is_named_twice_is_refused(command):
    twice = f"{command[2]},{command[2]}"
    assert "are the same network with the same weights: name it once" in cli_error(
        *command, "--model", twice, code=2
    )


def test_networks_of_other_classes_are_refused(command, place, networks):  # noqa: F811
    (place / "scene" / "classes.txt").write_text("cat\ndog\n")
    three, _, two, five = networks
    assert cli_error(*command, "--model", f"{two},{three}", code=2) == (
        f"{three} predicts 3 classes, and {two} 2: average networks of the same classes"
    )
    assert f"{five} predicts 5 classes, but" in cli_error(*command, "--model", five, code=2)


def of_last_image(place, box):
    """The proposals with another region for d.png."""
    write_proposals(place / "proposals.csv", REGIONS | {"d.png": [box]})


@pytest.mark.parametrize("box", [(-2, 0, 9, 9), (5, 5, 9, 61)])
def test_region_beyond_its_image_is_refused_before_any_is_classified(command, place, box):
    of_last_image(place, box)
    line = cli_error(*command, code=1)
    corners = ",".join(map(str, box))
    assert f"the region {corners} is not within d.png, which has 60 x 60 pixels: propose regions" in line
    assert not list((place / "runs").rglob("manifest.json"))


def test_region_may_reach_a_pixel_beyond_its_image(command, place):
    of_last_image(place, (0, 0, 60, 59))
    assert cli_json(*command)["regions"] == 7


def test_image_that_cannot_be_read_is_refused(command, place):
    (place / "scene" / "a.png").write_bytes(b"no image")
    line = cli_error(*command, code=1)
    assert line.startswith("a.png in")
    assert line.endswith("; repair it, or leave such images out with --skip-unreadable")
    assert not list((place / "runs").rglob("manifest.json"))
    assert cli_json(*command, "--skip-unreadable")["skipped"] == 1


def test_images_of_the_same_name_are_refused_before_any_work(command, place):
    """A table of detections has no folders, so that both would be one image in it."""
    for folder in ("x", "y"):
        (place / "scene" / folder).mkdir()
        shutil.copy(place / "scene" / "d.png", place / "scene" / folder / "e.png")
    assert cli_error(*command, "--model", "v4", code=1) == (
        f"{place / 'scene'} has x/e.png and y/e.png: score-detections knows an image without its folder and "
        "ending, so give each a name of its own"
    )


def test_place_that_cannot_be_written_is_refused(command, place):
    (place / "runs").write_text("")
    assert "Not a directory; choose another --out" in cli_error(*command, code=1)


def test_torchrun_is_refused(command, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert cli_error(*command, code=2) == "detect works in one process: start it without torchrun"
