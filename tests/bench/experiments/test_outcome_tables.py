"""What came out of an experiment, on a terminal."""

import pytest

from bench.experiments.factorisation_cost import Cost
from bench.experiments.outcome import Effect, epochs_table
from bench.experiments.outcome_tables import cost_tables, outcome_tables
from bench.experiments.run import Trained
from bench.experiments.table import Experiment, Setting, Variant
from tests.helpers import random_run, terminal_cells, terminal_lines

SETTING = Setting("mini-v1", "googlenet")
USUAL = Variant("usual", SETTING, None, 22.8)
OTHER = Variant("other", SETTING, None, None, "usual", "worse")
EXPERIMENT = Experiment("it", "bn", "section 4", "Which?", "Ours.", (USUAL, OTHER), "the size")


@pytest.fixture
def trainings(tmp_path):
    """Two seeds of two variants, of which one diverged at once."""
    run = random_run(tmp_path / "run", 1)
    return [
        Trained(USUAL, SETTING, 0, {1: run}, False),
        Trained(OTHER, SETTING, 0, {}, True),
        Trained(USUAL, SETTING, 1, {1: run}, False),
        Trained(OTHER, SETTING, 1, {1: run}, False),
    ]


def test_every_training_has_its_error_beside_the_papers(trainings):
    table = epochs_table(trainings)
    rows = terminal_cells(outcome_tables(EXPERIMENT, trainings, table[table["protocol"] == "1"], []))
    error = f"{table['top1_error'].iloc[0]:.2f}"
    assert [(row[0], row[3], row[4], row[5].split(" ")[0], row[7]) for row in rows] == [
        ("usual", "0", "1", error, "22.8"),
        ("other", "0", "0, then diverged", "-", "-"),
        ("usual", "1", "1", error, "22.8"),
        ("other", "1", "1", error, "-"),
    ]


def test_tables_fit_80_columns(trainings):
    found = [Effect("other", "usual", "worse", "no effect shown", [1.0, -0.5], 0.25, 3)]
    table = epochs_table(trainings)
    shown = outcome_tables(EXPERIMENT, trainings, table[table["protocol"] == "1"], found)
    cost = Cost("3x3 + 3x3", 73_728, "5x5", 102_400, 0.72, "28 % less")
    lines = terminal_lines([*shown, *cost_tables(EXPERIMENT, [cost])], 80)
    assert [line for line in lines if len(line) > 80 or "…" in line] == []


def test_effect_is_beside_the_papers(trainings):
    found = [
        Effect("other", "usual", "worse", "no effect shown", [1.0, -0.5], 0.25, None),
        Effect("third", "usual", "", "third diverged", [], None, 2),
    ]
    table = epochs_table(trainings)
    shown = outcome_tables(EXPERIMENT, trainings, table[table["protocol"] == "1"], found)
    assert terminal_cells(shown)[-2:] == [
        ["other", "usual", "worse", "no effect shown", "+0.25 (+1.00, -0.50)", "0.25", "never"],
        ["third", "usual", "-", "third diverged", "-", "-", "epoch 2"],
    ]
    lines = terminal_lines(shown)
    assert "Batch Normalization (1502.03167), section 4: Ours." in lines
    assert "Different here: the size" in lines
