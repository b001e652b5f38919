"""GoogLeNet against its Table 1."""

import pytest
import torch
from torch import nn

from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.notation import Style, chain
from tests.bench.zoo.papers.conftest import NARROW, millions_of_multiply_adds, on_meta, shapes

INPUT_CHANNELS = {"3a": 192, "3b": 256, "4a": 480, "4b": 512, "4c": 512, "4d": 512, "4e": 528, "5b": 832}


def test_stages_have_the_sizes_of_table_1():
    assert shapes(on_meta(googlenet), 224) == {
        "conv1": (112, 112, 64), "pool1": (56, 56, 64), "conv2": (56, 56, 192), "pool2": (28, 28, 192),
        "3a": (28, 28, 256), "3b": (28, 28, 480), "pool3": (14, 14, 480),
        "4a": (14, 14, 512), "4b": (14, 14, 512), "4c": (14, 14, 512), "4d": (14, 14, 528),
        "4e": (14, 14, 832), "pool4": (7, 7, 832), "5a": (7, 7, 832), "5b": (7, 7, 1024),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "millions"),
    [("3a", 128), ("3b", 304), ("4a", 73), ("4b", 88), ("4c", 100), ("4d", 119), ("4e", 170), ("5b", 71)],
)
def test_modules_cost_what_table_1_says(row, millions):
    """In millions of multiply-adds, cut or rounded.

    The table gives 54 for its 5a, which does not follow from its own filters: they make 51.
    """
    side = {"3": 28, "4": 14, "5": 7}[row[0]]
    found = millions_of_multiply_adds(on_meta(googlenet).stages[row], INPUT_CHANNELS[row], side)
    assert found == pytest.approx(millions, abs=1)


def test_separable_first_layer_costs_what_table_1_says():
    """2.7 K parameters and 34 M multiply-adds."""
    module = on_meta(lambda: googlenet(separable=True)).stages["conv1"]
    weights = sum(p.numel() for name, p in module.named_parameters() if name.endswith("weight"))
    assert round(weights / 1000, 1) == 2.7
    assert round(millions_of_multiply_adds(module, 3, 224)) == 34


@pytest.mark.parametrize("separable", [True, False])
def test_network_without_batch_normalisation_can_begin_to_learn(separable):
    """Its first layer gets a gradient, through 22 layers and without the auxiliary heads' help."""
    torch.manual_seed(0)
    module = googlenet(separable=separable).eval()
    outputs = module(torch.randn(2, 3, 224, 224))
    nn.functional.cross_entropy(outputs, torch.tensor([1, 2])).backward()
    assert module.stages["conv1"][0].conv.weight.grad.norm() > 1e-2


def test_response_normalisation_is_right_in_half_precision():
    """300 squared is more than the 65,504 that half precision reaches. The formula is computed in fp64."""
    module, _ = chain(5, ["lrn"], Style())
    values = torch.linspace(100, 300, 5).view(1, 5, 1, 1)
    expected = values.double() / (1 + 1e-4 / 5 * (values.double() ** 2).sum()) ** 0.75
    assert module(values.half()).dtype == torch.float16
    middle = module(values.half())[0, 2, 0, 0].item()  # its window of five is all of them
    assert middle == pytest.approx(expected[0, 2, 0, 0].item(), rel=2e-3)


def test_fully_connected_layer_takes_the_place_of_the_average():
    """It sees each place of the last map by itself. Table 1's other layers, dropout among them, stay."""
    torch.manual_seed(0)
    module = googlenet(7, width=NARROW, fully_connected=7).eval()
    layer = module.stages["fc"][0].conv
    linear = nn.Linear(128 * 7 * 7, 128)
    linear.load_state_dict({"weight": layer.weight.flatten(1), "bias": layer.bias})
    features = torch.randn(2, 128, 7, 7)
    by_hand = nn.Sequential(nn.Flatten(), linear, nn.ReLU(), module.classifier)
    found = module.classifier(module.pool(module.stages["fc"](features)).flatten(1))
    torch.testing.assert_close(found, by_hand(features))
    assert module.dropout.p == 0.4
    assert list(module.stages) == [*googlenet(7, width=NARROW).stages, "fc"]


def test_sigmoid_takes_the_place_of_each_relu():
    module = googlenet(7, width=NARROW, batch_norm=True, sigmoid=True).stages
    convolutions = sum(isinstance(part, nn.Conv2d) for part in module.modules())
    sigmoids = sum(isinstance(part, nn.Sigmoid) for part in module.modules())
    assert sigmoids == convolutions == 57
    assert not any(isinstance(part, nn.ReLU) for part in module.modules())
    layer, images = module["conv1"].eval(), torch.randn(1, 3, 32, 32)
    expected = nn.functional.conv2d(images, layer[0].conv.weight, stride=2, padding=3) / 1.001**0.5
    torch.testing.assert_close(layer(images), expected.sigmoid())


@pytest.mark.parametrize(("names", "heads"), [((), []), (("4d",), ["4d"]), (("4a", "4d"), ["4a", "4d"])])
def test_heads_are_where_they_are_asked_for(names, heads):
    assert list(googlenet(7, width=NARROW, auxiliary=names).auxiliary) == heads
