"""What the native crop costs, alone and beside 10 and 144 crops.

    python benchmarks/native_cost.py --data FOLDER

It prints the time with the native crop as a ratio to the time without it, from files to probabilities, where
the time is what all threads compute. Weights are random, so that nothing is fetched.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer
from timing import format_ratio, time_interleaved

from bench.data import open_images
from bench.evaluation.evaluation import build_pipeline
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import LoadedNetwork, untrained

COMPARED = (("native", "1", 40), ("native,10", "10", 10), ("native,144", "144", 2))
"""Crops with the native one, crops without it, and images for them."""


def evaluate_with(options: Options, network: LoadedNetwork) -> Callable[[], None]:
    """A function that evaluates the images of the options, and keeps nothing."""
    images = open_images(options.data).sample(options.limit, 0)
    evaluation = prepare_loaded(options, images, None, network, Silent())
    if "native" not in options.crops:  # which came along
        plan = evaluation.plan
        evaluation = replace(evaluation, plan=plan.without("native") if "native" in plan.names else plan)
    pipeline = build_pipeline([evaluation], [evaluation.scorer()])

    def run() -> None:
        for _ in pipeline.shards([range(len(images))]):
            pass

    return run


def main(
    data: Annotated[str, typer.Option(help="Photographs.")],
    model: Annotated[
        str, typer.Option(help="A network whose native crop is not crop 1.")
    ] = "timm/tf_efficientnet_lite1",
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 7,
) -> None:
    """Print the ratios as a Markdown table."""
    network = untrained(model)
    print("| crops | against | time, as a ratio |")
    print("| --- | --- | ---: |")
    for both, others, limit in COMPARED:
        options = Options(model=model, data=data, limit=limit, precision="fp32", device="cpu")
        works = {crops: evaluate_with(replace(options, crops=crops), network) for crops in (both, others)}
        seconds = time_interleaved(works, rounds, time.process_time)
        print(f"| {both} | {others} | {format_ratio(seconds[both], seconds[others])} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
