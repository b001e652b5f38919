"""An ONNX graph as a network, which ONNX Runtime computes. Importing this does not import ONNX Runtime."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.errors import BenchError, UsageError, WeightsError, is_out_of_memory

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EXECUTION_PROVIDERS = {
    "cpu": ("OpenVINOExecutionProvider", "CPUExecutionProvider"),
    "cuda": ("CUDAExecutionProvider",),
}
"""ONNX Runtime's names of what computes on a kind of device, the first choice first. Which of them there are
depends on the wheel that is installed: onnxruntime, onnxruntime-gpu or onnxruntime-openvino.
"""

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
"""The types that an input may have, by ONNX Runtime's names of them."""


@dataclass(frozen=True)
class GraphInput:
    """What a graph takes."""

    name: str

    type: str
    """One of `TYPES`."""

    colours_last: bool
    """Whether it is [n x height x width x 3], and not [n x 3 x height x width]."""

    batch: int | None
    """Number of images that it takes at a time; None for any number."""

    def arrays(self, images: Tensor) -> list[tuple[NDArray[Any], int]]:
        """Images [n x 3 x height x width] as the graph takes them, and how many of each array are images: the
        first is there again where a batch has to be filled up.
        """
        if self.colours_last:
            images = images.permute(0, 2, 3, 1)
        array = images.cpu().contiguous().numpy()
        if self.type == "tensor(uint8)":
            array = array.round()
        array = array.astype(TYPES[self.type], copy=False)
        parts = np.split(array, range(self.batch, len(array), self.batch)) if self.batch else [array]
        return [(_filled(part, self.batch or 0), len(part)) for part in parts]


class Graph(nn.Module):
    """An ONNX graph: from normalised images [n x 3 x height x width] to logits [n x outputs] in float32.

    It computes on the device of the images. Several threads may call it.
    """

    def __init__(
        self, path: Path, takes: GraphInput, output: str, precision: str, *, probabilities: bool
    ) -> None:
        super().__init__()
        self.path = path
        self.takes = takes
        self.output = output
        self.precision = precision
        """`fp32` or `fp16`: the type of most of its weights."""
        self.probabilities = probabilities
        """Whether the graph's output is probabilities. Their logarithms are logits."""
        self._sessions: dict[str, InferenceSession] = {}
        self._opening = Lock()

    def forward(self, images: Tensor) -> Tensor:
        """Raises `BenchError` for what ONNX Runtime cannot compute, and `MemoryError`."""
        session = self.session(images.device)
        rows = []
        for array, number in self.takes.arrays(images):
            try:
                (scores,) = session.run([self.output], {self.takes.name: array})
            except Exception as error:  # noqa: BLE001 - ONNX Runtime's own kinds share no other class
                raise failure(self.path, error) from None
            rows.append(torch.from_numpy(scores[:number]).flatten(1).float())
        outputs = torch.cat(rows).to(images.device)
        return outputs.clamp_min(torch.finfo(torch.float32).tiny).log() if self.probabilities else outputs

    def session(self, device: torch.device) -> "InferenceSession":
        """ONNX Runtime's session on a device, opened once. Raises `BenchError`."""
        with self._opening:
            if str(device) not in self._sessions:
                self._sessions[str(device)] = open_session(self.path, device)
            return self._sessions[str(device)]


def open_session(path: Path, device: torch.device) -> "InferenceSession":
    """ONNX Runtime's session for the graph in a file. On a CPU each call of it takes one core.

    Raises `UsageError` where ONNX Runtime is not installed or does not reach the device, and `WeightsError`
    where it cannot read the graph.
    """
    onnxruntime = import_onnxruntime()
    provider = execution_provider(device)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is an error here, with a line of its own
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # each core has a batch of its own
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=[(provider, _settings(provider, device))]
        )
    except Exception as error:  # noqa: BLE001 - as above
        raise WeightsError(
            f"{path} cannot be read by ONNX Runtime ({reason(error)}): export it again"
        ) from None
    if session.get_providers()[0] != provider:
        raise UsageError(
            f"ONNX Runtime cannot use its {provider} here: "
            "install another onnxruntime, or choose another --device"
        )
    return session


def execution_provider(device: torch.device) -> str:
    """What computes on this kind of device in the installed ONNX Runtime; empty where nothing does."""
    available = import_onnxruntime().get_available_providers()
    return next((name for name in EXECUTION_PROVIDERS.get(device.type, ()) if name in available), "")


def _settings(provider: str, device: torch.device) -> dict[str, Any]:
    """So that fp32 means fp32, and OpenVINO has a core for each batch that it is given at the same time."""
    if provider == "OpenVINOExecutionProvider":
        cores = str(torch.get_num_threads())
        return {"device_type": "CPU", "precision": "FP32", "num_of_threads": cores, "num_streams": cores}
    return {"device_id": device.index or 0, "use_tf32": 0} if device.type == "cuda" else {}


def import_onnxruntime() -> Any:
    """The library. Raises `UsageError` where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(
            "ONNX graphs need the `onnxruntime` library: pip install 'inception-bench[onnx]'"
        ) from None
    return onnxruntime


def failure(path: Path, error: Exception) -> Exception:
    """The error to raise where ONNX Runtime raised one of its own while it computed."""
    if is_out_of_memory(error):
        return MemoryError(reason(error))
    return BenchError(f"ONNX Runtime cannot compute {path} ({reason(error)}): export it again")


def reason(error: Exception) -> str:
    """The first line of what ONNX Runtime says, without its number and name of the kind of error.

    >>> reason(Exception("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Protobuf parsing failed."))
    'Protobuf parsing failed.'
    """
    return (str(error).splitlines() or [type(error).__name__])[0].split(" : ", 3)[-1]


def _filled(array: NDArray[Any], number: int) -> NDArray[Any]:
    """At least `number` rows: those of `array`, and the first one again as often as needed."""
    missing = max(0, number - len(array))
    return np.concatenate([array, array[:1].repeat(missing, axis=0)]) if missing else array
