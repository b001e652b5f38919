"""The loop over the images: decode and render in threads, classify in full batches, pool, and yield shards.

    part    a range of images, which becomes one shard for each network
    chunk   some consecutive images of a part, read, decoded and rendered by one of `workers` threads, a
            little ahead of the others (`chunks`)
    batch   crops of one or several chunks of a part, classified by one of `streams` threads (`batches`)
    scores  pooled into probabilities once all crops of a chunk are classified

No batch crosses the border of a part. So a shard depends on its images alone: neither an interruption
nor the number of threads changes a single bit of it.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data import Images
from bench.data.file_names import shown
from bench.device import Runtime, release_freed_memory
from bench.errors import BenchError, DataError, NotFinite, UnreadableImage, first_line, is_out_of_memory
from bench.evaluation.batches import Batches, Classified, Score, Scores
from bench.evaluation.chunks import Chunk, read_chunks
from bench.evaluation.render import Renderer
from bench.progress import Advance, Done
from crops import NATIVE, Plan, pool_scores
from results.run import Shard

SHARD_CROPS = 4096
SHARD_IMAGES = 500


Probabilities = NDArray[np.float32]
"""[images x protocols x classes]"""


def shard_size(plan: Plan) -> int:
    """Images in a shard: so many that losing an unfinished one costs little, and that there are few files.

    The native crop does not count, so that runs with and without it have the same shards.
    """
    crops = plan.crops - sum(protocol.name == NATIVE for protocol in plan.protocols)
    return min(SHARD_IMAGES, SHARD_CROPS // max(1, crops) or 1)


@dataclass
class Pipeline:
    """Networks that see the same crops of the same images, each decoded and rendered once for all of them.

    Where memory runs out, outside of the networks too, the batch is halved and the part begun again.
    """

    images: Images
    renderer: Renderer
    scorers: Sequence[Score]
    """What classifies, for each network."""
    runtime: Runtime
    note: Callable[[str], None] = lambda text: None
    """Called when the batch is halved."""
    levels: torch.dtype = torch.uint8
    """The type of levels that the scorers prefer."""
    batch: int = field(init=False)
    """Crops of the network's input that are gathered for a batch: never more than a part has."""

    def __post_init__(self) -> None:
        self.batch = min(self.runtime.batch, shard_size(self.plan) * self.plan.crops)

    def shards(
        self,
        parts: Iterable[range],
        *,
        skip_unreadable: bool = False,
        progress: Advance = lambda done: None,
    ) -> Iterator[list[Shard]]:
        """Evaluate the images of each part, in order: a shard for each network.

        A part is taken from `parts` when its first image is about to be decoded, a little ahead of the
        one whose shards come next. `progress` is called for each chunk; right is what the first
        network predicts. Raises `UnreadableImage` unless `skip_unreadable`, and `BenchError` where a
        network's output is not finite, or memory does not suffice for one crop at a time.
        """
        unfinished = _Unfinished(parts)
        shown: set[range] = set()  # what `progress` knows of the part in hand

        def show_once(images: range, done: Done) -> None:
            if images not in shown:
                shown.add(images)
                progress(done)

        while True:
            try:
                for part, chunks in groupby(self._chunks(unfinished), key=lambda found: found.chunk.part):
                    yield self._shards_of(part, chunks, skip_unreadable, show_once)
                    unfinished.remove(part)
                    shown.clear()
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = first_line(error)
            self._halve_batch(reason)  # out here, where no traceback keeps crops in memory

    @property
    def plan(self) -> Plan:
        """What is cut from each image."""
        return self.renderer.plan

    def _chunks(self, parts: Iterable[range]) -> Generator[Classified]:
        """Each chunk of the parts, once its crops are classified."""
        runtime = self.runtime
        ahead = runtime.workers + 2 * self.batch // self.plan.crops  # enough for the next batches
        batches = Batches(self.scorers, self.batch, self.plan.size**2, runtime.streams, self.levels)
        chunks = read_chunks(self.images, parts, self.renderer, runtime.workers, ahead)
        with closing(chunks), closing(batches), closing(batches.classify(chunks)) as classified:
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
        chunks: Iterable[Classified],
        skip_unreadable: bool,
        show: Callable[[range, Done], None],
    ) -> list[Shard]:
        """The shards of a part, one for each network."""
        skipped: dict[int, UnreadableImage] = {}
        pooled: list[list[Probabilities]] = []
        content: list[int] = []
        for classified in chunks:
            chunk = classified.chunk
            if chunk.unreadable and not skip_unreadable:
                raise unreadable_error(self.images, *next(iter(chunk.unreadable.items())))
            skipped |= chunk.unreadable
            content += chunk.content
            done = Done(images=len(chunk.images))
            if chunk.readable:
                pooled.append([self._pool(chunk, classified.scores(n)) for n in range(len(self.scorers))])
                done += self._count(chunk, pooled[-1][0])
            show(chunk.images, done)
        hashes = np.array(content, dtype=np.uint64)
        return [
            self._shard(part, [each[network] for each in pooled], hashes, skipped)
            for network in range(len(self.scorers))
        ]

    def _count(self, chunk: Chunk, pooled: Probabilities) -> Done:
        """The crops of the readable images of a chunk, and how many images the first network gets right of
        those that count.
        """
        labels, class_set = self.images.labels[chunk.readable], self.images.class_set
        hits = pooled[:, -1].argmax(axis=1) == labels
        if class_set:
            hits = class_set.label_ranks(pooled[:, -1], labels) < 1
        crops = sum(map(len, chunk.crops)) * len(self.scorers)
        return Done(crops=crops, judged=len(hits), right=int(hits.sum()))

    def _pool(self, chunk: Chunk, scores: Scores) -> Probabilities:
        """The images of a chunk that are readable. Raises `NotFinite` where a score is that."""
        last_crops = np.cumsum([weights.shape[1] for weights in chunk.weights])
        if not np.isfinite(scores).all():
            first_crop = np.flatnonzero(~np.isfinite(scores).all(axis=1))[0]
            index = chunk.readable[int(np.searchsorted(last_crops, first_crop, side="right"))]
            raise NotFinite(
                f"the network's output for {shown(self.images.ids[index])} is not finite: "
                "try --precision fp32, or other weights"
            )
        pooled = []
        first = 0
        for _, same in groupby(chunk.weights, key=id):  # images that are pooled alike, at once
            alike = list(same)
            n, crops = len(alike), alike[0].shape[1]
            of_images = scores[first : first + n * crops].reshape(n, crops, -1)
            pooled.append(pool_scores(of_images, alike[0], self.plan.pool))
            first += n * crops
        return np.concatenate(pooled)

    def _shard(
        self,
        part: range,
        pooled: list[Probabilities],
        hashes: NDArray[np.uint64],
        skipped: dict[int, UnreadableImage],
    ) -> Shard:
        """One network's shard, of the images that are not `skipped`; `hashes` are those of their files."""
        names, ids = self.plan.names, self.images.ids
        kept = [index for index in part if index not in skipped]
        nothing = np.empty((0, len(names), len(self.images.classes)), np.float32)
        table = np.concatenate(pooled) if pooled else nothing
        probabilities = {name: np.ascontiguousarray(table[:, row]) for row, name in enumerate(names)}
        reasons = {ids[index]: str(reason) for index, reason in skipped.items()}
        kept_ids = [ids[index] for index in kept]
        labels = self.images.labels[kept]
        return Shard(part.start, part.stop, kept_ids, labels, probabilities, reasons, hashes)


def unreadable_error(images: Images, index: int, reason: UnreadableImage) -> UnreadableImage:
    """The error for an image that cannot be decoded, where such images are not skipped."""
    where = f"{shown(images.ids[index])} in {images.path}"
    return UnreadableImage(f"{where}: {reason}; repair it, or leave such images out with --skip-unreadable")


def check_any_readable(skipped: Mapping[str, str], images: int, path: str) -> None:
    """Raise `DataError` where none of so many images could be read. `skipped` has the reason for each."""
    if skipped and len(skipped) == images:
        reason = next(iter(skipped.values()))
        raise DataError(f"none of the {images:,} images in {path} could be read: {reason}")


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
