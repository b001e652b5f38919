"""What is gained by work that is done once: protocols share crops, and networks share decoding and rendering.

    python benchmarks/shared_work.py --data FOLDER --weights lite0.safetensors

It prints the time of one command as a ratio to that of others. Starting Python is not part of either.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from timing import format_ratio, time_interleaved

from bench.evaluation.evaluate import options_for_each, run_evaluations
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.options import Options
from bench.progress import Silent


def run_in_new_folder(*commands: Sequence[Options]) -> Callable[[], None]:
    """A function that runs the commands one after the other. It writes to a folder that is deleted at its
    end.

    A command is the options of the networks that it evaluates together.
    """

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for command in commands:
                run_evaluations([replace(options, out=Path(folder)) for options in command], Silent())

    return run


def main(
    data: Annotated[str, typer.Option(help="Images for the first ratio. The others are of the mini set.")],
    model: Annotated[
        str, typer.Option(help="The network of the first ratio.")
    ] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
    few: Annotated[int, typer.Option(help="Number of images of the first ratio.")] = 5,
) -> None:
    """Print the ratios as a Markdown table."""
    print("| one command | against | time, as a ratio |")
    print("| --- | --- | ---: |")
    options = Options(model=model, weights=weights, data=data, limit=few, allow_implausible=True)
    ratio = compare_protocols(options, rounds)
    print(f"| `--crops 1,10,12,144` | `--crops 144` | {ratio} |", flush=True)
    for crops, limit in (("1", None), ("144", 200)):
        options = Options(crops=crops, limit=limit, allow_implausible=True)
        ratio = compare_networks(options, rounds)
        what = f"four mini networks, {crops} crops, {limit or 'all'} images"
        print(f"| {what} | a command for each | {ratio} |", flush=True)


def compare_protocols(options: Options, rounds: int) -> str:
    """The time of all four protocols as a ratio to the time of 144 crops."""
    commands = {crops: run_in_new_folder([replace(options, crops=crops)]) for crops in ("1,10,12,144", "144")}
    seconds = time_interleaved(commands, rounds)
    return format_ratio(seconds["1,10,12,144"], seconds["144"])


def compare_networks(options: Options, rounds: int) -> str:
    """The time of the mini networks in one command as a ratio to their time in a command each."""
    networks = options_for_each(",".join(MINI_NETWORKS), options)
    commands = {
        "together": run_in_new_folder(networks),
        "apart": run_in_new_folder(*([network] for network in networks)),
    }
    seconds = time_interleaved(commands, rounds)
    return format_ratio(seconds["together"], seconds["apart"])


if __name__ == "__main__":
    typer.run(main)
