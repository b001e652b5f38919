"""Which regions become detections, against torchvision class by class and the rule written out."""

import numpy as np
import pytest
import torch
from torchvision.ops import nms

from bench.detection.select import Selection, select


@pytest.fixture(params=[12, 300])
def regions(request):
    """Random scores [regions x 20] and boxes; the number of values decides how torchvision goes about it."""
    generator = np.random.default_rng(request.param)
    corners = generator.uniform(0, 100, (request.param, 2))
    box = np.concatenate([corners, corners + generator.uniform(0, 60, corners.shape)], axis=1)
    return generator.dirichlet(np.ones(20), request.param).astype(np.float32), box.astype(np.float32)


def pairs(found):
    return list(zip(*(array.tolist() for array in found), strict=True))


def test_suppression_is_torchvisions_for_each_class(regions):
    scores, box = regions
    edges = torch.from_numpy(box.astype(np.float64)) + torch.tensor([0, 0, 1, 1])
    expected = set()
    for category in range(20):
        (likely,) = np.nonzero(scores[:, category] >= 0.02)
        kept = nms(edges[likely], torch.from_numpy(scores[likely, category].astype(np.float64)), 0.3)
        expected |= {(int(likely[each]), category) for each in kept}
    found = pairs(select(scores, box, Selection(overlap=0.3, least_score=0.02, most=10**6)))
    assert len(found) == len(expected) < (scores >= 0.02).sum()
    assert set(found) == expected


def test_detections_are_the_likeliest_first_and_no_more_than_most(regions):
    scores, box = regions
    everything = pairs(select(scores, box, Selection(most=10**6)))
    values = [scores[pair] for pair in everything]
    assert values == sorted(values, reverse=True)
    assert pairs(select(scores, box, Selection(most=5))) == everything[:5]


@pytest.mark.parametrize(("overlap", "kept"), [(0.49, 1), (0.5, 2)])
def test_overlap_counts_pixels(overlap, kept):
    """4 x 2 pixels and their left half share 4 of 8."""
    box = np.array([[0, 0, 3, 1], [0, 0, 1, 1]], dtype=np.float32)
    found = select(np.array([[0.9], [0.8]], dtype=np.float32), box, Selection(overlap=overlap))
    assert pairs(found) == [(0, 0), (1, 0)][:kept]


def test_region_as_likely_as_the_least_score_counts():
    box = np.array([[0, 0, 3, 1]], dtype=np.float32)
    scores = np.array([[0.01, 0.009999]], dtype=np.float32)
    assert pairs(select(scores, box, Selection(least_score=0.01))) == [(0, 0)]


def test_no_regions_are_no_detections():
    nothing = select(np.empty((0, 3), np.float32), np.empty((0, 4), np.float32), Selection())
    assert pairs(nothing) == []
