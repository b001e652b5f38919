"""Images on their way to the networks: consecutive ones of a part are read, decoded and rendered together."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data import Images
from bench.data.decode import decoded_size, no_room
from bench.data.images import content_hash
from bench.errors import UnreadableImage
from bench.evaluation.render import Crops, Patches, Renderer

MOST_IMAGES = 16
"""Images in a chunk, which threads take as a whole: what Python does is done once for all of them."""

MOST_CROPS = 64
"""Crops that are kept for a chunk, where they take memory of their own."""

MOST_BYTES = 2**26
"""Bytes of decoded images that are kept at once, unless a single image has more."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive images of a part, rendered."""

    part: range
    images: range
    unreadable: dict[int, UnreadableImage]
    """Why, for each image that cannot be decoded."""
    readable: list[int]
    """The other images, of which everything below is."""
    content: list[int]
    """The `content_hash` of each one's file."""
    weights: list[NDArray[np.float64]]
    """[protocols x crops] for each."""
    crops: list[Crops]
    """In order; each item has crops of one shape."""


def read_chunks(
    images: Images, parts: Iterable[range], renderer: Renderer, workers: int, most_ahead: int
) -> Generator[Chunk]:
    """The chunks of the parts, in order, by threads that stay about `most_ahead` images ahead."""
    size = chunk_size(renderer)

    def read(part: range, chosen: range) -> Chunk:
        return _read(images, part, chosen, renderer)

    pool = single_core_threads(workers)
    ahead: deque[Future[Chunk]] = deque()
    try:
        for part in parts:
            for chosen in _split(part, size):
                ahead.append(pool.submit(read, part, chosen))
                if len(ahead) * size > most_ahead:
                    yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunk_size(renderer: Renderer) -> int:
    """Images in a chunk."""
    if renderer.renders_chunks:  # their crops take no memory before they are in a batch
        return MOST_IMAGES
    return max(1, min(MOST_IMAGES, MOST_CROPS // renderer.plan.crops))


def _split(part: range, size: int) -> Iterator[range]:
    return (part[first : first + size] for first in range(0, len(part), size))


def _read(images: Images, part: range, chosen: range, renderer: Renderer) -> Chunk:
    unreadable: dict[int, UnreadableImage] = {}
    readable: list[int] = []
    content: list[int] = []
    weights: list[NDArray[np.float64]] = []
    crops: list[Crops] = []
    for files, size in _groups(images, chosen):
        slab = renderer.slab(size)
        decoded: list[NDArray[np.uint8]] = []
        patches: list[Patches] = []
        for index, data in files.items():
            try:
                image = images.decode(data, slab.take if slab else no_room)
                of_image, weights_of_image = renderer.patches(image)
            except UnreadableImage as error:
                unreadable[index] = error
                continue
            readable.append(index)
            content.append(content_hash(data))
            weights.append(weights_of_image)
            decoded.append(image)
            patches.append(of_image)
        crops += renderer.crops(decoded, patches, slab)
    return Chunk(part, chosen, unreadable, readable, content, weights, crops)


def _groups(images: Images, chosen: range) -> Iterator[tuple[dict[int, bytes], int]]:
    """The files of the images, so many at a time as are decoded at once, and their bytes when decoded."""
    files: dict[int, bytes] = {}
    size = 0
    for index in chosen:
        data = images.read_unchanged(index)
        more = decoded_size(data)
        if files and size + more > MOST_BYTES:
            yield files, size
            files, size = {}, 0
        files[index] = data
        size += more
    yield files, size


def single_core_threads(number: int) -> ThreadPoolExecutor:
    """Threads whose operations do not spread to other cores, which have threads of their own."""
    return ThreadPoolExecutor(number, initializer=torch.set_num_threads, initargs=(1,))
