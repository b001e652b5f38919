"""The loop over the images: decode and render in threads, classify in full batches, pool, and yield shards.

    part   a range of images, which becomes one shard for each network
    image  read, decoded and rendered by one of `workers` threads, a little ahead of the others
    crops  join those of other images of the part in a batch, which one of `streams` threads classifies
    scores pooled into probabilities once all crops of an image are classified

No batch crosses the border of a part. So a shard depends on its images alone: neither an interruption
nor the number of threads changes a single bit of it.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Images
from bench.data.decode import decode
from bench.data.file_names import shown
from bench.data.images import content_hash
from bench.device import Runtime, release_freed_memory
from bench.distributed import Advance
from bench.errors import BenchError, UnreadableImage, first_line, is_out_of_memory
from bench.evaluation.render import Render, Rendered
from crops import Dialect, Plan, pool_scores
from results.run import Shard

SHARD_CROPS = 4096
SHARD_IMAGES = 500

Scores = NDArray[np.float32]
"""[crops x classes]"""

Score = Callable[[Tensor], Tensor]
"""From levels [n x 3 x height x width] to scores [n x classes] on the CPU."""


def shard_size(plan: Plan | Dialect) -> int:
    """Images in a shard: so many that losing an unfinished one costs little, and that there are few files."""
    return min(SHARD_IMAGES, max(1, SHARD_CROPS // plan.crops))


@dataclass
class Pipeline:
    """Networks that see the same crops of the same images, each decoded and rendered once for all of them.

    Where memory runs out, outside of the networks too, the batch is halved and the part begun again.
    """

    images: Images
    plan: Plan | Dialect
    render: Render
    scorers: Sequence[Score]
    """What classifies, for each network."""
    runtime: Runtime
    note: Callable[[str], None] = lambda text: None
    """Called when the batch is halved."""
    batch: int = field(init=False)
    """Crops of the network's input that are gathered for a batch: never more than a part has."""

    def __post_init__(self) -> None:
        self.batch = min(self.runtime.batch, shard_size(self.plan) * self.plan.crops)

    def shards(
        self,
        parts: Iterable[range],
        *,
        skip_unreadable: bool = False,
        progress: Advance = lambda crops, right: None,
    ) -> Iterator[list[Shard]]:
        """Evaluate the images of each part, in order: a shard for each network.

        A part is taken from `parts` when its first image is about to be decoded, a little ahead of the
        one whose shards come next. `progress` is called for each image with the first network's
        prediction. Raises `UnreadableImage` unless `skip_unreadable`, and `BenchError` where a
        network's output is not finite, or memory does not suffice for one crop at a time.
        """
        unfinished = _Unfinished(parts)
        shown: set[int] = set()  # the images of the part in hand that `progress` knows of

        def show_once(image: _Image, right: bool | None) -> None:
            if image.index not in shown:
                shown.add(image.index)
                progress(image.crops * len(self.scorers), right)

        while True:
            try:
                for part, images in groupby(self._images(unfinished), key=lambda image: image.part):
                    yield self._shards_of(part, images, skip_unreadable, show_once)
                    unfinished.remove(part)
                    shown.clear()
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = first_line(error)
            self._halve_batch(reason)  # out here, where no traceback keeps crops in memory

    def _images(self, parts: Iterable[range]) -> Generator["_Image"]:
        """Each image of the parts, once its crops are classified."""
        runtime = self.runtime
        ahead = runtime.workers + 2 * self.batch // self.plan.crops  # enough for the next batches
        batches = _Batches(self.scorers, self.batch, self.plan.size**2, runtime.streams)
        rendered = _rendered(self.images, parts, self.render, runtime.workers, ahead)
        with closing(rendered), closing(batches), closing(_classified(rendered, batches)) as classified:
            yield from classified

    def _halve_batch(self, reason: str) -> None:
        if self.batch == 1:
            raise BenchError(
                f"out of memory with one crop at a time ({reason}): free some, or pass fewer --workers"
            )
        self.batch //= 2
        release_freed_memory()
        self.note(f"out of memory: continuing with a batch of {self.batch:,}")

    def _shards_of(
        self,
        part: range,
        images: Iterable["_Image"],
        skip_unreadable: bool,
        show: Callable[["_Image", bool | None], None],
    ) -> list[Shard]:
        """The shards of a part, one for each network."""
        skipped: dict[int, str] = {}
        pooled: dict[int, list[NDArray[np.float32]]] = {}
        content: list[int] = []
        for image in images:
            if image.unreadable:
                if not skip_unreadable:
                    raise self._unreadable(image.index, image.unreadable)
                skipped[image.index] = str(image.unreadable)
                show(image, None)
                continue
            content.append(image.content)
            pooled[image.index] = [self._pool(image, scores) for scores in image.scores()]
            first_network = pooled[image.index][0]
            right = first_network[-1].argmax() == self.images.labels[image.index]
            show(image, bool(right))
        networks = range(len(self.scorers))
        return [
            self._shard(part, [rows[network] for rows in pooled.values()], content, skipped)
            for network in networks
        ]

    def _pool(self, image: "_Image", scores: Scores) -> NDArray[np.float32]:
        """[protocols x classes] of an image. Raises `BenchError` where the scores are not finite."""
        if not np.isfinite(scores).all():
            raise BenchError(
                f"the network's output for {shown(self.images.ids[image.index])} is not finite: "
                "try --precision fp32, or other weights"
            )
        return pool_scores(scores, image.weights, self.plan.pool)

    def _shard(
        self, part: range, pooled: list[NDArray[np.float32]], content: list[int], skipped: dict[int, str]
    ) -> Shard:
        """One network's shard: [protocols x classes] and the file's hash for each image not `skipped`."""
        names, ids = self.plan.names, self.images.ids
        kept = [index for index in part if index not in skipped]
        table = (
            np.stack(pooled) if pooled else np.empty((0, len(names), len(self.images.classes)), np.float32)
        )
        probabilities = {name: np.ascontiguousarray(table[:, row]) for row, name in enumerate(names)}
        reasons = {ids[index]: reason for index, reason in skipped.items()}
        kept_ids = [ids[index] for index in kept]
        hashes = np.array(content, dtype=np.uint64)
        labels = self.images.labels[kept]
        return Shard(part.start, part.stop, kept_ids, labels, probabilities, reasons, hashes)

    def _unreadable(self, index: int, reason: UnreadableImage) -> UnreadableImage:
        where = f"{shown(self.images.ids[index])} in {self.images.path}"
        return UnreadableImage(
            f"{where}: {reason}; repair it, or leave such images out with --skip-unreadable"
        )


