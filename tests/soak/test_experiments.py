"""Every experiment of the papers, with few images."""

from dataclasses import replace

import pytest

from bench.experiments.outcome import effects
from bench.experiments.run import Scale, run_experiment
from bench.experiments.table import EXPERIMENTS
from bench.mini.draw import draw
from bench.progress import Silent
from tests.helpers import cli_json

SCALE = ("--images", 64, "--epochs", 1, "--workers", 0, "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all experiments share images and trainings, with images to evaluate on."""
    folder = tmp_path_factory.mktemp("experiments")
    draw(folder / "val" / "mini_few.tar", 40, seed=1)
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


def test_batch_normalisation_learns_where_the_plain_network_does_not_yet(folder):
    """As figure 2 of its paper has it: 4 epochs are too few for the plain network."""
    found = EXPERIMENTS["batch-normalisation"]
    plain, _, _, fast, *_ = found.variants
    pair = replace(found, variants=(plain, replace(fast, against=plain.label)))
    scale = Scale(folder, None, "mini", images=3000, epochs=4, seeds=1, workers=0, device="cpu")
    (effect,) = effects(run_experiment(pair, scale, Silent()))
    assert (effect.variant, effect.finding) == ("BN-x5", "better")
    assert effect.differences[0] < -5
