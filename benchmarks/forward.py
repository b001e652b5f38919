"""The forward pass on a CPU against other runtimes: OpenVINO, ONNX Runtime, torch.compile with freezing.

    python benchmarks/forward.py --weights v3.safetensors
    python benchmarks/forward.py --weights v3.safetensors --precision bf16

OpenVINO needs the packages openvino and onnx, ONNX Runtime onnxruntime and onnx. What is not installed is
left out, with a line. ONNX Runtime computes in fp32 only.

All have the same network, from levels to logits, with its batch normalisations folded, and as many threads
with a batch each as torch uses cores. It prints how much processor time each takes as a ratio to this
project, which means something on a busy machine, too.
"""

import copy
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from timing import format_ratio, time_interleaved
from torch import Tensor, nn

from bench.device import PRECISIONS, configure_torch, resolve
from bench.evaluation.chunks import single_core_threads
from bench.evaluation.classify import channels_last, normalise
from bench.options import Options
from bench.zoo.folding import fold_batch_norms, fold_normalisation, fuse_activations, speed_up
from bench.zoo.loading import load, untrained

Classify = Callable[[Tensor], Tensor]
"""From levels [n x 3 x height x width] to logits. Several threads call it."""


def main(
    model: Annotated[str, typer.Option(help="A network, as eval takes it.")] = "v3",
    weights: Annotated[str | None, typer.Option(help="Its weights. Without them, random ones.")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    batch: Annotated[int, typer.Option(help="Crops that a thread classifies at a time.")] = 4,
    batches: Annotated[int, typer.Option(help="Batches of a thread in a round.")] = 8,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 7,
    against: Annotated[
        list[str] | None, typer.Option(help="A runtime, also several times. Without it, all of them.")
    ] = None,
) -> None:
    """Print the ratios as a Markdown table."""
    runtime = resolve(Options(device="cpu"))
    configure_torch(runtime)
    network = load(model, weights) if weights else untrained(model)
    size = network.preprocessing.size
    folded, _ = fold_batch_norms(network.module, size)
    module = fold_normalisation(folded, size, network.preprocessing.normalisation, normalise) or folded
    levels = torch.randint(256, (batch, 3, size, size), generator=torch.Generator().manual_seed(0))
    pixels = levels.float().contiguous(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():  # inference_mode would compile anew
        peers = {name: RUNTIMES[name] for name in against or RUNTIMES}
        classifiers = {"this project": as_built(module, size, batch, precision)}
        for name, prepare in peers.items():
            try:
                classifiers[name] = prepare(module, pixels, precision, Path(folder))
            except (ImportError, NotImplementedError) as error:
                print(f"{name} is left out: {error}")
        inputs = pixels.to(PRECISIONS[precision])
        expected = module(pixels).argmax(1)
        same = {
            name: int((classify(inputs).argmax(1) == expected).sum())
            for name, classify in classifiers.items()
        }
        with single_core_threads(runtime.streams) as threads:
            works = {
                name: repeated(classify, inputs, runtime.streams, batches, threads)
                for name, classify in classifiers.items()
            }
            seconds = time_interleaved(works, rounds, time.process_time)
    heading = f"{network.network.name}, {precision}"
    print(f"| {heading} | processor time, as a ratio | crops/s of a core | same top-1 |")
    print("| --- | ---: | ---: | ---: |")
    for name, found in seconds.items():
        rate = runtime.streams * batches * batch / median(found)
        ratio = format_ratio(found, seconds["this project"])
        print(f"| {name} | {ratio} | {rate:,.1f} | {same[name]} of {batch} |")


def repeated(
    classify: Classify, inputs: Tensor, streams: int, batches: int, threads: ThreadPoolExecutor
) -> Callable[[], None]:
    """So many batches in each thread at the same time."""
    copies = [inputs.clone(memory_format=torch.preserve_format) for _ in range(streams)]

    def several(own: Tensor) -> None:
        with torch.no_grad():
            for _ in range(batches):
                classify(own)

    def work() -> None:
        list(threads.map(several, copies))

    return work


def as_built(module: nn.Module, size: int, batch: int, precision: str) -> Classify:
    """As `bench.evaluation.classify` prepares it."""
    fused = channels_last(fuse_activations(module, size).to(PRECISIONS[precision]))
    with single_core_threads(1) as thread:
        thread.submit(speed_up, fused, size, batch).result()
    return fused


def with_torch_compile(module: nn.Module, pixels: Tensor, precision: str, folder: Path) -> Classify:
    """Freezing makes the weights constants, which are laid out once."""
    import torch._inductor.config as settings

    settings.freezing = True
    dtype = PRECISIONS[precision]
    compiled: Classify = torch.compile(channels_last(copy.deepcopy(module).to(dtype)))
    compiled(pixels.to(dtype))
    return compiled


def with_openvino(module: nn.Module, pixels: Tensor, precision: str, folder: Path) -> Classify:
    """A model with a stream of one core for each thread."""
    import openvino

    streams = str(torch.get_num_threads())
    core = openvino.Core()
    model = core.read_model(exported(module, pixels, folder))
    model.reshape({"pixels": list(pixels.shape)})
    hints = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
    }
    compiled = core.compile_model(model, "CPU", hints)
    own = threading.local()

    def classify(inputs: Tensor) -> Tensor:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        outputs: Any = own.request.infer({0: inputs.float().contiguous().numpy()})
        return torch.from_numpy(outputs[0])

    return classify


def with_onnx_runtime(module: nn.Module, pixels: Tensor, precision: str, folder: Path) -> Classify:
    """A session whose calls have one core each."""
    import onnxruntime

    if precision != "fp32":
        raise NotImplementedError(f"no {precision} on a CPU")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = exported(module, pixels, folder)
    running = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def classify(inputs: Tensor) -> Tensor:
        (outputs,) = running.run(None, {"pixels": inputs.contiguous().numpy()})
        return torch.from_numpy(outputs)

    return classify


def exported(module: nn.Module, pixels: Tensor, folder: Path) -> str:
    """The network as a file in ONNX."""
    import onnx  # noqa: F401 - the exporter needs it, and says so less clearly

    path = folder / "network.onnx"
    if not path.exists():
        warnings.simplefilter("ignore", DeprecationWarning)  # the other exporter needs one package more
        torch.onnx.export(
            copy.deepcopy(module), (pixels.contiguous(),), path, input_names=["pixels"], dynamo=False
        )
    return str(path)


RUNTIMES: dict[str, Callable[[nn.Module, Tensor, str, Path], Classify]] = {
    "torch.compile": with_torch_compile,
    "OpenVINO": with_openvino,
    "ONNX Runtime": with_onnx_runtime,
}
"""What the project is compared with, by name."""


if __name__ == "__main__":
    typer.run(main)
