"""Where and how a network runs: device, precision, memory format, and pixels to scores."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench.errors import BenchError, UsageError
from bench.options import Options
from bench.zoo.dense import dense
from bench.zoo.loading import LoadedNetwork
from crops import Normalisation

BATCH = {"cpu": 8}
"""Crops of 299 x 299 in a batch, by kind of device; 256 on any other."""

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """What an evaluation runs on, resolved: `batch` in crops (0 until the input's size is known), `workers` in threads."""

    device: torch.device
    precision: str
    batch: int
    workers: int
    compile: bool

    def with_batch_for(self, size: int) -> "Runtime":
        """With a batch, where none was asked for, of about as many pixels as `BATCH` crops of 299 x 299 have."""
        crops = BATCH.get(self.device.type, 256) * 299**2 // size**2
        return self if self.batch else replace(self, batch=max(1, crops))

    def describe(self) -> dict[str, Any]:
        """As plain values, for a manifest."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return {
            "device": str(self.device), "device_name": name, "precision": self.precision, "batch": self.batch,
            "workers": self.workers, "compile": self.compile, "threads": torch.get_num_threads(),
        }  # fmt: skip


def resolve(options: Options) -> Runtime:
    """The runtime that the options ask for on this machine. Raises `UsageError`."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
    device = _device(options.device)
    precision = "fp32" if options.precision == "auto" else options.precision
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r}: write auto, {', '.join(PRECISIONS)}")
    for name in ("batch", "workers", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: at least 1")
    workers = options.workers or min(16, os.cpu_count() or 1)
    return Runtime(device, precision, options.batch or 0, workers, options.compile)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        float(torch.zeros(1, device=device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): write auto or cpu") from None
    return device


def scorer(network: LoadedNetwork, runtime: Runtime, normalisation: Normalisation, logits: bool) -> Callable[[Tensor], Tensor]:
    """A function from pixels in levels [n x 3 x height x width] to scores [n x classes] in float32 on the CPU.

    Scores are probabilities, or logits where `logits`. An input larger than the network's is taken densely, and its
    scores are averaged over the positions.
    """
    dtype = PRECISIONS[runtime.precision]
    module = network.module.to(runtime.device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = network.preprocessing.size
    columns = network.columns().to(runtime.device)
    at_positions: Callable[[Tensor], Tensor] | None = None
    single: Callable[[Tensor], Tensor] = torch.compile(module) if runtime.compile else module

    @torch.inference_mode()
    def score(pixels: Tensor) -> Tensor:
        nonlocal at_positions
        count = len(pixels)
        crops = pixels.shape[2:] == (size, size)
        if runtime.compile and crops and count < runtime.batch:  # one shape, one compilation; the surplus is dropped below
            pixels = torch.cat([pixels, pixels[:1].expand(runtime.batch - count, -1, -1, -1)])
        inputs = normalise(pixels.to(runtime.device), normalisation).to(dtype, memory_format=torch.channels_last)
        try:
            if crops:
                outputs = single(inputs)[:, None]
            else:
                at_positions = at_positions or dense(module, network.pool, size)
                outputs = at_positions(inputs)
        except torch.OutOfMemoryError:
            raise BenchError(f"{runtime.device} is out of memory with {count} crops at a time: pass a smaller --batch") from None
        outputs = outputs[:count].float()[..., columns]
        return (outputs if logits else outputs.softmax(-1)).mean(1).cpu()

    return score


def normalise(pixels: Tensor, normalisation: Normalisation) -> Tensor:
    """Levels [n x 3 x height x width] to the network's input, with the operations and the order of torchvision."""
    mean, std = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in (normalisation.mean, normalisation.std))
    if normalisation.bgr:
        pixels = pixels.flip(1)
    return pixels.float().div(255).sub_(mean).div_(std)
