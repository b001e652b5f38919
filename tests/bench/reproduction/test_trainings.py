"""The trainings behind a table's rows, and their commands."""

import shlex
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.options import Options
from bench.reproduction.table_rows import read_rows
from bench.reproduction.trainings import (
    TRAININGS_OF,
    NetworkTraining,
    evaluation_command,
    plan_training,
    table_trainings,
    training_command,
)
from bench.zoo import NETWORKS
from results import published

PLAIN = Options()


def settings(table):
    return [(each.model, each.recipe, each.without) for each in table_trainings(table).trainings]


def test_rows_of_the_cumulative_ablation_add_one_change_each():
    """Rethinking's Table 3: RMSProp, label smoothing, the factorised 7x7, the BN-auxiliary head."""
    assert settings("rethinking/table3")[3:] == [
        ("v2", "rethinking", "rmsprop,smoothing"),
        ("v2", "rethinking", "smoothing"),
        ("v2", "rethinking", ""),
        ("v2-factorised", "rethinking", ""),
        ("v2-all", "rethinking", ""),
    ]


def test_low_resolutions_are_trained_as_the_row_whose_error_the_table_has():
    """Its 23.4 % at 299 is Table 3's first Inception-v2."""
    assert {each[1:] for each in settings("rethinking/table2")} == {("rethinking", "rmsprop,smoothing")}


def test_googlenets_seven_share_first_weights_and_differ_in_sampling():
    trainings = list(table_trainings("googlenet/table3").trainings)
    assert [each.model for each in trainings] == ["v1-paper"] * 6 + ["v1-wide"]
    assert {each.seed for each in trainings} == {0}
    assert [each.sampling_seed for each in trainings] == [None, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("table", "model", "number"),
    [("bn/figure4", "bn", 6), ("rethinking/table5", "v2-all", 4), ("inception-v4/table5", "ir-v2", 3)],
)
def test_other_ensembles_differ_in_seed(table, model, number):
    seeds = [each.seed for each in table_trainings(table).trainings if each.model == model]
    assert seeds == list(range(number))


CLASSIFICATION = [table for table in published.tables() if not published.detection_tables(table)]


@pytest.mark.parametrize("table", [*CLASSIFICATION, *published.PAPERS, "mini"])
def test_every_row_with_a_network_of_ours_has_trainings_in_folders_of_their_own(table):
    found = table_trainings(table)
    for row in read_rows(table):
        named = bool(published.networks_of(row.paper))
        trained = any(row.paper["network"] in networks for networks in found.trainings.values())
        assert named == trained or row.paper["network"] in found.untrained
    planned = [plan_training(each, "images", PLAIN, None) for each in found.trainings]
    assert all(each.model in NETWORKS for each in planned)
    assert len({each.out for each in planned}) == len(planned)


def test_table_of_the_test_set_has_trainings_and_nothing_that_evaluates_them():
    found = table_trainings("googlenet/table2")
    assert (len(found.trainings), found.tables) == (7, {})
    remark = "GoogLeNet 2014 of googlenet/table2 is of the test set, whose labels are not public"
    assert remark in found.remarks


def test_rates_of_bn_inception_are_those_of_its_section_4_2():
    """0.0015, and 5 and 30 times that; the last is the recipe's."""
    names = ("bn:baseline", "bn:x5", "bn:x30")
    planned = [plan_training(TRAININGS_OF[name], "images", PLAIN, None) for name in names]
    assert [each.recipe.rate for each in planned] == pytest.approx([0.0015, 0.0075, 0.045])
    assert len({each.out for each in planned}) == 3
    command = training_command(TRAININGS_OF["bn:x5"], "images", PLAIN, None)
    assert " --rate 0.0075 " in command


def test_figures_of_other_networks_are_named():
    assert table_trainings("rethinking/table4").untrained == ("VGG", "PReLU")


def test_table_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="no table 'table9'"):
        table_trainings("table9")


def test_command_can_be_pasted():
    training = NetworkTraining("v2", "rethinking", "rmsprop", seed=2, sampling_seed=3)
    options = Options(batch=8, workers=0, device="cpu", precision="fp32", out="my trainings")
    assert shlex.split(training_command(training, "my images; ls", options, 5)) == [
        *("inception-bench", "train", "--model", "v2", "--recipe", "rethinking", "--without", "rmsprop"),
        *("--epochs", "5", "--seed", "2", "--sampling-seed", "3", "--device", "cpu", "--precision", "fp32"),
        *("--batch", "8", "--workers", "0", "--data", "my images; ls"),
        *("--out", "my trainings/v2-rethinking-no-rmsprop-seed-2-sampling-3"),
    ]


def test_planned_training_is_that_of_the_command():
    training = NetworkTraining("ir-v1-paper", "inception-v4", epochs=200)
    planned = plan_training(training, "images", Options(batch=8), None)
    assert (planned.epochs, planned.batch, planned.workers) == (200, 8, 2)
    assert planned.out == Path("trainings/ir-v1-paper-inception-v4")
    assert plan_training(training, "images", Options(batch=8), 7).epochs == 7


def test_evaluation_names_the_last_checkpoint_of_each_training():
    """By the name of the row, where the row is a training of its own."""
    found = table_trainings("rethinking/table3")
    words = shlex.split(
        evaluation_command("rethinking/table3", found.tables["rethinking/table3"], PLAIN, None)
    )
    assert words[:5] == ["inception-bench", "reproduce", "rethinking/table3", "--data", "IMAGES"]
    assert "v2:rmsprop=trainings/v2-rethinking-no-smoothing/epoch-0100.safetensors" in words
    assert "v2-all=trainings/v2-all-rethinking/epoch-0100.safetensors" in words


def test_mini_networks_are_evaluated_on_the_mini_set():
    found = table_trainings("mini")
    assert [each.model for each in found.trainings] == list(MINI_NETWORKS)
    assert found.remarks == ()
    words = shlex.split(evaluation_command("mini", found.tables["mini"], PLAIN, 2))
    assert words[:5] == ["inception-bench", "reproduce", "mini", "--data", "mini"]
    assert all("/epoch-0002.safetensors" in word for word in words[6::2])
