"""The loop: decode and render in threads, classify in full batches, pool, and hand out shards.

A shard is a fixed range of images, and no batch crosses its border. So a shard depends on its images alone: neither
an interruption nor the number of threads changes a single bit of it.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, tee

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Images
from bench.data.decode import decode
from bench.data.file_names import shown
from bench.device import Runtime
from bench.distributed import Advance
from bench.errors import BenchError, DataError, UnreadableImage
from bench.evaluation.render import Render, Rendered
from crops import Dialect, Plan, pool_scores
from results.run import Shard

SHARD_CROPS = 4096
SHARD_IMAGES = 500

Score = Callable[[Tensor], Tensor]
"""Pixels [n x 3 x height x width] -> scores [n x classes] on the CPU."""


def shard_size(plan: Plan | Dialect) -> int:
    """Images in a shard: so many that losing one unfinished shard costs little, and that the files are few."""
    return min(SHARD_IMAGES, max(1, SHARD_CROPS // views(plan)))


def views(plan: Plan | Dialect) -> int:
    """Crops of an image."""
    return len(plan.views) if isinstance(plan, Plan) else 1


@dataclass(frozen=True)
class _Part:
    """Crops of one image in a batch: columns of the image's plan, rows of the batch."""

    column: int
    row: int
    number: int
    batch: Future[list[NDArray[np.float32]]]


@dataclass
class _Pending:
    """An image whose crops are on their way: `parts` are those that a batch has taken."""

    index: int
    weights: NDArray[np.float64]
    crops: int
    parts: list[_Part] = field(default_factory=list)
    unreadable: UnreadableImage | None = None

    @property
    def done(self) -> bool:
        return sum(part.number for part in self.parts) == self.crops and all(
            part.batch.done() for part in self.parts
        )

    def scores(self) -> list[NDArray[np.float32]]:
        """[crops x classes] of each network."""
        parts = sorted(self.parts, key=lambda part: part.column)
        rows = [
            [network[part.row : part.row + part.number] for network in part.batch.result()] for part in parts
        ]
        return [np.concatenate(network) for network in zip(*rows, strict=True)]


@dataclass
class _Queue:
    """Crops of one shape that wait for their batch of `full` crops: of which image, from which column on."""

    full: int
    crops: list[Tensor] = field(default_factory=list)
    owners: list[tuple[_Pending, int, int]] = field(default_factory=list)
    number: int = 0


class _Batches:
    """Crops of several images, gathered by shape and classified by `streams` threads as soon as a batch is full."""

    def __init__(self, scores: Sequence[Score], batch: int, area: int, streams: int) -> None:
        """`batch` in crops of `area` pixels; larger inputs are classified in smaller batches."""
        self._scores, self._pixels = scores, batch * area
        self._queues: dict[tuple[int, int], _Queue] = {}
        self._pool = threads(streams)
        self._running: deque[Future[list[NDArray[np.float32]]]] = deque()
        self._ahead = 2 * streams  # so many that no thread waits for its next batch, and no more

    def add(self, pending: _Pending, blocks: list[Tensor]) -> None:
        column = 0
        for block in blocks:
            number, _, height, width = block.shape
            queue = self._queues.get((height, width)) or self._queues.setdefault(
                (height, width), _Queue(max(1, self._pixels // (height * width)))
            )
            first = 0
            while first < number:
                taken = min(queue.full - queue.number, number - first)
                queue.crops.append(block[first : first + taken])
                queue.owners.append((pending, column + first, taken))
                queue.number += taken
                first += taken
                if queue.number == queue.full:
                    self._submit(queue)
            column += number

    def flush(self) -> None:
        """Let what is left be classified in batches that are not full."""
        for queue in self._queues.values():
            if queue.number:
                self._submit(queue)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, queue: _Queue) -> None:
        while len(self._running) >= self._ahead:
            wait([self._running.popleft()])
        batch = self._pool.submit(self._classify, queue.crops)
        self._running.append(batch)
        row = 0
        for pending, column, number in queue.owners:
            pending.parts.append(_Part(column, row, number, batch))
            row += number
        queue.crops, queue.owners, queue.number = [], [], 0

    def _classify(self, parts: list[Tensor]) -> list[NDArray[np.float32]]:
        pixels = torch.cat(parts)
        return [score(pixels).numpy() for score in self._scores]


def shards(
    images: Images,
    todo: Iterable[range],
    plan: Plan | Dialect,
    render: Render,
    scores: Sequence[Score],
    *,
    runtime: Runtime,
    skip_unreadable: bool,
    progress: Advance,
) -> Iterator[list[Shard]]:
    """Evaluate the images of each range in `todo`, in order: a shard for each network, which `scores` stand for.

    A range is taken when its first image is about to be decoded, a little ahead of the one whose shards come next.

    Each image is decoded and rendered once, for all of them; `progress` is told of the first one's prediction.
    Raises `UnreadableImage` unless `skip_unreadable`, and `BenchError` where the network's output is not finite.
    """
    batches = _Batches(scores, runtime.batch, plan.size**2, runtime.streams)
    ahead = runtime.workers + 2 * runtime.batch // views(
        plan
    )  # images: enough for the next batches, and no more
    to_render, to_classify, to_pool = tee(todo, 3)
    rendered = _rendered(
        images, (index for part in to_render for index in part), render, runtime.workers, ahead
    )
    with (
        closing(rendered),
        closing(batches),
        closing(_classified(rendered, to_classify, batches)) as classified,
    ):
        for part in to_pool:
            skipped: dict[int, str] = {}
            pooled: dict[int, list[NDArray[np.float32]]] = {}
            for image in islice(classified, len(part)):
                if image.unreadable:
                    skipped[image.index] = _reason(image.unreadable, image.index, images, skip_unreadable)
                    progress(0, None)
                    continue
                pooled[image.index] = [
                    pool_scores(_finite(rows, image.index, images), image.weights, plan.pool)
                    for rows in image.scores()
                ]
                right = pooled[image.index][0][-1].argmax() == images.labels[image.index]
                progress(image.crops * len(scores), bool(right))
            yield [
                _shard(images, part, [rows[network] for rows in pooled.values()], skipped, plan)
                for network in range(len(scores))
            ]


