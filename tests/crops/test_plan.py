import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from crops import POOLS, Plan, Protocol, lattice, parse, patch_of, pool_scores

SIDES = st.integers(1, 5000)


def test_one_pass_renders_the_views_of_all_protocols_once():
    assert len(Plan(parse("1,10,12,144", 299), 299).views) == 144


@pytest.mark.parametrize(
    ("text", "crops"), [("1", 1), ("12", 12), ("144", 144), ("dense", 5), ("dense,10", 15)]
)
def test_crops_counts_the_views_of_all_protocols(text, crops):
    plan = Plan(parse(text, 224), 224)
    assert plan.crops == len(plan.views) == crops


@given(
    width=SIDES, height=SIDES, text=st.sampled_from(["1", "10", "12", "144", "dense", "3x1x2x1", "144,dense"])
)
def test_patches_differ_and_their_weights_sum_to_one(width, height, text):
    plan = Plan(parse(text, 224), 224)
    patches, weights = plan.patches(width, height)
    assert len(set(patches)) == len(patches) == weights.shape[1]
    assert weights.sum(axis=1) == pytest.approx(1)
    assert (weights.max(axis=0) > 0).all()


def test_equal_squares_of_a_square_image_become_one_patch_with_the_sum_of_their_weights():
    plan = Plan(parse("144", 224), 224)
    assert len(plan.patches(500, 375)[0]) == 144
    patches, weights = plan.patches(300, 300)
    assert len(patches) == 48
    assert weights[plan.names.index("144")] == pytest.approx([3 / 144] * 48)


def test_all_positions_are_one_patch_if_the_scale_is_the_input_size():
    plan = Plan((Protocol("all", lattice((224,))),), 224)
    assert len(plan.patches(224, 224)[0]) == 2  # one of them mirrored


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("dimensions", [(500, 375), (300, 300)])
def test_pooling_equals_a_loop_over_the_views(pool, dimensions):
    """The loop scores each of the 144 views by itself, even where their patches are equal."""
    plan = Plan(parse("144", 224), 224, pool)
    patches, weights = plan.patches(*dimensions)
    logits = np.random.default_rng(1).normal(size=(len(patches), 7))
    scores = logits if pool == "logits" else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pooled = pool_scores(scores, weights, pool)
    for row, protocol in zip(pooled, plan.protocols, strict=True):
        scores_of_views = [
            scores[patches.index(patch_of(view, *dimensions, 224, "bicubic"))] for view in protocol.views
        ]
        mean, highest = np.mean(scores_of_views, axis=0), np.max(scores_of_views, axis=0)
        expected = {"mean": mean, "logits": np.exp(mean), "max": highest}[pool]
        assert row == pytest.approx(expected / expected.sum(), abs=1e-7)


def test_logits_of_any_size_are_pooled_as_by_scipy():
    """Their exponentials are more than a float can hold, or too small for one."""
    logits = np.array([[2000.0, 1999, 0], [1000, 1001, 1000], [-3000, -3001, -3002]])
    weights = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0.25]])
    pooled = pool_scores(logits, weights, "logits")
    assert pooled == pytest.approx(softmax(weights @ logits, axis=1), abs=1e-7)
    assert pooled.dtype == np.float32


def test_describe_has_the_exact_views():
    described = Plan(parse("12", 299), 299, "max").describe()
    assert described["size"] == 299
    assert described["pool"] == "max"
    assert described["protocols"]["12"]["views"] == {
        "scale": [342],
        "square": ["centre"],
        "position": ["centre", "top-left", "top-right", "bottom-left", "bottom-right", "whole"],
        "mirror": [False, True],
    }


def test_describe_gives_exactly_these_plain_values():
    """A stored run is found again by a hash of this dictionary, so a change to it loses all stored runs."""
    assert Plan(parse("1,dense", 224), 224, "max", "bilinear").describe() == {
        "size": 224,
        "pool": "max",
        "protocols": {
            "1": {
                "crops": 1,
                "scales": [256],
                "views": {"scale": [256], "square": ["centre"], "position": ["centre"], "mirror": [False]},
            },
            "dense": {"crops": 5, "scales": [224, 256, 384, 480, 640], "views": "dense"},
        },
        "interpolation": "bilinear",
    }


def test_interpolation_is_bicubic_unless_set():
    assert Plan(parse("1", 224), 224).describe()["interpolation"] == "bicubic"


def test_a_plan_uses_the_normalisation_of_the_weights():
    assert Plan(parse("1", 224), 224).normalisation is None


def test_single_crop_keeps_size_and_interpolation_but_not_scales_and_pool():
    plan = Plan(parse("144,dense", 224, [300, 320, 340, 360]), 224, "max", "bilinear")
    assert plan.single_crop() == Plan(parse("1", 224), 224, "mean", "bilinear")
