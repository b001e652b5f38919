"""Where and how a network runs: device, precision, batch, threads."""

import ctypes
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench.distributed import local_ranks
from bench.errors import BenchError, UsageError
from bench.options import Options

BATCH = {"cpu": 4}
"""Crops of 299 x 299 in a batch, by kind of device; 256 on any other."""

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """What an evaluation runs on, resolved: `batch` in crops (0 until the input's size is known).

    `workers` threads decode and render, `streams` threads classify a batch each. Every one of them has one core: threads
    that share an operation would wait for the one whose core decodes an image just then. `agreement` is what was found of a
    precision: its name, images with the top-1 of fp32, and images compared.
    """

    device: torch.device
    precision: str
    batch: int
    workers: int
    streams: int
    compile: bool
    agreement: tuple[str, int, int] | None = None

    def with_batch_for(self, size: int) -> "Runtime":
        """With a batch, where none was asked for, of about as many pixels as `BATCH` crops of 299 x 299 have."""
        crops = BATCH.get(self.device.type, 256) * 299**2 // size**2
        return self if self.batch else replace(self, batch=max(1, crops))

    def describe(self) -> dict[str, Any]:
        """As plain values, for a manifest."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return {
            "device": str(self.device), "device_name": name, "precision": self.precision, "batch": self.batch,
            "workers": self.workers, "streams": self.streams, "compile": self.compile,
            "agreement": dict(zip(("precision", "same_top1", "images"), self.agreement, strict=True)) if self.agreement else None,
        }  # fmt: skip


def resolve(options: Options) -> Runtime:
    """The runtime that the options ask for on this machine; under torchrun each rank has a GPU of its own. Raises `UsageError`."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32
    number, ranks = local_ranks()
    own_gpu = ranks > 1 and options.device in ("auto", "cuda") and torch.cuda.is_available()
    if own_gpu and number >= torch.cuda.device_count():
        raise BenchError(
            f"{ranks} ranks for {torch.cuda.device_count()} GPUs: pass torchrun a --nproc-per-node of that number"
        )
    device = _device(f"cuda:{number}" if own_gpu else options.device)
    if device.type == "cpu":
        _keep_freed_memory()
    precision = "fp32" if options.precision == "auto" else options.precision
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r}: write auto, {', '.join(PRECISIONS)}")
    for name in ("batch", "workers", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: at least 1")
    workers = options.workers or max(1, min(16, len(os.sched_getaffinity(0)) // ranks))
    streams = {"cpu": torch.get_num_threads(), "cuda": 2}.get(
        device.type, 1
    )  # on a GPU one batch is prepared while the other runs
    return Runtime(device, precision, options.batch or 0, workers, streams, options.compile)


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next batch, in place of giving it back to the kernel and fetching it anew, zeroed.

    A network of thin layers spends a quarter of its time on a CPU there. All threads share one pool of it: with one each
    the memory grows for as long as batches wander between them. Other C libraries have no such settings.
    """
    trim_threshold, mmap_threshold, arena_max, never = -1, -3, -8, 2**30  # as malloc.h numbers them; in bytes
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, never)
        library.mallopt(trim_threshold, never)
        library.mallopt(arena_max, 1)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        float(torch.zeros(1, device=device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): write auto or cpu"
        ) from None
    return device
