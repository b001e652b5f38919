from bench.views.listings import model_rows
from tests.helpers import cli, cli_json


def test_json_lists_the_networks():
    assert cli_json("models") == model_rows()


def test_table_has_the_networks_and_says_how_to_name_others():
    shown = cli("models").stdout
    assert "23,834,568" in shown
    assert shown.endswith("Any other network: timm/NAME, torchvision/NAME or pytorchcv/NAME.\n")
