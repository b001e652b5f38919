"""The networks built from the papers' tables: sizes as printed there, and outputs equal to other implementations."""

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch import nn
from torch.nn.functional import max_pool2d
from torch.utils.flop_counter import FlopCounterMode

from bench.errors import WeightsError
from bench.zoo import NETWORKS
from bench.zoo.loading import load
from bench.zoo.papers.classifier import shapes
from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.inception_resnet import V1, V2, inception_resnet
from bench.zoo.papers.inception_v4 import inception_v4
from bench.zoo.papers.rethinking import inception

NARROW = 0.125


def on_meta(make):
    with torch.device("meta"):
        return make().eval()


def settled(module, size):
    """Give random weights statistics that keep activations in range, as training would."""
    torch.manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(2, 3, size, size))
    return module.eval()


def difference(ours, theirs, size):
    """Between the outputs of two networks for one image, against the largest of them."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        mine, other = ours.eval()(image), theirs.eval()(image)
    assert other.std() > 1e-3
    return ((mine - other).abs().max() / other.abs().max()).item()


def test_googlenet_has_the_sizes_of_its_table_1():
    assert shapes(on_meta(googlenet), 224) == {
        "conv1": (112, 112, 64), "pool1": (56, 56, 64), "conv2": (56, 56, 192), "pool2": (28, 28, 192),
        "3a": (28, 28, 256), "3b": (28, 28, 480), "pool3": (14, 14, 480),
        "4a": (14, 14, 512), "4b": (14, 14, 512), "4c": (14, 14, 512), "4d": (14, 14, 528), "4e": (14, 14, 832),
        "pool4": (7, 7, 832), "5a": (7, 7, 832), "5b": (7, 7, 1024),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "millions"),
    [("3a", 128), ("3b", 304), ("4a", 73), ("4b", 88), ("4c", 100), ("4d", 119), ("4e", 170), ("5b", 71)],
)
def test_googlenets_modules_cost_what_its_table_1_says(row, millions):
    """In millions of multiply-adds, cut or rounded. Its 5a (54) does not follow from its own filters, which make 51."""
    module, channels = (
        on_meta(googlenet).stages[row],
        {"3a": 192, "3b": 256, "4a": 480, "4e": 528, "5b": 832}.get(row, 512),
    )
    side = {"3": 28, "4": 14, "5": 7}[row[0]]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, channels, side, side, device="meta"))
    assert counter.get_total_flops() / 2e6 == pytest.approx(millions, abs=1)


def test_googlenets_first_layer_is_the_tables_when_separable():
    """2.7 K parameters and 34 M multiply-adds."""
    module = on_meta(lambda: googlenet(separable=True)).stages["conv1"]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, 3, 224, 224, device="meta"))
    weights = sum(p.numel() for name, p in module.named_parameters() if name.endswith("weight"))
    assert round(weights / 1000, 1) == 2.7
    assert round(counter.get_total_flops() / 2e6) == 34


def test_inception_v3_has_the_sizes_of_its_table_1():
    """Input sizes as printed: 147 x 147 x 64 to the first pool, 35 x 35 and 17 x 17 x 768, 8 x 8 x 1280 and 2048."""
    found = shapes(on_meta(inception), 299)
    assert (found["stem"], found["pool1"]) == ((147, 147, 64), (73, 73, 64))
    assert [found[name][:2] for name in ("conv", "5b", "6a", "7a")] == [(71, 71), (35, 35), (17, 17), (8, 8)]
    assert (found["5d"][2], found["6e"][2], found["7a"][2], found["7c"][2]) == (288, 768, 1280, 2048)


def test_the_low_resolution_forms_have_the_grids_of_section_9():
    usual, middle, low = (
        shapes(on_meta(lambda size=size: inception(resolution=size)), size) for size in (299, 151, 79)
    )
    assert list(middle.values()) == list(usual.values())
    assert [low[name][0] for name in ("stem", "pool1", "conv", "pool2", "6a", "7a")] == [
        75,
        75,
        73,
        36,
        17,
        8,
    ]


def test_inception_v4_has_the_sizes_of_its_figures():
    found = shapes(on_meta(inception_v4), 299)
    figure_3 = {
        "stem1": (147, 147, 64),
        "stem2": (73, 73, 160),
        "stem3": (71, 71, 192),
        "stem4": (35, 35, 384),
    }
    assert {name: found[name] for name in figure_3} == figure_3
    assert (found["a4"], found["b7"], found["c3"]) == ((35, 35, 384), (17, 17, 1024), (8, 8, 1536))
    assert [sum(name.startswith(letter) for name in found) for letter in "abc"] == [4, 7, 3]


@pytest.mark.parametrize(
    ("version", "ends", "blocks"),
    [(V1, (256, 896, 1792), [5, 10, 5]), (V2, (320, 1088, 2080), [10, 20, 10])],
    ids=["v1", "v2"],
)
def test_inception_resnets_have_the_sizes_of_their_figures(version, ends, blocks):
    found = shapes(on_meta(lambda: inception_resnet(version)), 299)
    assert [found[name] for name in ("a1", "b1", "c1")] == [
        (35, 35, ends[0]),
        (17, 17, ends[1]),
        (8, 8, ends[2]),
    ]
    assert [sum(name[0] == letter and name[1:].isdigit() for name in found) for letter in "abc"] == blocks


@pytest.mark.parametrize(
    ("make", "parameters", "with_heads"),
    [(googlenet, 6_998_552, 13_378_280), (inception, 23_834_568, 27_161_264)],
    ids=["googlenet", "inception-v3"],
)  # Caffe's GoogLeNet and torchvision's inception_v3
def test_parameters_with_and_without_auxiliary_heads(make, parameters, with_heads):
    module = on_meta(make)
    total = sum(p.numel() for p in module.parameters())
    assert (total - sum(p.numel() for p in module.auxiliary.parameters()), total) == (parameters, with_heads)


@pytest.mark.parametrize("norm", [True, False])
def test_auxiliary_heads_speak_in_training_alone(norm):
    module = inception(7, width=NARROW, auxiliary_norm=norm)
    # with normalisation the 5x5, the head's "fully connected" layer, has it, too: Table 3's BN-auxiliary
    assert sum(isinstance(part, nn.BatchNorm2d) for part in module.auxiliary.modules()) == 1 + norm
    logits, sides = module.train()(torch.randn(2, 3, 299, 299))
    assert [tuple(part.shape) for part in (logits, *sides)] == [(2, 7), (2, 7)]
    assert module.eval()(torch.randn(1, 3, 299, 299)).shape == (1, 7)
    assert len(googlenet(7, width=NARROW).train()(torch.randn(2, 3, 224, 224))[1]) == 2


@pytest.mark.parametrize("tag", ["timm", "torchvision"])
def test_inception_v3_is_timms_and_torchvisions(tag, tmp_path):
    """The same weights, through the loading that users' files go through."""
    from torchvision.models import inception_v3

    theirs = (
        create_model("inception_v3") if tag == "timm" else inception_v3(init_weights=False, aux_logits=True)
    )
    theirs = settled(theirs, 299)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    assert difference(load("v2-all", str(tmp_path / "weights.safetensors")).module, theirs, 299) < 1e-5


