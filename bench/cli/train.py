"""inception-bench train"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import progress, show
from bench.cli.parameters import MEANINGS, Quiet, Wide
from bench.errors import UsageError
from bench.options import DEFAULTS
from bench.training.recipes import RECIPES, TRAININGS, WITHOUT, find_recipe, folder_name
from results.storage import is_local, parse_path
from results.text import printable


@app.command(
    epilog="Example: inception-bench train --model v2 --recipe rethinking --data imagenet/train --out v2"
)
def train(
    data: Annotated[
        str | None,
        typer.Option("--data", help="Training images in folders by WordNet id.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The folder of checkpoints and log; a training that is there continues "
            "(default: one in `trainings`, named by network and recipe).",
            show_default=False,
            parser=parse_path,
            metavar="PATH",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="A name that `inception-bench models` lists, or PROVIDER/NAME.",
            autocompletion=completion.networks,
        ),
    ] = DEFAULTS.model,
    recipe: Annotated[
        str,
        typer.Option("--recipe", help=f"{', '.join(RECIPES)}.", autocompletion=lambda: list(RECIPES)),
    ] = "rethinking",
    without: Annotated[
        str,
        typer.Option(
            "--without",
            help=f"Parts to leave out: {', '.join(WITHOUT)}.",
        ),
    ] = "",
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="The first learning rate, instead of the paper's.", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="Epochs in all (default: the recipe's).", show_default=False),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Images in a batch on each device.")] = 32,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that decode, for each device.")
    ] = 2,
    device: Annotated[str, typer.Option("--device", help=MEANINGS["device"])] = "auto",
    precision: Annotated[
        str, typer.Option("--precision", help="fp32, bf16 or fp16; auto: bf16 on a GPU, else fp32.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the first weights.")] = 0,
    sampling_seed: Annotated[
        int | None,
        typer.Option(
            "--sampling-seed",
            help="Of the order of the images, the patches and dropout (default: --seed).",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Only list the recipe's numbers, where they are from, and how they differ from the paper.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --explain: print one JSON value.")] = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Train a network by a paper's recipe.

    Under torchrun on several devices. The same command continues.
    """
    if explain:
        _explain(recipe, without, rate, epochs, as_json, wide)
        return
    if as_json:
        raise UsageError("--json is for --explain: a training prints the path of its last checkpoint")
    if data is None:
        raise UsageError("no --data: name the training images, or pass --data mini to try it")
    chosen = find_recipe(recipe, without, rate)
    out = out or TRAININGS / folder_name(
        model, recipe, without, seed=seed, sampling_seed=sampling_seed, rate=rate
    )
    if not is_local(out):
        raise UsageError(f"--out {out}: training writes to a folder of this machine, name one")

    from bench.training.train import Training
    from bench.training.train import train as run_training

    training = Training(
        model,
        chosen,
        data,
        epochs or chosen.epochs,
        out,
        batch,
        workers,
        device,
        precision,
        seed,
        sampling_seed,
    )
    with progress() as reporter:
        last = run_training(training, reporter)
    print(printable(str(last)))


def _explain(
    recipe: str, without: str, rate: float | None, epochs: int | None, as_json: bool, wide: bool
) -> None:
    from bench.training.explanation import explain
    from bench.views.listings import recipe_table

    explanation = explain(recipe, without, rate, epochs)
    if as_json:
        print(json.dumps(asdict(explanation)))
        return
    show(
        recipe_table(explanation),
        "Where training here differs from the paper:",
        *(f"- {deviation}" for deviation in explanation.deviations),
        wide=wide,
    )
