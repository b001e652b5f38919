import pytest

from results import published
from results.gap import LOOK, explain
from results.metrics import error, wilson
from results.published import Figure

TF_V3, TF_V4 = "timm/inception_v3.tf_in1k", "timm/inception_v4.tf_in1k"


def measured(top1, top5, protocol, image_set, n=None):
    """A row of a table of results with errors near `top1` and `top5` percent."""
    n = n or {"all": 50_000, "non-blacklisted": 48_238}[image_set]
    row = {"protocol": protocol, "image_set": image_set, "n": n}
    for name, percent in (("top1", top1), ("top5", top5)):
        hits = round(n * (1 - percent / 100))
        row[f"{name}_error"] = error(hits, n)
        row[f"{name}_low"], row[f"{name}_high"] = wilson(hits, n)
    return row


def said(name, weights, row):
    paper = published.of_paper([name], row["protocol"], row["image_set"]) or published.of_paper(
        [name], "1", "non-blacklisted"
    )
    return explain(paper, row | {"paper_name": name}, weights)


@pytest.mark.parametrize(
    ("name", "weights", "row", "words"),
    [
        ("v4", TF_V4, measured(18.60, 4.30, "12", "all"), "within noise"),
        ("v4", TF_V4, measured(19.1, 4.4, "12", "all"), LOOK),  # others measured 18.60 with them
        (
            "v3",
            TF_V3,
            measured(21.85, 6.1, "1", "non-blacklisted"),
            "these weights are known to differ: single crop 22.13 by timm",
        ),
        (
            "v3",
            TF_V3,
            measured(19.6, 4.8, "144", "all"),
            "these weights are known to differ: single crop 22.13 by timm",
        ),
        ("v3", TF_V3, measured(17.5, 3.9, "144", "all"), LOOK),  # better, where they are known to be worse
        (
            "v3",
            TF_V3,
            measured(30.0, 11.0, "1", "non-blacklisted"),
            LOOK,
        ),  # by far more than they are known to
        ("v4", TF_V4, measured(19.86, 9.0, "1", "all"), LOOK),  # the top-5 error is nobody's
        (
            "v1",
            "torchvision/googlenet.IMAGENET1K_V1",
            measured(30.0, 8.4, "144", "all"),
            "these weights are known to differ: single crop 10.47",
        ),
        (
            "v3",
            "",
            measured(22.5, 6.0, "1", "non-blacklisted"),
            LOOK,
        ),  # one's own weights, of which nothing is known
        ("v3", TF_V3, measured(30.0, 11.0, "144", "all", n=100), LOOK),
        ("v3", TF_V3, measured(24.0, 7.0, "144", "all", n=100), "within noise"),
    ],
)
def test_verdicts(name, weights, row, words):
    assert said(name, weights, row).words.startswith(words)


def test_the_difference_is_ours_less_the_papers():
    gap = said("v3", TF_V3, measured(21.9, 6.1, "1", "non-blacklisted"))
    assert (gap.top1, gap.top5) == pytest.approx((0.7, 0.5), abs=2e-3)


def test_a_figure_that_the_paper_does_not_give_has_no_part():
    gap = explain(Figure(None, 6.67, ""), measured(90.0, 6.6, "144", "all") | {"paper_name": "v1"}, "")
    assert gap.words == "within noise"
    assert gap.top1 is None


def test_a_figure_with_one_decimal_may_be_off_by_half_of_it():
    row = measured(20.0, 5.0, "144", "all")
    inside, outside = Figure(row["top1_high"] + 0.049, None, ""), Figure(row["top1_high"] + 0.051, None, "")
    assert explain(inside, row | {"paper_name": "v9"}, "").words == "within noise"
    assert explain(outside, row | {"paper_name": "v9"}, "").words == LOOK
