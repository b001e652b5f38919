"""Regions on their way to the networks: an image is decoded once, its regions warped a few at a time by
threads, and classified in full batches across images.

It works as `bench.evaluation.engine` does, with regions in place of images: a part is the regions of the
images of a shard, and no batch crosses its border.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data import Images
from bench.data.decode import image_size
from bench.data.file_names import shown
from bench.detection.proposals import Proposals
from bench.device import PRECISIONS
from bench.errors import DataError, NotFinite, UnreadableImage
from bench.evaluation.batches import Batches
from bench.evaluation.chunks import MOST_CROPS, Chunk, single_core_threads
from bench.evaluation.classify import Scorer
from bench.evaluation.engine import unreadable_error
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.render import Renderer
from bench.progress import Advance, Done
from crops import Normalisation
from crops.lattice import Colour
from crops.warp import warp

BEYOND = 1.0
"""Pixels that a region may reach beyond its image, as boxes do that were rounded."""


@dataclass(frozen=True)
class ScoredPart:
    """The regions of consecutive images, classified."""

    probabilities: NDArray[np.float64]
    """[regions x outputs]; NaN for those of an image that cannot be read."""
    unreadable: dict[int, UnreadableImage]
    """Why, for each image that cannot be read."""


@dataclass(frozen=True)
class Sees:
    """What a network sees of a region. Networks for which it is equal share the warped regions."""

    size: int
    """Side of the input in pixels."""
    interpolation: str
    fill: Colour
    """The network's mean colour, which is 0 once normalised."""


def sees(evaluation: Evaluation) -> Sees:
    """What the network of this evaluation sees of a region."""
    fill = mean_colour(evaluation.network.preprocessing.normalisation)
    return Sees(evaluation.plan.size, evaluation.plan.interpolation, fill)


def mean_colour(normalisation: Normalisation) -> Colour:
    """The colour that is 0 once normalised, but for rounding."""
    levels = [round(255 * mean) for mean in normalisation.mean]
    red, green, blue = reversed(levels) if normalisation.bgr else levels
    return red, green, blue


def score_parts(
    evaluations: Sequence[Evaluation],
    scorers: Sequence[Scorer],
    proposals: Proposals,
    parts: Sequence[range],
    progress: Advance,
) -> Generator[ScoredPart]:
    """For each part, consecutive images that have regions: the mean of the networks' probabilities, in the
    order of the regions.

    Raises `UnreadableImage` unless the options skip such images, `DataError` and `NotFinite`.
    """
    groups: dict[Sees, list[int]] = {}
    for number, evaluation in enumerate(evaluations):
        groups.setdefault(sees(evaluation), []).append(number)
    of_group = [
        _scores_of_parts(
            [evaluations[i] for i in chosen], [scorers[i] for i in chosen], proposals, parts, progress
        )
        for chosen in groups.values()
    ]
    with ExitStack() as opened:
        for group in of_group:
            opened.enter_context(closing(group))
        for sums in zip(*of_group, strict=True):
            total = np.sum([each.probabilities for each in sums], axis=0)
            yield ScoredPart(total / len(evaluations), sums[0].unreadable)


def _scores_of_parts(
    evaluations: Sequence[Evaluation],
    scorers: Sequence[Scorer],
    proposals: Proposals,
    parts: Sequence[range],
    progress: Advance,
) -> Generator[ScoredPart]:
    """For each part the sum of the probabilities of networks that see the same."""
    first = evaluations[0]
    runtime, images = first.runtime, first.images
    types = {PRECISIONS[evaluation.runtime.precision] for evaluation in evaluations}
    levels = types.pop() if len(types) == 1 else torch.uint8
    batches = Batches(scorers, runtime.batch, first.plan.size**2, runtime.streams, levels)
    chunks = warped_regions(first, proposals, parts)
    with closing(chunks), closing(batches), closing(batches.classify(chunks)) as classified:
        for _, of_part in groupby(classified, key=lambda found: found.chunk.part):
            sums: list[NDArray[np.float64]] = []
            unreadable: dict[int, UnreadableImage] = {}
            for found in of_part:
                if found.chunk.unreadable:
                    unreadable |= found.chunk.unreadable
                    sums.append(np.full((len(found.chunk.images), len(images.classes)), np.nan))
                    continue
                scores = [found.scores(number) for number in range(len(scorers))]
                if not all(np.isfinite(each).all() for each in scores):
                    image = images.ids[int(proposals.image[found.chunk.images.start])]
                    raise NotFinite(
                        f"a network's output for a region of {shown(image)} is not finite: "
                        "try --precision fp32, or other weights"
                    )
                sums.append(np.asarray(np.sum(scores, axis=0, dtype=np.float64)))
                progress(Done(crops=len(found.chunk.images) * len(scorers)))
            yield ScoredPart(np.concatenate(sums), unreadable)


