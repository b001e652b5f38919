"""The files with the weights of the mini networks."""

from importlib import resources

import pytest
from safetensors.numpy import load_file

from bench.mini import NETWORKS as MINI_NETWORKS
from bench.zoo import NETWORKS

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Of batch normalisation: not counted as parameters."""


@pytest.mark.parametrize("name", MINI_NETWORKS)
def test_weights_are_small_and_have_the_parameters_of_the_table(name):
    file = resources.files("bench.mini") / f"{NETWORKS[name].architecture}.safetensors"
    assert len(file.read_bytes()) <= 1.5e6
    state = load_file(file)
    parameters = [value.size for key, value in state.items() if not key.endswith(STATISTICS)]
    assert sum(parameters) == NETWORKS[name].parameters
    assert state["classifier.weight"].shape[0] == NETWORKS[name].classes == 50
