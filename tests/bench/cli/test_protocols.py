from bench.views.listings import protocol_rows
from bench.zoo.networks import table_network
from tests.helpers import cli, cli_error, cli_json


def test_json_lists_the_protocols():
    assert cli_json("protocols") == protocol_rows(table_network("v1"))


def test_table_is_for_the_input_size_of_a_network():
    shown = cli("protocols", "--model", "v3").stdout
    assert "for v3, input 299 x 299" in shown
    assert "342, 384, 427, 470" in shown


def test_network_that_is_not_in_the_table_is_a_usage_error():
    assert "no network of the table 'v9': try v" in cli_error("protocols", "--model", "v9", code=2)
