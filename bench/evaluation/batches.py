"""Crops of several chunks, gathered by shape, and classified as soon as a batch is full."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.evaluation.chunks import Chunk, single_core_threads
from bench.evaluation.render import Crops

Scores = NDArray[np.float32]
"""[crops x classes]"""


class OnTheWay(Protocol):
    """Scores that may not be on the CPU yet."""

    def numpy(self) -> Scores:
        """The scores, once they are there."""


Score = Callable[[Tensor], OnTheWay]
"""From levels [n x 3 x height x width] to scores [n x classes]."""


@dataclass
class Batch:
    """Crops of one shape that are classified together."""

    slices: list[tuple[Crops, int, int]] = field(default_factory=list)
    """Crops, the first of them that belongs here, and how many do."""
    crops: int = 0
    scores: Future[list[OnTheWay]] | None = None
    """[crops x classes] for each network, once the batch is on its way."""

    def add(self, crops: Crops, first: int, number: int) -> None:
        """Add so many of the crops, from `first` on."""
        self.slices.append((crops, first, number))
        self.crops += number

    def pixels(self, preferred: torch.dtype) -> Tensor:
        """[crops x 3 x height x width] levels, channels-last; of the `preferred` type where the crops have
        none of their own.
        """
        first, _, _ = self.slices[0]
        shape, dtype = (self.crops, 3, *first.shape), first.dtype or preferred
        pixels = torch.empty(shape, dtype=dtype, device=first.device, memory_format=torch.channels_last)
        row = 0
        for crops, start, number in self.slices:
            crops.copy_to(pixels[row : row + number], start)
            row += number
        return pixels


@dataclass(frozen=True)
class Classified:
    """A chunk whose crops are in batches."""

    chunk: Chunk
    stretches: list[tuple[Batch, int, int]]
    """Its crops in order: a batch, their first row in it, and how many there are."""

    @property
    def done(self) -> bool:
        """Whether all of its crops are classified."""
        return all(batch.scores and batch.scores.done() for batch, _, _ in self.stretches)

    def scores(self, network: int) -> Scores:
        """[crops x classes] of one network. Waits for them, and raises what classifying them raised."""
        rows = []
        for batch, row, number in self.stretches:
            assert batch.scores  # once the part is through
            rows.append(batch.scores.result()[network].numpy()[row : row + number])
        return rows[0] if len(rows) == 1 else np.concatenate(rows)


class Batches:
    """Puts crops into batches, which `streams` threads classify."""

    def __init__(
        self, scorers: Sequence[Score], batch: int, area: int, streams: int, levels: torch.dtype
    ) -> None:
        """`batch` counts crops of `area` pixels; larger inputs are classified in smaller batches. `levels` is
        the type that the scorers prefer.
        """
        self._scorers, self._pixels, self._levels = scorers, batch * area, levels
        self._open: dict[tuple[int, int], Batch] = {}
        self._pool = single_core_threads(streams)
        self._running: deque[Future[list[OnTheWay]]] = deque()
        self._most_running = 2 * streams  # so that no thread waits for its next batch

    def classify(self, chunks: Iterable[Chunk]) -> Generator[Classified]:
        """Each chunk, once its crops are classified; a batch fills up with crops of one part."""
        waiting: deque[Classified] = deque()
        for chunk in chunks:
            waiting.append(self._add(chunk))
            while waiting and waiting[0].done:
                yield waiting.popleft()
            if chunk.images.stop == chunk.part.stop:
                self._flush()
        yield from waiting

    def close(self) -> None:
        """Wait for what runs, and drop the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _add(self, chunk: Chunk) -> Classified:
        stretches = []
        for crops in chunk.crops:
            first = 0
            while first < len(crops):
                batch = self._open.setdefault(crops.shape, Batch())
                number = min(self._full(crops.shape) - batch.crops, len(crops) - first)
                stretches.append((batch, batch.crops, number))
                batch.add(crops, first, number)
                first += number
                if batch.crops == self._full(crops.shape):
                    self._submit(self._open.pop(crops.shape))
        return Classified(chunk, stretches)

    def _full(self, shape: tuple[int, int]) -> int:
        height, width = shape
        return max(1, self._pixels // (height * width))

    def _flush(self) -> None:
        """Classify what is left in batches that are not full."""
        for batch in self._open.values():
            self._submit(batch)
        self._open.clear()

    def _submit(self, batch: Batch) -> None:
        while len(self._running) >= self._most_running:
            wait([self._running.popleft()])
        batch.scores = self._pool.submit(self._classify, batch)
        self._running.append(batch.scores)

    def _classify(self, batch: Batch) -> list[OnTheWay]:
        pixels = batch.pixels(self._levels)
        batch.slices.clear()  # their memory is not needed any more
        return [score(pixels) for score in self._scorers]
