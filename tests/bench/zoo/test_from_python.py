"""Networks that are the user's own modules: copied, identified, and made classifiers."""

from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from timm import create_model
from torch import nn
from torchvision.models import resnet18

from bench.errors import UsageError, WeightsError
from bench.zoo.from_python import load_factory, load_module
from bench.zoo.loading import load
from bench.zoo.preprocessing import NOTHING_STATED, Preprocessing, StatedInput
from crops.normalisation import HALF, IMAGENET
from tests.conftest import TINY

SMALL = {"input_size": (3, 32, 32), "mean": HALF.mean, "std": HALF.std}


class Net(nn.Module):
    """Two layers and two pools, with a thousand classes."""

    def __init__(self, kernel=3, stride=1):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, kernel, stride=stride, padding=1)
        self.last = nn.Linear(8, 1000)

    def forward(self, images):
        return self.last(self.first(images).relu().mean((2, 3)))


class Returning(nn.Module):
    def __init__(self, returned):
        super().__init__()
        self.returned = returned

    def forward(self, images):
        return self.returned(images)


def loaded(module, described=SMALL, label_order="auto", stated=NOTHING_STATED):
    return load_module(module, described, label_order, stated)


def sha256(module):
    return loaded(module).weights.sha256


def changed(module, change):
    with torch.no_grad():
        change(module)
    return module


def test_module_of_timm_loads_as_by_its_name(tiny_weights):
    module = create_model(TINY.removeprefix("timm/"))
    module.load_state_dict(load_file(tiny_weights))
    ours, by_name = load_module(module, None, "auto", NOTHING_STATED), load(TINY, str(tiny_weights))
    assert ours.preprocessing == by_name.preprocessing
    assert ours.network.multiply_adds == by_name.network.multiply_adds
    assert ours.network.parameters == by_name.network.parameters
    assert (ours.outputs, ours.order, ours.pool) == (by_name.outputs, by_name.order, "global_pool")
    assert ours.network.architecture == "timm.models.efficientnet.EfficientNet"
    images = torch.rand(2, 3, 160, 160)
    assert torch.equal(ours.module(images), by_name.module(images))


def test_users_module_stays_as_it_is():
    module = Net().to(torch.float64).train()
    module.first.requires_grad_(False)
    module(torch.rand(1, 3, 32, 32, dtype=torch.float64)).sum().backward()
    before = {name: (id(value), value.clone()) for name, value in module.named_parameters()}
    gradient = module.last.weight.grad.clone()
    copied = loaded(module).module
    assert module.training
    for name, value in module.named_parameters():
        assert (id(value), value.tolist()) == (before[name][0], before[name][1].tolist())
    assert [value.requires_grad for value in module.parameters()] == [False, False, True, True]
    assert torch.equal(module.last.weight.grad, gradient)
    assert not copied.training
    assert {value.dtype for value in copied.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in copied.parameters())
    assert {value.data_ptr() for value in copied.parameters()}.isdisjoint(
        value.data_ptr() for value in module.parameters()
    )


def test_hash_tells_networks_apart_and_knows_the_same_one_again():
    def add_one(module):
        module.last.bias[999] += 1

    def swap_names(module):
        module.first, module.last = Net().first, Net().last

    first = sha256(Net())
    assert sha256(Net()) == first
    assert sha256(changed(Net(), swap_names)) == first
    assert sha256(Net().half().float()) == sha256(Net().half())
    others = [sha256(module) for module in (changed(Net(), add_one), Net(stride=2), Net().half(), Net(5))]
    assert len({first, *others}) == 5


def test_hash_knows_buffers_that_are_not_saved():
    def with_buffer(value):
        module = Net()
        module.register_buffer("level", torch.tensor(value), persistent=False)
        return module

    assert sha256(with_buffer(1.0)) == sha256(with_buffer(1.0)) != sha256(with_buffer(2.0))


def test_wrappers_of_a_network_are_taken_off():
    network = loaded(nn.DataParallel(torch.compile(Net())))
    assert network.weights.sha256 == sha256(Net())
    assert (network.network.name, network.network.architecture) == ("Net", f"{__name__}.Net")


