"""The papers' training recipes as values: what each does, in its own words and numbers."""

from dataclasses import dataclass, replace

from bench.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    `optimizer` is `sgd` or `rmsprop`; `rate` its first learning rate, multiplied by `decay` every `decay_epochs` epochs;
    `clip` the largest norm of all gradients together, 0 for none; `smoothing` the share of the target that is spread
    over all classes; `auxiliary` the weight of each auxiliary head's loss; `distort` whether brightness, contrast,
    saturation and hue are changed; `average` the decay of the running average of the parameters, which is what is
    evaluated, 0 for none. Patches have 8 to 100 % of the image's area and an aspect of 3/4 to 4/3 in all recipes.
    """

    optimizer: str
    rate: float
    decay: float
    decay_epochs: int
    clip: float = 0.0
    smoothing: float = 0.0
    auxiliary: float = 0.0
    distort: bool = True
    average: float = 0.9999
    weight_decay: float = 0.00004


RECIPES = {
    # GoogLeNet (1409.4842), section 6: SGD, momentum 0.9, rate down 4 % every 8 epochs, Polyak averaging, patches of 8 to
    # 100 %, photometric distortions; section 5: auxiliary losses times 0.3. The first rate and the weight decay are not
    # given: these are those of Caffe's model of the same network. Its random interpolation methods are left out, as the
    # paper cannot say whether they helped.
    "googlenet": Recipe("sgd", 0.01, decay=0.96, decay_epochs=8, auxiliary=0.3, weight_decay=0.0002),
    # Rethinking (1512.00567), section 8: RMSProp with decay 0.9 and epsilon 1.0, rate 0.045 times 0.94 every two epochs,
    # gradients clipped at 2.0, running average; section 7: label smoothing 0.1. The weights of the auxiliary loss, of the
    # decay and of the average are not given: these are the released code's.
    "rethinking": Recipe(
        "rmsprop", 0.045, decay=0.94, decay_epochs=2, clip=2.0, smoothing=0.1, auxiliary=0.4
    ),
    # Inception-v4 (1602.07261), section 4: the same without a word of clipping and smoothing; no auxiliary heads.
    "inception-v4": Recipe("rmsprop", 0.045, decay=0.94, decay_epochs=2),
}

WITHOUT: dict[str, dict[str, object]] = {
    "rmsprop": {"optimizer": "sgd"},
    "clipping": {"clip": 0.0},
    "smoothing": {"smoothing": 0.0},
    "auxiliary": {"auxiliary": 0.0},
    "distortion": {"distort": False},
    "averaging": {"average": 0.0},
}
"""What can be switched off, as in the rows of Rethinking's Table 3."""


def recipe(name: str, without: str = "", rate: float | None = None) -> Recipe:
    """The recipe `name` without the parts that `without` lists, and with another first rate. Raises `UsageError`."""
    if name not in RECIPES:
        raise UsageError(f"no recipe {name!r}: write {', '.join(RECIPES)}")
    chosen = RECIPES[name]
    for part in filter(None, (word.strip() for word in without.split(","))):
        if part not in WITHOUT:
            raise UsageError(f"--without {part!r}: write {', '.join(WITHOUT)}")
        chosen = replace(chosen, **WITHOUT[part])  # type: ignore[arg-type]
    if rate is None:
        return chosen
    if not 0 < rate < 1e6:
        raise UsageError(f"--rate {rate}: write a positive number, such as 0.045")
    return replace(chosen, rate=rate)