def _reason(error: UnreadableImage, index: int, images: Images, skip: bool) -> str:
    """Why an image is left out, or an end to it all."""
    if skip:
        return str(error)
    raise UnreadableImage(
        f"{shown(images.ids[index])} in {images.path}: {error}; repair it, or leave such images out with --skip-unreadable"
    )


def _finite(scores: NDArray[np.float32], index: int, images: Images) -> NDArray[np.float32]:
    if not np.isfinite(scores).all():
        raise BenchError(
            f"the network's output for {shown(images.ids[index])} is not finite: try --precision fp32, or other weights"
        )
    return scores


def _shard(
    images: Images,
    part: range,
    pooled: list[NDArray[np.float32]],
    skipped: dict[int, str],
    plan: Plan | Dialect,
) -> Shard:
    """One network's shard of a range: `pooled` are [protocols x classes] for each image that is not `skipped`."""
    kept = [index for index in part if index not in skipped]
    table = (
        np.stack(pooled) if pooled else np.empty((0, len(plan.names), len(images.classes)), dtype=np.float32)
    )
    probabilities = {name: np.ascontiguousarray(table[:, row]) for row, name in enumerate(plan.names)}
    reasons = {images.ids[index]: why for index, why in skipped.items()}
    return Shard(
        part.start,
        part.stop,
        [images.ids[index] for index in kept],
        images.labels[kept],
        probabilities,
        reasons,
    )


def _classified(
    rendered: Iterator[tuple[int, Rendered | UnreadableImage]], todo: Iterable[range], batches: _Batches
) -> Generator[_Pending]:
    """Each image of the ranges in order, once its crops are classified; a batch fills up across images of one range."""
    waiting: deque[_Pending] = deque()
    for part in todo:
        for index, result in islice(rendered, len(part)):
            if isinstance(result, UnreadableImage):
                waiting.append(_Pending(index, np.empty((0, 0)), 0, unreadable=result))
            else:
                blocks, weights = result
                waiting.append(_Pending(index, weights, sum(block.shape[0] for block in blocks)))
                batches.add(waiting[-1], blocks)
            while waiting and waiting[0].done:
                yield waiting.popleft()
        batches.flush()
    yield from waiting


def _rendered(
    images: Images, indices: Iterable[int], render: Render, workers: int, most: int
) -> Generator[tuple[int, Rendered | UnreadableImage]]:
    """Each image's crops, in order, made by `workers` threads that stay `most` images ahead."""

    def work(index: int) -> Rendered | UnreadableImage:
        try:
            data = images.read(index)
        except OSError as error:  # of the disk or the network, and not of the image
            where = f"{shown(images.ids[index])} in {images.path}"
            raise DataError(
                f"{where} cannot be read ({error.strerror or error}): the same command continues"
            ) from None
        try:
            return render(decode(data))
        except UnreadableImage as error:
            return error

    pool = threads(workers)
    ahead: deque[tuple[int, Future[Rendered | UnreadableImage]]] = deque()
    try:
        for index in indices:
            ahead.append((index, pool.submit(work, index)))
            if len(ahead) > most:
                done, future = ahead.popleft()
                yield done, future.result()
        while ahead:
            done, future = ahead.popleft()
            yield done, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def threads(number: int) -> ThreadPoolExecutor:
    """Threads whose operations do not spread to other cores, which have threads of their own."""
    return ThreadPoolExecutor(number, initializer=torch.set_num_threads, initargs=(1,))
