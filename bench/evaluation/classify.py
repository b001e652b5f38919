"""A network on its device: pixels in, scores out."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from bench.device import PRECISIONS, Runtime
from bench.errors import BenchError, first_line, is_out_of_memory
from bench.evaluation.chunks import single_core_threads
from bench.evaluation.transfers import Download
from bench.zoo.dense import dense
from bench.zoo.folding import fold_batch_norms, fold_normalisation, fuse_activations, speed_up
from bench.zoo.loading import LoadedNetwork
from crops import Normalisation


class Scorer:
    """A function from levels [n x 3 x height x width] to scores [n x classes] in float32, on their way to
    the CPU.

    Scores are probabilities, or logits where `logits`. An input larger than the network's is classified
    densely, and its scores are averaged over the positions. Several threads may call it. Where a batch
    does not fit in memory it is halved, for good, with a `note`.
    """

    def __init__(
        self,
        network: LoadedNetwork,
        runtime: Runtime,
        normalisation: Normalisation,
        *,
        logits: bool,
        note: Callable[[str], None],
    ) -> None:
        self.batch = runtime.batch
        """Crops of the network's input that are classified at a time."""
        self._runtime, self._logits, self._note = runtime, logits, note
        self._size, self._pool = network.preprocessing.size, network.pool
        self._normalisation: Normalisation | None = normalisation
        self.folded = 0
        """Batch normalisations that a convolution absorbed."""
        if network.graph:  # ONNX Runtime fuses its operations, and casts what it takes
            self._module, self._dtype = network.module, torch.float32
        else:
            self._dtype = PRECISIONS[runtime.precision]
            self._module = self._optimised(network.module)
        self._columns = network.columns().to(runtime.device)
        self._on_crops: Callable[[Tensor], Tensor] = self._module
        if runtime.compile:
            self._on_crops = torch.compile(self._module)
        self._densely: Callable[[Tensor], Tensor] | None = None

    def _optimised(self, network: nn.Module) -> nn.Module:
        """The same network on its device, in its precision, with as few operations as possible."""
        runtime, normalisation = self._runtime, self._normalisation
        module, self.folded = fold_batch_norms(network, self._size)
        if normalisation and (on_levels := fold_normalisation(module, self._size, normalisation, normalise)):
            module, self._normalisation = on_levels, None
        fused = fuse_activations(module, self._size)
        optimised = channels_last(fused.to(runtime.device, self._dtype))
        if not runtime.compile:  # torch.compile knows these operations too
            with single_core_threads(1) as thread:  # as those that classify
                thread.submit(speed_up, optimised, self._size, self.batch).result()
        return optimised

    def __call__(self, pixels: Tensor) -> Download:
        """Raises `BenchError` where not even one crop fits in memory."""
        area = pixels.shape[2] * pixels.shape[3]
        scores: list[Tensor] = []
        while (done := sum(map(len, scores))) < len(pixels):
            part = pixels[done : done + max(1, self.batch * self._size**2 // area)]
            try:
                scores.append(self.classify(self.prepare(part)))
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = first_line(error)
            self._halve_batch(len(part), area, reason)  # out here, where no traceback keeps activations
        return Download(scores[0] if len(scores) == 1 else torch.cat(scores))

    @torch.inference_mode()
    def prepare(self, pixels: Tensor) -> Tensor:
        """From levels to the network's input, on its device."""
        pixels = pixels.to(self._runtime.device, non_blocking=True)
        if self._normalisation:
            pixels = normalise(pixels, self._normalisation)
        return pixels.to(self._dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def classify(self, inputs: Tensor) -> Tensor:
        """From what `prepare` returns to scores, on the device."""
        count = len(inputs)
        if inputs.shape[2:] != (self._size, self._size):
            self._densely = self._densely or dense(self._module, self._pool, self._size)
            if self._runtime.device.type == "cuda":  # where each number of inputs needs plans of its own
                full = max(1, self.batch * self._size**2 // (inputs.shape[2] * inputs.shape[3]))
                inputs = padded(inputs, min(full, 1 << (count - 1).bit_length()))
            outputs = self._densely(inputs)[:count]
        else:
            if self._runtime.compile:  # one shape, one compilation
                inputs = padded(inputs, self.batch)
            outputs = self._on_crops(inputs)[:count, None]
        outputs = outputs.float()[..., self._columns]
        return (outputs if self._logits else outputs.softmax(-1)).mean(1)

    def _halve_batch(self, count: int, area: int, reason: str) -> None:
        """Halve the batch after `count` crops of `area` pixels did not fit. Raises `BenchError` for a
        single crop.
        """
        device = self._runtime.device
        if count == 1:
            raise BenchError(
                f"{device} is out of memory with one crop at a time ({reason}): "
                "free some, or choose another --device"
            )
        half = max(1, count // 2)
        fits = max(1, count * area // self._size**2 // 2)
        if fits < self.batch:  # else another thread has halved it
            self.batch = fits
            self._note(f"{device} is out of memory with {count} crops at a time: continuing with {half}")
        if device.type == "cuda":
            torch.cuda.empty_cache()


def channels_last(module: nn.Module) -> nn.Module:
    """The module with its weights laid out for images whose colours lie side by side, in place.

    `Module.to(memory_format=...)` does the same, but refuses a module that has 5-dimensional weights. (Not
    `contiguous`, which leaves a 1x1 convolution's strides alone, so that torch picks other kernels for it.)
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return module


def padded(inputs: Tensor, number: int) -> Tensor:
    """At least `number` inputs, in the same layout: these, and the first one again as often as needed.

    >>> padded(torch.rand(3, 2, 5, 5), 4).shape
    torch.Size([4, 2, 5, 5])
    """
    if len(inputs) >= number:
        return inputs
    filled = torch.cat([inputs, inputs[:1].expand(number - len(inputs), -1, -1, -1)])
    return filled.contiguous(memory_format=torch.channels_last)


def normalise(pixels: Tensor, normalisation: Normalisation) -> Tensor:
    """Levels [n x 3 x height x width] to the network's input, with torchvision's operations in their
    order.
    """
    if normalisation.bgr:
        pixels = pixels.flip(1)
    number, colours, height, width = pixels.shape
    rows = pixels.permute(0, 2, 3, 1).reshape(
        number * height, width * colours
    )  # as the renderer lays them out
    mean, std = (_row(values, width, pixels.device) for values in (normalisation.mean, normalisation.std))
    normalised = rows.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)
    return normalised.view(number, height, width, colours).permute(0, 3, 1, 2)


@lru_cache(maxsize=256)
def _row(values: tuple[float, ...], width: int, device: torch.device) -> Tensor:
    """A value for each colour of a row of pixels. It is kept, since an upload waits for what a GPU does."""
    return torch.tensor(values, device=device).repeat(width)