def test_the_form_of_2015_differs_in_three_things(tmp_path, monkeypatch):
    """1008 outputs, zeros left out of average pools, a maximum in the last module: transcribed onto torchvision's."""
    from torchvision.models import inception as torchvisions

    usual = torchvisions.F.avg_pool2d

    class Functions:
        """torch.nn.functional with average pools that leave the zeros out."""

        def __getattr__(self, name):
            return getattr(torch.nn.functional, name)

        def avg_pool2d(self, *arguments, **options):
            return usual(*arguments, **options, count_include_pad=False)

    def last(self, x):
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return [
            self.branch1x1(x),
            torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1),
            torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1),
            self.branch_pool(max_pool2d(x, 3, stride=1, padding=1)),
        ]

    theirs = settled(torchvisions.inception_v3(num_classes=1008, aux_logits=False, init_weights=False), 299)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    ours = load("v3-2015", str(tmp_path / "weights.safetensors"))
    assert (ours.outputs, ours.order) == (1008, "ilsvrc")
    assert difference(ours.module, theirs, 299) > 1e-3
    monkeypatch.setattr(torchvisions, "F", Functions())
    theirs.Mixed_7c._forward = last.__get__(theirs.Mixed_7c)
    assert difference(ours.module, theirs, 299) < 1e-5


@pytest.mark.parametrize(
    ("make", "name"), [(inception_v4, "inception_v4"), (lambda: inception_resnet(V2), "inception_resnet_v2")]
)
def test_inception_v4_and_resnet_v2_are_timms(make, name):
    """Tensor by tensor in the order of the figures, which is also timm's."""
    ours, theirs = make(), settled(create_model(name), 299)
    pairs = zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict({name: value for (name, _), value in pairs})
    assert difference(ours, theirs, 299) < 1e-5


def test_residuals_are_scaled():
    """With a scale of nothing a module passes its input on."""
    module = inception_resnet(V1, 7, width=NARROW, blocks=(1, 1, 1), scales=(0.0, 0.0, 0.0))
    features = torch.randn(1, 32, 5, 5).relu()
    assert torch.equal(module.stages["a1"](features), features)
    module.stages["a1"].scale = 0.17
    assert not torch.equal(module.stages["a1"](features), features)


def test_every_network_of_the_papers_is_in_the_table():
    wanted = (
        "v1 bn-v1 bn v2 v2-factorised v2-bn-aux v2-all v2-151 v2-79 v3 v3-2015 v4 ir-v1 ir-v1-paper ir-v2"
    )
    assert set(wanted.split()) <= NETWORKS.keys()


@pytest.mark.parametrize("separable", [True, False])
def test_googlenet_without_normalisation_can_begin_to_learn(separable):
    """Its first layer gets a gradient, through 22 layers and without the auxiliary heads' help."""
    torch.manual_seed(0)
    module = googlenet(separable=separable).eval()
    outputs = module(torch.randn(2, 3, 224, 224))
    nn.functional.cross_entropy(outputs, torch.tensor([1, 2])).backward()
    assert module.stages["conv1"][0].conv.weight.grad.norm() > 1e-2


@pytest.mark.parametrize("name", ["v2", "v1-paper", "bn-v1", "ir-v1-paper", "v2-bn-aux"])
def test_weights_of_v3_do_not_fit_other_networks(name, tmp_path):
    save_file(create_model("inception_v3").state_dict(), tmp_path / "v3.safetensors")
    with pytest.raises(WeightsError, match=r"v3\.safetensors does not fit Classifier: \d+ missing"):
        load(name, str(tmp_path / "v3.safetensors"))


def test_width_multiplies_the_filters():
    half = on_meta(lambda: inception(50, width=0.5))
    assert shapes(half, 299)["7c"] == (8, 8, 1024)
    assert half.classifier.weight.shape == (50, 1024)
