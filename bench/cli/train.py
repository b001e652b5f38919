"""inception-bench train"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import progress
from bench.cli.parameters import MEANINGS
from bench.errors import UsageError
from bench.options import DEFAULTS
from results.storage import is_local, parse_path
from results.text import printable


@app.command(
    epilog="Example: inception-bench train --model v2 --recipe rethinking --data imagenet/train --out v2"
)
def train(
    data: Annotated[
        str, typer.Option("--data", help="Training images in folders by WordNet id.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="The folder of checkpoints and log; a training that is there continues.",
            show_default=False,
            parser=parse_path,
            metavar="PATH",
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", help="A name that `inception-bench models` lists, or PROVIDER/NAME.")
    ] = DEFAULTS.model,
    recipe: Annotated[
        str, typer.Option("--recipe", help="googlenet, rethinking or inception-v4.")
    ] = "rethinking",
    without: Annotated[
        str,
        typer.Option(
            "--without",
            help="Parts to leave out: rmsprop, clipping, smoothing, auxiliary, distortion, averaging.",
        ),
    ] = "",
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="The first learning rate, instead of the paper's.", show_default=False),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Epochs in all.")] = 100,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Images in a batch on each device.")] = 32,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that decode, for each device.")
    ] = 2,
    device: Annotated[str, typer.Option("--device", help=MEANINGS["device"])] = "auto",
    precision: Annotated[
        str, typer.Option("--precision", help="fp32, bf16 or fp16; auto: bf16 on a GPU, else fp32.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the first weights, the order and the patches.")] = 0,
) -> None:
    """Train a network by a paper's recipe; under torchrun on several devices. The same command continues."""
    from bench.training.recipes import find_recipe
    from bench.training.train import Training
    from bench.training.train import train as run_training

    chosen = find_recipe(recipe, without, rate)
    if not is_local(out):
        raise UsageError(f"--out {out}: training writes to a folder of this machine, name one")
    training = Training(model, chosen, data, epochs, out, batch, workers, device, precision, seed)
    with progress() as reporter:
        last = run_training(training, reporter)
    print(printable(str(last)))
