from bench.views.listings import protocol_rows
from bench.zoo.networks import table_network
from tests.helpers import cli, cli_error, cli_json


def test_json_lists_the_protocols():
    assert cli_json("protocols") == protocol_rows(table_network("v1"))


def test_table_is_for_the_input_size_of_a_network():
    shown = cli("protocols", "--model", "v3").stdout
    assert "for v3, input 299 x 299" in shown
    assert "342, 384, 427, 470" in shown


def test_users_learn_what_the_crops_are():
    shown = cli("protocols").stdout
    assert "the four corners and the centre of the central square, and their mirror images" in shown
    assert "no paper's: Inception-v4 refers to GoogLeNet, which has no 12 crops" in shown
    assert "the left, in the centre or at the right of the resized image" in shown
    (twelve,) = (row for row in cli_json("protocols") if row["name"] == "12")
    assert twelve["definition"].startswith("the 10, and the whole central square")
    assert twelve["source"].startswith("no paper's")


def test_network_that_is_not_in_the_table_is_a_usage_error():
    assert "no network of the table 'v9': try v" in cli_error("protocols", "--model", "v9", code=2)
