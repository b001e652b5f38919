"""The experiments by name: what each compares, and what its paper found. A table without torch.

Figures are the papers'. Where a paper prints an accuracy, it is written as an error here.
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Literal

from bench.training.recipes import folder_name
from bench.zoo.networks import unknown_name_error
from results.published import PAPERS

Finding = Literal["better", "worse", "alike", ""]
"""How a variant does beside another one, by the paper; empty where the paper says nothing of it."""


@dataclass(frozen=True)
class Setting:
    """A network and how it is trained: options of `inception-bench train`."""

    model: str
    recipe: str
    without: str = ""
    """Parts left out of the recipe, with commas between them."""

    rate: float | None = None
    """The first learning rate, where it is not the recipe's."""

    def options(self) -> str:
        """The options as they are typed.

        >>> Setting("v2", "rethinking", "rmsprop,smoothing").options()
        '--model v2 --recipe rethinking --without rmsprop,smoothing'
        """
        without = f" --without {self.without}" if self.without else ""
        rate = "" if self.rate is None else f" --rate {self.rate:g}"
        return f"--model {self.model} --recipe {self.recipe}{without}{rate}"

    def folder(self, seed: int = 0) -> str:
        """A name of its own for the training's folder."""
        return folder_name(self.model, self.recipe, self.without, seed=seed, rate=self.rate)


@dataclass(frozen=True)
class Variant:
    """One of the things that an experiment compares."""

    label: str
    """At most 20 characters, as much as a chart shows."""

    mini: Setting | None
    """For the mini set; None where no mini network is like that."""

    full: Setting | None
    """For ImageNet; None for what only the mini set has."""

    top1_error: float | None = None
    """In percent, as the paper has it."""

    against: str = ""
    """Label of the variant that it is compared with; empty for one that others are compared with."""

    finding: Finding = ""
    """How it does beside that one, by the paper."""


@dataclass(frozen=True)
class Experiment:
    """A comparison of variants, from one of the papers."""

    name: str

    paper: str
    """A key of `results.published.PAPERS`."""

    place: str
    """Section and figure or table."""

    question: str

    finding: str
    """The paper's answer, with the figures that it prints."""

    variants: tuple[Variant, ...] = ()
    """Empty for the experiment without training."""

    deviation: str = ""
    """What differs from the paper."""

    epochs: int = 6
    """Of the mini variants: as many as take minutes on a laptop."""

    @property
    def source(self) -> str:
        """The paper and the place in it.

        >>> find_experiment("factorisation").source
        'Rethinking the Inception Architecture for Computer Vision (1512.00567), section 3.1 and figure 2'
        """
        return f"{PAPERS[self.paper]}, {self.place}"

    def commands(self, out: Path, data: str, val: str) -> dict[str, list[str]]:
        """By label the commands that train and evaluate a variant at full size.

        `data` and `val` are the images to train and to evaluate on. The trainings go to folders in `out`.
        """
        commands = {}
        for variant, setting in self.sized("full"):
            folder, train, evaluate = (quote(str(name)) for name in (out / setting.folder(), data, val))
            commands[variant.label] = [
                f"inception-bench train {setting.options()} --data {train} --out {folder}",
                f"inception-bench eval --model {setting.model} --weights {folder} --data {evaluate}",
            ]
        return commands

    def sized(self, size: Literal["mini", "full"]) -> tuple[tuple[Variant, Setting], ...]:
        """The variants that there are at this size, each with its setting."""
        pairs = ((variant, getattr(variant, size)) for variant in self.variants)
        return tuple((variant, setting) for variant, setting in pairs if setting)


def _mini_v1(model: str = "mini-v1", rate: float | None = None) -> Setting:
    return Setting(model, "googlenet", "auxiliary,distortion", rate)


def _mini_v3(model: str = "mini-v3", without: str = "auxiliary,distortion") -> Setting:
    return Setting(model, "rethinking", without)


