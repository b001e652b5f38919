"""The experiments name what there is, and say what the papers print."""

import re
import shlex
import subprocess
import sys

import pytest

from bench.errors import UsageError
from bench.experiments.table import EXPERIMENTS, find_experiment
from bench.training.recipes import find_recipe
from bench.zoo import find
from results import published
from tests.helpers import cli, cli_error, cli_json

SETTINGS = [
    setting
    for experiment in EXPERIMENTS.values()
    for size in ("mini", "full")
    for _, setting in experiment.sized(size)
]
VARIANTS = [variant for experiment in EXPERIMENTS.values() for variant in experiment.variants]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.folder())
def test_network_and_recipe_of_every_variant_exist(setting):
    assert find(setting.model).name == setting.model
    find_recipe(setting.recipe, setting.without, setting.rate)


def test_settings_that_differ_have_folders_that_differ():
    assert len({setting.folder() for setting in SETTINGS}) == len(set(SETTINGS))


def test_mini_variants_are_compared_with_mini_variants():
    for experiment in EXPERIMENTS.values():
        for size in ("mini", "full"):
            labels = [variant.label for variant, _ in experiment.sized(size)]
            others = [variant.against for variant, _ in experiment.sized(size) if variant.against]
            assert set(others) <= set(labels)
            assert bool(others) == bool(labels)


def test_labels_fit_the_chart():
    assert max(len(variant.label) for variant in VARIANTS) <= 20


def test_errors_are_those_of_the_published_tables():
    """Rows of Rethinking's Tables 2 and 3 and of Inception-v4's Table 2 by their errors."""
    printed = {float(row["top1_error"]) for row in published.table_rows("rethinking") if row["top1_error"]}
    printed |= {float(row["top1_error"]) for row in published.table_rows("inception-v4") if row["top1_error"]}
    found = {
        variant.top1_error
        for name in ("ablation", "label-smoothing", "low-resolution", "residual")
        for variant in EXPERIMENTS[name].variants
        if variant.top1_error
    }
    assert len(found) == 10
    assert found <= printed


def test_finding_of_a_variant_agrees_with_its_error():
    for experiment in EXPERIMENTS.values():
        errors = {variant.label: variant.top1_error for variant in experiment.variants}
        for variant in experiment.variants:
            if variant.top1_error and errors.get(variant.against):
                lower = variant.top1_error < errors[variant.against]
                assert variant.finding == ("better" if lower else "worse")


def test_unknown_experiment_is_an_error_with_the_nearest_names():
    with pytest.raises(UsageError, match="no experiment 'residuals': try residual"):
        find_experiment("residuals")
    assert "no experiment 'fig2': try " in cli_error("experiment", "fig2", code=2)


def test_list_has_every_experiment_with_its_finding():
    rows = cli_json("experiments")
    assert [row["name"] for row in rows] == list(EXPERIMENTS)
    assert all(row["question"].endswith("?") and row["finding"] for row in rows)
    printed = cli("experiments").stdout
    assert all(name in printed for name in EXPERIMENTS)


def test_list_imports_no_torch():
    code = "import sys; from bench.cli import app; app(['experiments'], standalone_mode=False); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_commands_at_full_size_are_those_of_the_settings(monkeypatch):
    commands = cli_json("experiment", "label-smoothing", "--full", "--data", "in/train 1", "--out", "here")
    assert commands["without smoothing"] == [
        "inception-bench train --model v2 --recipe rethinking --without smoothing --data 'in/train 1' "
        "--out here/v2-rethinking-no-smoothing",
        "inception-bench eval --model v2 --weights here/v2-rethinking-no-smoothing --data imagenet/val",
    ]
    printed = cli("experiment", "label-smoothing", "--full").stdout.splitlines()
    assert printed[0] == "# without smoothing"
    assert len(printed) == 6


def test_commands_have_options_that_the_commands_know():
    helps = {name: cli(name, "--help").stdout for name in ("train", "eval")}
    for name in EXPERIMENTS:
        if EXPERIMENTS[name].variants:
            for lines in cli_json("experiment", name, "--full").values():
                for line in lines:
                    _, command, *words = shlex.split(line)
                    assert all(word in helps[command] for word in words if re.match("--", word))
