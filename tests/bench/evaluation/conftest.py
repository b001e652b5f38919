"""What the tests of the engine share: a prepared evaluation, and a network that is arithmetic."""

import pytest

from bench.data import open_images
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load
from tests.conftest import TINY


@pytest.fixture
def prepared(tiny_weights, photos):
    """The evaluation of the photos with some crops, in small batches, which cross the borders of images."""

    def prepare(crops):
        options = Options(model=TINY, weights=str(tiny_weights), crops=crops, batch=7)
        network = load(TINY, str(tiny_weights))
        return prepare_loaded(options, open_images(str(photos)), None, network, Silent())

    return prepare


def brightness(pixels):
    """A thousand numbers for each crop that tell it from others, whatever its size."""
    means = pixels.double().mean((2, 3)).repeat(1, 334)[:, :1000]
    return (means / means.sum(1, keepdim=True)).float()
