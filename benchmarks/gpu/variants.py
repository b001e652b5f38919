"""What a GPU could do: its ceilings, the forward pass of v3 in several ways, and rendering in several ways.

    python -m benchmarks.gpu.variants --data FOLDER --weights v3.safetensors

from the top folder. It takes some minutes on a GPU, most of them to compile. `benchmarks.gpu.common` says
which packages are needed.
"""

import copy
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data.decode import decode
from bench.device import PRECISIONS
from bench.evaluation.batches import Batch
from bench.evaluation.classify import channels_last, normalise
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.render import Renderer, TensorCrops
from bench.zoo.folding import fold_batch_norms, fold_normalisation
from benchmarks.gpu.common import Data, Device, Session, Short, Table, Weights, session, synchronise
from benchmarks.timing import time_interleaved
from crops import tensor

ROUNDS = 5

CHUNKS = (8, 16, 32)
"""Images that the kernels render together; `bench.evaluation.chunks.MOST_IMAGES` is what is built."""

EXPECTED = {False: "1,000 to 2,000", True: "about 100"}
"""Microseconds of an H200 for the 144 crops of an image: with torch's resize, and with the kernels."""

Classify = Callable[[Tensor], Tensor]


def main(data: Data = None, weights: Weights = None, device: Device = "cuda", short: Short = False) -> None:
    """Print what was measured, and what was expected."""
    table = Table()
    with session(data, weights, device, short) as here:
        table.attempt("ceilings", add_ceilings, here, table)
        for batch in (4,) if short else (256, 512):
            table.attempt(f"forward, batch {batch}", add_forward, here, table, batch)
        for crops in ("144", "1"):
            table.attempt(f"rendering, crops {crops}", add_rendering, here, table, crops)
    table.end()


def add_ceilings(here: Session, table: Table) -> None:
    """What a matrix product and plain copies reach."""
    device = torch.device(here.device)
    side, size = (256, 2**20) if here.short else (8192, 2**28)
    for name in dict.fromkeys(("fp32", here.half)):
        matrix = torch.randn(side, side, device=device).to(PRECISIONS[name])
        seconds = seconds_of(lambda matrix=matrix: matrix @ matrix, device)
        expected = "about 790 on an H200" if name == "fp16" else "-"
        rate = f"{2 * side**3 / seconds / 1e12:,.3g} TFLOP/s"
        table.add(f"matrix product of {side}, {name}", rate, expected)
    host = torch.empty(size, dtype=torch.uint8, pin_memory=here.on_gpu)
    there = torch.empty(size, dtype=torch.uint8, device=device)
    for name, work in {
        "host to device, pinned": lambda: there.copy_(host, non_blocking=True),
        "device to host, pinned": lambda: host.copy_(there, non_blocking=True),
    }.items():
        rate = f"{size / seconds_of(work, device) / 1e9:,.3g} GB/s"
        table.add(name, rate, "about 50 with PCIe 5" if here.on_gpu else "-")


def seconds_of(work: Callable[[], object], device: torch.device, times: int = 10) -> float:
    """The median time of a call, of some that follow each other."""

    def several() -> None:
        for _ in range(times):
            work()
        synchronise(device)

    return median(time_interleaved({"": several}, ROUNDS)[""]) / times


