from itertools import accumulate

import numpy as np
import pytest
import torch
from PIL import Image

from crops import Plan, native_view, parse, tensor
from crops.chunk import render_chunk
from crops.pillow import RESAMPLING, render

SIZES = [(20, 15), (15, 40), (1, 1), (18, 18), (7, 5), (62, 21), (11, 13)]
"""A tall one that shrinks, squares, whose squares coincide, small ones that grow, and one that is a scale."""


def noise(sizes, seed=0):
    """Images in levels, [height x width x 3], many of them black or white."""
    generator = np.random.default_rng(seed)
    levels = [generator.integers(-200, 456, (height, width, 3)) for width, height in sizes]
    return [each.clip(0, 255).astype(np.uint8) for each in levels]


def patches_of(plan, sizes):
    return [plan.patches(*size)[0] for size in sizes]


def rendered(plan, sizes, images, device, uploads=None):
    """The crops of a chunk. Notes the bytes of each upload in `uploads`."""

    def upload(numbers):
        if uploads is not None:
            uploads.append(numbers.nbytes)
        return torch.from_numpy(numbers).to(device)

    slab = torch.from_numpy(np.concatenate([image.ravel() for image in images])).to(device)
    return render_chunk(slab, sizes, patches_of(plan, sizes), upload)


def batch(number, size, device, dtype=torch.uint8):
    return torch.empty(number, size, size, 3, dtype=dtype, device=device).permute(0, 3, 1, 2)


def all_of(crops):
    """Levels, [crops x 3 x height x width]."""
    out = batch(len(crops), crops.output[0], crops.pixels.device)
    crops.gather(out, 0)
    return out.cpu()


def by_pillow(plan, sizes, images):
    """Levels, [crops x 3 x height x width]."""
    crops = [
        np.asarray(crop)
        for image, patches in zip(images, patches_of(plan, sizes), strict=True)
        for crop in render(Image.fromarray(image), patches)
    ]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("interpolation", sorted(RESAMPLING))
@pytest.mark.parametrize(
    ("protocol", "size", "sizes"), [("2x3x6x2", 10, SIZES), ("12", 50, [(131, 97), (90, 200)])]
)
def test_crops_have_the_pixels_of_pillow_bit_for_bit(protocol, size, sizes, interpolation, device):
    """The larger images have several tiles, and the larger crops several blocks."""
    plan, images = Plan(parse(protocol, size), size, interpolation=interpolation), noise(sizes)
    crops = all_of(rendered(plan, sizes, images, device))
    assert torch.equal(crops, by_pillow(plan, sizes, images))


@pytest.mark.parametrize(
    "view", [native_view("timm", 10, "bilinear", 0.9), native_view("timm", 10, "bicubic", 0.8, "both")]
)
def test_native_crop_is_rendered_beside_others_with_its_own_resampling(view, device):
    plan, images = Plan(parse("native,1x1x2x2", 10, native=view), 10), noise(SIZES)
    crops = all_of(rendered(plan, SIZES, images, device))
    assert torch.equal(crops, by_pillow(plan, SIZES, images))
    alone = Plan(plan.protocols[:1], 10)
    assert torch.equal(all_of(rendered(alone, SIZES, images, device)), by_pillow(alone, SIZES, images))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32])
def test_levels_are_exact_in_every_type(dtype, device):
    plan, images = Plan(parse("1", 16, [16]), 16), [np.arange(768, dtype=np.uint8).reshape(16, 16, 3)]
    out = batch(1, 16, device, dtype)
    rendered(plan, [(16, 16)], images, device).gather(out, 0)
    assert out.permute(0, 2, 3, 1).flatten().tolist() == images[0].ravel().tolist()


def test_batches_begin_and_end_within_images(device):
    plan, sizes = Plan(parse("10", 8), 8), SIZES[:3]
    images = noise(sizes)
    crops = rendered(plan, sizes, images, device)
    lengths = [7, 9, 1, 0, len(crops) - 17]
    parts = [batch(length, 8, device) for length in lengths]
    for part, end in zip(parts, accumulate(lengths), strict=True):
        crops.gather(part, end - len(part))
    assert torch.equal(torch.cat(parts).cpu(), by_pillow(plan, sizes, images))


