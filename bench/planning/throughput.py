"""What a machine can do, stage by stage, and how near a whole evaluation comes to its slowest stage."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Images, open_images
from bench.device import PRECISIONS
from bench.errors import UnreadableImage
from bench.evaluation.batches import Batch
from bench.evaluation.chunks import MOST_IMAGES, single_core_threads
from bench.evaluation.classify import Scorer
from bench.evaluation.engine import shard_size
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.evaluation.prepare import check_options, load_for, prepare_loaded
from bench.evaluation.records import plan_record, runtime_record
from bench.evaluation.render import Crops
from bench.evaluation.transfers import Download
from bench.options import Options
from bench.progress import Done, Reporter, Silent
from results.manifest import plain
from results.terminal_table import Column, TerminalTable
from results.text import crops_in_words

DECODED = 32
"""Images that are kept decoded for the renderer to work on."""

PEAKS = {
    "NVIDIA H200": 989e12,
    "NVIDIA H200 NVL": 835e12,
    "NVIDIA H100 80GB HBM3": 989e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100-SXM4-80GB": 312e12,
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
}
"""Floating-point operations per second of a card in half precision, without sparsity, as its vendor
states them. A slice of a card has another name.
"""

STAGES = {"decode": "decoding", "render": "rendering", "forward": "forward", "whole": "end to end"}
"""What the table calls each measurement."""

TOGETHER = "rendering and forward"
"""A stage more where a GPU does both: neither goes on while the other has all of it."""

Rates = tuple[float, ...]
"""A rate per second for each round."""


@dataclass(frozen=True)
class Throughput:
    """What was measured, in several rounds."""

    evaluation: Evaluation
    folded: int
    """Batch normalisations that a convolution absorbed."""
    crops: float
    """Crops of an image, on average."""
    images: int
    """Images in a round of the whole."""
    decode: Rates
    """Images per second."""
    render: Rates
    """Crops per second, as the next two."""
    forward: Rates
    whole: Rates
    """All stages together."""

    @property
    def stages(self) -> dict[str, float]:
        """Crops per second that each stage alone would let through, medians."""
        return self._stages(median(self.decode), median(self.render), median(self.forward))

    def _stages(self, decode: float, render: float, forward: float) -> dict[str, float]:
        stages = {"decoding": decode * self.crops, "rendering": render, "forward": forward}
        if self.evaluation.sees.renders_chunks:
            stages[TOGETHER] = 1 / (1 / render + 1 / forward)
        return stages

    @property
    def slowest_stage(self) -> str:
        """The stage that limits the others."""
        return min(self.stages, key=self.stages.__getitem__)

    @property
    def limit(self) -> float:
        """Crops per second of the slowest stage alone."""
        return min(self.stages.values())

    @property
    def efficiencies(self) -> Rates:
        """The whole over the slowest stage, both of the same round, so that a drift of the machine does
        not count.
        """
        rounds = zip(self.whole, self.decode, self.render, self.forward, strict=True)
        return tuple(whole / min(self._stages(*alone).values()) for whole, *alone in rounds)

    def describe(self) -> dict[str, Any]:
        """As plain values: medians, and the lowest and highest of the rounds."""
        rates = {
            "decode_images_per_s": self.decode,
            "render_crops_per_s": self.render,
            "forward_crops_per_s": self.forward,
            "end_to_end_crops_per_s": self.whole,
            "efficiency": self.efficiencies,
        }
        evaluation = self.evaluation
        return {
            **{name: median(values) for name, values in rates.items()},
            "spread": {name: [min(values), max(values)] for name, values in rates.items()},
            "limit": self.slowest_stage,
            "model": evaluation.network.network.name,
            "crops_per_image": self.crops,
            "images": self.images,
            "rounds": len(self.whole),
            "folded": self.folded,
            "plan": plain(plan_record(evaluation.plan, evaluation.renderer)),
            "runtime": plain(runtime_record(evaluation.runtime)),
        }

    def table(self) -> TerminalTable:
        """The stages, for people."""
        columns = (
            *(Column("stage", wraps=True), Column("median", right=True), Column("unit")),
            *(Column("lowest to highest", right=True), Column("as crops/s", right=True)),
        )
        table = TerminalTable("", columns)
        units = ("images/s", "crops/s", "crops/s", "crops/s")
        rates = (self.decode, self.render, self.forward, self.whole)
        as_crops = self.stages | {"end to end": median(self.whole)}
        for name, unit, values in zip(STAGES.values(), units, rates, strict=True):
            spread = f"{min(values):,.1f} to {max(values):,.1f}"
            table.add_row(name, f"{median(values):,.1f}", unit, spread, f"{as_crops[name]:,.1f}")
        if both := as_crops.get(TOGETHER):
            table.add_row(f"{TOGETHER}, one after the other", "", "", "", f"{both:,.1f}")
        return table

    def summary_lines(self) -> list[str]:
        """The limit, and what it was measured with, for people."""
        runtime, plan = self.evaluation.runtime, self.evaluation.plan
        efficiency = median(self.efficiencies)
        spread = f"{min(self.efficiencies):.3f} to {max(self.efficiencies):.3f}"
        images = "image" if self.images == 1 else "images"
        crops = "crop" if self.crops == 1 else "crops"
        lines = [
            f"limit: {self.slowest_stage}; "
            f"efficiency, end to end over the limit: {efficiency:.3f} ({spread})",
            f"{self.evaluation.network.network.name}, {crops_in_words(*plan.names)}, "
            f"{self.crops:g} {crops} an image; {len(self.whole)} rounds of {self.images:,} {images}",
            f"{runtime.device_name}, {runtime.precision}, batch {runtime.batch}, "
            f"{runtime.workers} threads that decode and render, {runtime.streams} that classify; "
            f"{self.folded} batch normalisations folded",
            *self._operations(),
        ]
        can_bf16 = runtime.device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        if can_bf16 and runtime.precision == "fp32" and not self.evaluation.network.graph:
            lines.append("this processor also computes in bfloat16: try --precision bf16")
        return lines

    def _operations(self) -> list[str]:
        """Operations per second, where the network's are known, and the share of the card's peak."""
        multiply_adds = self.evaluation.network.network.multiply_adds
        if not multiply_adds:
            return []
        runtime = self.evaluation.runtime
        rate = 2 * multiply_adds * median(self.whole)
        peak = PEAKS.get(runtime.device_name)
        share = ""
        if peak and runtime.precision != "fp32":
            share = f", {100 * rate / peak:.1f} % of the card's dense half-precision peak"
        return [f"{rate / 1e12:,.3g} TFLOP/s end to end (two for each multiply-add){share}"]


def run_throughput(options: Options, rounds: int, seconds: float, reporter: Reporter) -> Throughput:
    """`measure` for an evaluation with these options. Raises `BenchError` or `crops.ProtocolError`."""
    check_options(options)
    reporter.step(f"opening {options.data}")
    images = open_images(options.data, options.labels, options.devkit).sample(options.limit, None)
    reporter.step(f"loading {options.model}")
    network = load_for(options)
    evaluation = prepare_loaded(options, images, None, network, reporter)
    return measure(evaluation, rounds=rounds, seconds=seconds, reporter=reporter)


def measure(
    evaluation: Evaluation,
    *,
    rounds: int,
    seconds: float,
    whole: bool = True,
    reporter: Reporter | None = None,
) -> Throughput:
    """Measure each stage alone and, where `whole`, all of them together, interleaved, each for about
    `seconds`.

    Raises `UnreadableImage` where no image can be read.
    """
    reporter = reporter or Silent()
    reporter.step("trying each stage, to know how much of its work to measure")
    with closing(_Stages(evaluation, evaluation.scorer(reporter.note))) as stages:
        workers, streams = evaluation.runtime.workers, evaluation.runtime.streams
        stages.forward(streams)  # the first call compiles, or chooses algorithms
        images = max(1, round(seconds * stages.forward(2 * streams) / stages.crops))
        calls = {
            stages.decode: _calls_in(seconds, stages.decode, workers),
            stages.render: _calls_in(seconds, stages.render, workers),
            stages.forward: _calls_in(seconds, stages.forward, streams),
        }
        if whole:
            calls[stages.whole] = images
        measured: list[dict[str, float]] = []
        for number in range(1, rounds + 1):
            measured.append({})
            for stage, times in calls.items():
                reporter.step(f"round {number} of {rounds}: {STAGES[stage.__name__]}")
                measured[-1][stage.__name__] = stage(times)
        rates = {name: tuple(round_[name] for round_ in measured if name in round_) for name in STAGES}
    return Throughput(evaluation, stages.scorer.folded, stages.crops, images, **rates)


def _calls_in(seconds: float, stage: Callable[[int], float], threads: int) -> int:
    """How often a stage does its work in that time: a multiple of its threads."""
    began = time.perf_counter()
    stage(2 * threads)
    return threads * max(2, round(2 * seconds / (time.perf_counter() - began)))


@dataclass
class _Stages:
    """What an evaluation does to its images, one stage at a time.

    `decode`, `render`, `forward` and `whole` do their work `number` times, and return a rate per second.
    """

    evaluation: Evaluation
    scorer: Scorer

    def close(self) -> None:
        """End the threads."""
        for pool in (self._workers, self._streams):
            pool.shutdown()

    @cached_property
    def decoded(self) -> list[NDArray[np.uint8]]:
        """The first images. Raises `UnreadableImage` where there are none."""
        images = self.evaluation.images
        found = list(islice(_readable(images), DECODED))
        if not found:
            raise UnreadableImage(f"none of the images in {images.path} can be read")
        return found

    @cached_property
    def rendered(self) -> list[Crops]:
        """Their crops."""
        return self._render(self.decoded)

    @cached_property
    def crops(self) -> float:
        """Crops of an image, on average."""
        return sum(map(len, self.rendered)) / len(self.decoded)

    @cached_property
    def batch(self) -> Tensor:
        """A full batch of the first shape, on the device, as the network takes it."""
        crops = self.rendered[0]
        height, width = crops.shape
        full = max(1, self.evaluation.runtime.batch * self.evaluation.plan.size**2 // (height * width))
        return self.scorer.prepare(self._gather(crops, full))

    def decode(self, number: int) -> float:
        """Images per second, read and decoded."""
        images = self.evaluation.images

        def one(i: int) -> int:
            with suppress(UnreadableImage):
                images.decode(images.read(i % len(images)))
            return 1

        return self._rate(one, number, self._workers)

    def render(self, number: int) -> float:
        """Crops per second, of decoded images; where a GPU renders, until they are in batches."""
        on_gpu = self.evaluation.sees.renders_chunks
        together = MOST_IMAGES if on_gpu else 1

        def one(i: int) -> int:
            chosen = [self.decoded[(i * together + k) % len(self.decoded)] for k in range(together)]
            rendered = self._render(chosen)
            if on_gpu:
                for crops in rendered:
                    self._gather(crops, len(crops))
            return sum(map(len, rendered))

        return self._rate(one, number, self._workers)

    def forward(self, number: int) -> float:
        """Crops per second, of a batch that is on the device."""
        batch = self.batch

        def one(i: int) -> int:
            Download(self.scorer.classify(batch))
            return len(batch)

        return self._rate(one, number, self._streams)

    def whole(self, number: int) -> float:
        """Crops per second from `number` images to their probabilities, as an evaluation computes them; the
        images begin anew where there are fewer.
        """
        step = shard_size(self.evaluation.plan)
        parts = [range(start, min(start + step, number)) for start in range(0, number, step)]
        again = replace(self.evaluation, images=self.evaluation.images.repeat(number))
        pipeline = build_pipeline([again], [self.scorer])
        counted: list[Done] = []
        began = time.perf_counter()
        for _ in pipeline.shards(parts, skip_unreadable=True, progress=counted.append):
            pass
        return sum(done.crops for done in counted) / (time.perf_counter() - began)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return single_core_threads(self.evaluation.runtime.workers)

    @cached_property
    def _streams(self) -> ThreadPoolExecutor:
        """The same threads in each round: cuDNN plans its work for each thread anew."""
        return single_core_threads(self.evaluation.runtime.streams)

    def _render(self, images: Sequence[NDArray[np.uint8]]) -> list[Crops]:
        renderer = self.evaluation.sees
        return renderer.crops(images, [renderer.patches(image)[0] for image in images], renderer.slab(0))

    def _gather(self, crops: Crops, number: int) -> Tensor:
        """The last batch of so many crops, which begin anew where there are fewer."""
        pixels = torch.empty(0)
        full = self.evaluation.runtime.batch
        for first in range(0, number, full):
            batch, wanted = Batch(), min(full, number - first)
            while batch.crops < wanted:
                start = (first + batch.crops) % len(crops)
                batch.add(crops, start, min(len(crops) - start, wanted - batch.crops))
            pixels = batch.pixels(PRECISIONS[self.evaluation.runtime.precision])
        return pixels

    def _rate(self, one: Callable[[int], int], number: int, pool: ThreadPoolExecutor) -> float:
        """What `one` counts in `number` calls on the threads of `pool`, per second."""
        device = self.evaluation.runtime.device
        began = time.perf_counter()
        done = sum(pool.map(one, range(number)))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return done / (time.perf_counter() - began)


def _readable(images: Images) -> Iterator[NDArray[np.uint8]]:
    for i in range(len(images)):
        with suppress(UnreadableImage):
            yield images.decode(images.read(i))
