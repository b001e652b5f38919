"""What Python does for each image besides decoding, resizing and classifying: microseconds of processor time.

    python benchmarks/host_time.py --crops 1

Small images, a renderer that returns ready crops and a network that does nothing leave what the engine itself
costs: reading, hashing and sizing files, batches, pooling, shards. A GPU waits for it wherever it takes
longer than the GPU's own work.

For a GPU the engine also makes a table of numbers for each chunk of images. That is a row of its own, for
chunks of photographs in four common sizes, once all their layouts are known.

Compare two commits on the same machine, in turns: processor time counts no waiting, but caches are shared.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from timing import time_interleaved

from bench.data import Images, open_images
from bench.data.decode import decode
from bench.device import Runtime
from bench.evaluation.chunks import MOST_IMAGES
from bench.evaluation.engine import Pipeline, shard_size
from bench.evaluation.render import Patches, Renderer, Slab, TensorCrops
from crops import Plan, parse
from crops.chunk import _layout_of, _numbers_of

SIDE, CLASSES = 8, 1000
"""Pixels of the small images and of their crops; outputs of the network."""

SIZES = ((500, 375), (375, 500), (500, 333), (500, 500))
"""(width, height) of the photographs in a chunk."""

INPUT = 299
"""Side of their crops in pixels."""


class Ready(Renderer):
    """Makes crops that need no work, of as many images at a time as for a GPU."""

    renders_chunks = True

    def slab(self, size: int) -> None:
        """No room: each image gets its own."""

    def crops(
        self, images: Sequence[NDArray[np.uint8]], patches: Sequence[Patches], slab: Slab | None = None
    ) -> list[TensorCrops]:
        """As many crops as the patches ask for."""
        return [TensorCrops(torch.zeros(sum(map(len, patches)), 3, SIDE, SIDE, dtype=torch.uint8))]


def main(
    crops: Annotated[str, typer.Option(help="The protocol.")] = "1",
    images: Annotated[int, typer.Option(help="Images of a round.")] = 4000,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 7,
) -> None:
    """Print the microseconds of each part as a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_images(Path(folder), images)
        works = {
            "decoding": decode_all(files),
            "engine": evaluate_all(files, crops),
            "numbers of the chunks of a GPU": make_numbers(images, crops),
        }
        seconds = time_interleaved(works, rounds, time.process_time)
    times = {name: [1e6 * each / images for each in found] for name, found in seconds.items()}
    both, decoding = times.pop("engine"), times.pop("decoding")
    engine = [whole - part for whole, part in zip(both, decoding, strict=True)]
    times = {"engine without decoding": engine, **times}
    print(f"| {crops} crops, us an image | median | lowest to highest |")
    print("| --- | ---: | ---: |")
    for name, each in times.items():
        print(f"| {name} | {median(each):.1f} | {min(each):.1f} to {max(each):.1f} |")


def write_images(folder: Path, number: int) -> Images:
    """Small JPEG files of one class."""
    place = folder / "n01440764"
    place.mkdir()
    for i in range(number):
        Image.new("RGB", (SIDE, SIDE), (i % 256, 0, 0)).save(place / f"{i:06d}.jpg")
    return open_images(str(folder))


def decode_all(images: Images) -> Callable[[], object]:
    """What `engine` has to do, too, and what is not the engine's."""
    data = [images.read(i) for i in range(len(images))]
    return lambda: [decode(each) for each in data]


def evaluate_all(images: Images, crops: str) -> Callable[[], object]:
    """From files to shards in memory, with one thread that renders and one that classifies."""
    plan = Plan(parse(crops, SIDE), SIDE)
    runtime = Runtime(torch.device("cpu"), "fp32", 256, workers=1, streams=1, compile=False)
    scores = torch.full((runtime.batch, CLASSES), 1 / CLASSES)
    renderer = Ready(plan, "tensor", runtime.device)
    pipeline = Pipeline(images, renderer, [lambda pixels: scores[: len(pixels)]], runtime)
    step, number = shard_size(plan), len(images)
    parts = [range(start, min(start + step, number)) for start in range(0, number, step)]
    return lambda: sum(1 for _ in pipeline.shards(parts))


def make_numbers(number: int, crops: str) -> Callable[[], None]:
    """What `crops.chunk.render_chunk` does on the host for so many images, without upload and launches."""
    plan = Plan(parse(crops, INPUT), INPUT)
    sizes = list(islice(cycle(SIZES), MOST_IMAGES))

    def work() -> None:
        for _ in range(-(-number // MOST_IMAGES)):
            layouts = [_layout_of(size, plan.patches(*size)[0]) for size in sizes]
            _numbers_of(layouts, np.array([layout.extents for layout in layouts]))

    return work


if __name__ == "__main__":
    typer.run(main)