def test_crops_equal_those_of_resized_floats_nearly(device, monkeypatch):
    """What a GPU without Triton gives."""
    monkeypatch.setattr("crops.tensor.resize", tensor.resize_floats)
    plan, sizes = Plan(parse("12", 24), 24), [(40, 31), (20, 33)]
    images = noise(sizes)
    crops = all_of(rendered(plan, sizes, images, device))
    floats = [
        crop
        for image, patches in zip(images, patches_of(plan, sizes), strict=True)
        for crop in tensor.render(torch.from_numpy(image).permute(2, 0, 1), patches)
    ]
    difference = (crops.int() - torch.stack(floats).int()).abs()
    assert difference.max() <= 3  # as those of Pillow
    assert (difference > 0).float().mean() < 0.02


@pytest.mark.parametrize(("protocol", "launches"), [("1", 2), ("2x3x6x2", 4)])
def test_chunk_takes_one_upload_and_a_handful_of_launches(protocol, launches, device, monkeypatch):
    from crops import kernels

    counted, uploads = [], []
    for name in ("_resample", "_gather"):
        monkeypatch.setattr(kernels, name, _Counted(getattr(kernels, name), name, counted))
    plan, sizes = Plan(parse(protocol, 8), 8), SIZES[:3]
    crops = rendered(plan, sizes, noise(sizes), device, uploads)
    assert (len(uploads), counted) == (1, ["_resample"] * launches)
    crops.gather(batch(len(crops), 8, device), 0)
    assert counted[launches:] == ["_gather"]


class _Counted:
    """A kernel that notes its name with each launch."""

    def __init__(self, kernel, name, launches):
        self.kernel, self.name, self.launches = kernel, name, launches

    def __getitem__(self, grid):
        self.launches.append(self.name)
        return self.kernel[grid]


def test_images_of_one_size_share_their_filter_tables(device, monkeypatch):
    monkeypatch.setattr("crops.kernels.resample", lambda *_: None)
    plan, uploads = Plan(parse("12", 100), 100), []
    for number in (1, 2):
        sizes = [(130, 120)] * number
        rendered(plan, sizes, noise(sizes), device, uploads)
    assert uploads[1] < 1.25 * uploads[0]


def test_patches_of_several_sizes_are_refused(device):
    plan, sizes = Plan(parse("dense", 8), 8), SIZES[:1]
    with pytest.raises(ValueError, match="crops of one image differ in size"):
        rendered(plan, sizes, noise(sizes), device)
    plan, sizes = Plan(parse("dense", 8, [8]), 8), SIZES[:2]
    with pytest.raises(ValueError, match="not of 2 sizes"):
        rendered(plan, sizes, noise(sizes), device)


def test_image_that_is_too_large_for_32_bits_is_refused(device):
    plan, sizes = Plan(parse("1", 8, [30_000]), 8), [(8, 8)]
    with pytest.raises(ValueError, match="30,000 x 30,000 pixels is too large"):
        rendered(plan, sizes, noise(sizes), device)


def test_slab_that_is_too_short_is_refused(device):
    plan = Plan(parse("1", 8), 8)
    with pytest.raises(ValueError, match="these images have 900 bytes, the slab 882"):
        rendered(plan, [(20, 15)], noise([(21, 14)]), device)


@pytest.mark.parametrize(
    ("shape", "order", "first", "message"),
    [
        ((1, 3, 16, 16), (0, 1, 2, 3), 0, "channels-last"),
        ((1, 17, 17, 3), (0, 3, 1, 2), 0, "3 x 16 x 16"),
        ((2, 16, 16, 3), (0, 3, 1, 2), 9, "no crops 9 to 11: there are 10"),
        ((1, 16, 16, 3), (0, 3, 1, 2), -1, "no crops -1 to 0"),
    ],
)
def test_batch_that_does_not_fit_is_refused(shape, order, first, message, device):
    plan, sizes = Plan(parse("10", 16), 16), [(24, 18)]
    crops = rendered(plan, sizes, noise(sizes), device)
    with pytest.raises(ValueError, match=message):
        crops.gather(torch.empty(shape, dtype=torch.uint8, device=device).permute(order), first)
