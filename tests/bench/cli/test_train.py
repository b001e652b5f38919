import shutil

import pytest

from bench.training.recipes import RECIPES
from tests.helpers import cli, cli_error, cli_json


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "mini", "--out", ""], "an empty name leads nowhere: write a file or a folder"),
        (["--data", "", "--out", "v2"], "an empty name leads nowhere: write a file or a folder"),
        (["--data", "mini", "--out", "memory://v2"], "training writes to a folder of this machine"),
    ],
)
def test_wrong_place_is_an_error(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in cli_error("train", *options, code=2)
    assert not list(tmp_path.iterdir())


def test_images_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli_error("train", code=2).startswith("no --data: name the training images")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_is_explained_without_data(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = cli("train", "--recipe", recipe, "--explain").stdout
    explanation = cli_json("train", "--recipe", recipe, "--explain")
    assert explanation["recipe"] == recipe
    for part in explanation["parts"]:
        assert part["value"] in shown
        assert part["source"] in shown
    assert all(f"- {deviation}" in shown for deviation in explanation["deviations"])
    assert not list(tmp_path.iterdir())


def test_help_lists_every_recipe_and_part():
    shown = cli("train", "--help").stdout
    assert ", ".join(RECIPES) in " ".join(shown.replace("│", " ").split())


def test_json_is_for_the_explanation(tmp_path):
    assert "--json is for --explain" in cli_error("train", "--data", "mini", "--json", code=2)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # on one core
def test_mini_network_trains_on_the_mini_set_as_typed(mini_data, tmp_path, monkeypatch):
    """Without `--out`, the training goes to a folder of its own in `trainings`."""
    monkeypatch.chdir(tmp_path)
    command = ["train", "--model", "mini-v3", "--recipe", "rethinking", "--data", mini_data]
    done = cli(*command, "--epochs", 1, "--batch", 8)
    assert done.stdout == "trainings/mini-v3-rethinking/epoch-0001.safetensors\n"
    assert (tmp_path / done.stdout.strip()).is_file()
    shutil.rmtree(tmp_path / "trainings")