class _Unfinished:
    """Parts that are taken one by one; those that were taken and not finished come again, first."""

    def __init__(self, parts: Iterable[range]) -> None:
        self._new, self._taken = iter(parts), list[range]()

    def __iter__(self) -> Iterator[range]:
        yield from list(self._taken)
        for part in self._new:
            self._taken.append(part)
            yield part

    def remove(self, part: range) -> None:
        """A part is finished."""
        self._taken.remove(part)


@dataclass(frozen=True)
class _Stretch:
    """Consecutive crops of one image that are in one batch."""

    first_crop: int
    """Of the image."""
    first_row: int
    """Of the batch."""
    number: int
    batch: Future[list[Scores]]
    """[rows x classes] for each network."""


@dataclass
class _Image:
    """An image on its way through the networks."""

    part: range
    index: int
    content: int
    """The `content_hash` of its file."""
    weights: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """[protocols x crops]"""
    crops: int = 0
    stretches: list[_Stretch] = field(default_factory=list)
    """The crops that are in a batch so far."""
    unreadable: UnreadableImage | None = None

    @property
    def classified(self) -> bool:
        batched = sum(stretch.number for stretch in self.stretches)
        return batched == self.crops and all(stretch.batch.done() for stretch in self.stretches)

    def scores(self) -> list[Scores]:
        """[crops x classes] for each network."""
        ordered = sorted(self.stretches, key=lambda stretch: stretch.first_crop)
        rows = [
            [
                scores[stretch.first_row : stretch.first_row + stretch.number]
                for scores in stretch.batch.result()
            ]
            for stretch in ordered
        ]
        return [np.concatenate(network) for network in zip(*rows, strict=True)]


@dataclass
class _Queue:
    """Crops of one shape that wait until they fill a batch."""

    full: int
    """Crops in a batch."""
    blocks: list[Tensor] = field(default_factory=list)
    owners: list[tuple[_Image, int, int]] = field(default_factory=list)
    """For each block: its image, its first crop of that image, and how many crops it has."""
    number: int = 0
    """Crops in all blocks."""


