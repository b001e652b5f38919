"""Verdicts on made-up numbers: of 50,000 images, an image is 0.002 points."""

import pytest

from results.published.measured import SETS, figures_of, names
from results.published.rows import Figure, figure
from results.published.verdict import Crop, Hits, image_number, verdict

NATIVE = Crop(protocol="native", size=224, resized=256, interpolation="bicubic", squash=False)


def published(top1="25.154", top5="7.820", how="bicubic 256->224", measured_by="timm"):
    return figure({"top1_error": top1, "top5_error": top5, "how": how}, f"{measured_by}, {how}")


def judge(*figures, wrong=12_577, wrong5=3_910, near=0, near5=0, n=50_000, images=50_000, crop=NATIVE):
    return verdict(figures, crop, images, Hits(n, n - wrong, near), Hits(n, n - wrong5, near5))


@pytest.mark.parametrize(
    ("counts", "words", "gaps"),
    [
        ({}, "agrees", (0, 0)),
        ({"wrong": 12_580, "near": 2}, "differs by 3 images, of which rounding explains 2", (0.006, 0)),
        (
            {"wrong": 12_575, "near": 7},
            "agrees within rounding: 2 images differ, and rounding explains 7",
            (-0.004, 0),
        ),
        (
            {"wrong": 12_576, "near": 1},
            "agrees within rounding: 1 image differs, and rounding explains 1",
            (-0.002, 0),
        ),
        ({"wrong": 13_577}, "differs by 1,000 images, of which rounding explains 0", (2, 0)),
        (
            {"wrong": 12_579, "near": 2, "wrong5": 3_913, "near5": 1},
            "top-5 differs by 3 images, of which rounding explains 1",
            (0.004, 0.006),
        ),
        (
            {"wrong": 12_582, "near": 9, "wrong5": 3_913, "near5": 1},
            "top-5 differs by 3 images, of which rounding explains 1",
            (0.01, 0.006),
        ),
        (
            {"wrong5": 3_909, "near5": 4},
            "agrees within rounding, top-5: 1 image differs, and rounding explains 4",
            (0, -0.002),
        ),
    ],
)
def test_images_that_differ_are_counted_and_those_that_rounding_explains_beside_them(counts, words, gaps):
    found = judge(published(), **counts)
    assert (found.words, found.top1_gap, found.top5_gap) == (words, *map(pytest.approx, gaps))


@pytest.mark.parametrize(
    ("top1", "errors"),
    [("25.2", (12_575, 12_625)), ("25.15", (12_573, 12_577)), ("25.154", (12_577, 12_577))],
)
def test_digits_that_were_not_printed_are_no_difference(top1, errors):
    """25.2 stands for all from 25.15 to 25.25."""
    for wrong in errors:
        assert judge(published(top1), wrong=wrong).words == "agrees"
    for wrong in (errors[0] - 1, errors[1] + 1):
        assert judge(published(top1), wrong=wrong).words.startswith("differs by 1 image, ")


def test_some_number_of_hits_agrees_with_every_figure():
    """Of 7,500 images, an image is 0.0133 points: no share of them is exactly 89.150."""
    agreeing = [
        wrong
        for wrong in range(6_680, 6_692)
        if judge(published("89.150", ""), wrong=wrong, n=7_500, images=7_500).words == "agrees"
    ]
    assert agreeing == [6_686]


def test_where_figures_disagree_their_whole_range_agrees():
    figures = (published("22.134", ""), published("22.144", "", measured_by="timm-2023"))
    for wrong in (11_067, 11_070, 11_072):
        assert judge(*figures, wrong=wrong).words == "agrees"
    found = judge(*figures, wrong=11_073)
    assert (found.words, found.top5_gap) == ("differs by 1 image, of which rounding explains 0", None)


@pytest.mark.parametrize(
    ("crop", "why"),
    [
        ({"size": 320}, "another input size, 320 and not 224"),
        ({"resized": 248}, "another crop, bicubic 248->224 and not bicubic 256->224"),
        ({"interpolation": "bilinear"}, "another crop, bilinear 256->224 and not bicubic 256->224"),
        ({"squash": True}, "another crop, bicubic warped 256x256->224 and not bicubic 256->224"),
    ],
)
def test_another_crop_is_not_compared(crop, why):
    found = judge(published(), crop=Crop(**vars(NATIVE) | crop))
    assert (found.words, found.top1_gap) == (f"not comparable: {why}", None)


def test_figure_of_the_own_crop_is_taken_where_another_is_of_another_crop():
    warped = published("30.000", "", "bicubic warped 256x256->224")
    assert judge(warped, published()).words == "agrees"
    assert judge(warped, wrong=15_000, crop=Crop(**vars(NATIVE) | {"squash": True})).words == "agrees"


@pytest.mark.parametrize(
    ("n", "why"), [(300, "too few images, 300 of 50,000"), (50_001, "other images, 50,001 and not 50,000")]
)
def test_another_number_of_images_is_not_compared(n, why):
    found = judge(published(), n=n, wrong=20, wrong5=2)
    assert found.words == f"not comparable: {why}"


def test_figures_of_another_tool_have_no_verdict():
    """A crop in a dialect is held to what that tool measured, and others to nothing."""
    slim = published("25.2", "", "87.5% of each side warped to 224", "tf-slim")
    crop = {"size": 224, "resized": 224, "interpolation": "tf-slim"}
    for protocol, words in (("1/tf-slim", "agrees"), ("1/caffe", ""), ("1", ""), ("144", "")):
        assert judge(slim, crop=Crop(protocol=protocol, **crop)).words == words
    other = Crop(protocol="1/tf-slim", size=299)
    assert judge(slim, crop=other).words == "not comparable: another input size, 299 and not 224"


def test_number_of_images_is_known_for_every_figure():
    kinds = {
        (row["image_set"], row["data"], row["class_set"], row["truth"])
        for name in names()
        for row in figures_of(name)
    }
    assert {kind[1:] for kind in kinds} >= set(SETS.values())
    for image_set, data, class_set, truth in kinds:
        assert image_number(image_set, data=data, class_set=class_set, truth=truth)
    assert image_number("non-blacklisted", data="sketch", class_set="", truth="") is None


def test_digits_are_those_of_the_text():
    assert [published(top1).half_digit for top1 in ("25", "25.2", "25.15", "25.150")] == [
        pytest.approx(each) for each in (0.5, 0.05, 0.005, 0.0005)
    ]
    assert published("", "7.82") == Figure(None, 7.82, "timm, bicubic 256->224", "bicubic 256->224", 0.005)
