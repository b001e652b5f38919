from dataclasses import replace

import pytest

from results.ensemble import ensemble
from results.report.html.titles import full_titles, legend, short_titles
from tests.helpers import random_run


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed) for seed in range(3)]


def test_ensemble_is_called_by_the_number_of_its_networks_and_explained_in_the_legend(runs, tmp_path):
    shown = [*runs, ensemble(runs, tmp_path)]
    assert short_titles(shown) == ["net0", "net1", "net2", "ensemble of 3"]
    assert legend(shown) == [("ensemble of 3", "net0+net1+net2")]
    assert legend(runs) == []


def test_ensembles_of_as_many_networks_have_numbers(runs, tmp_path):
    shown = [ensemble(pair, tmp_path) for pair in (runs[:2], runs[1:])]
    assert short_titles(shown) == ["ensemble of 2, no. 1", "ensemble of 2, no. 2"]
    assert [full for _, full in legend(shown)] == ["net0+net1", "net1+net2"]


def test_runs_of_one_name_and_other_protocols_have_their_protocol_in_the_title(tmp_path):
    first = random_run(tmp_path / "a", 0)
    protocols = {"144": first.manifest.plan.protocols["10"]}
    plan = replace(first.manifest.plan, protocols=protocols)
    other = random_run(tmp_path / "b", 0, plan=plan)
    assert full_titles([first, other]) == short_titles([first, other]) == ["net0 (10)", "net0 (144)"]