def _mini_v4(model: str) -> Setting:
    return Setting(model, "inception-v4", "distortion")


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "auxiliary-heads", "googlenet", "section 5",
            "Do auxiliary heads make the network better, and how many does it take?",
            "They add about 0.5 points, and one does as much as two (in the version of CVPR 2015). "
            "Rethinking, section 4: to remove the lower head did no harm.",
            (
                Variant("two heads", Setting("mini-v1-two-heads", "googlenet", "distortion"),
                        Setting("v1-paper", "googlenet")),
                Variant("one head", Setting("mini-v1-one-head", "googlenet", "distortion"),
                        Setting("v1-one-head", "googlenet"), None, "two heads", "alike"),
                Variant("no head", _mini_v1(), Setting("v1-paper", "googlenet", "auxiliary"),
                        None, "two heads", "worse"),
            ),
        ),
        Experiment(
            "average-pooling", "googlenet", "section 5",
            "Is average pooling better than fully connected layers before the classifier?",
            "Average pooling improves the top-1 accuracy by about 0.6 points.",
            (
                Variant("fully connected", _mini_v1("mini-v1-fc"), Setting("v1-fc", "googlenet")),
                Variant("average pooling", _mini_v1(), Setting("v1-paper", "googlenet"),
                        None, "fully connected", "better"),
            ),
        ),
        Experiment(
            "batch-normalisation", "bn", "section 4.2, figures 2 and 3",
            "How fast and how well does a network learn with batch normalisation, at which rates?",
            "Inception reaches an accuracy of 72.2 % after 31.0 M steps. With batch normalisation it takes "
            "13.3 M steps, at 5 times the rate 2.1 M, at 30 times 2.7 M, and all of them end better. It "
            "learns even with sigmoids. Without, it diverges at 5 times the rate.",
            (
                Variant("Inception", _mini_v1("mini-v1-plain", 0.0015),
                        Setting("v1-paper", "googlenet", "", 0.0015), 27.8),
                Variant("Inception-x5", _mini_v1("mini-v1-plain", 0.0075),
                        Setting("v1-paper", "googlenet", "", 0.0075), None, "Inception", "worse"),
                Variant("BN-Baseline", _mini_v1(rate=0.0015), Setting("bn-v1", "googlenet", "", 0.0015),
                        27.3, "Inception", "better"),
                Variant("BN-x5", _mini_v1(rate=0.0075), Setting("bn-v1", "bn", "", 0.0075),
                        27.0, "BN-Baseline", "better"),
                Variant("BN-x30", _mini_v1(rate=0.045), Setting("bn-v1", "bn"),
                        25.2, "BN-Baseline", "better"),
                Variant("BN-x5-Sigmoid", _mini_v1("mini-v1-sigmoid", 0.0075),
                        Setting("bn-v1-sigmoid", "bn", "", 0.0075), 30.2, "BN-x5", "worse"),
            ),
            "The paper's Inception is a wider one; from x5 on the paper changes dropout, weight decay and "
            "distortions, too.",
        ),
        Experiment(
            "factorisation", "rethinking", "section 3.1 and figure 2",
            "Where a convolution is factorised into two, should the first one have a ReLU?",
            "With ReLU the accuracy is 77.2 %, with a linear first layer 76.2 %.",
            (
                Variant("ReLU", _mini_v3(), Setting("v2", "rethinking"), 22.8),
                Variant("linear", _mini_v3("mini-v3-linear"), Setting("v2-linear", "rethinking"),
                        23.8, "ReLU", "worse"),
            ),
        ),
        Experiment(
            "factorisation-cost", "rethinking", "section 3",
            "How much does it cost to factorise a convolution?",
            "A 5x5 costs 25/9 = 2.78 times as much as a 3x3. Two 3x3 save 28 % of a 5x5; a 3x1 and a 1x3 "
            "save 33 % of a 3x3, two 2x2 only 11 %.",
        ),
        Experiment(
            "auxiliary-regularisation", "rethinking", "section 4 and figure 8",
            "Do auxiliary heads act as regularisers: does batch normalisation or dropout in them help?",
            "A head helps only near the end of training. With batch normalisation in it the accuracy is 0.4 "
            "points higher; dropout in it helps, too.",
            (
                Variant("plain head", Setting("mini-v3-aux", "rethinking", "distortion"),
                        Setting("v2", "rethinking")),
                Variant("head with BN", Setting("mini-v3-bn-aux", "rethinking", "distortion"),
                        Setting("v2-bn-aux", "rethinking"), None, "plain head", "better"),
                Variant("head with dropout", Setting("mini-v3-dropout-aux", "rethinking", "distortion"),
                        Setting("v2-dropout-aux", "rethinking"), None, "plain head", "better"),
                Variant("no head", _mini_v3(), Setting("v2", "rethinking", "auxiliary"),
                        None, "plain head", "worse"),
            ),
        ),
        Experiment(
            "grid-reduction", "rethinking", "section 5, figures 9 and 10",
            "How should a network make its grid smaller?",
            "Pooling first is a representational bottleneck. Pooling last costs three times as much. The "
            "parallel reduction is cheap and has no bottleneck. The paper prints no errors.",
            (
                Variant("parallel", _mini_v3(), Setting("v2-all", "rethinking")),
                Variant("pooling first", _mini_v3("mini-v3-pool-first"),
                        Setting("v3-pool-first", "rethinking"), None, "parallel", "worse"),
                Variant("pooling last", _mini_v3("mini-v3-pool-last"), Setting("v3-pool-last", "rethinking"),
                        None, "parallel", "alike"),
            ),
        ),
        Experiment(
            "label-smoothing", "rethinking", "section 7 and table 3",
            "Does label smoothing make the network better?",
            "About 0.2 points of top-1 and top-5 error; in table 3 23.1 becomes 22.8.",
            (
                Variant("without smoothing", _mini_v3(without="auxiliary,distortion,smoothing"),
                        Setting("v2", "rethinking", "smoothing"), 23.1),
                Variant("smoothing", _mini_v3(), Setting("v2", "rethinking"),
                        22.8, "without smoothing", "better"),
            ),
        ),
        Experiment(
            "low-resolution", "rethinking", "section 9 and table 2",
            "How well does a network of the same cost see smaller images?",
            "Almost as well: 23.4 at 299 pixels, 23.6 at 151 and 24.8 at 79. A network that is naively made "
            "smaller with its input does much worse, of which the paper prints no figure.",
            (
                Variant("whole size", _mini_v3("mini-v3-160"), Setting("v2-factorised", "rethinking"), 23.4),
                Variant("half", _mini_v3("mini-v3-fine"), Setting("v2-151", "rethinking"),
                        23.6, "whole size", "worse"),
                Variant("quarter", None, Setting("v2-79", "rethinking"), 24.8, "whole size", "worse"),
                Variant("half, naive", _mini_v3(), Setting("v2-151-naive", "rethinking"),
                        None, "half", "worse"),
                Variant("quarter, naive", None, Setting("v2-79-naive", "rethinking"),
                        None, "quarter", "worse"),
            ),
        ),
        Experiment(
            "ablation", "rethinking", "section 10 and table 3",
            "What does each change from Inception-v2 to Inception-v3 add?",
            "RMSProp takes the error from 23.4 to 23.1, label smoothing to 22.8, the factorised 7x7 to 21.6, "
            "and batch normalisation in the auxiliary head to 21.2.",
            (
                Variant("Inception-v2", Setting("mini-v3-aux", "rethinking", "rmsprop,smoothing,distortion"),
                        Setting("v2", "rethinking", "rmsprop,smoothing"), 23.4),
                Variant("RMSProp", Setting("mini-v3-aux", "rethinking", "smoothing,distortion"),
                        Setting("v2", "rethinking", "smoothing"), 23.1, "Inception-v2", "better"),
                Variant("label smoothing", Setting("mini-v3-aux", "rethinking", "distortion"),
                        Setting("v2", "rethinking"), 22.8, "RMSProp", "better"),
                Variant("factorised 7x7", None, Setting("v2-factorised", "rethinking"),
                        21.6, "label smoothing", "better"),
                Variant("BN-auxiliary", Setting("mini-v3-bn-aux", "rethinking", "distortion"),
                        Setting("v2-all", "rethinking"), 21.2, "label smoothing", "better"),
            ),
            "All mini networks have the factorised 7x7.",
        ),
        Experiment(
            "residual", "inception-v4", "section 5, figures 21 to 26 and table 2",
            "Do residual connections make a network learn faster, and does it end better?",
            "Both residual networks learn much faster. Inception-ResNet-v1 ends slightly worse than "
            "Inception-v3, Inception-ResNet-v2 slightly better than Inception-v4: size decides.",
            (
                Variant("Inception-v4", _mini_v4("mini-v4"), Setting("v4", "inception-v4"), 20.0),
                Variant("Inception-ResNet-v2", _mini_v4("mini-ir-v2"), Setting("ir-v2", "inception-v4"),
                        19.9, "Inception-v4", "better"),
                Variant("Inception-v3", _mini_v4("mini-v3"), Setting("v2-all", "inception-v4"),
                        21.2, "Inception-v4", "worse"),
                Variant("Inception-ResNet-v1", None, Setting("ir-v1-paper", "inception-v4"),
                        21.3, "Inception-v3", "worse"),
            ),
        ),
        Experiment(
            "residual-scaling", "inception-v4", "section 3.3",
            "Does a network with many filters need its residuals scaled down?",
            "With more than 1000 filters it 'dies' early in training unless residuals are scaled by 0.1 to "
            "0.3. Scaling never seemed to harm the accuracy. The paper prints no errors.",
            (
                Variant("scaled", _mini_v4("mini-ir-v2"), Setting("ir-v2-paper", "inception-v4")),
                Variant("not scaled", _mini_v4("mini-ir-v2-unscaled"),
                        Setting("ir-v2-unscaled", "inception-v4"), None, "scaled", "worse"),
                Variant("wide, scaled", _mini_v4("mini-ir-v2-wide"), None),
                Variant("wide, not scaled", _mini_v4("mini-ir-v2-wide-unscaled"), None,
                        None, "wide, scaled", "worse"),
            ),
            epochs=4,
        ),
    )
}  # fmt: skip
"""The experiments, in the order of the papers."""


def find_experiment(name: str) -> Experiment:
    """The experiment called `name`. Raises `UsageError` with the nearest names."""
    if name not in EXPERIMENTS:
        raise unknown_name_error("experiment", name, tuple(EXPERIMENTS))
    return EXPERIMENTS[name]
