"""The recipes by name, and without some of their parts."""

import pytest

from bench.errors import UsageError
from bench.training.recipes import find_recipe, folder_name


def test_parts_can_be_left_out():
    recipe = find_recipe("rethinking", "rmsprop, clipping,smoothing,auxiliary,distortion,averaging")
    assert (recipe.optimizer, recipe.clip, recipe.smoothing) == ("sgd", 0, 0)
    assert (recipe.auxiliary, recipe.distort, recipe.average) == (0, False, 0)
    assert (recipe.rate, recipe.decay, recipe.decay_epochs) == (0.045, 0.94, 2)


def test_recipe_of_bn_inception_has_the_numbers_of_the_paper():
    """Section 4.2: 30 times 0.0015, 4 % every 8 epochs but 6 times faster, a fifth of the L2 loss."""
    recipe = find_recipe("bn")
    assert recipe.rate == pytest.approx(30 * 0.0015)
    assert recipe.decay ** (8 / recipe.decay_epochs) == pytest.approx(0.96**6)
    assert recipe.weight_decay == pytest.approx(find_recipe("googlenet").weight_decay / 5)
    assert (recipe.optimizer, recipe.dropout, recipe.distort) == ("sgd", False, False)
    assert (recipe.clip, recipe.smoothing, recipe.auxiliary, recipe.average) == (0, 0, 0, 0)
    assert recipe.epochs == round(6_000_000 * 32 / 1_281_167)


def test_trainings_have_folders_of_their_own():
    names = [
        folder_name("timm/resnet50", "rethinking"),
        folder_name("v2", "rethinking", " rmsprop , smoothing"),
        folder_name("v1-paper", "googlenet", seed=0, sampling_seed=3),
        folder_name("bn", "bn", seed=2),
    ]
    assert names == [
        "timm-resnet50-rethinking",
        "v2-rethinking-no-rmsprop-no-smoothing",
        "v1-paper-googlenet-sampling-3",
        "bn-bn-seed-2",
    ]


def test_rate_can_be_another():
    assert find_recipe("rethinking", "", 0.01).rate == 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("v4",), "no recipe 'v4': write googlenet, bn, rethinking, inception-v4"),
        (("rethinking", "momentum"), "--without 'momentum': write rmsprop"),
        (("rethinking", "", -1.0), "--rate -1.0: write a positive number"),
        (("rethinking", "", float("nan")), "--rate nan: write a positive number"),
    ],
)
def test_unknown_recipe_part_or_rate_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        find_recipe(*arguments)
