"""Copies to and from a GPU that no thread waits for: pinned memory, a stream beside the one that classifies,
and events.

On other devices a copy ends before the call returns, and there is nothing to wait for.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def room(size: int, device: torch.device) -> Tensor:
    """So many bytes on the host, which `upload` brings to the device."""
    return torch.empty(size, dtype=torch.uint8, pin_memory=device.type == "cuda")


def upload(data: NDArray[np.uint8], device: torch.device) -> Tensor:
    """The bytes on the device, [n] uint8, on the current stream."""
    host = room(len(data), device)
    host.numpy()[:] = data
    return host.to(device, non_blocking=True)


@contextmanager
def beside(device: torch.device) -> Iterator[None]:
    """Queue what is launched inside on a stream beside the one that classifies."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.stream(_stream_beside(device)):
        yield


@cache
def _stream_beside(device: torch.device) -> torch.cuda.Stream:
    """Its work comes first where both streams have some: it is little, and the other waits for it."""
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]


class Mark:
    """A point in the work of a stream of a device: the current one's, when it is made."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._event: Any = None
        if device.type == "cuda":
            self._event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(device))

    def precede(self, tensors: Iterable[Tensor]) -> None:
        """Have the current stream wait for this point. It may use the tensors, which were made before it."""
        if self._event is None:
            return
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._event)
        for tensor in tensors:
            tensor.record_stream(stream)

    def wait(self) -> None:
        """Have this thread wait for this point."""
        if self._event is not None:
            self._event.synchronize()


class Download:
    """A tensor on its way to the host."""

    def __init__(self, tensor: Tensor) -> None:
        if tensor.device.type == "cuda":
            self._host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._host.copy_(tensor, non_blocking=True)
        else:
            self._host = tensor.cpu()
        self._mark = Mark(tensor.device)

    def numpy(self) -> NDArray[Any]:
        """The array, once it is here."""
        self._mark.wait()
        return self._host.numpy()
