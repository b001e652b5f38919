"""A network where it runs: pixels in, scores out."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from bench.device import PRECISIONS, Runtime
from bench.errors import BenchError
from bench.zoo.dense import dense
from bench.zoo.folding import fold_batch_norms, fold_normalisation
from bench.zoo.loading import LoadedNetwork
from crops import Normalisation


class Scorer:
    """A function from pixels in levels [n x 3 x height x width] to scores [n x classes] in float32 on the CPU.

    Scores are probabilities, or logits where `logits`. An input larger than the network's is taken densely, and its
    scores are averaged over the positions. Several threads may call it. Where memory does not suffice for a batch it is
    halved, for good, and `note` is told. `folded` counts the batch normalisations that a convolution took over, and
    `batch` is the number of crops that are classified at a time.
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
        self._runtime, self._logits, self._note = runtime, logits, note
        self._size, self._pool = network.preprocessing.size, network.pool
        self._dtype = PRECISIONS[runtime.precision]
        module, self.folded = fold_batch_norms(network.module, self._size)
        on_levels = fold_normalisation(module, self._size, normalisation, normalise)
        self._normalisation = normalisation if on_levels is None else None
        self._module = copy.deepcopy(on_levels or module).to(
            runtime.device, self._dtype, memory_format=torch.channels_last
        )  # type: ignore[call-overload]
        self._columns = network.columns().to(runtime.device)
        self._on_crops: Callable[[Tensor], Tensor] = (
            torch.compile(self._module) if runtime.compile else self._module
        )
        self._densely: Callable[[Tensor], Tensor] | None = None
        self.batch = runtime.batch

    def __call__(self, pixels: Tensor) -> Tensor:
        """Raises `BenchError` where memory does not suffice for one crop."""
        area = pixels.shape[2] * pixels.shape[3]
        scores: list[Tensor] = []
        while (done := sum(map(len, scores))) < len(pixels):
            part = pixels[done : done + max(1, self.batch * self._size**2 // area)]
            try:
                scores.append(self.classify(self.prepare(part)).cpu())
            except RuntimeError as error:
                self._halve(len(part), area, error)
        return torch.cat(scores)

    @torch.inference_mode()
    def prepare(self, pixels: Tensor) -> Tensor:
        """The network's input on its device, of levels."""
        pixels = pixels.to(self._runtime.device, non_blocking=True)
        if self._normalisation:
            pixels = normalise(pixels, self._normalisation)
        return pixels.to(self._dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def classify(self, inputs: Tensor) -> Tensor:
        """Scores of what `prepare` made, on the device."""
        count = len(inputs)
        if inputs.shape[2:] != (self._size, self._size):
            self._densely = self._densely or dense(self._module, self._pool, self._size)
            outputs = self._densely(inputs)
        else:
            if (
                self._runtime.compile and count < self.batch
            ):  # one shape, one compilation; the surplus is dropped below
                inputs = torch.cat([inputs, inputs[:1].expand(self.batch - count, -1, -1, -1)])
            outputs = self._on_crops(inputs)[:count, None]
        outputs = outputs.float()[..., self._columns]
        return (outputs if self._logits else outputs.softmax(-1)).mean(1)

    def _halve(self, count: int, area: int, error: RuntimeError) -> None:
        """Make room for a batch of `count` crops of `area` pixels that did not fit, or raise what is to be said."""
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise error
        if count == 1:
            raise BenchError(
                f"{self._runtime.device} is out of memory with one crop at a time: free some, or choose another --device"
            )
        fits = max(1, count * area // self._size**2 // 2)
        if fits < self.batch:  # else another thread has halved it
            self.batch = fits
            self._note(
                f"{self._runtime.device} is out of memory with {count} crops at a time: going on with {max(1, count // 2)}"
            )
        if self._runtime.device.type == "cuda":
            torch.cuda.empty_cache()


def normalise(pixels: Tensor, normalisation: Normalisation) -> Tensor:
    """Levels [n x 3 x height x width] to the network's input, with the operations and the order of torchvision."""
    if normalisation.bgr:
        pixels = pixels.flip(1)
    number, colours, height, width = pixels.shape
    rows = pixels.permute(0, 2, 3, 1).reshape(
        number * height, width * colours
    )  # colours side by side, as the renderer has them
    mean, std = (
        torch.tensor(values, device=pixels.device).repeat(width)
        for values in (normalisation.mean, normalisation.std)
    )
    return (
        rows.to(torch.float32, copy=True)
        .div_(255)
        .sub_(mean)
        .div_(std)
        .view(number, height, width, colours)
        .permute(0, 3, 1, 2)
    )
