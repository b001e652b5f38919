"""Inception-v2 and -v3 against the paper's tables, timm's and torchvision's networks."""

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch.nn.functional import max_pool2d
from torchvision.models import inception as torchvisions

from bench.zoo.loading import load
from bench.zoo.papers.rethinking import inception
from tests.bench.zoo.papers.conftest import SMALL, difference, on_meta, shapes, with_statistics


def test_inception_v3_has_the_sizes_of_table_1():
    """The table lists input sizes: 147 x 147 x 64 for the first pool, 8 x 8 x 1280 and 2048 at the end."""
    found = shapes(on_meta(inception), 299)
    assert (found["stem"], found["pool1"]) == ((147, 147, 64), (73, 73, 64))
    assert [found[name][:2] for name in ("conv", "5b", "6a", "7a")] == [(71, 71), (35, 35), (17, 17), (8, 8)]
    assert [found[name][2] for name in ("5d", "6e", "7a", "7c")] == [288, 768, 1280, 2048]


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