def add_forward(here: Session, table: Table, batch: int) -> None:
    """Crops per second of v3 from levels to logits, without copies; all variants in each round."""
    precision = here.half if here.on_gpu else "fp32"
    evaluation = here.evaluation("v3", 200, crops="144", batch=batch, precision=precision)
    device = evaluation.runtime.device
    levels = first_batch(evaluation, batch)
    variants = forward_variants(here, evaluation, levels)
    with torch.inference_mode():
        expected = variants["eager"](levels).float()
        times = 1 if here.short else 4096 // batch

        def repeated(classify: Classify) -> Callable[[], None]:
            def work() -> None:
                for _ in range(times):
                    classify(levels)
                synchronise(device)

            return work

        seconds = time_interleaved({name: repeated(each) for name, each in variants.items()}, ROUNDS)
        for name, classify in variants.items():
            outputs = classify(levels).float()
            same = int((outputs.argmax(1) == expected.argmax(1)).sum())
            rate = batch * times / median(seconds[name])
            ratio = median(seconds["as built"]) / median(seconds[name])
            measured = f"{rate:,.0f} crops/s, {ratio:.2f} x as built, same top-1 {same} of {batch}"
            right = same >= batch - max(1, batch // 50)
            table.add(f"forward, batch {batch}, {precision}: {name}", measured, "same top-1", right)
    for name in {"cudnn.benchmark", "torch.compile", "CUDA graph"} - variants.keys():
        table.skip(f"forward, batch {batch}: {name}", "no GPU" if not here.on_gpu else "--short")


def first_batch(evaluation: Evaluation, number: int) -> Tensor:
    """[n x 3 x height x width] levels of crops of the first images, as the network takes them."""
    batch = Batch()
    i = 0
    while batch.crops < number:
        image = decode(evaluation.images.read(i % len(evaluation.images)))
        patches, _ = evaluation.sees.patches(image)
        levels = torch.from_numpy(image).permute(2, 0, 1).to(evaluation.runtime.device)
        crops = tensor.render(levels, patches)
        rendered = TensorCrops(torch.stack(crops))
        batch.add(rendered, 0, min(len(rendered), number - batch.crops))
        i += 1
    dtype = PRECISIONS[evaluation.runtime.precision]
    return batch.pixels(dtype).to(dtype)


def forward_variants(here: Session, evaluation: Evaluation, levels: Tensor) -> dict[str, Classify]:
    """Ways to classify, by name."""
    network, runtime = evaluation.network, evaluation.runtime
    size, dtype = network.preprocessing.size, PRECISIONS[runtime.precision]
    folded, _ = fold_batch_norms(network.module, size)
    on_levels = fold_normalisation(folded, size, network.preprocessing.normalisation, normalise)
    assert on_levels is not None
    eager = channels_last(on_levels.to(runtime.device, dtype))
    as_built = evaluation.scorer()._module
    variants: dict[str, Classify] = {"eager": eager, "as built": as_built}
    if here.on_gpu:
        variants["cudnn.benchmark"] = with_benchmark(copy.deepcopy(as_built))
        variants["CUDA graph"] = as_graph(as_built, levels)
        if not here.short:
            variants["torch.compile"] = torch.compile(copy.deepcopy(eager), dynamic=False)
    return variants


def with_benchmark(module: nn.Module) -> Classify:
    """The module with the algorithms that cuDNN measures to be the fastest; a run's bytes may then differ.

    It has a thread of its own, since each thread keeps what was chosen for a shape first.
    """
    thread = ThreadPoolExecutor(1)

    def run(levels: Tensor) -> Tensor:
        torch.backends.cudnn.benchmark = True
        try:
            with torch.inference_mode():
                outputs: Tensor = module(levels)
        finally:
            torch.backends.cudnn.benchmark = False
        return outputs

    return lambda levels: thread.submit(run, levels).result()


def as_graph(module: nn.Module, levels: Tensor) -> Classify:
    """The module's launches on `levels`, recorded once and launched as one. It takes no other tensor."""
    with torch.inference_mode():
        stream = torch.cuda.Stream(levels.device)
        stream.wait_stream(torch.cuda.current_stream(levels.device))
        with torch.cuda.stream(stream):
            for _ in range(3):  # algorithms are chosen before
                module(levels)
        torch.cuda.current_stream(levels.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs: Tensor = module(levels)

    def classify(_: Tensor) -> Tensor:
        graph.replay()
        return outputs

    return classify


def add_rendering(here: Session, table: Table, crops: str) -> None:
    """Microseconds an image from decoded levels to crops in a batch, by one thread."""
    evaluation = here.evaluation("v3", 200, crops=crops, precision=here.half if here.on_gpu else "fp32")
    number = 4 if here.short else max(CHUNKS)
    images = [decode(evaluation.images.read(i)) for i in range(number)]
    device, dtype = evaluation.runtime.device, PRECISIONS[evaluation.runtime.precision]
    works = {"torch's resize": lambda: render_by_torch(evaluation, images, dtype)}
    renderer = evaluation.sees
    if renderer.renders_chunks:
        for size in CHUNKS:
            works[f"kernels, {size} images in a chunk"] = lambda size=size: render_by_kernels(
                renderer, images, size, dtype
            )
    for work in works.values():
        work()  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in works}
    host: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            synchronise(device)
            began, wall = time.process_time(), time.perf_counter()
            work()
            launched = time.process_time() - began
            synchronise(device)
            seconds[name].append(time.perf_counter() - wall)
            host[name].append(launched)
    for name in works:
        whole, part = (f"{1e6 * median(each[name]) / number:,.0f}" for each in (seconds, host))
        expected = EXPECTED[name.startswith("kernels")] if crops == "144" and here.on_gpu else "-"
        table.add(f"rendering, crops {crops}: {name}", f"{whole} us an image; {part} of the host", expected)
    if not renderer.renders_chunks:
        table.skip(f"rendering, crops {crops}: kernels", "no Triton, or no GPU")


def render_by_torch(evaluation: Evaluation, images: Sequence[NDArray[np.uint8]], dtype: torch.dtype) -> None:
    """One image after the other, resized as floats where the device has no resize of bytes."""
    for image in images:
        levels = torch.from_numpy(image).permute(2, 0, 1).to(evaluation.runtime.device)
        patches, _ = evaluation.sees.patches(image)
        rendered = tensor.render(levels, patches)
        torch.stack(rendered).to(dtype, memory_format=torch.channels_last)


def render_by_kernels(
    renderer: Renderer, images: Sequence[NDArray[np.uint8]], size: int, dtype: torch.dtype
) -> None:
    """Chunk by chunk, as built, but for the decoding into pinned memory."""
    for first in range(0, len(images), size):
        chunk = images[first : first + size]
        for crops in renderer.crops(chunk, [renderer.patches(image)[0] for image in chunk], renderer.slab(0)):
            batch = Batch()
            batch.add(crops, 0, len(crops))
            batch.pixels(dtype)


if __name__ == "__main__":
    typer.run(main)