def warped_regions(evaluation: Evaluation, proposals: Proposals, parts: Sequence[range]) -> Generator[Chunk]:
    """The regions of the parts' images in order, warped: chunks whose `part` and `images` count regions.

    An image is decoded by a thread before those that warp its regions wait for it.
    """
    images, runtime, seen = evaluation.images, evaluation.runtime, sees(evaluation)
    skip_unreadable = evaluation.options.skip_unreadable
    renderer = Renderer(evaluation.plan, "pillow", runtime.device)

    def render(part: range, index: int, chosen: range, decoded: Future[NDArray[np.uint8]]) -> Chunk:
        try:
            image = decoded.result()
        except UnreadableImage as error:
            if not skip_unreadable:
                raise unreadable_error(images, index, error) from None
            return Chunk(part, chosen, {index: error}, readable=[], content=[], weights=[], crops=[])
        height, width = image.shape[:2]
        boxes = proposals.box[chosen.start : chosen.stop].tolist()
        patches = tuple(warp(box, width, height, seen.size, seen.interpolation, seen.fill) for box in boxes)
        crops = renderer.crops([image], [patches])
        return Chunk(part, chosen, unreadable={}, readable=[], content=[], weights=[], crops=crops)

    ahead = runtime.workers + 2 * runtime.batch // MOST_CROPS
    pool = single_core_threads(runtime.workers)
    waiting: deque[Future[Chunk]] = deque()
    try:
        for part in parts:
            regions = proposals.regions(part)
            for index in part:
                of_image = proposals.regions(range(index, index + 1))
                if not of_image:
                    continue
                decoded = pool.submit(lambda index: images.decode(images.read_unchanged(index)), index)
                for start in range(of_image.start, of_image.stop, MOST_CROPS):
                    chosen = range(start, min(start + MOST_CROPS, of_image.stop))
                    waiting.append(pool.submit(render, regions, index, chosen, decoded))
                    if len(waiting) > ahead:
                        yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def check_inside(images: Images, proposals: Proposals, workers: int, *, skip_unreadable: bool) -> None:
    """Raise `DataError` where a region is not within its image, by the size in the file's header, and
    `UnreadableImage` where there is no such size unless `skip_unreadable`.
    """

    def check(index: int) -> None:
        regions = proposals.regions(range(index, index + 1))
        if not regions:
            return
        data = images.read_unchanged(index)
        width, height = image_size(data)
        if not width:
            try:
                height, width = images.decode(data).shape[:2]
            except UnreadableImage as error:
                if skip_unreadable:
                    return
                raise unreadable_error(images, index, error) from None
        box = proposals.box[regions.start : regions.stop]
        inside = (box[:, :2] >= -BEYOND).all(axis=1)
        inside &= (box[:, 2:] <= (width - 1 + BEYOND, height - 1 + BEYOND)).all(axis=1)
        if not inside.all():
            corners = ",".join(f"{value:g}" for value in box[int(np.flatnonzero(~inside)[0])])
            raise DataError(
                f"{proposals.path}: the region {corners} is not within {shown(images.ids[index])}, which has "
                f"{width} x {height} pixels: propose regions of the images as they are in {images.path}"
            )

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(check, range(len(images))):
            pass
