"""Every experiment of the papers, with few images."""

import pytest

from bench.experiments.table import EXPERIMENTS
from bench.mini.draw import draw
from tests.helpers import cli_json

SCALE = ("--images", 32, "--epochs", 1, "--workers", 0, "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all experiments share images and trainings, with images to evaluate on."""
    folder = tmp_path_factory.mktemp("experiments")
    draw(folder / "val" / "mini_few.tar", 20, seed=1)
    return folder


@pytest.mark.parametrize("name", [name for name, found in EXPERIMENTS.items() if found.variants])
def test_experiment_trains_and_compares_all_its_mini_variants(name, folder):
    command = ("experiment", name, *SCALE, "--val", folder / "val" / "mini_few.tar", "--out", folder / "few")
    found = cli_json(*command)
    variants = [variant for variant, _ in EXPERIMENTS[name].sized("mini")]
    assert [row["variant"] for row in found["rows"]] == [variant.label for variant in variants]
    assert [effect["variant"] for effect in found["effects"]] == [
        variant.label for variant in variants if variant.against
    ]
    assert (folder / "few" / f"{name}.svg").exists()
