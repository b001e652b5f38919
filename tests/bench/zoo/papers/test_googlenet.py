"""GoogLeNet against its Table 1."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models.googlenet import GoogLeNet, Inception, InceptionAux

from bench.zoo import find
from bench.zoo.from_papers import build_for_training
from bench.zoo.papers.googlenet import MODULES, googlenet
from bench.zoo.papers.notation import Style, chain
from tests.bench.zoo.papers.conftest import (
    NARROW,
    convolution,
    difference_with_heads,
    millions_of_multiply_adds,
    on_meta,
    shapes,
    take_weights,
    with_random_weights,
)

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


def test_modules_have_the_parameters_of_table_1_or_it_misprints_them():
    """In units of 1024, as the table prints them, for the modules of `MODULES` in order."""
    printed = [159, 380, 364, 437, 463, 580, 840, 1072, 1388]
    stages = on_meta(googlenet).stages
    rows = [row for row, filters in MODULES.items() if filters]
    counted = [round(sum(p.numel() for p in stages[row].parameters()) / 1024) for row in rows]
    assert counted == [160, 380, 367, 439, 498, 591, 848, 1019, 1410]
    differ = [row for row, one, other in zip(rows, printed, counted, strict=True) if abs(one - other) > 2]
    assert differ == ["4a", "4c", "4d", "4e", "5a", "5b"]


def test_separable_first_layer_costs_what_table_1_says():
    """2.7 K parameters and 34 M multiply-adds."""
    module = on_meta(lambda: googlenet(separable=True)).stages["conv1"]
    weights = sum(p.numel() for name, p in module.named_parameters() if name.endswith("weight"))
    assert round(weights / 1000, 1) == 2.7
    assert round(millions_of_multiply_adds(module, 3, 224)) == 34


def with_five_by_five(*filters, conv_block):
    """torchvision's module with the 5x5 that it lacks (pytorch/vision issue 906)."""
    module = Inception(*filters, conv_block=conv_block)
    module.branch3[1] = conv_block(*filters[4:6], kernel_size=5, padding=2)
    return module


def head(inputs, classes, dropout, conv_block):
    """torchvision's head behind the paper's pool. The 4 x 4 that this leaves pass torchvision's unchanged."""
    return nn.Sequential(nn.AvgPool2d(5, 3), InceptionAux(inputs, classes, conv_block, dropout))


def torchvisions_network(name):
    """torchvision's GoogLeNet with what Table 1 has in other ways: see `Network.differences` of v1."""
    conv = partial(convolution, norm=name in ("bn-v1", "mini-v1"), width=0.22 if name == "mini-v1" else 1)
    theirs = GoogLeNet(
        7,
        aux_logits=name != "mini-v1",
        init_weights=False,
        blocks=[conv, partial(with_five_by_five, conv_block=conv), partial(head, conv_block=conv)],
    )
    theirs.maxpool4, theirs.fc = nn.MaxPool2d(3, 2, ceil_mode=True), nn.LazyLinear(7)
    if name in ("v1-paper", "v1-separable"):
        for last_before in ("maxpool1", "conv3"):
            norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
            setattr(theirs, last_before, nn.Sequential(getattr(theirs, last_before), norm))
    if name == "v1-separable":
        depthwise = nn.Conv2d(3, 24, 7, 2, 3, groups=3, bias=False)
        theirs.conv1 = nn.Sequential(depthwise, nn.Conv2d(24, 64, 1), nn.ReLU())
    return theirs


@pytest.mark.parametrize("name", ["v1-paper", "v1-separable", "bn-v1", "mini-v1"])
def test_outputs_are_those_of_torchvisions_network_with_the_layers_of_table_1(name):
    network = find(name)
    ours = on_meta(lambda: build_for_training(network.architecture, 7))
    theirs = with_random_weights(partial(torchvisions_network, name), network.input_size)
    heads = [part for part in (theirs.aux1, theirs.aux2) if part]
    stages = [part for part in theirs.children() if part not in (*heads, theirs.fc)]
    take_weights(ours, *stages, *heads, theirs.fc)
    assert difference_with_heads(ours, theirs, network.input_size) < 1e-5


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
