"""Inception-v2 and -v3 against the paper's tables, timm's and torchvision's networks."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d
from torchvision.models import inception as torchvisions

from bench.zoo import find
from bench.zoo.from_papers import build_for_training
from bench.zoo.loading import load
from bench.zoo.papers.notation import Style, chain
from bench.zoo.papers.rethinking import inception
from tests.bench.zoo.papers.conftest import (
    NARROW,
    SMALL,
    convolution,
    difference,
    difference_with_heads,
    millions_of_multiply_adds,
    on_meta,
    shapes,
    take_weights,
    with_random_weights,
    with_statistics,
)


def test_inception_v3_has_the_sizes_of_table_1():
    """The table lists input sizes: 147 x 147 x 64 for the first pool, 8 x 8 x 1280 and 2048 at the end."""
    found = shapes(on_meta(inception), 299)
    assert (found["stem"], found["pool1"]) == ((147, 147, 64), (73, 73, 64))
    assert [found[name][:2] for name in ("conv", "5b", "6a", "7a")] == [(71, 71), (35, 35), (17, 17), (8, 8)]
    assert [found[name][2] for name in ("5d", "6e", "7a", "7c")] == [288, 768, 1280, 2048]


def test_table_1_as_printed_costs_more_than_the_paper_says():
    """More than 25 M parameters and 5 billion multiply-adds, with filters inside the modules as released.

    Stem, modules and reductions are those of the table and of figures 5, 10, 6 and 7.
    """
    wide = [["1x3 384"], ["3x1 384"]]
    fives = [["1x1 64"], ["1x1 48", "3x3 64", "3x3 64"], ["1x1 64", "3x3 96", "3x3 96"], ["avg", "1x1 64"]]
    steps = ["3x3 32 /2 V", "3x3 32 V", "3x3 64", "max /2 V", "3x3 80 V", "3x3 192 /2 V", "3x3 288"]
    steps += [fives] * 3
    steps += [[["3x3 384 /2 V"], ["1x1 64", "3x3 96", "3x3 96 /2 V"], ["max /2 V"]]]
    for n in (128, 128, 160, 160, 192):
        longer = [f"1x1 {n}", f"7x1 {n}", f"1x7 {n}", f"7x1 {n}", "1x7 192"]
        steps += [[["1x1 192"], [f"1x1 {n}", f"1x7 {n}", "7x1 192"], longer, ["avg", "1x1 192"]]]
    steps += [[["1x1 192", "3x3 320 /2 V"], ["1x1 192", "1x7 192", "7x1 192", "3x3 192 /2 V"], ["max /2 V"]]]
    steps += [[["1x1 320"], ["1x1 384", wide], ["1x1 448", "3x3 384", wide], ["avg", "1x1 192"]]] * 2
    module = on_meta(lambda: chain(3, steps, Style())[0])
    with torch.no_grad():
        assert module(torch.empty(1, 3, 299, 299, device="meta")).shape == (1, 2048, 8, 8)
    parameters = sum(p.numel() for p in module.parameters()) + 2049 * 1000
    assert round(parameters / 1e6, 1) == 25.7
    assert round(millions_of_multiply_adds(module, 3, 299) / 1000, 1) == 6.4


def test_low_resolution_networks_have_the_grids_of_section_9():
    usual, middle, low = (
        shapes(on_meta(lambda size=size: inception(resolution=size)), size) for size in (299, 151, 79)
    )
    assert list(middle.values()) == list(usual.values())
    sides = [low[name][0] for name in ("stem", "pool1", "conv", "pool2", "6a", "7a")]
    assert sides == [75, 75, 73, 36, 17, 8]


def test_width_multiplies_the_filters():
    half = on_meta(lambda: inception(50, width=0.5))
    assert shapes(half, 299)["7c"] == (8, 8, 1024)
    assert half.classifier.weight.shape == (50, 1024)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_inception_v3_has_the_outputs_of_other_libraries(library, tmp_path):
    """With the same weights, which are loaded as users' files are. torchvision's have an auxiliary head."""
    if library == "timm":
        theirs = with_statistics(create_model("inception_v3"), SMALL)
    else:
        theirs = with_statistics(torchvisions.inception_v3(init_weights=False, aux_logits=True), 299)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    ours = load("v2-all", str(tmp_path / "weights.safetensors"))
    assert difference(ours.module, theirs, SMALL) < 1e-5


def torchvisions_network(name):
    """torchvision's Inception-v3 with what the paper has in other ways in the network of this name."""
    conv = partial(convolution, width=0.165 if name == "mini-v3" else 1)
    parts = (
        torchvisions.InceptionA, torchvisions.InceptionB, torchvisions.InceptionC,
        torchvisions.InceptionD, torchvisions.InceptionE, torchvisions.InceptionAux,
    )  # fmt: skip
    blocks = [conv, *(partial(part, conv_block=conv) for part in parts)]
    with_head = name != "mini-v3"
    theirs = torchvisions.Inception3(7, with_head, inception_blocks=blocks, init_weights=False)
    theirs.fc = nn.LazyLinear(7)
    if name in ("v2", "v2-bn-aux"):  # the 7x7 that Table 3's factorised 7x7 replaces
        theirs.Conv2d_1a_3x3 = conv(3, 64, kernel_size=7, stride=2)
        theirs.Conv2d_2a_3x3 = theirs.Conv2d_2b_3x3 = nn.Identity()
    if name in ("v2", "v2-factorised", "v2-151", "v2-79"):  # without Table 3's BN-auxiliary
        theirs.AuxLogits.conv1 = conv(128, 768, kernel_size=5, norm=False)
    if name in ("v2-151", "v2-79"):  # section 9
        theirs.Conv2d_1a_3x3 = conv(3, 32, kernel_size=3)
    if name == "v2-79":
        theirs.maxpool1 = nn.Identity()
    if name == "mini-v3":  # which has 2/2/1 modules
        theirs.Mixed_5d = theirs.Mixed_6d = theirs.Mixed_6e = theirs.Mixed_7c = nn.Identity()
    return theirs


