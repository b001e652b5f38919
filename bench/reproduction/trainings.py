"""The trainings behind the rows of a paper's table: the command for each network, and what evaluates them."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.options import DEFAULTS, Options
from bench.progress import Reporter
from bench.reproduction.table_rows import read_rows
from bench.training.checkpoints import checkpoint_path
from bench.training.recipes import TRAININGS, find_recipe, folder_name
from bench.training.train import Training, train
from results import published

COMMAND = "inception-bench"


@dataclass(frozen=True)
class NetworkTraining:
    """How one network of a row is trained."""

    model: str
    """The network that is trained."""
    recipe: str
    without: str = ""
    """Parts of the recipe that are left out, with commas between them."""
    epochs: int | None = None
    """Epochs, where they are not the recipe's."""
    seed: int = 0
    sampling_seed: int | None = None
    rate: float | None = None
    """First learning rate, where it is not the recipe's."""


TRAININGS_OF = {
    "v1": NetworkTraining("v1-paper", "googlenet"),
    "bn-v1": NetworkTraining("bn-v1", "bn"),
    "bn": NetworkTraining("bn", "bn"),
    # BN-Inception, section 4.2.2: the baseline is trained as Inception, without the changes of section 4.2.1
    "bn:baseline": NetworkTraining("bn", "googlenet", "auxiliary", rate=0.0015),
    "bn:x5": NetworkTraining("bn", "bn", rate=0.0075),
    "bn:x30": NetworkTraining("bn", "bn"),
    # Rethinking's Table 3 adds one change after the other: RMSProp, smoothing, the stem and the BN-auxiliary
    # head. So clipping, the auxiliary loss and averaging are part of every row.
    "v2": NetworkTraining("v2", "rethinking", "rmsprop,smoothing"),
    "v2:rmsprop": NetworkTraining("v2", "rethinking", "smoothing"),
    "v2:smoothing": NetworkTraining("v2", "rethinking"),
    "v2-factorised": NetworkTraining("v2-factorised", "rethinking"),
    "v3": NetworkTraining("v2-all", "rethinking"),
    # The Inception-v4 paper's Figures 21 and 22 have 200 epochs, 23 and 24 the recipe's 160.
    "ir-v1": NetworkTraining("ir-v1-paper", "inception-v4", epochs=200),
    "v4": NetworkTraining("v4", "inception-v4"),
    "ir-v2": NetworkTraining("ir-v2", "inception-v4"),
    # as bench/mini/make.sh trained them
    "mini-v1": NetworkTraining("mini-v1", "googlenet", "auxiliary,distortion", epochs=30),
    "mini-v3": NetworkTraining("mini-v3", "rethinking", "auxiliary,distortion", epochs=40),
    "mini-v4": NetworkTraining("mini-v4", "inception-v4", "distortion", epochs=50),
    "mini-ir-v2": NetworkTraining("mini-ir-v2", "inception-v4", "distortion", epochs=22),
}
"""Name in a table's row -> how that network is trained."""

LOW_RESOLUTION = "rethinking/table2"
"""Rethinking's Table 2.

Its error at 299 is that of Table 3's first Inception-v2, so its networks count as trained without RMSProp and
smoothing.
"""

OF_ENSEMBLES = {
    "v1": "the seven share their first weights and differ in sampling; one is wider (GoogLeNet, section 7)",
    "bn": "the paper's six also differ in dropout, first weights and normalisation; these differ in seed",
    "v3": "the paper does not say in what the four differ; these differ in seed",
    "v4": "the paper does not say in what its networks differ; these differ in seed",
}
"""Name of an ensemble's first network -> in what its trainings differ."""


@dataclass(frozen=True)
class TableTrainings:
    """The trainings of a table, of all tables of a paper, or of `mini`."""

    trainings: dict[NetworkTraining, list[str]]
    """Each training once, with the networks of the paper that it is for."""
    tables: dict[str, list[tuple[str, NetworkTraining]]]
    """For each table that can be evaluated its trainings, behind what `reproduce --weights` calls them."""
    remarks: tuple[str, ...]
    """In what the trainings of an ensemble differ, and which figures cannot be reproduced."""
    untrained: tuple[str, ...]
    """The networks that are not trained here."""


def table_trainings(table: str) -> TableTrainings:
    """The trainings for a table, for a paper or for `mini`. Raises `UsageError` for an unknown table.

    >>> [training.model for training in table_trainings("rethinking/table2").trainings]
    ['v2-79', 'v2-151', 'v2-factorised']
    """
    trainings: dict[NetworkTraining, dict[str, None]] = {}
    tables: dict[str, dict[tuple[str, NetworkTraining], None]] = {}
    remarks: dict[str, None] = {}
    untrained: dict[str, None] = {}
    for row in read_rows(table):
        name = "mini" if table == "mini" else f"{row.paper['paper']}/{row.paper['table']}"
        network, members = row.paper["network"], published.networks_of(row.paper)
        of_row = _trainings_of(name, members)
        if not of_row:
            untrained[network] = None
        if len(members) > 1 and members[0] in OF_ENSEMBLES:
            remarks[OF_ENSEMBLES[members[0]]] = None
        can_be_run = row.paper["image_set"] in published.IMAGE_SETS
        if of_row and not can_be_run:
            remarks[f"{network} of {name} is of the test set, whose labels are not public"] = None
        for member, training in of_row:
            trainings.setdefault(training, {})[network] = None
            if can_be_run:
                tables.setdefault(name, {})[member, training] = None
    return TableTrainings(
        {training: list(networks) for training, networks in trainings.items()},
        {name: list(of_table) for name, of_table in tables.items()},
        tuple(remarks),
        tuple(untrained),
    )


