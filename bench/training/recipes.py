"""The papers' training recipes as values, with the papers' numbers."""

from dataclasses import dataclass, replace
from typing import Any

from bench.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    In all recipes patches have 8 to 100 % of the image's area and an aspect ratio of 3/4 to 4/3.
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


RECIPES = {
    # GoogLeNet (1409.4842), section 6: SGD with momentum 0.9, the rate 4 % lower every 8 epochs, Polyak
    # averaging, patches of 8 to 100 %, photometric distortions. Section 5: auxiliary losses times 0.3. The
    # paper does not give the first rate and the weight decay; these are those of Caffe's model of the same
    # network. Random interpolation methods are left out, as the paper could not tell whether they helped.
    "googlenet": Recipe("sgd", 0.01, decay=0.96, decay_epochs=8, auxiliary=0.3, weight_decay=0.0002),
    # Rethinking (1512.00567), section 8: RMSProp with decay 0.9 and epsilon 1.0, a rate of 0.045 times 0.94
    # every two epochs, gradients clipped at 2.0, running average. Section 7: label smoothing 0.1. The paper
    # does not give the weight of the auxiliary loss, the weight decay and the decay of the average; these are
    # the released code's.
    "rethinking": Recipe(
        "rmsprop", 0.045, decay=0.94, decay_epochs=2, clip=2.0, smoothing=0.1, auxiliary=0.4
    ),
    # Inception-v4 (1602.07261), section 4: the same, but it mentions no clipping, smoothing or auxiliary
    # heads.
    "inception-v4": Recipe("rmsprop", 0.045, decay=0.94, decay_epochs=2),
}

WITHOUT: dict[str, dict[str, Any]] = {
    "rmsprop": {"optimizer": "sgd"},
    "clipping": {"clip": 0.0},
    "smoothing": {"smoothing": 0.0},
    "auxiliary": {"auxiliary": 0.0},
    "distortion": {"distort": False},
    "averaging": {"average": 0.0},
}
"""What can be left out of a recipe, as in Rethinking's Table 3 -> the fields that change."""


def find_recipe(name: str, without: str = "", rate: float | None = None) -> Recipe:
    """The recipe called `name`, without the parts that `without` lists, with another first learning rate.

    `without` has words of `WITHOUT` with commas between them. Raises `UsageError`.

    >>> find_recipe("rethinking", "clipping, smoothing", rate=0.01).rate
    0.01
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe {name!r}: write {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    for part in filter(None, (word.strip() for word in without.split(","))):
        if part not in WITHOUT:
            raise UsageError(f"--without {part!r}: write {', '.join(WITHOUT)}")
        recipe = replace(recipe, **WITHOUT[part])
    if rate is None:
        return recipe
    if not 0 < rate < 1e6:
        raise UsageError(f"--rate {rate}: write a positive number, such as 0.045")
    return replace(recipe, rate=rate)
