import pytest

from results import published
from results.gap import DIFFERS, TOO_FEW_IMAGES, WITHIN_NOISE, explain
from results.metrics import error_percent, wilson_interval
from results.published import Figure

TF_V3, TF_V4 = "timm/inception_v3.tf_in1k", "timm/inception_v4.tf_in1k"
KNOWN = "these weights are known to differ: "


def measured(top1, top5, protocol, image_set, n=None):
    """A row of a table of results with errors near `top1` and `top5` percent."""
    n = n or {"all": 50_000, "non-blacklisted": 48_238}[image_set]
    row = {"protocol": protocol, "image_set": image_set, "n": n}
    for name, percent in (("top1", top1), ("top5", top5)):
        hits = round(n * (1 - percent / 100))
        row[f"{name}_error"] = error_percent(hits, n)
        row[f"{name}_low"], row[f"{name}_high"] = wilson_interval(hits, n)
    return row


def gap_to_paper(name, weights, row):
    """The gap to the paper's figure for the row, or to that of the single crop."""
    paper = published.of_paper([name], row["protocol"], row["image_set"]) or published.of_paper(
        [name], "1", "non-blacklisted"
    )
    return explain(paper, row | {"paper_name": name}, weights)


@pytest.mark.parametrize(
    ("name", "weights", "row", "words"),
    [
        ("v4", TF_V4, measured(18.60, 4.30, "12", "all"), WITHIN_NOISE),
        # others measured 18.60 with these weights
        ("v4", TF_V4, measured(19.1, 4.4, "12", "all"), DIFFERS),
        ("v3", TF_V3, measured(21.85, 6.1, "1", "non-blacklisted"), KNOWN + "single crop 22.13 by timm"),
        ("v3", TF_V3, measured(19.6, 4.8, "144", "all"), KNOWN + "single crop 22.13 by timm"),
        # better, where the weights are known to be worse
        ("v3", TF_V3, measured(17.5, 3.9, "144", "all"), DIFFERS),
        # far worse than the weights are known to be
        ("v3", TF_V3, measured(30.0, 11.0, "1", "non-blacklisted"), DIFFERS),
        # top-1 is as others measured it, top-5 is not
        ("v4", TF_V4, measured(19.86, 9.0, "1", "all"), DIFFERS),
        (
            "v1",
            "torchvision/googlenet.IMAGENET1K_V1",
            measured(30.0, 8.4, "144", "all"),
            KNOWN + "single crop 10.47",
        ),
        # weights of which nothing is published
        ("v3", "", measured(22.5, 6.0, "1", "non-blacklisted"), DIFFERS),
        ("v3", TF_V3, measured(30.0, 11.0, "144", "all", n=100), DIFFERS),
        ("v3", TF_V3, measured(24.0, 7.0, "144", "all", n=100), TOO_FEW_IMAGES),
    ],
)
def test_verdict(name, weights, row, words):
    assert gap_to_paper(name, weights, row).words.startswith(words)


def test_gap_is_ours_less_the_papers():
    gap = gap_to_paper("v3", TF_V3, measured(21.9, 6.1, "1", "non-blacklisted"))
    assert (gap.top1, gap.top5) == pytest.approx((0.7, 0.5), abs=2e-3)


def test_figure_that_the_paper_does_not_give_is_not_judged():
    gap = explain(Figure(None, 6.67, ""), measured(90.0, 6.6, "144", "all") | {"paper_name": "v1"}, "")
    assert gap.words == WITHIN_NOISE
    assert gap.top1 is None


def test_figure_with_one_decimal_may_be_off_by_half_of_the_last():
    row = measured(20.0, 5.0, "144", "all")
    inside, outside = Figure(row["top1_high"] + 0.049, None, ""), Figure(row["top1_high"] + 0.051, None, "")
    assert explain(inside, row | {"paper_name": "v9"}, "").words == WITHIN_NOISE
    assert explain(outside, row | {"paper_name": "v9"}, "").words == DIFFERS


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (12, TOO_FEW_IMAGES),
        (10_000, TOO_FEW_IMAGES),
        (24_000, TOO_FEW_IMAGES),  # an interval of 1.01 points
        (25_000, WITHIN_NOISE),  # 0.99 points
        (48_238, WITHIN_NOISE),
    ],
)
def test_within_noise_needs_an_interval_of_at_most_one_point(n, words):
    row = measured(20.0, 5.0, "144", "all", n)
    assert (row["top1_high"] - row["top1_low"] > 1.0) == (words == TOO_FEW_IMAGES)
    paper = Figure(row["top1_error"], row["top5_error"], "")
    assert explain(paper, row | {"paper_name": "v9"}, "").words == words


def test_a_difference_that_few_images_show_is_still_one():
    row = measured(50.0, 30.0, "144", "all", n=100) | {"paper_name": "v9"}
    assert explain(Figure(20.0, 5.0, ""), row, "").words == DIFFERS
