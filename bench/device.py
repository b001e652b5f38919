"""Where and how a network runs: device, precision, batch size and threads."""

import ctypes
import os
from contextlib import suppress
from dataclasses import dataclass, replace

import torch

from bench.distributed import local_rank, local_world_size
from bench.errors import BenchError, UsageError, first_line
from bench.options import Options

BATCH_ON_CPU, BATCH_ELSEWHERE = 4, 256
"""Crops of 299 x 299 in a batch, where the user names no number."""

MOST_WORKERS = 16

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """What an evaluation runs on, resolved from the options.

    Every thread has one core: threads that shared an operation would wait for the one whose core is
    decoding an image at that moment.
    """

    device: torch.device
    precision: str
    """A key of `PRECISIONS`."""
    batch: int
    """Crops classified at a time; 0 until the size of the input is known."""
    workers: int
    """Threads that decode and render."""
    streams: int
    """Threads that classify a batch each."""
    compile: bool
    """Whether the network goes through torch.compile."""
    agreement: tuple[str, int, int] | None = None
    """What decided the precision: its name, images with the same prediction as in fp32, and images
    compared.
    """
    execution_provider: str = ""
    """What computes an ONNX graph, as ONNX Runtime names it; empty for torch."""

    def with_batch_for(self, size: int) -> "Runtime":
        """With a batch for inputs of `size` pixels: the user's, or as many pixels as the default has at
        299 x 299.
        """
        if self.batch:
            return self
        crops = BATCH_ON_CPU if self.device.type == "cpu" else BATCH_ELSEWHERE
        return replace(self, batch=max(1, crops * 299**2 // size**2))

    @property
    def device_name(self) -> str:
        """The model of the card, or the kind of device; and what computes an ONNX graph on it."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return f"{name} ({self.execution_provider})" if self.execution_provider else name


def resolve(options: Options) -> Runtime:
    """The runtime for these options on this machine; under torchrun each rank has a GPU of its own.

    Raises `UsageError` for a device that cannot be used, and `BenchError` for more ranks than GPUs.
    """
    ranks = local_world_size()
    device = _device(_own_gpu(options.device, ranks) if ranks > 1 else options.device)
    return Runtime(
        device=device,
        precision="fp32" if options.precision == "auto" else options.precision,
        batch=options.batch or 0,
        workers=options.workers or max(1, min(MOST_WORKERS, usable_cores() // ranks)),
        streams=_streams(device),
        compile=bool(options.compile),
    )


def _own_gpu(name: str, ranks: int) -> str:
    """The device of this rank, one of `ranks` on this machine, where the option is `name`.

    Raises as `resolve` does.
    """
    if name.startswith("cuda:"):
        raise UsageError(
            f"--device {name} would give one GPU to all {ranks} ranks of this machine: write --device cuda"
        )
    if name not in ("auto", "cuda") or not torch.cuda.is_available():
        return name
    gpus = torch.cuda.device_count()
    if gpus == 1 and os.environ.get("CUDA_VISIBLE_DEVICES"):  # each rank sees its own
        return "cuda:0"
    if local_rank() >= gpus:
        raise BenchError(f"{ranks} ranks for {gpus} GPUs: pass torchrun that --nproc-per-node")
    return f"cuda:{local_rank()}"


def has_fast_bf16() -> bool:
    """Whether this processor computes in bfloat16 faster than in fp32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def configure_torch(runtime: Runtime) -> None:
    """Set this process up for `runtime`: fp32 means fp32, and on a CPU freed memory is kept for the
    next batch.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if runtime.device.type == "cpu":
        _keep_freed_memory()


def usable_cores() -> int:
    """The cores that this process may use, where the system says so; else those of the machine."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _streams(device: torch.device) -> int:
    """Threads that classify: one for each core of a CPU. Elsewhere one, which launches and does not wait."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def _device(name: str) -> torch.device:
    """The device of that name, which has to hold a tensor; `auto` is the first kind there is. Raises
    `UsageError`.
    """
    if name == "auto":
        name = _first_available()
    try:
        device = torch.device(name)
        float(torch.zeros(1, device=device))
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise UsageError(
            f"device {name!r} cannot be used here ({first_line(error)}): write auto or cpu"
        ) from None
    return device


def _first_available() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def release_freed_memory() -> None:
    """Return what `configure_torch` lets glibc keep, where other parts of the process need the memory."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next batch, instead of returning it to the kernel and getting
    it back zeroed.

    A network of thin layers spends a quarter of its time on a CPU on that. All threads share one pool:
    with one each the memory grows as long as batches move between threads. Other C libraries have no
    such settings.
    """
    trim_threshold, mmap_threshold, arena_max, never = -1, -3, -8, 2**30  # as malloc.h numbers them; in bytes
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, never)
        library.mallopt(trim_threshold, never)
        library.mallopt(arena_max, 1)
