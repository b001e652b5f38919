"""What is done once: protocols that share their crops, and networks that share decoding and rendering.

    python benchmarks/shared_work.py --data FOLDER --model timm/tf_efficientnet_lite0 --weights lite0.safetensors

Printed are ratios of the time of one command to that of others, its start-up not counted.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from timing import in_turns, ratio

from bench.evaluation.evaluate import run_evaluations
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.options import Options
from bench.progress import Silent


def afresh(*commands: list[Options]) -> Callable[[], None]:
    """The commands one after the other, each for its networks, in a folder that is thrown away."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for options in commands:
                run_evaluations([replace(one, out=Path(folder)) for one in options], Silent())

    return run


def main(
    data: Annotated[str, typer.Option(help="Images for the first ratio; the second is of the mini set.")],
    model: Annotated[str, typer.Option(help="A network of this project.")] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
    few: Annotated[int, typer.Option(help="Images of the first ratio.")] = 5,
) -> None:
    """Print the ratios as a Markdown table."""
    common = {"model": model, "weights": weights, "data": data, "limit": few, "allow_implausible": True}
    protocols = {crops: afresh([Options(crops=crops, **common)]) for crops in ("1,10,12,144", "144")}  # type: ignore[arg-type]
    seconds = in_turns(protocols, rounds)
    print("| one command | against | time, as a ratio |")
    print("| --- | --- | ---: |")
    print(
        f"| `--crops 1,10,12,144` | `--crops 144` | {ratio(seconds['1,10,12,144'], seconds['144'])} |",
        flush=True,
    )
    for crops, limit in (("1", None), ("144", 200)):
        networks = [
            Options(model=name, crops=crops, limit=limit, allow_implausible=True) for name in MINI_NETWORKS
        ]
        seconds = in_turns(
            {"together": afresh(networks), "apart": afresh(*([one] for one in networks))}, rounds
        )
        what = f"four mini networks, {crops} crops, {limit or 'all'} images"
        print(f"| {what} | a command for each | {ratio(seconds['together'], seconds['apart'])} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
