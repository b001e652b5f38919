"""What a machine can do, stage by stage, and how near a whole evaluation comes to its slowest stage."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Images, open_images
from bench.data.decode import decode
from bench.errors import UnreadableImage
from bench.evaluation import engine
from bench.evaluation.precision import settle
from bench.evaluation.prepare import Setup, check, set_up
from bench.options import Options
from bench.progress import Reporter
from bench.zoo.loading import load

DECODED = 32
"""Images that are kept decoded for the renderer to work on."""

PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Floating-point operations per second of a card in half precision, without sparsity, as its vendor states them."""


@dataclass(frozen=True)
class Throughput:
    """Rates of each round: `decode` in images per second, the others in crops per second; `whole` is all stages together.

    `crops` is the number of crops an image has on average, `images` that of images in a round of the whole.
    """

    setup: Setup
    folded: int
    crops: float
    images: int
    decode: tuple[float, ...]
    render: tuple[float, ...]
    forward: tuple[float, ...]
    whole: tuple[float, ...]

    @property
    def stages(self) -> dict[str, float]:
        """Crops per second that each stage alone would let through, medians."""
        return {
            "decoding": median(self.decode) * self.crops,
            "rendering": median(self.render),
            "forward": median(self.forward),
        }

    @property
    def limit(self) -> float:
        """Crops per second of the slowest stage alone."""
        return min(self.stages.values())

    @property
    def efficiencies(self) -> tuple[float, ...]:
        """Of each round: the whole over the slowest stage in that round, so that a machine's drift does not count."""
        rounds = zip(self.decode, self.render, self.forward, self.whole, strict=True)
        return tuple(
            whole / min(decode * self.crops, render, forward) for decode, render, forward, whole in rounds
        )

    def describe(self) -> dict[str, Any]:
        """As plain values: medians, and the lowest and highest of the rounds."""
        rates = {
            "decode_images_per_s": self.decode, "render_crops_per_s": self.render, "forward_crops_per_s": self.forward,
            "end_to_end_crops_per_s": self.whole, "efficiency": self.efficiencies,
        }  # fmt: skip
        return {
            **{name: median(values) for name, values in rates.items()},
            "spread": {name: [min(values), max(values)] for name, values in rates.items()},
            "limit": min(self.stages, key=self.stages.__getitem__),
            "model": self.setup.network.network.name, "crops_per_image": self.crops, "images": self.images, "rounds": len(self.whole),
            "folded": self.folded, **self.setup.describe(),
        }  # fmt: skip

    def text(self) -> str:
        """For people: the stages, the limit, and what it was measured with."""
        runtime = self.setup.runtime.describe()
        rates = [
            ("decoding", "images/s", self.decode),
            ("rendering", "crops/s", self.render),
            ("forward", "crops/s", self.forward),
        ]
        lines = [f"{'stage':<12}{'median':>10}  {'unit':<10}{'lowest to highest':<24}{'as crops/s':>12}"]
        for name, unit, values in [*rates, ("end to end", "crops/s", self.whole)]:
            spread = f"{min(values):,.1f} to {max(values):,.1f}"
            lines.append(
                f"{name:<12}{median(values):>10,.1f}  {unit:<10}{spread:<24}{self.stages.get(name, median(self.whole)):>12,.1f}"
            )
        limit = min(self.stages, key=self.stages.__getitem__)
        lowest, highest = min(self.efficiencies), max(self.efficiencies)
        lines += [
            f"limit: {limit}; efficiency, end to end over the limit: {median(self.efficiencies):.3f} ({lowest:.3f} to {highest:.3f})",
            f"{self.setup.network.network.name}, {', '.join(self.setup.plan.names)} crops, {self.crops:g} crops an image; "
            f"{len(self.whole)} rounds of {self.images:,} {'image' if self.images == 1 else 'images'}",
            f"{runtime['device_name']}, {runtime['precision']}, batch {runtime['batch']}, {runtime['workers']} threads that decode "
            f"and render, {runtime['streams']} that classify; {self.folded} batch normalisations folded",
            *self._operations(runtime["device_name"]),
        ]
        if (
            runtime["device"] == "cpu"
            and runtime["precision"] == "fp32"
            and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        ):
            lines.append("this processor computes in bfloat16, too: try --precision bf16")
        return "\n".join(lines)

    def _operations(self, device: str) -> list[str]:
        if not (multiply_adds := self.setup.network.network.multiply_adds):
            return []
        rate = 2 * multiply_adds * median(self.whole)
        peak = (
            next((value for name, value in PEAKS.items() if name in device), None)
            if self.setup.runtime.precision != "fp32"
            else None
        )
        share = f", {100 * rate / peak:.1f} % of the card's dense half-precision peak" if peak else ""
        return [f"{rate / 1e12:,.3g} TFLOP/s end to end (two for each multiply-add){share}"]


def run_throughput(options: Options, rounds: int, seconds: float, reporter: Reporter) -> Throughput:
    """`measure` for what options ask for. Raises `BenchError` or `crops.ProtocolError`."""
    check(options)
    images = open_images(options.data, options.labels, options.devkit)
    setup = settle(
        options, set_up(options, load(options.model, options.weights, options.label_order)), images, reporter
    )
    return measure(
        setup, images.sample(options.limit, None), rounds=rounds, seconds=seconds, note=reporter.note
    )


