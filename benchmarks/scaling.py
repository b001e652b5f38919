"""Time and memory as the images become more: the time should grow as they do, and the memory not at all.

    python benchmarks/scaling.py --data FOLDER --model timm/tf_efficientnet_lite0 --weights lite0.safetensors

The images are repeated under other names. Each evaluation is a process of its own; time is that of the evaluation
without start-up, memory the largest that the process had.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench.data.images import find_images

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


def main(
    data: Annotated[str, typer.Option(help="Images in folders by WordNet id.")],
    model: Annotated[str, typer.Option(help="A network of this project.")] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    crops: Annotated[str, typer.Option(help="Protocols.")] = "12",
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
) -> None:
    """Print time and peak memory for 1, 2 and 4 times the images as a Markdown table."""
    files = find_images(data)
    measured: dict[int, list[tuple[float, float]]] = {1: [], 2: [], 4: []}
    with tempfile.TemporaryDirectory() as folder:
        for times in measured:
            for copy in range(times):
                for name in files.names:
                    link = Path(folder, str(times), Path(name).parent, f"{copy}-{Path(name).name}")
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(files.path / name)
        for turn in range(rounds):
            for times, values in measured.items():
                given = {
                    "model": model,
                    "weights": weights,
                    "crops": crops,
                    "data": f"{folder}/{times}",
                    "out": f"{folder}/runs-{turn}-{times}",
                }
                done = subprocess.run(
                    [sys.executable, "-c", EVALUATE, json.dumps(given)], check=True, capture_output=True
                )
                values.append(tuple(json.loads(done.stdout)))
    print("| images | time, as a ratio to the first | peak memory, MiB |")
    print("| ---: | ---: | ---: |")
    first = [seconds for seconds, _ in measured[1]]
    for times, values in measured.items():
        ratios = [seconds / base for (seconds, _), base in zip(values, first, strict=True)]
        peaks = [peak for _, peak in values]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(
            f"| {times * len(files.names):,} | {spread} | {median(peaks):,.0f} ({min(peaks):,.0f} to {max(peaks):,.0f}) |"
        )


if __name__ == "__main__":
    typer.run(main)
