import subprocess
import sys

import pytest

from bench.views.listings import figure_rows, paper_rows
from bench.views.public_weights import weights_rows
from tests.helpers import cli, cli_error, cli_json


def test_tables_are_listed():
    assert cli_json("papers") == paper_rows()
    assert "inception-v4/table4" in cli("papers").stdout


def test_table_has_the_figures_of_the_paper():
    assert cli_json("papers", "inception-v4/table4") == list(figure_rows("inception-v4/table4"))
    shown = cli("papers", "inception-v4/table4").stdout
    assert shown.startswith("inception-v4/table4 - ")
    assert "18.9" in shown


def test_weights_of_the_papers_networks_are_listed_with_how_to_see_the_others():
    rows = cli_json("papers", "weights")
    assert any(
        row["weights"] == "timm/inception_v4.tf_in1k" and row["top1_error"] == "19.856" for row in rows
    )
    shown = cli("papers", "weights").stdout
    assert "25.37" in shown
    assert "weights that no network here has" in shown
    assert shown.splitlines()[-1].startswith("All 12,9")
    assert len(shown.splitlines()) < 65


def test_network_has_every_figure_of_its_weights_with_their_sources():
    rows = cli_json("papers", "weights", "--model", "v3.tf_in1k")
    assert rows == weights_rows("v3.tf_in1k")
    shown = cli("papers", "weights", "--model", "v3.tf_in1k").stdout
    assert "timm/inception_v3.tf_in1k, validation, 1 crop: top-1 22.00 to 22.14 in 5 figures" in shown
    assert "openvino: the accuracies of Open Model Zoo, https://github.com/openvinotoolkit" in shown


def test_network_without_several_figures_of_a_kind_has_its_sources_alone_below():
    lines = cli("papers", "weights", "--model", "bn").stdout.splitlines()
    sources = {row["measured_by"] for row in weights_rows("bn")}
    assert {line.partition(":")[0] for line in lines[lines.index("") + 1 :]} == sources


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("weights", "--model", "v3.nope"),
            "no weights with published figures 'timm/inception_v3.nope': try ",
        ),
        (("weights", "--model", "resnet5"), "no network with published figures 'resnet5': try resnet50, "),
        (("weights", "--model", ""), "no network with published figures '': try v3, "),
        (("--model", "v3"), "--model is for the figures of weights: papers weights --model v3"),
        (("bn", "--model", "v3"), "--model is for the figures of weights: papers weights --model v3"),
    ],
)
def test_wrong_model_is_a_usage_error(arguments, message):
    assert cli_error("papers", *arguments, code=2).startswith(message)


FIGURES_IN_A_FRESH_PROCESS = """
import sys
from typer.testing import CliRunner
from bench.cli import app
for model in ("v3", "resnet50", "torchvision/resnet50", "pytorchcv/resnet50"):
    assert CliRunner().invoke(app, ["papers", "weights", "--model", model]).exit_code == 0
print(sorted({"torch", "timm", "torchvision", "pytorchcv", "pandas"} & set(sys.modules)))
"""


def test_figures_are_found_without_the_libraries():
    command = [sys.executable, "-c", FIGURES_IN_A_FRESH_PROCESS]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_unknown_table_is_a_usage_error_with_the_nearest_names():
    line = cli_error("papers", "inception-v4/table9", code=2)
    assert line.startswith("no table 'inception-v4/table9': try inception-v4/table")
