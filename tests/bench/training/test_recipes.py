"""The recipes by name, and without some of their parts."""

import pytest

from bench.errors import UsageError
from bench.training.recipes import find_recipe


def test_parts_can_be_left_out():
    recipe = find_recipe("rethinking", "rmsprop, clipping,smoothing,auxiliary,distortion,averaging")
    assert (recipe.optimizer, recipe.clip, recipe.smoothing) == ("sgd", 0, 0)
    assert (recipe.auxiliary, recipe.distort, recipe.average) == (0, False, 0)
    assert (recipe.rate, recipe.decay, recipe.decay_epochs) == (0.045, 0.94, 2)


def test_rate_can_be_another():
    assert find_recipe("rethinking", "", 0.01).rate == 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("v4",), "no recipe 'v4': write googlenet, rethinking, inception-v4"),
        (("rethinking", "dropout"), "--without 'dropout': write rmsprop"),
        (("rethinking", "", -1.0), "--rate -1.0: write a positive number"),
        (("rethinking", "", float("nan")), "--rate nan: write a positive number"),
    ],
)
def test_unknown_recipe_part_or_rate_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        find_recipe(*arguments)
