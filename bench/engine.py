"""The loop: decode and render in threads, classify in full batches, pool, and hand out shards.

A shard is a fixed range of images, and no batch crosses its border. So a shard depends on its images alone: neither
an interruption nor the number of workers changes a single bit of it.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Images
from bench.data.decode import decode
from bench.data.names import shown
from bench.errors import BenchError, UnreadableImage
from bench.render import Render, Rendered
from crops import Dialect, Plan, pool_scores
from results.run import Shard

SHARD_CROPS = 4096
SHARD_IMAGES = 500

Score = Callable[[Tensor], Tensor]
"""Pixels [n x 3 x height x width] -> scores [n x classes] on the CPU."""

Progress = Callable[[int, bool | None], None]
"""Called for each image that is done: crops classified, and whether the prediction is right (None: skipped)."""


def shard_size(plan: Plan | Dialect) -> int:
    """Images in a shard: so many that losing one unfinished shard costs little, and that the files are few."""
    views = len(plan.views) if isinstance(plan, Plan) else 1
    return min(SHARD_IMAGES, max(1, SHARD_CROPS // views))


@dataclass
class _Pending:
    """An image that waits for the scores of its crops: [crops x classes] of each network, once none is missing."""

    index: int
    weights: NDArray[np.float64]
    scores: list[list[NDArray[np.float32]] | None]
    unreadable: UnreadableImage | None = None

    @property
    def done(self) -> bool:
        return not any(row is None for row in self.scores)


class _Batches:
    """Crops of several images, gathered by shape and classified as soon as a batch is full."""

    def __init__(self, scores: Sequence[Score], batch: int, area: int) -> None:
        """`batch` in crops of `area` pixels; larger inputs are classified in smaller batches."""
        self._scores, self._pixels = scores, batch * area
        self._queues: dict[torch.Size, list[tuple[_Pending, int, Tensor]]] = defaultdict(list)

    def add(self, pending: _Pending, crops: list[Tensor]) -> None:
        for column, crop in enumerate(crops):
            queue = self._queues[crop.shape]
            queue.append((pending, column, crop))
            if len(queue) >= max(1, self._pixels // (crop.shape[1] * crop.shape[2])):
                self._classify(queue)

    def flush(self) -> None:
        for queue in self._queues.values():
            if queue:
                self._classify(queue)

    def _classify(self, queue: list[tuple[_Pending, int, Tensor]]) -> None:
        crops = torch.stack([crop for _, _, crop in queue])
        scores = [score(crops).numpy() for score in self._scores]
        for (pending, column, _), *rows in zip(queue, *scores, strict=True):
            pending.scores[column] = rows
        queue.clear()


def shards(
    images: Images,
    todo: list[range],
    plan: Plan | Dialect,
    render: Render,
    scores: Sequence[Score],
    *,
    batch: int,
    workers: int,
    skip_unreadable: bool,
    progress: Progress,
) -> Iterator[list[Shard]]:
    """Evaluate the images of each range in `todo`, in order: a shard for each network, which `scores` stand for.

    Each image is decoded and rendered once, for all of them; `progress` is told of the first one's prediction.
    Raises `UnreadableImage` unless `skip_unreadable`, and `BenchError` where the network's output is not finite.
    """
    stream = _rendered(images, [index for part in todo for index in part], render, workers)
    batches = _Batches(scores, batch, plan.size**2)
    for part in todo:
        skipped: dict[str, str] = {}
        kept: list[int] = []
        pooled: list[list[NDArray[np.float32]]] = [[] for _ in scores]
        for image in _classified(islice(stream, len(part)), batches):
            name = shown(images.ids[image.index])
            if image.unreadable:
                if not skip_unreadable:
                    raise UnreadableImage(
                        f"{name} in {images.path}: {image.unreadable}; repair it, or leave such images out with --skip-unreadable"
                    )
                skipped[images.ids[image.index]] = str(image.unreadable)
                progress(0, None)
                continue
            kept.append(image.index)
            for network, rows in zip(pooled, zip(*filter(None, image.scores), strict=True), strict=True):
                outputs = np.stack(rows)
                if not np.isfinite(outputs).all():
                    raise BenchError(f"the network's output for {name} is not finite: try --precision fp32, or other weights")
                network.append(pool_scores(outputs, image.weights, plan.pool))
            progress(len(image.scores) * len(scores), bool(pooled[0][-1][-1].argmax() == images.labels[image.index]))
        ids, labels = [images.ids[index] for index in kept], images.labels[kept]
        empty = np.empty((0, len(plan.names), len(images.classes)), dtype=np.float32)
        tables = [np.stack(network) if network else empty for network in pooled]
        yield [
            Shard(
                part.start, part.stop, ids, labels,
                {name: np.ascontiguousarray(table[:, row]) for row, name in enumerate(plan.names)}, skipped,
            )
            for table in tables
        ]  # fmt: skip


def _rendered(images: Images, indices: Iterable[int], render: Render, workers: int) -> Iterator[tuple[int, Rendered | UnreadableImage]]:
    """Each image's crops, in order, made by `workers` threads that stay a few images ahead and no more."""

    def work(index: int) -> Rendered | UnreadableImage:
        try:
            return render(decode(images.read(index)))
        except UnreadableImage as error:
            return error
        except OSError as error:
            return UnreadableImage(f"cannot be read: {error.strerror or error}")

    # one torch thread in each worker: the others belong to the network
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        ahead: deque[tuple[int, Future[Rendered | UnreadableImage]]] = deque()
        try:
            for index in indices:
                ahead.append((index, pool.submit(work, index)))
                if len(ahead) > workers + 2:
                    done, future = ahead.popleft()
                    yield done, future.result()
            while ahead:
                done, future = ahead.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _classified(stream: Iterable[tuple[int, Rendered | UnreadableImage]], batches: _Batches) -> Iterator[_Pending]:
    """Each image with its scores, in order; batches fill up across images."""
    waiting: deque[_Pending] = deque()
    for index, result in stream:
        if isinstance(result, UnreadableImage):
            waiting.append(_Pending(index, np.empty((0, 0)), [], result))
        else:
            crops, weights = result
            waiting.append(_Pending(index, weights, [None] * len(crops)))
            batches.add(waiting[-1], crops)
        while waiting and waiting[0].done:
            yield waiting.popleft()
    batches.flush()
    yield from waiting