@pytest.mark.parametrize("kind", ["object", "namedtuple"])
def test_logits_among_other_things_are_taken(kind):
    """As transformers' and torchvision's networks return them."""
    net = Net()
    pair = namedtuple("pair", ["logits", "aux_logits"])
    returned = {
        "object": lambda images: SimpleNamespace(logits=net(images)),
        "namedtuple": lambda images: pair(net(images), None),
    }
    network = loaded(Returning(returned[kind]))
    assert network.network.architecture == f"{__name__}.Returning"
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(network.module(images), net(images))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            lambda images: (images.mean((2, 3)), images),
            "Returning returns tuple: a classifier returns scores",
        ),
        (lambda images: images, r"returns torch.float32 \[2 x 3 x 32 x 32\] for 2 images"),
        (lambda images: images.mean((1, 2, 3)), r"returns torch.float32 \[2\] for 2 images"),
        (lambda images: images.mean((2, 3)).mean(0, keepdim=True), r"returns torch.float32 \[1 x 3\] for 2"),
        (lambda images: images.mean((2, 3)).argsort(), r"returns torch.int64 \[2 x 3\] for 2 images"),
        (lambda images: images[:, :, 40, 0], r"does not take images \[2 x 3 x 32 x 32\] \(index 40 is out"),
    ],
)
def test_what_is_no_classifier_is_one_line(returned, message):
    with pytest.raises(UsageError, match=message):
        loaded(Returning(returned))


def test_weights_that_cannot_be_evaluated_are_named():
    def break_it(module):
        module.last.bias[0] = torch.nan

    with pytest.raises(WeightsError, match=r"Net: last\.bias is not finite"):
        loaded(changed(Net(), break_it))
    with pytest.raises(UsageError, match="Net cannot be copied"):
        loaded(Net().to("meta"))


def test_module_that_cannot_be_copied_is_one_line():
    module = Net()
    module.kept = torch.rand(1, requires_grad=True) * 2
    with pytest.raises(UsageError, match=r"Net cannot be copied .*Only Tensors created explicitly"):
        loaded(module)


@pytest.mark.parametrize("attribute", ["pretrained_cfg", "default_cfg"])
def test_input_is_what_the_module_says(attribute):
    module = Net()
    setattr(module, attribute, SMALL | {"interpolation": "bilinear", "crop_pct": 1.0})
    assert loaded(module, None).preprocessing == Preprocessing(32, HALF, "bilinear", 1.0)
    assert loaded(module, Preprocessing(48, IMAGENET, "bicubic", 0.9)).preprocessing.size == 48
    assert loaded(module, None, stated=StatedInput(size=64)).preprocessing.size == 64


def test_input_that_nobody_states_is_named():
    with pytest.raises(
        UsageError, match="Net does not say all of its input: pass --input-size, --mean, --std"
    ):
        loaded(Net(), None)
    with pytest.raises(UsageError, match="describes its input with int: take a Preprocessing"):
        loaded(Net(), 224)


def test_pooling_module_is_found_where_it_is_clear():
    def tail(*layers):
        return nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.Flatten(), nn.Linear(8, 1000))

    assert loaded(resnet18()).pool == "avgpool"
    assert loaded(tail(nn.ReLU(), nn.AdaptiveAvgPool2d(1))).pool == "2"
    assert loaded(tail(nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(1))).pool == ""
    assert loaded(Net()).pool == ""


def test_label_order_goes_by_the_number_of_outputs():
    net = Net()
    net.last = nn.Linear(8, 1001)
    assert loaded(net).order == "background-first"
    assert loaded(net).classes == 1000
    with pytest.raises(UsageError, match="too few for --label-order background-first"):
        loaded(Net(), label_order="background-first")


@pytest.fixture
def factory(tmp_path):
    """A file with factories of `TINY`."""
    (tmp_path / "nets.py").write_text(
        "import timm\n"
        f"def make(): return timm.create_model({TINY.removeprefix('timm/')!r})\n"
        f"def pair(): return make(), {SMALL!r}\n"
        "def number(): return 3\n"
    )
    return str(tmp_path / "nets.py")


def test_factory_takes_weights_from_a_file(factory, tiny_weights):
    network = load(f"{factory}:make", str(tiny_weights))
    expected = load(TINY, str(tiny_weights))
    images = torch.rand(1, 3, 160, 160)
    assert torch.equal(network.module(images), expected.module(images))
    assert (network.network.name, network.weights.source) == ("nets.py:make", str(tiny_weights))
    assert load(f"{factory}:pair", str(tiny_weights)).preprocessing.size == 32


def test_weights_that_do_not_fit_the_factorys_network_are_refused(factory, tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth does not fit EfficientNet: .* missing: conv_stem"):
        load(f"{factory}:make", str(tmp_path / "other.pth"))
    with pytest.raises(UsageError, match=r"no weights at in1k: there is no such file, and .* has no tags"):
        load(f"{factory}:make", "in1k")


def test_factory_that_returns_no_network_is_refused(factory):
    with pytest.raises(UsageError, match=r"number returns int: a factory returns a torch\.nn\.Module, or"):
        load_factory(f"{factory}:number", None, "auto", None, NOTHING_STATED)
    with pytest.raises(UsageError, match="has one set of weights: --ema and --no-ema choose in a file"):
        load_factory(f"{factory}:make", None, "auto", True, NOTHING_STATED)