class _Batches:
    """Crops of several images, gathered by shape, and classified by `streams` threads as soon as a
    batch is full.
    """

    def __init__(self, scorers: Sequence[Score], batch: int, area: int, streams: int) -> None:
        """`batch` counts crops of `area` pixels; larger inputs are classified in smaller batches."""
        self._scorers, self._pixels = scorers, batch * area
        self._queues: dict[tuple[int, int], _Queue] = {}
        self._pool = single_core_threads(streams)
        self._running: deque[Future[list[Scores]]] = deque()
        self._most_running = 2 * streams  # so that no thread waits for its next batch

    def add(self, image: _Image, blocks: list[Tensor]) -> None:
        """Put an image's crops into batches."""
        first_crop = 0
        for block in blocks:
            self._add_block(image, first_crop, block)
            first_crop += len(block)

    def flush(self) -> None:
        """Classify what is left in batches that are not full."""
        for queue in self._queues.values():
            if queue.number:
                self._submit(queue)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _add_block(self, image: _Image, first_crop: int, block: Tensor) -> None:
        queue = self._queue_for(block)
        added = 0
        while added < len(block):
            number = min(queue.full - queue.number, len(block) - added)
            queue.blocks.append(block[added : added + number])
            queue.owners.append((image, first_crop + added, number))
            queue.number += number
            added += number
            if queue.number == queue.full:
                self._submit(queue)

    def _queue_for(self, block: Tensor) -> _Queue:
        height, width = block.shape[2:]
        if (height, width) not in self._queues:
            self._queues[height, width] = _Queue(full=max(1, self._pixels // (height * width)))
        return self._queues[height, width]

    def _submit(self, queue: _Queue) -> None:
        while len(self._running) >= self._most_running:
            wait([self._running.popleft()])
        batch = self._pool.submit(self._classify, queue.blocks)
        self._running.append(batch)
        row = 0
        for image, first_crop, number in queue.owners:
            image.stretches.append(_Stretch(first_crop, row, number, batch))
            row += number
        queue.blocks, queue.owners, queue.number = [], [], 0

    def _classify(self, blocks: list[Tensor]) -> list[Scores]:
        pixels = torch.cat(blocks)
        return [score(pixels).numpy() for score in self._scorers]


@dataclass(frozen=True)
class _Read:
    """An image that was read, and decoded and rendered where that is possible."""

    content: int
    """The `content_hash` of its file."""
    result: Rendered | UnreadableImage


def _classified(rendered: Iterable[tuple[range, int, _Read]], batches: _Batches) -> Generator[_Image]:
    """Each image in order, once its crops are classified; a batch fills up with images of one part."""
    waiting: deque[_Image] = deque()
    for part, index, image in rendered:
        if isinstance(image.result, UnreadableImage):
            waiting.append(_Image(part, index, image.content, unreadable=image.result))
        else:
            waiting.append(_Image(part, index, image.content, image.result.weights, image.result.crops))
            batches.add(waiting[-1], image.result.blocks)
        while waiting and waiting[0].classified:
            yield waiting.popleft()
        if index == part[-1]:
            batches.flush()
    yield from waiting


def _rendered(
    images: Images, parts: Iterable[range], render: Render, workers: int, most_ahead: int
) -> Generator[tuple[range, int, _Read]]:
    """Each image of the parts in order: its part, index and crops, by threads that stay `most_ahead`
    images ahead.
    """

    def read_and_render(index: int) -> _Read:
        data = images.read_unchanged(index)
        try:
            return _Read(content_hash(data), render(decode(data)))
        except UnreadableImage as error:
            return _Read(content_hash(data), error)

    pool = single_core_threads(workers)
    ahead: deque[tuple[range, int, Future[_Read]]] = deque()
    try:
        for part in parts:
            for index in part:
                ahead.append((part, index, pool.submit(read_and_render, index)))
                if len(ahead) > most_ahead:
                    yield _first_result(ahead)
        while ahead:
            yield _first_result(ahead)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _first_result(ahead: deque[tuple[range, int, Future[_Read]]]) -> tuple[range, int, _Read]:
    part, index, future = ahead.popleft()
    return part, index, future.result()


def single_core_threads(number: int) -> ThreadPoolExecutor:
    """Threads whose operations do not spread to other cores, which have threads of their own."""
    return ThreadPoolExecutor(number, initializer=torch.set_num_threads, initargs=(1,))
