import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crops import Plan, ProtocolError, parse, place, pool_scores
from crops.lattice import DenseView


def names(text, size=224, scales=None):
    return [protocol.name for protocol in parse(text, size, scales)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["1"]),
        ("10", ["1", "10"]),
        ("12", ["1", "10", "12"]),
        ("144", ["1", "10", "12", "144"]),
        ("1,10,144", ["1", "10", "12", "144"]),
        (" 12 , 1 ", ["1", "10", "12"]),
        ("dense", ["dense"]),
        ("dense,10", ["1", "10", "dense"]),
        ("1x1x5x2", ["1", "10"]),
        ("2x1x2x2", ["1", "2x1x2x2"]),
        ("2x1x5x2", ["1", "10", "2x1x5x2"]),
        ("4x3x6x2", ["1", "10", "12", "144"]),
    ],
)
def test_a_protocol_brings_the_named_ones_that_it_contains(text, expected):
    assert names(text) == expected


def test_counts_are_the_names():
    assert [protocol.crops for protocol in parse("144,dense", 224)] == [1, 10, 12, 144, 5]


def test_one_pass_renders_the_union_once():
    assert len(Plan(parse("1,10,12,144", 299), 299).views) == 144


def test_scales_replace_the_papers():
    plan = Plan(parse("144", 299, [320, 352, 384, 416]), 299)
    assert sorted({view.scale for view in plan.views}) == [320, 352, 384, 416]
    assert names("10", 224, [240]) == ["1", "10"]
    assert names("dense", 224, [200, 240]) == ["dense"]  # dense evaluation may look at less than the input


def test_the_dense_views_are_the_resnet_papers_five_scales():
    (dense,) = parse("dense", 224)
    assert dense.views == tuple(DenseView(scale) for scale in (224, 256, 384, 480, 640))


@pytest.mark.parametrize(
    "text", ["", "0", "11", "1,,10", "1x2x3x4", "144x", "-1", "dense2", "0x1x1x1", "1x1x5x3"]
)
def test_what_cannot_be_read_is_refused_with_what_can(text):
    with pytest.raises(ProtocolError, match="write 1, 10, 12, 144, dense"):
        parse(text, 224)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ([256], "144 crops need 4 scales"),
        ([256, 257, 258, 259, 260], "uses 4 of the 5 scales"),
        ([200, 256, 300, 400], "does not fit"),
        ([256, 256, 300, 400], "different"),
    ],
)
def test_scales_that_do_not_suit_are_refused(scales, message):
    with pytest.raises(ProtocolError, match=message):
        parse("144", 224, scales)


@given(st.text(max_size=12))
def test_parsing_gives_protocols_or_the_error(text):
    try:
        protocols = parse(text, 224)
    except ProtocolError:
        return
    assert all(protocol.views for protocol in protocols)


@pytest.mark.parametrize("pool", ["mean", "logits", "max"])
@pytest.mark.parametrize("dimensions", [(500, 375), (300, 300)])
def test_pooling_equals_a_loop_over_the_views(pool, dimensions):
    """Against a loop in which each of the 144 views is scored by itself, equal patches or not."""
    plan = Plan(parse("144", 224), 224, pool)
    patches, weights = plan.patches(*dimensions)
    logits = np.random.default_rng(1).normal(size=(len(patches), 7))
    scores = logits if pool == "logits" else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pooled = pool_scores(scores, weights, pool)
    for row, protocol in zip(pooled, plan.protocols, strict=True):
        each = [scores[patches.index(place(view, *dimensions, 224))] for view in protocol.views]
        if pool == "max":
            expected = np.max(each, axis=0)
        else:
            expected = np.mean(each, axis=0)
            expected = np.exp(expected) if pool == "logits" else expected
        assert row == pytest.approx(expected / expected.sum(), abs=1e-7)


def test_a_manifest_says_which_pixels_were_seen():
    described = Plan(parse("12", 299), 299, "max").describe()
    assert described["size"] == 299
    assert described["pool"] == "max"
    assert described["protocols"]["12"]["views"] == {
        "scale": [342],
        "square": ["centre"],
        "position": ["centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole"],
        "mirror": [False, True],
    }