@pytest.mark.parametrize("name", ["v2", "v2-factorised", "v2-bn-aux", "v2-all", "v2-151", "v2-79", "mini-v3"])
def test_outputs_are_those_of_torchvisions_network_with_the_layers_of_the_paper(name):
    network = find(name)
    ours = on_meta(lambda: build_for_training(network.architecture, 7))
    theirs = with_random_weights(partial(torchvisions_network, name), network.input_size)
    heads = [theirs.AuxLogits] if theirs.AuxLogits else []
    stages = [part for part in theirs.children() if part not in (*heads, theirs.fc)]
    take_weights(ours, *stages, *heads, theirs.fc)
    assert difference_with_heads(ours, theirs, network.input_size) < 1e-5


class FunctionsWithoutZeros:
    """torch.nn.functional, whose average pools do not count padded zeros."""

    def __getattr__(self, name):
        return getattr(torch.nn.functional, name)

    def avg_pool2d(self, *arguments, **options):
        return torch.nn.functional.avg_pool2d(*arguments, **options, count_include_pad=False)


def forward_with_max_pool(self, x):
    """The branches of torchvision's last module, with a maximum in place of the average."""
    three = self.branch3x3_1(x)
    double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
    return [
        self.branch1x1(x),
        torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1),
        torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1),
        self.branch_pool(max_pool2d(x, 3, stride=1, padding=1)),
    ]


def test_form_of_2015_differs_in_three_things(tmp_path, monkeypatch):
    """1008 outputs, average pools without padded zeros, a maximum in the last module.

    torchvision's network with these three changes has the same outputs.
    """
    theirs = torchvisions.inception_v3(num_classes=1008, aux_logits=False, init_weights=False)
    theirs = with_statistics(theirs, SMALL)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    ours = load("v3-2015", str(tmp_path / "weights.safetensors"))
    assert (ours.outputs, ours.order) == (1008, "ilsvrc")
    assert difference(ours.module, theirs, SMALL) > 1e-3
    monkeypatch.setattr(torchvisions, "F", FunctionsWithoutZeros())
    theirs.Mixed_7c._forward = forward_with_max_pool.__get__(theirs.Mixed_7c)
    assert difference(ours.module, theirs, SMALL) < 1e-5


def convolutions(module):
    """The convolutions of a module in their order, each as a function of (features, stride, padding).

    They are without the ReLU, and with the batch normalisation of a network that has seen no image.
    """

    def function(weight):
        return lambda features, stride=1, padding=0: (
            conv2d(features, weight, stride=stride, padding=padding) / 1.001**0.5
        )

    return [function(part.weight) for part in module.modules() if isinstance(part, nn.Conv2d)]