def _trainings_of(table: str, members: Sequence[str]) -> list[tuple[str, NetworkTraining]]:
    """The trainings for a row of `table` with these networks; none where one of them is not trained here.

    Each is behind its name: that of the row where the row is a training of its own, else the network's.
    """
    found: list[tuple[str, NetworkTraining]] = []
    for name in dict.fromkeys(members):
        if table == LOW_RESOLUTION:
            first = NetworkTraining(name, "rethinking", "rmsprop,smoothing")
        elif name in TRAININGS_OF:
            first = TRAININGS_OF[name]
        else:
            return []
        several = _several(first, members.count(name))
        found += [(name if ":" in name else each.model, each) for each in several]
    return found


def _several(first: NetworkTraining, number: int) -> list[NetworkTraining]:
    """So many trainings of a network, which differ as the paper's do.

    GoogLeNet's seven share their first weights, by an oversight, and differ in the order and the patches. One
    of them is wider.
    """
    if first.model != "v1-paper":
        return [replace(first, seed=seed) for seed in range(number)]
    # the first is that of the rows with one network, which has no sampling seed of its own
    same = [replace(first, sampling_seed=seed or None) for seed in range(number)]
    return [*same[:-1], replace(same[-1], model="v1-wide")] if number > 1 else same


def plan_training(training: NetworkTraining, data: str, options: Options, epochs: int | None) -> Training:
    """The training with the user's options: `data` has the training images, and `epochs` replaces its own.

    Of `options` it takes the folder, the batch, the workers, the device and the precision, where they are not
    the defaults. Raises `UsageError`.
    """
    recipe = find_recipe(training.recipe, training.without, training.rate)
    given = {name: value for name, value in options.changed().items() if name in OF_THE_MACHINE}
    return Training(
        model=training.model,
        recipe=recipe,
        data=data,
        epochs=epochs or training.epochs or recipe.epochs,
        out=folder_of(training, options),
        seed=training.seed,
        sampling_seed=training.sampling_seed,
        **given,
    )


OF_THE_MACHINE = ("batch", "workers", "device", "precision")
"""Options of `reproduce` that its trainings take over."""


def folder_of(training: NetworkTraining, options: Options) -> Path:
    """Where a training goes: in `--out`, or in `trainings` where that is the default."""
    name = folder_name(
        training.model,
        training.recipe,
        training.without,
        seed=training.seed,
        sampling_seed=training.sampling_seed,
        rate=training.rate,
    )
    return (TRAININGS if options.out == DEFAULTS.out else options.out) / name


def training_command(training: NetworkTraining, data: str, options: Options, epochs: int | None) -> str:
    """The command of a training, quoted for a shell.

    >>> training_command(TRAININGS_OF["v4"], "images", Options(out="here"), None)
    'inception-bench train --model v4 --recipe inception-v4 --seed 0 --data images --out here/v4-inception-v4'
    """
    words: dict[str, Any] = {"model": training.model, "recipe": training.recipe}
    words |= {"without": training.without} if training.without else {}
    words |= {"rate": training.rate} if training.rate else {}
    words |= {"epochs": epochs or training.epochs} if epochs or training.epochs else {}
    words |= {"seed": training.seed}
    words |= {} if training.sampling_seed is None else {"sampling-seed": training.sampling_seed}
    words |= {name: value for name, value in options.changed().items() if name in OF_THE_MACHINE}
    words |= {"data": data, "out": folder_of(training, options)}
    return _command("train", words.items())


def evaluation_command(
    table: str, trainings: Sequence[tuple[str, NetworkTraining]], options: Options, epochs: int | None
) -> str:
    """The command that evaluates the trainings of a table, each behind its name, quoted for a shell.

    Where `options` has no data, it has `IMAGES` in their place.
    """
    data = options.data if options.data != DEFAULTS.data or table == "mini" else "IMAGES"
    words: list[tuple[str, object]] = [("data", data)]
    for name, training in trainings:
        last = plan_training(training, data, options, epochs)
        file = checkpoint_path(last.out, last.epochs)
        words.append(("weights", f"{name}={file}"))
    return _command("reproduce", words, table)


def _command(name: str, options: Iterable[tuple[str, object]], *arguments: str) -> str:
    words = [word for option, value in options for word in (f"--{option}", str(value))]
    return shlex.join([COMMAND, name, *arguments, *words])


def run_trainings(
    trainings: Sequence[NetworkTraining], data: str, options: Options, epochs: int | None, reporter: Reporter
) -> None:
    """Train one network after the other. What is finished is not trained again. Raises as `train` does.

    Under torchrun every rank calls this.
    """
    for number, training in enumerate(trainings, 1):
        planned = plan_training(training, data, options, epochs)
        with reporter.part(number, len(trainings), "training"):
            reporter.note(f"training {number} of {len(trainings)}: {training.model}, {planned.out}")
            train(planned, reporter)
