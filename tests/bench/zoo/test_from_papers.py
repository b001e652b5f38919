"""The variants for the papers' experiments: their sizes, their auxiliary heads, and a step of training."""

import pytest
import torch

from bench.training.learner import loss_of
from bench.training.recipes import find_recipe
from bench.zoo import NETWORKS
from bench.zoo.from_papers import ARCHITECTURES, build_for_training
from bench.zoo.loading import count_multiply_adds, load
from bench.zoo.providers import blueprint
from tests.conftest import saved

FOR_EXPERIMENTS = [network for network in NETWORKS.values() if network.variant_of]
MINI = [network for network in FOR_EXPERIMENTS if network.name.startswith("mini-")]
HEADS = {
    "v2-linear": 1,
    "v3-pool-first": 1,
    "v3-pool-last": 1,
    "v1-one-head": 1,
    "v2-dropout-aux": 1,
    "v1-fc": 2,
    "v2-151-naive": 1,
    "v2-79-naive": 1,
    "bn-v1-sigmoid": 2,
    "mini-v1-two-heads": 2,
    "mini-v1-one-head": 1,
    "mini-v3-aux": 1,
    "mini-v3-bn-aux": 1,
    "mini-v3-dropout-aux": 1,
}
"""Auxiliary heads of the variants that have any."""
MORE_PARAMETERS = {
    "v1-fc": 7 * 7 * 1024 * 1024 + 1024,
    # from 224 channels of a 2x2 map to 225 filters with a scale and a shift, then 225 in place of 224 to 50
    "mini-v1-fc": 2 * 2 * 224 * 225 + 2 * 225 + 50,
    "mini-v1-plain": -1_596,  # no scale for each of 1,596 filters
}
"""What sets a variant's number of parameters apart from that of the network it is compared with."""
DEARER = {
    "v3-pool-first": 0.96,
    "v3-pool-last": 1.21,
    "v1-fc": 1.03,
    "v2-151-naive": 0.19,
    "v2-79-naive": 0.04,
}
DEARER |= {"mini-v3-pool-first": 0.94, "mini-v3-pool-last": 1.32, "mini-v1-fc": 1.03}
"""Multiply-adds, as a multiple of those of the network it is compared with."""
OTHERWISE = {"mini-v3-fine", "mini-v3-160", "mini-ir-v2-wide"}
"""Those that differ in size by design."""


@pytest.mark.parametrize("listed", FOR_EXPERIMENTS, ids=lambda network: network.name)
def test_variant_has_the_sizes_of_the_table(listed):
    module = blueprint(listed, listed.classes).eval()
    assert ARCHITECTURES[listed.architecture].size == listed.input_size
    assert sum(parameter.numel() for parameter in module.parameters()) == listed.parameters
    assert count_multiply_adds(module, listed.input_size) == listed.multiply_adds


@pytest.mark.parametrize("listed", FOR_EXPERIMENTS, ids=lambda network: network.name)
def test_variant_is_as_large_as_what_it_is_compared_with(listed):
    """But for what the experiment changes."""
    other = NETWORKS[listed.variant_of]
    assert listed.classes == other.classes
    if listed.name in OTHERWISE:
        return
    assert listed.parameters == other.parameters + MORE_PARAMETERS.get(listed.name, 0)
    ratio = listed.multiply_adds / other.multiply_adds
    assert ratio == pytest.approx(DEARER.get(listed.name, 1), abs=0.005)


def test_networks_of_the_resolution_experiment_cost_the_same():
    """As section 9 of Rethinking has it: a small input without a stride, a larger one with it."""
    fine, large = NETWORKS["mini-v3-fine"], NETWORKS["mini-v3-160"]
    assert (fine.parameters, large.parameters) == (NETWORKS["mini-v3"].parameters,) * 2
    assert fine.multiply_adds == pytest.approx(large.multiply_adds, rel=0.02)


@pytest.mark.parametrize("listed", FOR_EXPERIMENTS, ids=lambda network: network.name)
def test_variant_has_its_auxiliary_heads_in_training(listed):
    with torch.device("meta"):
        module = build_for_training(listed.architecture, 7).train()
    outputs = module(torch.empty(2, 3, listed.input_size, listed.input_size, device="meta"))
    logits, sides = outputs if isinstance(outputs, tuple) else (outputs, [])
    assert [tuple(part.shape) for part in (logits, *sides)] == [(2, 7)] * (1 + HEADS.get(listed.name, 0))


@pytest.mark.parametrize("listed", MINI, ids=lambda network: network.name)
def test_mini_variant_takes_a_step_and_is_loaded_from_what_training_leaves(listed, tmp_path):
    """Every parameter gets a gradient: with auxiliary heads, each of them has a loss."""
    torch.manual_seed(0)
    module = build_for_training(listed.architecture, listed.classes).train()
    images = torch.randn(4, 3, listed.input_size, listed.input_size)
    loss = loss_of(module(images), torch.arange(4), find_recipe("rethinking"))
    loss.backward()
    torch.optim.SGD(module.parameters(), 0.01).step()
    assert loss.isfinite()
    assert all(parameter.grad is not None for parameter in module.parameters())
    loaded = load(listed.name, str(saved(module.state_dict(), tmp_path / "weights.safetensors")))
    with torch.inference_mode():
        assert torch.equal(loaded.module(images), module.eval()(images))


def test_networks_with_and_without_heads_begin_with_the_same_weights():
    """So that an experiment compares the heads alone."""
    states = []
    for name in ("mini-v1", "mini-v1-one-head", "mini-v1-two-heads"):
        torch.manual_seed(0)
        states.append(build_for_training(NETWORKS[name].architecture, 50).state_dict())
    without, one, two = states
    assert without.keys() < one.keys() < two.keys()
    assert all(torch.equal(two[name], value) for state in (without, one) for name, value in state.items())
