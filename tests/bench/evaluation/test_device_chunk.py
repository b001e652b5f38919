"""The slab that images are decoded into, and which plans a GPU renders as a whole."""

import numpy as np
import pytest
import torch

from bench.evaluation.device_chunk import Slab, can_render
from crops import Plan, make_dialect, parse

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def fill(room, seed):
    room[:] = np.random.default_rng(seed).integers(0, 256, room.size, np.uint8)
    return room


def levels_of(images):
    return np.concatenate([image.ravel() for image in images])


def test_images_that_fill_the_slab_are_brought_as_they_lie():
    slab = Slab(100, CPU)
    images = [fill(slab.take(size), size).reshape(-1, 1, 3) for size in (30, 60)]
    assert slab.take(11) is None
    levels = slab.to(CPU, images)
    assert np.array_equal(levels.numpy(), levels_of(images))
    assert levels.data_ptr() == images[0].ctypes.data


@pytest.mark.parametrize("elsewhere", [0, 1, 2])
def test_images_that_lie_elsewhere_or_with_gaps_are_copied(elsewhere):
    slab = Slab(90, CPU)
    images = [fill(slab.take(30), number).reshape(-1, 1, 3) for number in range(3)]
    images[elsewhere] = fill(np.empty(24, np.uint8), 9).reshape(4, 2, 3)
    levels = slab.to(CPU, images)
    assert np.array_equal(levels.numpy(), levels_of(images))
    without = [image for number, image in enumerate(images) if number != 1]
    assert np.array_equal(slab.to(CPU, without).numpy(), levels_of(without))


@pytest.mark.parametrize(
    ("plan", "device", "expected"),
    [
        (Plan(parse("144", 64), 64), CUDA, True),
        (Plan(parse("144", 64), 64), CPU, False),
        (Plan(parse("10,dense", 64), 64), CUDA, False),
        (make_dialect("timm", 64, "bicubic", 0.875), CUDA, False),
    ],
)
def test_lattices_are_rendered_in_chunks_on_a_gpu(plan, device, expected):
    pytest.importorskip("triton")
    assert can_render(plan, device) == expected