def reduction_to_17(module):
    """The branches of figure 10 with the filters of the released network."""
    direct, first, second, third = convolutions(module)

    def branches(features, stride, padding):
        inner = second(first(features).relu(), 1, 1).relu()
        return [direct(features, stride, padding).relu(), third(inner, stride, padding).relu()]

    return branches


def reduction_to_8(module):
    """The branches of the released network's second reduction."""
    first, direct, inner, wide, high, last = convolutions(module)

    def branches(features, stride, padding):
        long = high(wide(inner(features).relu(), 1, (0, 3)).relu(), 1, (3, 0)).relu()
        return [direct(first(features).relu(), stride, padding).relu(), last(long, stride, padding).relu()]

    return branches


def reduce(features, branches, order):
    """Figure 9 from left to right, and figure 10."""
    pooled = max_pool2d(features, 3, 2)
    if order == "pool-first":
        return torch.cat([*branches(pooled, 1, 1), pooled], 1)
    if order == "pool-last":
        return max_pool2d(torch.cat([*branches(features, 1, 1), features], 1), 3, 2)
    return torch.cat([*branches(features, 2, 0), pooled], 1)


@pytest.mark.parametrize("order", ["parallel", "pool-first", "pool-last"])
def test_grid_reductions_are_those_of_figures_9_and_10(order):
    torch.manual_seed(0)
    module = inception(width=NARROW, reduction=order).eval()
    reductions = (("6a", reduction_to_17, 36, 35), ("7a", reduction_to_8, 96, 17))
    for name, transcription, channels, side in reductions:
        features, stage = torch.randn(1, channels, side, side).relu(), module.stages[name]
        expected = reduce(features, transcription(stage), order)
        assert expected.shape[2] == side // 2
        torch.testing.assert_close(stage(features), expected)


def test_grid_reductions_have_the_same_sizes_and_differ_in_cost_only():
    """Figure 9 calls the version on the right 3 times more expensive. The one on the left costs least."""
    modules = {
        order: on_meta(lambda order=order: inception(reduction=order))
        for order in ("pool-first", "parallel", "pool-last")
    }
    sizes = [shapes(module, 299) for module in modules.values()]
    assert sizes[0] == sizes[1] == sizes[2]
    costs = [millions_of_multiply_adds(module.stages["6a"], 288, 35) for module in modules.values()]
    assert costs == sorted(costs)
    assert costs[2] > 3 * costs[1] > 3 * costs[0]


def factored(module):
    """A transcription of figure 6 with linear first factors."""
    one, *single, d1, d2, d3, d4, d5, projected = convolutions(module)
    tall, wide = (3, 0), (0, 3)

    def module_17(features):
        short = single[2](single[1](single[0](features).relu(), 1, wide), 1, tall).relu()
        long = d3(d2(d1(features).relu(), 1, tall), 1, wide).relu()
        long = d5(d4(long, 1, tall), 1, wide).relu()
        averages = projected(avg_pool2d(features, 3, 1, 1)).relu()
        return torch.cat([one(features).relu(), short, long, averages], 1)

    return module_17


def test_first_of_two_factors_is_linear_where_that_is_asked_for():
    torch.manual_seed(0)
    module = inception(width=NARROW, linear_factors=True).eval()
    features = torch.randn(1, 96, 17, 17).relu()
    torch.testing.assert_close(module.stages["6b"](features), factored(module.stages["6b"])(features))


def test_a_factor_is_linear_in_every_pair_and_nowhere_else():
    """Two 3x3, or a 1x7 and a 7x1 in either order: 17 of them. The stem has all its ReLUs."""

    def layers(module):
        return [
            part for part in module.modules() if isinstance(part, nn.Sequential) and hasattr(part, "conv")
        ]

    module = inception(width=NARROW, linear_factors=True)
    pairs = [
        (layer.conv.kernel_size, after.conv.kernel_size)
        for layer, after in pairwise(layers(module))
        if not hasattr(layer, "act")
    ]
    assert set(pairs) == {((1, 7), (7, 1)), ((3, 3), (3, 3)), ((7, 1), (1, 7))}
    assert len(pairs) == 3 + 1 + 4 * 3 + 1
    assert all(hasattr(layer, "act") for layer in layers(module.stages["stem"]))
    assert all(hasattr(layer, "act") for layer in layers(inception(width=NARROW)))
