"""The rows of a paper's table, and which networks stand for each."""

import pytest

from bench.errors import UsageError
from bench.mini import NETWORKS
from bench.reproduction.table_rows import Member, all_crops, all_members, read_rows
from bench.zoo import find


@pytest.fixture
def files(tmp_path):
    """A folder with the files A and B, which are different, and C, which is the same as A."""
    for name, content in (("A", b"a"), ("B", b"b"), ("C", b"a")):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_row_has_the_networks_of_the_paper_with_their_public_weights():
    rows = read_rows("inception-v4/table4")
    assert [row.paper["network"] for row in rows][:2] == ["ResNet-151", "Inception-v3"]
    assert rows[0].members == ()
    assert rows[0].reason == "not a network of these papers, or the paper does not say how many"
    assert (rows[1].members, rows[1].reason) == ((Member("v3", "tf_in1k"),), "")


def test_own_weights_come_before_public_ones(files):
    rows = read_rows("inception-v4/table4", [f"v3={files}/A"])
    assert rows[1].members == (Member("v3", f"{files}/A"),)


def test_ensemble_has_a_member_for_each_training(files):
    *_, row = read_rows("inception-v4/table5", [f"ir-v2={files}/A", f"ir-v2={files}/B"])
    names = [member.network for member in row.members]
    assert names == ["v4", "ir-v2", "ir-v2", "ir-v2"]
    assert len(set(row.members)) == 4


def test_ensemble_with_too_few_trainings_says_so():
    *_, row = read_rows("inception-v4/table5")
    assert row.members == ()
    assert row.reason == "needs 3 trainings of ir-v2, 2 public: pass --weights ir-v2=FILE"


def test_figures_on_the_test_set_cannot_be_reproduced():
    *_, row = read_rows("googlenet/table2")
    assert row.reason == "on the test set, whose labels are not public"


def test_training_of_one_row_does_not_stand_for_another(files):
    rows = read_rows("rethinking/table3", [f"v2={files}/A"])
    with_v2 = [row for row in rows if Member("v2", f"{files}/A") in row.members]
    assert [row.paper["network"] for row in with_v2] == ["Inception-v2"]
    (rmsprop,) = (row for row in rows if row.paper["network"] == "Inception-v2 RMSProp")
    assert rmsprop.reason == "needs weights of v2:rmsprop, none public: pass --weights v2:rmsprop=FILE"


def test_training_of_a_row_is_loaded_as_its_network(files):
    rows = read_rows("rethinking/table3", [f"v2:rmsprop={files}/A"])
    assert Member("v2", f"{files}/A") in all_members(rows)


def test_sizes_of_rethinkings_table_2_are_one_network():
    networks = [find(row.paper["model"]) for row in read_rows("rethinking/table2")]
    assert [network.input_size for network in networks] == [79, 151, 299]
    assert len({network.parameters for network in networks}) == 1


def test_mini_has_tables_2_to_5_with_the_mini_networks():
    rows = read_rows("mini")
    assert [row.paper["table"] for row in rows] == [
        *(["table2"] * 4),
        *(["table3"] * 4),
        *(["table4"] * 4),
        "table5",
    ]
    assert [member.network for member in rows[-1].members] == list(NETWORKS)


def test_each_protocol_and_network_is_run_once():
    rows = read_rows("mini")
    assert all_crops(rows) == "1,12,144"
    assert [member.network for member in all_members(rows)] == list(NETWORKS)


def test_rows_without_networks_need_no_protocol():
    assert all_crops(read_rows("googlenet/table2")) == ""


@pytest.mark.parametrize(
    ("table", "weights", "message"),
    [
        ("inception-v4/table9", [], "no table 'inception-v4/table9': try inception-v4/table"),
        ("mini", ["v3"], "--weights v3: write NAME=FILE"),
        ("mini", ["v3=nowhere"], "no weights at nowhere: there is no such file"),
        ("inception-v4/table4", ["v1=A"], "v1=...: inception-v4/table4 has ir-v1, ir-v2, v3, v4"),
        ("inception-v4/table4", ["v3=A", "v3=B"], "v3=... 2 times: no row .* has more than 1 of it"),
        ("inception-v4/table5", ["v3=A", "v3=C"], "v3=C: the same weights as v3=A"),
    ],
)
def test_weights_without_a_row_are_refused(files, monkeypatch, table, weights, message):
    monkeypatch.chdir(files)
    with pytest.raises(UsageError, match=message):
        read_rows(table, weights)