def measure(
    setup: Setup,
    images: Images,
    *,
    rounds: int,
    seconds: float,
    whole: bool = True,
    note: Callable[[str], None] = lambda text: None,
) -> Throughput:
    """Measure each stage alone and, where `whole`, all of them together, in turns, each about `seconds` long.

    Raises `UnreadableImage` where no image can be read.
    """
    stages = _Stages(setup, images, note)
    threads = setup.runtime.streams
    stages.forward(threads)  # what is compiled, or chosen, in the first call
    images_a_round = max(1, min(len(images), round(seconds * stages.forward(2 * threads) / stages.crops)))
    turns = {
        "decode": partial(stages.decode, _often(seconds, stages.decode, setup.runtime.workers)),
        "render": partial(stages.render, _often(seconds, stages.render, setup.runtime.workers)),
        "forward": partial(stages.forward, _often(seconds, stages.forward, threads)),
    } | ({"whole": partial(stages.whole, images_a_round)} if whole else {})
    rates: dict[str, list[float]] = {name: [] for name in ("decode", "render", "forward", "whole")}
    for _ in range(rounds):
        for name, turn in turns.items():
            rates[name].append(turn())
    return Throughput(
        setup,
        stages.scorer.folded,
        stages.crops,
        images_a_round,
        **{name: tuple(values) for name, values in rates.items()},
    )


def _often(seconds: float, stage: Callable[[int], float], threads: int) -> int:
    """How often a stage does its work in that time: a multiple of its threads."""
    began = time.perf_counter()
    stage(2 * threads)
    return threads * max(2, round(2 * seconds / (time.perf_counter() - began)))


class _Stages:
    """What an evaluation does to its images, one thing at a time. Each method does it `number` times, and gives a rate."""

    def __init__(self, setup: Setup, images: Images, note: Callable[[str], None]) -> None:
        self.setup, self.images = setup, images
        self.renderer, self.scorer = setup.renderer(), setup.scorer(note)
        self.decoded = list(islice(_readable(images), DECODED))
        if not self.decoded:
            raise UnreadableImage(f"none of the images in {images.path} can be read")
        rendered = [self.renderer(image)[0] for image in self.decoded]
        self.crops = sum(len(block) for blocks in rendered for block in blocks) / len(rendered)
        self.resident = self._batch([block for blocks in rendered for block in blocks])

    def decode(self, number: int) -> float:
        """Images per second, read and decoded."""

        def one(i: int) -> int:
            with suppress(UnreadableImage):
                decode(self.images.read(i % len(self.images)))
            return 1

        return self._rate(one, number, self.setup.runtime.workers)

    def render(self, number: int) -> float:
        """Crops per second, of decoded images."""

        def one(i: int) -> int:
            return sum(map(len, self.renderer(self.decoded[i % len(self.decoded)])[0]))

        return self._rate(one, number, self.setup.runtime.workers)

    def forward(self, number: int) -> float:
        """Crops per second, of a batch that is on the device as the network takes it."""

        def one(i: int) -> int:
            return len(self.scorer.classify(self.resident).cpu())

        return self._rate(one, number, self.setup.runtime.streams)

    def whole(self, number: int) -> float:
        """Crops per second from the first `number` images to their probabilities, as an evaluation makes them."""
        done = 0

        def count(crops: int, right: bool | None) -> None:
            nonlocal done
            done += crops

        step = engine.shard_size(self.setup.plan)
        parts = [range(start, min(start + step, number)) for start in range(0, number, step)]
        how = {"runtime": self.setup.runtime, "skip_unreadable": True, "progress": count}
        began = time.perf_counter()
        for _ in engine.shards(self.images, parts, self.setup.plan, self.renderer, [self.scorer], **how):  # type: ignore[arg-type]
            pass
        return done / (time.perf_counter() - began)

    def _batch(self, blocks: Sequence[Tensor]) -> Tensor:
        """A full batch of the first shape, as the engine makes it, ready for the network."""
        first = blocks[0]
        full = max(1, self.setup.runtime.batch * self.setup.plan.size**2 // (first.shape[2] * first.shape[3]))
        crops = torch.cat([block for block in blocks if block.shape == first.shape])
        return self.scorer.prepare(crops[torch.arange(full) % len(crops)])

    def _rate(self, one: Callable[[int], int], number: int, threads: int) -> float:
        """Per second, what `one` counts in `number` calls on so many threads."""
        began = time.perf_counter()
        with engine.threads(threads) as pool:
            done = sum(pool.map(one, range(number)))
        if self.setup.runtime.device.type == "cuda":
            torch.cuda.synchronize(self.setup.runtime.device)
        return done / (time.perf_counter() - began)


def _readable(images: Images) -> Iterator[NDArray[np.uint8]]:
    for i in range(len(images)):
        with suppress(UnreadableImage):
            yield decode(images.read(i))
