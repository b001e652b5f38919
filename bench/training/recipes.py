"""The papers' training recipes as values. `bench.training.explanation` says where each number is from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Patches have 8 to 100 % of the image's area and an aspect ratio of 3/4 to 4/3.
    """

    optimizer: str
    """`sgd` or `rmsprop`."""

    rate: float
    """Learning rate of the first epoch."""

    decay: float
    """Factor on the learning rate after every `decay_epochs` epochs."""

    decay_epochs: int
    """Epochs with the same learning rate."""

    clip: float = 0.0
    """Largest norm of all gradients together; 0 for no limit."""

    smoothing: float = 0.0
    """Share of the target, 0 to 1, that is spread evenly over all classes."""

    auxiliary: float = 0.0
    """Weight of each auxiliary head's loss; 0 for a network without the heads."""

    distort: bool = True
    """Whether brightness, contrast, saturation and hue are changed at random."""

    average: float = 0.9999
    """Decay at each step of the running average of the parameters; 0 for none. The average is evaluated."""

    weight_decay: float = 0.00004
    """Factor of the parameters that is added to their gradients."""

    dropout: bool = True
    """Whether the network's dropout layers drop features; without it they drop none."""

    patches: bool = True
    """Whether random patches of the images are trained on; without it the whole images."""

    epochs: int = 100
    """Epochs in all, where the user does not say how many."""


RECIPES = {
    "googlenet": Recipe(
        "sgd", 0.01, decay=0.96, decay_epochs=8, auxiliary=0.3, weight_decay=0.0002, epochs=250
    ),
    # a decay of 0.96 every 8 epochs, 6 times faster, is one of 0.96 ** (6 / 8) after each epoch
    "bn": Recipe(
        *("sgd", 0.045, 0.96**0.75, 1),
        distort=False,
        average=0.0,
        weight_decay=0.0002 / 5,
        dropout=False,
        epochs=150,
    ),
    "rethinking": Recipe(
        "rmsprop", 0.045, decay=0.94, decay_epochs=2, clip=2.0, smoothing=0.1, auxiliary=0.4, epochs=100
    ),
    "inception-v4": Recipe("rmsprop", 0.045, decay=0.94, decay_epochs=2, epochs=160),
}
"""The recipes by the names that `--recipe` takes."""

WITHOUT: dict[str, dict[str, Any]] = {
    "rmsprop": {"optimizer": "sgd"},
    "clipping": {"clip": 0.0},
    "smoothing": {"smoothing": 0.0},
    "auxiliary": {"auxiliary": 0.0},
    "distortion": {"distort": False},
    "averaging": {"average": 0.0},
    "dropout": {"dropout": False},
    "patches": {"patches": False},
}
"""What can be left out of a recipe, as in Rethinking's Table 3 -> the fields that change."""

TRAININGS = Path("trainings")
"""The folder of trainings that no `--out` names another for."""


def find_recipe(name: str, without: str = "", rate: float | None = None) -> Recipe:
    """The recipe called `name`, without the parts that `without` lists, with another first learning rate.

    `without` has words of `WITHOUT` with commas between them. Raises `UsageError`.

    >>> find_recipe("rethinking", "clipping, smoothing", rate=0.01).rate
    0.01
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe {name!r}: write {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    for part in parts_of(without):
        if part not in WITHOUT:
            raise UsageError(f"--without {part!r}: write {', '.join(WITHOUT)}")
        recipe = replace(recipe, **WITHOUT[part])
    if rate is None:
        return recipe
    if not 0 < rate < 1e6:
        raise UsageError(f"--rate {rate}: write a positive number, such as 0.045")
    return replace(recipe, rate=rate)


def parts_of(without: str) -> list[str]:
    """The words of `--without`.

    >>> parts_of("rmsprop, smoothing")
    ['rmsprop', 'smoothing']
    """
    return [word.strip() for word in without.split(",") if word.strip()]


def folder_name(
    model: str,
    recipe: str,
    without: str = "",
    *,
    seed: int = 0,
    sampling_seed: int | None = None,
    rate: float | None = None,
) -> str:
    """What the folder of a training is called by default.

    >>> folder_name("v2", "rethinking", "rmsprop,smoothing", seed=1)
    'v2-rethinking-no-rmsprop-no-smoothing-seed-1'
    """
    words = [model.replace("/", "-"), recipe, *(f"no-{part}" for part in parts_of(without))]
    words += [f"rate-{rate:g}"] if rate is not None else []
    words += [f"seed-{seed}"] if seed else []
    words += [f"sampling-{sampling_seed}"] if sampling_seed is not None else []
    return "-".join(words)
