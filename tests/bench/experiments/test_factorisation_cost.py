"""The costs of Rethinking's section 3."""

import pytest

from bench.experiments.factorisation_cost import costs
from tests.helpers import cli, cli_json


def test_ratios_are_those_of_the_paper():
    ratios = [cost.ratio for cost in costs()]
    assert ratios == pytest.approx([25 / 9, 18 / 25, 6 / 9, 8 / 9])
    saved = [f"{100 * (1 - ratio):.0f} % less" for ratio in ratios[1:]]
    assert [f"{ratios[0]:.2f} times", *saved] == [cost.paper for cost in costs()]


def test_experiment_without_training_prints_costs():
    found = cli_json("experiment", "factorisation-cost")
    assert [row["layers"] for row in found["rows"]] == ["5x5", "3x3 + 3x3", "3x1 + 1x3", "2x2 + 2x2"]
    assert found["rows"][0]["multiply_adds"] == 25 * 64 * 64
    printed = cli("experiment", "factorisation-cost").stdout
    assert "2.778" in printed
    assert "28.0 %" in printed
