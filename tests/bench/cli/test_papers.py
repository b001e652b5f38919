from bench.views.listings import figure_rows, paper_rows
from tests.helpers import cli, cli_error, cli_json


def test_tables_are_listed():
    assert cli_json("papers") == paper_rows()
    assert "inception-v4/table4" in cli("papers").stdout


def test_table_has_the_figures_of_the_paper():
    assert cli_json("papers", "inception-v4/table4") == list(figure_rows("inception-v4/table4"))
    shown = cli("papers", "inception-v4/table4").stdout
    assert shown.startswith("inception-v4/table4 - ")
    assert "18.9" in shown


def test_public_weights_have_their_figures():
    rows = cli_json("papers", "weights")
    assert {"weights": "timm/inception_v4.tf_in1k", "top1_error": "19.856"}.items() <= rows[4].items()
    assert "25.37" in cli("papers", "weights").stdout


def test_unknown_table_is_a_usage_error_with_the_nearest_names():
    line = cli_error("papers", "inception-v4/table9", code=2)
    assert line.startswith("no table 'inception-v4/table9': try inception-v4/table")
