"""Where the numbers of the recipes are from, and where training here differs from the papers'."""

from dataclasses import dataclass

from bench.training.recipes import WITHOUT, Recipe, find_recipe, parts_of
from results.published import PAPERS

UNMENTIONED = "the paper does not mention it"
CAFFE = "the paper does not say; Caffe's training of the same network"
RELEASE = "the paper does not say; the code that was released for Inception-v3"
PATCHES = "GoogLeNet, section 6; the paper does not say"

SOURCES: dict[str, dict[str, str]] = {
    "googlenet": {
        "optimizer": "section 6",
        "rate": CAFFE,
        "decay": "section 6: 4 % every 8 epochs",
        "epochs": f"{CAFFE}: 10 million batches of 32",
        "batch": CAFFE,
        "clip": UNMENTIONED,
        "smoothing": UNMENTIONED,
        "auxiliary": "section 5",
        "dropout": "section 5 and Table 1: 40 % before the classifier, 70 % in the auxiliary heads",
        "weight_decay": CAFFE,
        "patches": "section 6",
        "distort": "section 6, without numbers",
        "average": "section 6; its decay is that of the code that was released for Inception-v3",
    },
    "bn": {
        "optimizer": "section 4.2; the momentum is GoogLeNet's",
        "rate": "section 4.2.2, BN-x30; --rate 0.0075 is BN-x5, --rate 0.0015 BN-Baseline and Inception",
        "decay": "section 4.2.1: 6 times faster than Inception's, which is taken to be GoogLeNet's",
        "epochs": "section 4.2.3: about 6 million steps, taken as batches of 32",
        "batch": "section 4.2",
        "clip": UNMENTIONED,
        "smoothing": UNMENTIONED,
        "auxiliary": UNMENTIONED,
        "dropout": "section 4.2.1: removed",
        "weight_decay": "section 4.2.1: a fifth of Inception's; that of Caffe's GoogLeNet is taken for it",
        "patches": PATCHES,
        "distort": "section 4.2.1: less, without numbers",
        "average": UNMENTIONED,
    },
    "rethinking": {
        "optimizer": "section 8; the momentum is that of the released code",
        "rate": "section 8",
        "decay": "section 8",
        "epochs": "section 8",
        "batch": "section 8",
        "clip": "section 8",
        "smoothing": "section 7",
        "auxiliary": RELEASE,
        "dropout": RELEASE,
        "weight_decay": RELEASE,
        "patches": PATCHES,
        "distort": RELEASE,
        "average": "section 8; its decay is that of the released code",
    },
    "inception-v4": {
        "optimizer": "section 4; the momentum is that of Inception-v3's released code",
        "rate": "section 4",
        "decay": "section 4",
        "epochs": "the end of Figures 23 and 24 (v4, ir-v2); 21 and 22 (v3, ir-v1) end at --epochs 200",
        "batch": "the paper does not say; Rethinking, section 8",
        "clip": UNMENTIONED,
        "smoothing": UNMENTIONED,
        "auxiliary": UNMENTIONED,
        "dropout": "Figures 9 and 15: 20 % before the classifier",
        "weight_decay": RELEASE,
        "patches": PATCHES,
        "distort": RELEASE,
        "average": "section 4; its decay is that of Inception-v3's released code",
    },
}
"""Recipe -> part -> where its number is from.

Parts are the fields of `Recipe`, and `batch` and `patches`. Sections are those of the recipe's own paper,
unless a source names another.
"""

REPLICAS = {
    "googlenet": "an unknown number of replicas",
    "bn": "an unknown number of replicas",
    "rethinking": "50 replicas",
    "inception-v4": "20 replicas",
}
"""What the papers train on."""


@dataclass(frozen=True)
class Part:
    """A number of a recipe."""

    name: str
    value: str
    """In words."""
    source: str
    """Who says so."""


@dataclass(frozen=True)
class Explanation:
    """A recipe, part by part."""

    recipe: str
    """Its name."""
    paper: str
    """Whose it is."""
    parts: tuple[Part, ...]
    deviations: tuple[str, ...]
    """Where training here differs from what the paper says, each in a sentence or two."""


