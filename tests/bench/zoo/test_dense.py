"""A dense network against the network itself, position by position."""

from contextlib import suppress

import pytest
import torch

from bench.errors import UsageError
from bench.zoo.dense import dense
from bench.zoo.loading import untrained
from tests.bench.zoo.conftest import nearly_equal
from tests.conftest import TINY


def maps_of(network, *batches):
    """The last feature map of each batch: what the pooling module takes."""
    maps = []
    pooling = network.module.get_submodule(network.pool)
    handle = pooling.register_forward_pre_hook(lambda _, inputs: maps.append(inputs[0]))
    for batch in batches:
        with suppress(RuntimeError):  # of a classifier that takes one position only
            network.module(batch)
    handle.remove()
    return maps


def outputs_for_map(network, features, size):
    """What the network's own pooling and classifier make of a feature map."""
    pooling = network.module.get_submodule(network.pool)
    handle = pooling.register_forward_pre_hook(lambda _, inputs: (features,))
    outputs = network.module(torch.zeros(1, 3, size, size))
    handle.remove()
    return outputs


@pytest.mark.parametrize("name", [TINY, "bn", "v1", "v3", "torchvision/resnet18"])
@torch.inference_mode()
def test_each_position_has_the_outputs_for_its_window(name):
    torch.manual_seed(0)
    network = untrained(name)
    size = network.preprocessing.size
    scores = dense(network.module, network.pool, size)
    single, larger = torch.rand(2, 3, size, size), torch.rand(1, 3, size + 64, size + 32)
    map_of_single, map_of_larger = maps_of(network, single, larger)
    window = map_of_single.shape[-1]
    rows, columns = (side - window + 1 for side in map_of_larger.shape[2:])

    assert nearly_equal(scores(single)[:, 0], network.module(single))
    assert scores(larger).shape == (1, rows * columns, 1000)
    last = map_of_larger[:, :, -window:, -window:]
    assert nearly_equal(scores(larger)[:, -1], outputs_for_map(network, last, size))


def test_network_without_a_pooling_module_is_refused():
    from torchvision.models import mobilenet_v2

    with pytest.raises(UsageError, match=r"MobileNetV2 has no pooling module 'avgpool'.*not possible"):
        dense(mobilenet_v2(), "avgpool", 224)
