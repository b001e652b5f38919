import pytest
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from bench.evaluation.classify import normalise
from crops.normalisation import CAFFE, HALF, IMAGENET


def test_half_goes_from_minus_one_to_one_in_each_channel():
    black_and_white = torch.tensor([0.0, 255.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert normalise(black_and_white, HALF).flatten(1).tolist() == [[-1, -1, -1], [1, 1, 1]]


def test_imagenet_is_that_of_timm():
    assert (IMAGENET.mean, IMAGENET.std) == (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    red, *_ = normalise(torch.tensor([255.0, 0, 0]).view(1, 3, 1, 1), IMAGENET).flatten().tolist()
    assert red == pytest.approx((1 - 0.485) / 0.229)


def test_caffe_subtracts_a_mean_in_levels_and_swaps_to_bgr():
    red, green, blue = 200.0, 100.0, 50.0
    pixels = torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    assert normalise(pixels, CAFFE).flatten().tolist() == pytest.approx(
        [blue - 104, green - 117, red - 123], abs=1e-4
    )
