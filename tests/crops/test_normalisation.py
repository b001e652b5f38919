import pytest
import torch

from bench.evaluation.classify import normalise
from crops.normalisation import CAFFE


def test_caffe_subtracts_a_mean_in_levels_and_swaps_to_bgr():
    red, green, blue = 200.0, 100.0, 50.0
    pixels = torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    assert normalise(pixels, CAFFE).flatten().tolist() == pytest.approx(
        [blue - 104, green - 117, red - 123], abs=1e-4
    )
