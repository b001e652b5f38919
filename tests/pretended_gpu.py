"""A pretended GPU: tensors on a device of their own, whose data are on the CPU.

`python -m tests.pretended_gpu MODEL CROPS PRECISION IMAGES` evaluates the first images of the mini set on the
CPU and on this device, and prints as JSON how the results differ, and what the device had to do. Host and
device tensors do not mix, bytes are not resized, and types are not converted unasked, as on a real one.
Triton's kernels run in its interpreter. With `forgotten` as a last argument, the network stays on the host.
"""

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from bench.data import open_images
from bench.device import Runtime
from bench.evaluation import batches, chunks, classify, device_chunk
from bench.evaluation.evaluation import build_pipeline
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load
from crops import kernels

NAME = "pretended"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)


ONE_LAUNCH = Lock()
"""Held while a kernel runs: Triton's interpreter is not made for several threads."""


class Device(TorchDispatchMode):
    """Runs operations on pretended tensors, and counts launches and transfers."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: Counter[str] = Counter()
        self.transfers: Counter[str] = Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(operation, args, kwargs or {})

    def run(self, operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """The result of an operation, on the device if an argument is there or it is asked for."""
        name = str(operation)
        tensors = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        here = [isinstance(value, Pretended) for value in tensors]
        named = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.device)]
        wanted = named[0] if named else None
        args, kwargs = pytree.tree_map_only(torch.device, lambda _: torch.device("cpu"), (args, kwargs))
        if name.startswith(("aten._to_copy", "aten.to.")):
            target = here[0] if wanted is None else wanted.type == NAME
            if target != here[0]:
                self.transfers["to the device" if target else "to the host"] += 1
            elif target:
                self.launches[name] += 1
            result = operation(*_bare(args), **_bare(kwargs))
            return Pretended(result.clone()) if target else result
        if name.startswith("aten.copy_") and here[0] != here[1]:
            self.transfers["to the device" if here[0] else "to the host"] += 1
            operation(*_bare(args), **_bare(kwargs))
            return args[0]
        on_device = any(here) or (wanted is not None and wanted.type == NAME)
        if not on_device:
            return operation(*args, **kwargs)
        self._check(name, args, tensors, here)
        self.launches[name] += not operation.is_view
        result = operation(*_bare(args), **_bare(kwargs))
        if isinstance(args[0], Pretended) and result is args[0].data_on_cpu:
            return args[0]  # it was changed in place
        return pytree.tree_map_only(Tensor, Pretended, result)

    @staticmethod
    def _check(name: str, args: Any, tensors: list[Tensor], here: list[bool]) -> None:
        """Raise `RuntimeError` for what a real device refuses."""
        mixed = [
            tensor for tensor, on_device in zip(tensors, here, strict=True) if not on_device and tensor.dim()
        ]
        if mixed and any(here):
            raise RuntimeError(f"{name}: tensors on the device and on the host")
        if "upsample" in name and args[0].dtype == torch.uint8:
            raise RuntimeError(f"{name} is not implemented for bytes on the device")
        if "convolution" in name and args[0].dtype != args[1].dtype:
            raise RuntimeError(f"{name}: input and weight have other types")


DEVICE_MODE = Device()


class Pretended(Tensor):
    """A tensor on the pretended device."""

    data_on_cpu: Tensor

    @staticmethod
    def __new__(cls, data: Tensor) -> "Pretended":
        return torch.Tensor._make_wrapper_subclass(
            cls,
            data.size(),
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            layout=data.layout,
            device=DEVICE,
        )

    def __init__(self, data: Tensor) -> None:
        self.data_on_cpu = data

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return DEVICE_MODE.run(operation, args, kwargs or {})


def _bare(values: Any) -> Any:
    return pytree.tree_map_only(Pretended, lambda tensor: tensor.data_on_cpu, values)


def _threads(number: int) -> ThreadPoolExecutor:
    def begin() -> None:
        torch.set_num_threads(1)
        DEVICE_MODE.__enter__()

    return ThreadPoolExecutor(number, initializer=begin)


def _counted(launch: Any, name: str) -> Any:
    def run(*args: Any) -> None:
        if not all(
            isinstance(value, Pretended) for value in pytree.tree_leaves(args) if isinstance(value, Tensor)
        ):
            raise RuntimeError(f"{name}: a tensor is not on the device")
        DEVICE_MODE.launches[name] += 1
        with ONE_LAUNCH, torch.utils._python_dispatch._disable_current_modes():
            launch(*_bare(args))

    return run


@contextmanager
def pretended_gpu() -> Any:
    """Evaluations may run on `DEVICE` inside."""
    device_chunk.WITH_TRITON = ("cuda", NAME)
    chunks.MOST_IMAGES = 4
    for module in (batches, chunks, classify):
        module.single_core_threads = _threads
    kernels.resample = _counted(kernels.resample, "resample")
    kernels.gather = _counted(kernels.gather, "gather")
    with DEVICE_MODE:
        yield


def main(model: str, crops: str, precision: str, limit: str, forgotten: str = "") -> None:
    """Evaluate on both devices, and print what was found."""
    images = open_images("mini").sample(int(limit), None)
    options = Options(
        model=model, crops=crops, precision=precision, limit=int(limit), workers=2, device="cpu"
    )
    network = load(model)
    evaluation = prepare_loaded(replace(options, precision="fp32"), images, None, network, Silent())
    (expected,) = _shard(evaluation)
    runtime = Runtime(DEVICE, precision, batch=16, workers=2, streams=1, compile=False)
    with pretended_gpu():
        if forgotten:
            torch.nn.Module.to = lambda module, *args, **kwargs: module
        renderer = "triton" if device_chunk.can_render(evaluation.plan, DEVICE) else "tensor"
        (found,) = _shard(replace(evaluation, runtime=runtime, renderer=renderer))
    differences = {
        name: float(np.abs(values - found.probabilities[name]).max())
        for name, values in expected.probabilities.items()
    }
    same = {
        name: int((values.argmax(1) == found.probabilities[name].argmax(1)).sum())
        for name, values in expected.probabilities.items()
    }
    print(
        json.dumps(
            {
                "differences": differences,
                "same_top1": same,
                "transfers": DEVICE_MODE.transfers,
                "launches": DEVICE_MODE.launches,
            }
        )
    )


def _shard(evaluation: Any) -> Any:
    pipeline = build_pipeline([evaluation], [evaluation.scorer()])
    DEVICE_MODE.launches.clear()  # without those that bring the network there
    DEVICE_MODE.transfers.clear()
    ((shard,),) = pipeline.shards([range(len(evaluation.images))])
    return [shard]


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # torch would abort: the threads' modes are still there
