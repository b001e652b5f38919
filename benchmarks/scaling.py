"""Time and memory with more images: the time should grow with their number, and the memory should not.

    python benchmarks/scaling.py --data FOLDER --model timm/tf_efficientnet_lite0 --weights lite0.safetensors

The images are repeated under other names. Each evaluation is a process of its own. Its time is from options
to run, without the start of Python. Its memory is the largest that the process had, which this script reads
as Linux reports it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from links import link_images
from timing import format_ratio

from bench.data.open import find_images

REPEATS = (1, 2, 4)
"""How often each image is evaluated."""

EVALUATE = """
import json, resource, sys, time
from bench.evaluation.evaluate import run_evaluations
from bench.options import Options
from bench.progress import Silent
options = Options(**json.loads(sys.argv[1]))
began = time.perf_counter()
run_evaluations([options], Silent())
print(json.dumps([time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
"""A program that evaluates with the options in its argument, and prints seconds and MiB."""


def main(
    data: Annotated[str, typer.Option(help="Images in folders by WordNet id.")],
    model: Annotated[str, typer.Option(help="A network, as eval takes it.")] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    crops: Annotated[str, typer.Option(help="Protocols.")] = "12",
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
) -> None:
    """Print time and peak memory for 1, 2 and 4 times the images as a Markdown table."""
    options = {"model": model, "weights": weights, "crops": crops}
    seconds: dict[int, list[float]] = {repeats: [] for repeats in REPEATS}
    peaks: dict[int, list[float]] = {repeats: [] for repeats in REPEATS}
    images = {repeats: repeats * len(find_images(data).names) for repeats in REPEATS}
    with tempfile.TemporaryDirectory() as folder:
        for repeats in REPEATS:
            link_images(data, Path(folder, str(repeats)), images[repeats])
        for number in range(rounds):
            for repeats in REPEATS:
                out = f"{folder}/runs-{number}-{repeats}"
                time, peak = evaluate(options | {"data": f"{folder}/{repeats}", "out": out})
                seconds[repeats].append(time)
                peaks[repeats].append(peak)
    print("| images | time, as a ratio to the first | peak memory, MiB |")
    print("| ---: | ---: | ---: |")
    for repeats in REPEATS:
        ratio = format_ratio(seconds[repeats], seconds[1])
        lowest, middle, highest = (f"{pick(peaks[repeats]):,.0f}" for pick in (min, median, max))
        print(f"| {images[repeats]:,} | {ratio} | {middle} ({lowest} to {highest}) |")


def evaluate(options: dict[str, str | None]) -> tuple[float, float]:
    """Evaluate in a process of its own: the seconds that it took, and its peak memory in MiB."""
    command = [sys.executable, "-c", EVALUATE, json.dumps(options)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


if __name__ == "__main__":
    typer.run(main)