def explain(
    name: str, without: str = "", rate: float | None = None, epochs: int | None = None
) -> Explanation:
    """The recipe called `name`, with the user's changes. Raises `UsageError` as `find_recipe` does.

    >>> explain("rethinking").parts[1]
    Part(name='first learning rate', value='0.045', source='section 8')
    """
    recipe = find_recipe(name, without, rate)
    sources = dict(SOURCES[name])
    for word in parts_of(without):
        sources |= dict.fromkeys(WITHOUT[word], f"--without {word}")
    if rate is not None:
        sources["rate"] = "--rate"
    if epochs is not None:
        sources["epochs"] = "--epochs"
    parts = tuple(
        Part(title, value, sources[field])
        for field, (title, value) in _values(recipe, epochs or recipe.epochs).items()
    )
    return Explanation(name, PAPERS[name], parts, tuple(_deviations(name, recipe)))


def _values(recipe: Recipe, epochs: int) -> dict[str, tuple[str, str]]:
    """Part -> its title, and its value in words."""
    optimizers = {
        "sgd": "stochastic gradient descent, momentum 0.9",
        "rmsprop": "RMSProp, decay 0.9, epsilon 1.0, momentum 0.9",
    }
    every = "each epoch" if recipe.decay_epochs == 1 else f"every {recipe.decay_epochs} epochs"
    return {
        "optimizer": ("optimizer", optimizers[recipe.optimizer]),
        "rate": ("first learning rate", f"{recipe.rate:g}"),
        "decay": ("its decay", f"times {recipe.decay:.4g} {every}"),
        "epochs": ("epochs", f"{epochs}"),
        "batch": ("batch", "32 images on each device"),
        "clip": ("gradients clipped at", f"{recipe.clip:g}" if recipe.clip else "no limit"),
        "smoothing": ("label smoothing", f"{recipe.smoothing:g}" if recipe.smoothing else "none"),
        "auxiliary": ("weight of auxiliary losses", f"{recipe.auxiliary:g}" if recipe.auxiliary else "none"),
        "dropout": ("dropout", "that of the network" if recipe.dropout else "none"),
        "weight_decay": ("weight decay", f"{recipe.weight_decay:g}"),
        "patches": (
            "patches",
            "8 to 100 % of the area, aspect ratio 3/4 to 4/3, mirrored at random"
            if recipe.patches
            else "none: whole images, mirrored at random",
        ),
        "distort": ("photometric distortions", "at random" if recipe.distort else "none"),
        "average": ("running average", f"decay {recipe.average:g}" if recipe.average else "none"),
    }


def _deviations(name: str, recipe: Recipe) -> list[str]:
    """Where training by a recipe differs from the paper, or from what the paper leaves open."""
    found = [
        f"Replicas: the paper trains with {REPLICAS[name]}, each of which changes the parameters when it is "
        "ready. Here there is one device, or those of torchrun, which average their gradients at each step.",
        "Batch size: a step of the paper's has the images of one replica. Here it has 32, or --batch, on "
        f"each device, and the rate of {recipe.rate:g} is the same for any number; --rate sets another.",
    ]
    if recipe.distort:
        found.append(
            "Distortions: the numbers are those of TF-Slim (brightness 32/255, contrast and saturation 0.5 "
            "to 1.5, hue 0.2), in a random order. Brightness is multiplied, where TensorFlow adds to it."
        )
    elif name == "bn":
        found.append("Distortions: the paper has fewer, and does not say which. Here there are none.")
    if recipe.average:
        found.append(
            f"Averaging: an exponential average of the parameters, of decay {recipe.average:g}, which grows "
            "from 0 in the first steps."
            + (" The paper names Polyak's, a plain one." if name == "googlenet" else "")
        )
    random_methods = " The paper draws one of four methods for each." if name == "googlenet" else ""
    what = "patches" if recipe.patches else "images"
    found.append(f"Interpolation: {what} are resized bilinearly, with antialiasing.{random_methods}")
    if recipe.smoothing:
        found.append(
            "Label smoothing: the prior u(k) is uniform, as in the paper's experiments. Section 7 allows "
            "others, and there is no option for them."
        )
    if name == "bn":
        found.append("Shuffling: all images are shuffled for each epoch. The paper shuffles within shards.")
    return found
