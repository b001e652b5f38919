"""What the documents say of the code is what the code says."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from bench.cli import app
from bench.training.recipes import find_recipe
from bench.zoo.networks import NETWORKS, find
from crops import AXES, DEFINITIONS
from results import published
from tests.helpers import cli

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text("utf-8")
COMMANDS = dict.fromkeys(re.findall("`inception-bench ([^`]+)`", EXPERIMENTS))
PAGE = runpy.run_path(str(ROOT / "docs" / "public_names.py"))["page"]()


def test_every_public_name_has_a_docstring():
    assert [line for line in PAGE.splitlines() if line.startswith("- `") and ": " not in line] == []


def test_version_is_that_of_the_changelog():
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line[:3] == "## "]
    assert [heading.split()[1] for heading in headings[:2]] == ["Unreleased", version]


def test_page_of_protocols_has_the_definitions_of_the_code():
    rows = (ROOT / "docs" / "protocols.md").read_text("utf-8").splitlines()
    for axis, meaning in AXES.items():
        assert f"| {axis} | {meaning} |" in rows
    for name, definition in DEFINITIONS.items():
        assert f"| {name} | {definition.views} | {definition.source} |" in rows


@pytest.mark.parametrize(
    ("paper", "tables", "figures"),
    [("GoogLeNet", 5, 3), ("BN-Inception", 0, 5), ("Rethinking", 5, 10), ("Inception-v4", 5, 26)],
)
def test_page_of_experiments_has_every_table_and_figure(paper, tables, figures):
    """As many as the paper has on arXiv."""
    (section,) = re.findall(rf"^## {paper} .*?(?=^## )", EXPERIMENTS, re.DOTALL | re.MULTILINE)
    for kind, count in (("Table", tables), ("Figure", figures)):
        first_cells = re.findall(rf"^\| {kind}s? ([\d, ]+) \|", section, re.MULTILINE)
        numbers = [int(number) for cell in first_cells for number in cell.split(",")]
        assert numbers == list(range(1, count + 1))


@pytest.mark.parametrize("words", COMMANDS)
def test_command_on_the_page_of_experiments_exists(words):
    name, *arguments = shlex.split(words)
    table = pytest.importorskip("bench.experiments.table", reason="the experiments are not here yet")
    with get_command(app).commands[name].make_context(name, arguments) as context:
        given = context.params
    if given.get("model"):
        find(given["model"])
    if "recipe" in given:
        find_recipe(given["recipe"])
    if name == "reproduce":
        assert given["table"] in (*published.tables(), "mini")
    if name == "papers":
        cli(name, *arguments)
    if name == "experiment":
        assert given["name"] in table.EXPERIMENTS


def test_page_of_experiments_has_each_experiment():
    table = pytest.importorskip("bench.experiments.table", reason="the experiments are not here yet")
    assert {f"experiment {name}" for name in table.EXPERIMENTS} <= set(COMMANDS)


def test_networks_on_the_page_of_experiments_exist():
    """Those that `models` is said to list."""
    pytest.importorskip("bench.experiments.table", reason="the experiments' networks are not here yet")
    rows = re.findall(r"\| `inception-bench models` \| (.*) \|$", EXPERIMENTS, re.MULTILINE)
    names = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    assert {"v1-paper", "ir-v2-paper"} <= names <= set(NETWORKS)
