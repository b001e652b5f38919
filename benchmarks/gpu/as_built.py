"""How fast it is on a GPU, as built: stages, efficiency, what the GPU does with its time, and how long Table
4 of the Inception-v4 paper would take.

    python -m benchmarks.gpu.as_built --data FOLDER --weights v3.safetensors

from the top folder. It takes some minutes on a GPU. `benchmarks.gpu.common` says which packages are needed.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import typer
from torch.profiler import ProfilerActivity, profile

from bench.evaluation.engine import shard_size
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.planning.throughput import Throughput, measure
from benchmarks.gpu.common import Data, Device, Session, Short, Table, Weights, session, synchronise

TABLE4 = ("v3", "v4", "ir-v1", "ir-v2")
"""The networks of Table 4."""

IMAGES_OF_TABLE4 = 50_000

SETTINGS: tuple[tuple[str, str, int | None, float], ...] = (
    *((name, "144", None, 0.95) for name in TABLE4),
    *(("v3", "1", batch, 0.9) for batch in (256, 512, 1024)),
)
"""Network, crops, batch, and the efficiency that is aimed at."""

EXPECTED = {
    "v3": "10,000 to 16,000",
    "v4": "5,200 to 8,500",
    "ir-v1": "8,500 to 13,500",
    "ir-v2": "4,500 to 7,500",
}
"""Crops per second in half precision that an H200 should do, by public figures of other cards: eager, and
with fused operations.
"""

MINUTES = 30
"""The aim for Table 4."""

KINDS = {"kernel": "forward", "gpu_memcpy": "copies", "gpu_memset": "copies"}
"""Categories of the profiler, and what they are of an evaluation; rendering has kernels of its own."""

RENDERING = ("_resample", "_gather")
"""The kernels of `crops.kernels`."""


def main(data: Data = None, weights: Weights = None, device: Device = "cuda", short: Short = False) -> None:
    """Print what was measured, and what was expected."""
    table = Table()
    seconds: dict[str, float] = {}
    with session(data, weights, device, short) as here:
        for name, crops, batch, aim in SETTINGS[:-2] if short else SETTINGS:
            what = f"{here.model(name)}, crops {crops}" + (f", batch {batch}" if batch else "")
            table.attempt(what, add_setting, here, table, what, name, crops, batch, aim, seconds)
    if missing := [name for name in TABLE4 if name not in seconds]:
        table.skip("Table 4", f"no rate of {', '.join(missing)}")
    else:
        minutes = sum(seconds.values()) / 60
        table.add("Table 4 at these rates, minutes", f"{minutes:,.0f}", f"{MINUTES}")
    table.end()


def add_setting(
    here: Session,
    table: Table,
    what: str,
    name: str,
    crops: str,
    batch: int | None,
    aim: float,
    of_table4: dict[str, float],
) -> None:
    """Add the rows of one evaluation, and to `of_table4` the seconds that its network adds."""
    images = 2000 if crops == "144" else 20_000
    precision = here.half if here.on_gpu else "fp32"
    evaluation = here.evaluation(name, images, crops=crops, batch=batch, precision=precision)
    rounds, seconds = (1, 0.1) if here.short else (3, 2.0)
    measured = measure(evaluation, rounds=rounds, seconds=seconds)
    add_throughput(table, what, measured, "-" if here.short else EXPECTED[name], aim)
    if crops == "144":
        of_table4[name] = IMAGES_OF_TABLE4 * measured.crops / median(measured.whole)
    images = max(1, round(seconds * median(measured.whole) / measured.crops))
    add_profile(table, what, evaluation, images, here.folder)


def add_throughput(table: Table, what: str, measured: Throughput, expected: str, aim: float) -> None:
    """The rates of the stages and of the whole."""
    stages = {name: f"{rate:,.0f}" for name, rate in measured.stages.items()}
    for name, rate in stages.items():
        table.add(f"{what}: {name}, crops/s", rate, expected if name == "forward" else "-")
    spread = f"{min(measured.whole):,.0f} to {max(measured.whole):,.0f}"
    table.add(f"{what}: end to end, crops/s", f"{median(measured.whole):,.0f} ({spread})")
    spread = f"{min(measured.efficiencies):.3f} to {max(measured.efficiencies):.3f}"
    efficiency = f"{median(measured.efficiencies):.3f} ({spread}), limit {measured.slowest_stage}"
    table.add(f"{what}: efficiency", efficiency, f"{aim}")


def add_profile(table: Table, what: str, evaluation: Evaluation, images: int, folder: Path) -> None:
    """What the host and the GPU do for so many images, between the first and the last launch."""
    pipeline = build_pipeline([evaluation], [evaluation.scorer()])
    pipeline.images = evaluation.images.repeat(images)
    step = shard_size(evaluation.plan)
    parts = [range(start, min(start + step, images)) for start in range(0, images, step)]

    def run() -> None:
        for _ in pipeline.shards(parts, skip_unreadable=True):
            pass
        synchronise(evaluation.runtime.device)

    run()  # compiles kernels, and chooses algorithms
    began, wall = time.process_time(), time.perf_counter()
    run()
    host, wall = time.process_time() - began, time.perf_counter() - wall
    table.add(f"{what}: us an image", f"{1e6 * wall / images:,.0f}; {1e6 * host / images:,.0f} of all cores")
    if evaluation.runtime.device.type != "cuda":
        table.skip(f"{what}: what the GPU does", "no GPU")
        return
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        run()
    path = folder / "trace.json"
    recorded.export_chrome_trace(str(path))
    split = split_time(json.loads(path.read_text())["traceEvents"])
    path.unlink()
    shares = ", ".join(f"{name} {100 * share:.1f}" for name, share in split.shares.items())
    table.add(f"{what}: GPU time, %", shares, "idle below 5")
    table.add(f"{what}: launches an image", f"{split.launches / images:.1f}", "-")


@dataclass(frozen=True)
class Split:
    """What a GPU did."""

    shares: dict[str, float]
    """Part of the time for each kind of work, and `idle`. Where two overlap, both count."""
    launches: int
    """Kernels and copies."""


def split_time(events: Iterable[dict[str, Any]]) -> Split:
    """From the events of a trace in Chrome's format, times in microseconds."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if kind := KINDS.get(event.get("cat", "")):
            kind = "rendering" if event["name"].startswith(RENDERING) else kind
            spans[kind].append((event["ts"], event["ts"] + event["dur"]))
    every = [span for some in spans.values() for span in some]
    if not every:
        raise ValueError("the profiler has seen no kernel")
    window = max(end for _, end in every) - min(start for start, _ in every)
    names = ("rendering", "forward", "copies")
    shares = {name: covered(spans[name]) / window for name in names}
    return Split(shares | {"idle": 1 - covered(every) / window}, len(every))


def covered(spans: Sequence[tuple[float, float]]) -> float:
    """The length of the union of the spans, (start, end) each.

    >>> covered([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


if __name__ == "__main__":
    typer.run(main)
