"""Boxes written out by hand (GoogLeNet, section 7; torchvision's rounding), then oracles and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.functional import (
    _compute_resized_output_size,
    center_crop,
    five_crop,
    hflip,
    resize,
    ten_crop,
)
from torchvision.transforms.v2 import InterpolationMode

from crops import parse, patch_of
from crops.geometry import Patch
from crops.lattice import DenseView, View, lattice, scale_set
from crops.pillow import render
from tests.conftest import drawn

# A line for each scale: the scale, the resized size, where the squares begin on the longer side (start,
# centre, end), and where the crops begin in a square (start, centre, end).
LANDSCAPE_224 = [
    (256, (341, 256), (0, 42, 85), (0, 16, 32)),
    (288, (384, 288), (0, 48, 96), (0, 32, 64)),
    (320, (426, 320), (0, 53, 106), (0, 48, 96)),
    (352, (469, 352), (0, 58, 117), (0, 64, 128)),
]
LANDSCAPE_299 = [
    (342, (456, 342), (0, 57, 114), (0, 22, 43)),
    (384, (512, 384), (0, 64, 128), (0, 42, 85)),
    (427, (569, 427), (0, 71, 142), (0, 64, 128)),
    (470, (626, 470), (0, 78, 156), (0, 86, 171)),
]
ODD_224 = [
    (256, (301, 256), (0, 22, 45), (0, 16, 32)),
    (288, (339, 288), (0, 26, 51), (0, 32, 64)),
    (320, (376, 320), (0, 28, 56), (0, 48, 96)),
    (352, (414, 352), (0, 31, 62), (0, 64, 128)),
]
ODD_299 = [
    (342, (402, 342), (0, 30, 60), (0, 22, 43)),
    (384, (452, 384), (0, 34, 68), (0, 42, 85)),
    (427, (502, 427), (0, 38, 75), (0, 64, 128)),
    (470, (553, 470), (0, 42, 83), (0, 86, 171)),
]
SQUARE_224 = [(side, (side, side), (0, 0, 0), offsets) for side, _, _, offsets in LANDSCAPE_224]
SQUARE_299 = [(side, (side, side), (0, 0, 0), offsets) for side, _, _, offsets in LANDSCAPE_299]


def portrait(golden):
    return [(side, size[::-1], squares, offsets) for side, size, squares, offsets in golden]


GOLDEN = [
    pytest.param(500, 375, 224, LANDSCAPE_224, id="landscape-224"),
    pytest.param(500, 375, 299, LANDSCAPE_299, id="landscape-299"),
    pytest.param(375, 500, 224, portrait(LANDSCAPE_224), id="portrait-224"),
    pytest.param(375, 500, 299, portrait(LANDSCAPE_299), id="portrait-299"),
    pytest.param(300, 300, 224, SQUARE_224, id="square-224"),
    pytest.param(300, 300, 299, SQUARE_299, id="square-299"),
    pytest.param(437, 371, 224, ODD_224, id="odd-224"),
    pytest.param(437, 371, 299, ODD_299, id="odd-299"),
]


def protocol_of(text, size):
    return next(protocol for protocol in parse(text, size) if protocol.name == text)


def boxes(text, width, height, size):
    """(resized size, box) of each view of the protocol `text` that is not mirrored."""
    protocol = protocol_of(text, size)
    patches = [patch_of(view, width, height, size, "bicubic") for view in protocol.views if not view.mirror]
    return [(patch.resized, patch.box) for patch in patches]


@pytest.mark.parametrize(("width", "height", "size", "golden"), GOLDEN)
def test_boxes_of_144_crops(width, height, size, golden):
    expected = set()
    for side, resized, squares, (start, middle, end) in golden:
        for begin in squares:
            left, top = (begin, 0) if width > height else (0, begin)
            for x, y in [(middle, middle), (start, start), (end, start), (start, end), (end, end)]:
                expected.add((resized, (left + x, top + y, left + x + size, top + y + size)))
            expected.add((resized, (left, top, left + side, top + side)))
    found = boxes("144", width, height, size)
    assert len(found) == 72
    assert set(found) == expected
    assert len(expected) == (24 if width == height else 72)


def test_boxes_of_1_10_and_12_crops_of_a_landscape_at_224():
    ten = [(58, 16, 282, 240), (42, 0, 266, 224), (74, 0, 298, 224), (42, 32, 266, 256), (74, 32, 298, 256)]
    assert boxes("1", 500, 375, 224) == [((341, 256), (58, 16, 282, 240))]
    assert boxes("10", 500, 375, 224) == [((341, 256), box) for box in ten]
    assert boxes("12", 500, 375, 224) == [((341, 256), box) for box in [*ten, (42, 0, 298, 256)]]


def test_boxes_of_1_10_and_12_crops_of_a_portrait_at_299():
    ten = [(22, 79, 321, 378), (0, 57, 299, 356), (43, 57, 342, 356), (0, 100, 299, 399), (43, 100, 342, 399)]
    assert boxes("1", 375, 500, 299) == [((342, 456), (22, 79, 321, 378))]
    assert boxes("10", 375, 500, 299) == [((342, 456), box) for box in ten]
    assert boxes("12", 375, 500, 299) == [((342, 456), box) for box in [*ten, (0, 57, 342, 399)]]


def test_boxes_of_1_10_and_12_crops_of_a_square_at_224():
    ten = [(16, 16, 240, 240), (0, 0, 224, 224), (32, 0, 256, 224), (0, 32, 224, 256), (32, 32, 256, 256)]
    assert boxes("1", 300, 300, 224) == [((256, 256), (16, 16, 240, 240))]
    assert boxes("10", 300, 300, 224) == [((256, 256), box) for box in ten]
    assert boxes("12", 300, 300, 224) == [((256, 256), box) for box in [*ten, (0, 0, 256, 256)]]


def test_boxes_of_1_10_and_12_crops_of_an_odd_size_at_299():
    ten = [(52, 22, 351, 321), (30, 0, 329, 299), (73, 0, 372, 299), (30, 43, 329, 342), (73, 43, 372, 342)]
    assert boxes("1", 437, 371, 299) == [((402, 342), (52, 22, 351, 321))]
    assert boxes("10", 437, 371, 299) == [((402, 342), box) for box in ten]
    assert boxes("12", 437, 371, 299) == [((402, 342), box) for box in [*ten, (30, 0, 372, 342)]]


def test_patch_of_a_dense_view_is_the_whole_resized_image():
    patch = patch_of(DenseView(256), 500, 375, 224, "bicubic")
    assert patch == Patch(
        (341, 256), (0, 0, 341, 256), output=(341, 256), mirror=False, interpolation="bicubic"
    )


@pytest.mark.parametrize("dimensions", [(500, 375), (375, 500), (300, 300), (437, 371), (121, 97)])
@pytest.mark.parametrize("size", [224, 299])
def test_10_crops_are_those_of_torchvision_in_the_central_square(dimensions, size):
    image, scale = drawn(*dimensions), scale_set(size)[0]
    square = center_crop(resize(image, scale, InterpolationMode.BICUBIC), [scale, scale])
    *corners, centre = five_crop(square, [size, size])
    ten = ten_crop(square, [size, size])
    views = protocol_of("10", size).views
    ours = render(image, [patch_of(view, *dimensions, size, "bicubic") for view in views])
    assert [crop.tobytes() for crop in ours[0::2]] == [crop.tobytes() for crop in [centre, *corners]]
    # Torchvision mirrors the square, so its left corners are the mirrored right ones.
    mirrored_corners = [ten[5 + i] for i in (1, 0, 3, 2)]
    assert [crop.tobytes() for crop in ours[3::2]] == [crop.tobytes() for crop in mirrored_corners]
    # Torchvision's mirrored centre lies a pixel off if the margin is odd. Ours is the mirror image of the
    # centre, as in the paper.
    assert ours[1].tobytes() == hflip(centre).tobytes()
    assert (scale - size) % 2 or ours[1].tobytes() == ten[9].tobytes()


SIDES = st.integers(1, 5000)
LARGE_SIDES = st.integers(1, 10**6)


@given(width=LARGE_SIDES, height=LARGE_SIDES, size=st.sampled_from([64, 224, 299]))
def test_every_patch_lies_in_the_resized_image(width, height, size):
    for view in lattice(scale_set(size)):
        patch = patch_of(view, width, height, size, "bicubic")
        left, top, right, bottom = patch.box
        assert 0 <= left < right <= patch.resized[0]
        assert 0 <= top < bottom <= patch.resized[1]
        assert min(patch.resized) == view.scale
        assert right - left == bottom - top == (view.scale if view.position == "whole" else size)
        assert patch.output == (size, size)


@given(width=SIDES, height=SIDES, scale=st.integers(1, 1000))
def test_resized_size_is_that_of_torchvision(width, height, scale):
    view = View(scale, "centre", "centre", mirror=False)
    assert list(
        patch_of(view, width, height, scale, "bicubic").resized[::-1]
    ) == _compute_resized_output_size((height, width), [scale])


@given(width=SIDES, height=SIDES)
def test_boxes_of_a_portrait_are_those_of_the_transposed_landscape(width, height):
    transposed = {"top-right": "bottom-left", "bottom-left": "top-right"}
    for view in lattice((256,)):
        other = View(view.scale, view.square, transposed.get(view.position, view.position), view.mirror)
        left, top, right, bottom = patch_of(view, width, height, 224, "bicubic").box
        assert patch_of(other, height, width, 224, "bicubic").box == (top, left, bottom, right)
