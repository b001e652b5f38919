"""Trains the mini variants of an experiment and evaluates each epoch. The same call continues.

    OUT/mini-train-3000/                 the training images, drawn once for all experiments
    OUT/trainings/NETWORK-.../           what `inception-bench train` writes
    OUT/runs/                            a run for each epoch of each training

Experiments with a variant in common share its training.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.data import open_images
from bench.errors import NotFinite, UsageError, WeightsError
from bench.evaluation.evaluate import run_evaluations
from bench.experiments.table import Experiment, Setting, Variant
from bench.options import Options
from bench.progress import Reporter, Silent
from bench.training.checkpoints import checkpoint_path
from bench.training.recipes import find_recipe
from bench.training.train import Training, train
from results.run import Run

DRAWING_SEED = 2011
"""Of the training images, as in `bench/mini/make.sh`; the images of the mini set have another."""


@dataclass(frozen=True)
class Scale:
    """On what, how long and how often the variants are trained."""

    out: Path
    """The folder of everything."""

    data: str | None
    """Where the training images are; None to draw them."""

    val: str
    """Where the images to evaluate on are."""

    images: int
    """How many training images to draw."""

    epochs: int

    seeds: int
    """Trainings of each variant, with the seeds from 0 on."""

    workers: int
    """Processes that decode."""

    device: str


@dataclass(frozen=True)
class Trained:
    """A training of a variant, evaluated."""

    variant: Variant
    setting: Setting
    seed: int
    runs: dict[int, Run]
    """By epoch, from 1; empty where the training diverged in its first."""
    diverged: bool
    """Whether it did in the epoch after the last of `runs`."""


def run_experiment(experiment: Experiment, scale: Scale, reporter: Reporter) -> list[Trained]:
    """Train and evaluate the mini variants: those of the first seed, then those of the next.

    Raises as `train` and `run_evaluations` do, except for a training that diverges: that is a result. Raises
    `UsageError` where the images to evaluate on have other classes than those to train on.
    """
    val = open_images(scale.val)  # before hours of training
    data = scale.data or str(_drawn_images(scale.out, scale.images, reporter))
    classes = len(open_images(data).classes)
    if classes != len(val.classes):
        raise UsageError(
            f"{data} has {classes:,} classes, but {val.path} has {len(val.classes):,}: "
            "pass --data and --val of the same classes"
        )
    sized = list(experiment.sized("mini"))
    trained: list[Trained] = []
    for seed in range(scale.seeds):
        for variant, setting in sized:
            with reporter.part(len(trained) + 1, scale.seeds * len(sized)):
                trained.append(_train(variant, setting, seed, data, scale, reporter))
    return trained


def _drawn_images(out: Path, images: int, reporter: Reporter) -> Path:
    """The archive of so many training images, drawn where it is not there yet."""
    folder = out / f"mini-train-{images}"
    if not folder.exists():
        from bench.mini.draw import draw

        reporter.step(f"drawing {images:,} training images into {folder}")
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out) as unfinished:
            draw(Path(unfinished) / "drawn" / "mini_train.tar", images, DRAWING_SEED)
            with suppress(OSError):  # another experiment was quicker, with the same images
                (Path(unfinished) / "drawn").rename(folder)
    return folder / "mini_train.tar"


def _train(
    variant: Variant, setting: Setting, seed: int, data: str, scale: Scale, reporter: Reporter
) -> Trained:
    folder = scale.out / "trainings" / setting.folder(seed)
    recipe = find_recipe(setting.recipe, setting.without, setting.rate)
    training = Training(
        setting.model,
        recipe,
        data,
        scale.epochs,
        folder,
        workers=scale.workers,
        device=scale.device,
        seed=seed,
    )
    reporter.step(f"{variant.label}, seed {seed}: {setting.options()}")
    try:
        train(training, reporter)
    except NotFinite as error:
        reporter.note(f"{variant.label}, seed {seed}: {error}")
    runs: dict[int, Run] = {}
    reporter.step(f"{variant.label}, seed {seed}: evaluating each epoch")
    try:
        for epoch in range(1, scale.epochs + 1):
            checkpoint = checkpoint_path(folder, epoch)
            if checkpoint.exists():
                runs[epoch] = _evaluate(setting.model, checkpoint, scale)
    except (NotFinite, WeightsError) as error:  # what is evaluated is an average of what was trained
        reporter.note(f"{variant.label}, seed {seed}: {error}")
    return Trained(variant, setting, seed, runs, diverged=len(runs) < scale.epochs)


def _evaluate(model: str, checkpoint: Path, scale: Scale) -> Run:
    options = Options(
        model=model,
        weights=str(checkpoint),
        data=scale.val,
        device=scale.device,
        out=scale.out / "runs",
        allow_implausible=True,  # a training that failed is a result, too
    )
    (run,) = run_evaluations([options], Silent())  # its notes are about options of `eval`
    return run
