"""What the documents say of the code is what the code says, and the site is whole."""

import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import fields, is_dataclass
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from typer.main import get_command

from bench.cli import COMMANDS, app
from bench.errors import BenchError
from bench.training.recipes import find_recipe
from bench.zoo.networks import NETWORKS, find
from crops import AXES, DEFINITIONS
from results import manifest, published
from results.detection.manifest import DetectionsManifest, ProposalsRecord
from results.errors import RunError
from tests.helpers import cli

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text("utf-8")
TYPED = dict.fromkeys(re.findall("`inception-bench ([^`]+)`", EXPERIMENTS))
README = (ROOT / "README.md").read_text("utf-8")
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


@pytest.mark.parametrize("words", TYPED)
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
    assert {f"experiment {name}" for name in table.EXPERIMENTS} <= set(TYPED)


def test_networks_on_the_page_of_experiments_exist():
    """Those that `models` is said to list."""
    pytest.importorskip("bench.experiments.table", reason="the experiments' networks are not here yet")
    rows = re.findall(r"\| `inception-bench models` \| (.*) \|$", EXPERIMENTS, re.MULTILINE)
    names = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    assert {"v1-paper", "ir-v2-paper"} <= names <= set(NETWORKS)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it, where torch cannot be imported."""
    folder = tmp_path_factory.mktemp("site")
    command = "import sys; sys.modules['torch'] = None; from mkdocs.__main__ import cli; cli()"
    done = subprocess.run(
        [sys.executable, "-c", command, "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def section(site, page, anchor):
    """The HTML of a page from the heading with this anchor to the next one."""
    html = (site / page).read_text("utf-8")
    (found,) = re.findall(rf'<h[23] id="{anchor}">(.*?)(?=<h[23] |</article>)', html, re.DOTALL)
    return unescape(found)


def test_site_loads_nothing_from_other_hosts(site):
    """But for what a notebook with a diagram of Mermaid would, which ours has none of."""
    loads = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")
    pages = [*site.rglob("*.html")]
    assert len(pages) > 30
    links = [tag for page in pages for tag in loads.findall(page.read_text("utf-8"))]
    assert [tag for tag in links if "rel=canonical" not in tag] == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", styles)


@pytest.mark.parametrize("command", COMMANDS)
def test_reference_has_every_option_that_help_shows(site, command):
    reference = section(site, "commands.html", command)
    options = set(re.findall(r"--[a-z][a-z-]+", cli(command, "--help").stdout)) - {"--help"}
    assert [option for option in sorted(options) if not re.search(f"<code>{option}[ <]", reference)] == []
    assert f"inception-bench {command}" in re.sub("<[^>]+>", "", reference)


def test_page_of_the_format_explains_every_field(site):
    records = [kind for kind in vars(manifest).values() if is_dataclass(kind) and kind.__name__[0] != "_"]
    assert len(records) > 10
    for record in (*records, DetectionsManifest, ProposalsRecord):
        rows = section(site, "run-format.html", record.__name__.lower())
        explained = re.findall(r"<tr>\s*<td><code>(\w+)</code></td>\s*<td>.+?</td>\s*<td>.+?</td>", rows)
        assert explained == [field.name for field in fields(record)]


def test_page_of_networks_has_every_network(site):
    page = (site / "networks.html").read_text("utf-8")
    for name, network in NETWORKS.items():
        assert f"<td><code>{name}</code></td>" in page
        assert network.variant_of or network.differences in unescape(page)


def test_page_of_exit_codes_has_those_of_the_errors():
    page = (ROOT / "docs" / "exit-codes.md").read_text("utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    kinds = [BenchError, RunError, *BenchError.__subclasses__(), *RunError.__subclasses__()]
    assert {kind.exit_code for kind in kinds} | {0, 3, 130, 143} == listed


def test_readme_is_short_and_lists_every_command():
    assert len(README.splitlines()) <= 150
    table = re.search(r"^## Commands\n(.*?)^## ", README, re.DOTALL | re.MULTILINE)[1]
    cells = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    assert sorted(re.findall("`([a-z-]+)`", " ".join(cells))) == sorted(COMMANDS)


@pytest.mark.parametrize(("page", "count"), [("README.md", 4), ("docs/demo.md", 20)])
def test_rows_of_the_demo_are_those_of_the_baseline(page, count):
    table = pd.read_csv(ROOT / "results" / "baselines" / "mini.csv", dtype={"protocol": str})
    baseline = table.set_index(["model", "protocol", "image_set"])
    rows = re.findall(
        r"^\| (mini-.+?) \| (\d+) \| (all) \| 1,000 \| (\S+) .+? \| (\S+) ",
        (ROOT / page).read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == count
    for *key, top1, top5 in rows:
        row = baseline.loc[tuple(key)]
        assert (float(top1), float(top5)) == (row["top1_error"], row["top5_error"])


def test_links_of_the_readme_lead_somewhere():
    """Those of the pages are checked when the site is built."""
    links = re.findall(r"\]\(([^)]+)\)", README)
    own = [link for link in links if not link.startswith("https://")]
    assert len(own) > 10
    for link in own:
        path, _, anchor = link.partition("#")
        file = ROOT / (path or "README.md")
        assert file.is_file(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings], (
                link
            )
