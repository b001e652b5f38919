"""The rows of a paper's table, and which networks stand for each."""

import pytest

from bench.errors import UsageError
from bench.mini import NETWORKS
from bench.reproduction import members
from bench.reproduction.members import Member
from bench.reproduction.table_rows import all_members, crops_for, read_rows
from bench.zoo import find


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with seven files, A to G, which are different; each fits every network."""
    for name in "ABCDEFG":
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(members, "fitting", lambda names, _: list(names))
    return tmp_path


def test_row_has_the_networks_of_the_paper_with_their_public_weights():
    rows = read_rows("inception-v4/table4")
    assert [row.paper["network"] for row in rows][:2] == ["ResNet-151", "Inception-v3"]
    assert rows[0].members == ()
    assert rows[0].reason == (
        "needs a ResNet-152 of your choice: pass --weights resnet-151=timm/resnet152.TAG, or a file"
    )
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


def test_ensemble_takes_adversarial_weights_only_where_nothing_else_is_left(files):
    *_, v3, _ = read_rows("inception-v4/table5")
    assert "tf_adv_in1k" not in {member.weights for member in v3.members}
    *_, row = read_rows("inception-v4/table5", [f"ir-v2={files}/A"])
    assert row.members[-1] == Member("ir-v2", "tf_ens_adv_in1k")


def test_row_of_one_network_takes_the_best_of_several_trainings(files):
    weights = [f"v1-paper={files}/{name}" for name in "ABC"]
    single, *_, ensemble = read_rows("googlenet/table3", weights)
    assert single.best
    assert single.members == tuple(Member("v1-paper", f"{files}/{name}") for name in "ABC")
    assert ensemble.members == ()
    assert ensemble.reason.startswith("needs 7 trainings of v1, 3 of yours and ")
    assert ensemble.reason.endswith(" public: pass --weights v1=FILE")


def test_row_of_seven_networks_takes_seven_trainings(files):
    names = ["v1-paper", "v1-separable", *["v1"] * 5]
    weights = [f"{name}={files}/{file}" for name, file in zip(names, "ABCDEFG", strict=True)]
    *_, ensemble = read_rows("googlenet/table3", weights)
    assert [member.network for member in ensemble.members] == names
    assert not ensemble.best


def test_row_that_no_network_stands_for_says_so():
    vgg = next(row for row in read_rows("rethinking/table4") if row.paper["network"] == "VGG")
    assert vgg.reason == "no network here stands for it, or the paper does not say how many"


def test_table_of_detection_says_what_it_needs_and_which_commands_do_it():
    notes = []
    with pytest.raises(UsageError) as caught:
        read_rows("googlenet/table5")
    needed = (
        "detection needs ILSVRC's detection set, and GoogLeNet's six networks and their proposals, which are "
        "not public"
    )
    assert str(caught.value) == (
        f"googlenet/table5: {needed}; inception-bench detect and score-detections do it with yours, "
        "demo --detection shows it in small, and papers googlenet/table5 has the figures"
    )
    rows = read_rows("googlenet", note=notes.append)
    assert {row.paper["table"] for row in rows} == {"table2", "table3"}
    assert notes == [f"left out googlenet/table4 and googlenet/table5: {needed}"]


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


def test_each_network_is_run_once_under_all_protocols():
    rows = read_rows("mini")
    assert [member.network for member in all_members(rows)] == list(NETWORKS)
    assert {crops_for(member, rows) for member in all_members(rows)} == {"1,12,144"}


def test_only_resnets_are_run_densely():
    rows = read_rows("inception-v4/table4", ["resnet-151=torchvision/resnet152"])
    crops = {member.network: crops_for(member, rows) for member in all_members(rows)}
    assert crops.pop("torchvision/resnet152") == "dense"
    assert set(crops.values()) == {"144"}


def test_unknown_table_is_refused_with_the_nearest_names():
    with pytest.raises(UsageError, match="no table 'inception-v4/table9': try inception-v4/table"):
        read_rows("inception-v4/table9")


def test_weights_that_no_row_takes_are_refused(files):
    message = (
        "v1=...: inception-v4/table4 takes ir-v1, ir-v1-paper, ir-v2, .*resnet-151, v3, v2-all, v3-2015, v4"
    )
    with pytest.raises(UsageError, match=message):
        read_rows("inception-v4/table4", [f"v1={files}/A"])
    with pytest.raises(UsageError, match=r"v1=\.\.\.: googlenet/table2 takes no weights"):
        read_rows("googlenet/table2", [f"v1={files}/A"])
