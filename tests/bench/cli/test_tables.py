"""Tables of every command on terminals of 80 columns, and with `--wide`."""

import shutil

import pytest

from bench.training.recipes import RECIPES
from bench.views.public_weights import weights_rows
from bench.zoo import NETWORKS
from results import published
from tests.helpers import cli
from tests.results.conftest import SCHEMA_2

V1, V3, ENSEMBLE = (
    *("mini-v1-mini_val.tar-10-71bff58c", "mini-v3-mini_val.tar-10-2bed7b83"),
    "mini-v1+mini-v3-mini_val.tar-10-0006e2ca",
)

COMMANDS = {
    "models": (*NETWORKS, *(tag for network in NETWORKS.values() for tag in network.tags)),
    "protocols": ("native", "144", "dense", "mirror"),
    "papers": published.tables(),
    **{f"papers {paper}": () for paper in published.PAPERS},
    "papers weights": {row["weights"] for row in weights_rows()},
    "papers weights --model v4": ("timm/inception_v4.tf_in1k",),
    "papers weights --model timm/vit_large_patch14_clip_336": (
        "timm/vit_large_patch14_clip_336.openai_ft_in12k_in1k",
    ),
    "experiments": ("auxiliary-heads", "factorisation-cost"),
    **{f"train --explain --recipe {recipe}": () for recipe in RECIPES},
    "runs": (V1, V3, ENSEMBLE),
    f"compare runs/{V1} runs/{V3}": ("mini-v1", "mini-v3"),
    f"check runs/{V1} runs/{ENSEMBLE} --against runs/{V1}": ("mini-v1", "mini-v1+mini-v3"),
    f"ensemble --each runs/{V1} runs/{V3}": ("mini-v1", "mini-v3", "mini-v1+mini-v3"),
}
"""Commands, and names that are in what they print."""


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A folder with stored runs, in which commands are called."""
    for name in (V1, V3, ENSEMBLE):
        shutil.copytree(SCHEMA_2 / name, tmp_path / "runs" / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_tables_fit_80_columns_and_names_are_whole(command, stored, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code = 3 * command.startswith("check")
    shown = cli(*command.split(), code=code).stdout
    assert "…" not in shown
    assert [line for line in shown.splitlines() if len(line.rstrip()) > 80] == []
    assert [name for name in COMMANDS[command] if name not in shown.replace("\n", " ").split()] == []


@pytest.mark.parametrize("columns", ["", "0", "many"])
def test_table_that_goes_to_no_terminal_is_whole(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert cli("papers").stdout == cli("papers", "--wide").stdout


@pytest.mark.parametrize("command", ["runs", "models", "experiments"])
def test_wide_shows_what_a_narrow_terminal_leaves_out(command, stored, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    whole = cli(command).stdout
    monkeypatch.setenv("COLUMNS", "80")
    assert cli(command).stdout.splitlines()[-1].startswith("--wide also shows ")
    assert cli(command, "--wide").stdout == whole
    assert "--wide" not in whole
