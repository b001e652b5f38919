"""Optimizer, schedule, average and loss, each against numbers worked out by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.training.learner import Learner, average_of, loss_of, optimizer_of, schedule_of
from bench.training.recipes import RECIPES, Recipe

PLAIN = Recipe("sgd", 1.0, decay=1.0, decay_epochs=1, average=0.0, weight_decay=0.0)


def learner_of(module, recipe):
    return Learner(module, recipe, torch.device("cpu"), "fp32", parallel=False)


@pytest.mark.parametrize(
    ("name", "rates"),
    [  # rate x decay to the power of the whole number of steps in the epochs before
        ("googlenet", {0: 0.01, 2: 0.01, 8: 0.0096, 16: 0.009216}),
        ("rethinking", {0: 0.045, 2: 0.0423, 8: 0.0351337, 16: 0.0274306}),
        ("inception-v4", {0: 0.045, 1: 0.045, 2: 0.0423, 3: 0.0423}),
    ],
)
def test_rate_falls_as_the_papers_say(name, rates):
    optimizer = optimizer_of(nn.Linear(1, 1), RECIPES[name])
    schedule = schedule_of(optimizer, RECIPES[name])
    found = []
    for _ in range(17):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert {epoch: found[epoch] for epoch in rates} == pytest.approx(rates, rel=1e-5)


def test_rmsprop_is_tensorflows():
    """Mean square from 1, epsilon of 1 under the root, momentum 0.9; two steps with a gradient of 2."""
    module = nn.Linear(1, 1, bias=True)
    nn.init.zeros_(module.bias)
    optimizer = optimizer_of(module, RECIPES["rethinking"])
    square, moving, value = 1.0, 0.0, 0.0
    for _ in range(2):
        module.weight.grad, module.bias.grad = torch.zeros(1, 1), torch.full((1,), 2.0)
        optimizer.step()
        square = 0.9 * square + 0.1 * 2.0**2
        moving = 0.9 * moving + 0.045 * 2.0 / math.sqrt(square + 1.0)
        value -= moving
    assert module.bias.item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("clip", "length"), [(2.0, 2.0), (0.0, 25.0 * math.sqrt(2))])
def test_gradients_are_clipped_at_their_common_length(clip, length):
    """Two classes, both logits 0, an input of (30, 40): each row of the gradient is half of it, up and down.

    So it is 25 x sqrt(2) long. With a rate of 1 so is the first step, or as long as the clipped gradient.
    """
    module = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(module.weight)
    learner = learner_of(module, replace(PLAIN, clip=clip))
    loss = learner.step(torch.tensor([[30.0, 40.0]]), torch.tensor([1]))
    assert loss.item() == pytest.approx(math.log(2))
    assert module.weight.norm().item() == pytest.approx(length, rel=1e-5)


def test_epoch_trains_on_each_batch_and_sums_their_losses():
    batches = [
        (torch.tensor([[1.0, 2.0]]), torch.tensor([0])),
        (torch.tensor([[2.0, 1.0]]), torch.tensor([1])),
    ]
    torch.manual_seed(0)
    once, again = nn.Linear(2, 2), nn.Linear(2, 2)
    again.load_state_dict(once.state_dict())
    total = learner_of(once, PLAIN).epoch(iter(batches), first_step=0)
    learner = learner_of(again, PLAIN)
    assert total.item() == pytest.approx(sum(learner.step(*batch).item() for batch in batches), rel=1e-6)
    assert torch.equal(once.weight, again.weight)


def test_smoothed_labels_by_hand():
    """Rethinking, section 7: q = 0.9 for the label plus 0.1 / K for every class."""
    values = (1.0, 2.0, -1.0, 0.5)
    log_p = [value - math.log(sum(math.exp(other) for other in values)) for value in values]
    smoothed = -sum(q * p for q, p in zip([0.025, 0.925, 0.025, 0.025], log_p, strict=True))
    logits, labels = torch.tensor([values]), torch.tensor([1])
    assert loss_of(logits, labels, RECIPES["rethinking"]).item() == pytest.approx(smoothed, rel=1e-6)
    assert loss_of(logits, labels, RECIPES["inception-v4"]).item() == pytest.approx(-log_p[1], rel=1e-6)


def test_auxiliary_losses_are_weighted():
    main, first, second = (torch.tensor([[0.0, value]]) for value in (0.0, 1.0, -1.0))
    losses = [math.log(1 + math.exp(-value)) for value in (0.0, 1.0, -1.0)]
    found = loss_of((main, [first, second]), torch.tensor([1]), RECIPES["googlenet"]).item()
    assert found == pytest.approx(losses[0] + 0.3 * (losses[1] + losses[2]), rel=1e-6)


def test_average_runs_behind_the_parameters():
    """Decays of 0, 0 and 1 - 2 ** (-2/3) over values of 1, 3 and 2."""
    module = nn.Linear(1, 1, bias=False)
    average = average_of(module, RECIPES["rethinking"])
    for number, value in enumerate((1.0, 3.0, 2.0)):
        nn.init.constant_(module.weight, value)
        average.update(module, step=number)
    decay = 1 - 2 ** (-2 / 3)
    assert average.module.weight.item() == pytest.approx(decay * 3 + (1 - decay) * 2, rel=1e-6)


def test_recipe_without_average_evaluates_the_parameters_themselves():
    module = nn.Linear(1, 1)
    assert average_of(module, PLAIN) is None
    assert learner_of(module, PLAIN).evaluated is module
    assert learner_of(module, RECIPES["rethinking"]).evaluated is not module
