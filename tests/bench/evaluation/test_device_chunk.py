"""The slab that images are decoded into, and which plans a GPU renders as a whole."""

import numpy as np
import pytest
import torch

from bench.evaluation import device_chunk
from bench.evaluation.device_chunk import Slab, can_render
from crops import Plan, dialect_view, native_view, parse

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def native(view):
    return Plan(parse("native,10", 64, native=view), 64)


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
        (native(native_view("timm", 64, "bilinear", 0.875)), CUDA, True),
        (native(native_view("timm", 64, "bicubic", 1.15)), CUDA, False),
        (native(native_view("timm", 64, "bicubic", 1.0, "longer")), CUDA, False),
        (native(native_view("timm", 64, "lanczos", 0.875)), CUDA, False),
        (native(dialect_view("caffe", 64, native_view("timm", 64, "bicubic", 0.875))), CUDA, False),
    ],
)
def test_crops_of_one_size_within_the_image_are_rendered_in_chunks_on_a_gpu(
    monkeypatch, plan, device, expected
):
    monkeypatch.setattr(device_chunk, "_has_kernels", lambda device: True)
    assert can_render(plan, device) == expected


@pytest.fixture(autouse=True)
def untried():
    """What was found out of a device is for one test."""
    device_chunk._has_kernels.cache_clear()
    yield
    device_chunk._has_kernels.cache_clear()


def test_gpu_on_which_triton_does_not_work_renders_in_another_way(monkeypatch, caplog):
    def fail(*arguments):
        raise RuntimeError("Failed to find C compiler.\nPlease specify one")

    monkeypatch.setattr(device_chunk, "render", fail)
    monkeypatch.setattr(device_chunk, "room", lambda size, device: torch.empty(size, dtype=torch.uint8))
    assert not can_render(Plan(parse("1", 64), 64), torch.device("cuda", 7))
    assert "Triton does not work here (Failed to find C compiler.): images are resized one" in caplog.text
