"""Whatever is wrong with the options is found before the data is opened."""

from dataclasses import replace

import pytest

from bench.data import open_images
from bench.errors import UsageError
from bench.evaluation import evaluate as evaluate_module
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load
from crops import ProtocolError
from tests.conftest import TINY


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "median"}, "no pool 'median': try"),
        ({"dialect": "keras"}, "no dialect 'keras'"),
        ({"interpolation": "lanczos"}, "no interpolation 'lanczos'"),
        ({"renderer": "opencv"}, "no renderer 'opencv'"),
        ({"dialect": "timm", "crops": "10"}, "decides crop and resampling"),
        ({"dialect": "timm", "renderer": "tensor"}, "Pillow renders --dialect timm"),
        ({"dialect": "timm", "renderer": "triton"}, "Pillow renders --dialect timm"),
        ({"dialect": "caffe", "pool": "max"}, "decides crop and resampling"),
        ({"shuffle_seed": -1, "limit": 2}, "a number from 0"),
        ({"scales": "100000"}, "too many"),
        ({"scales": "180,x"}, "scales '180,x': write shorter sides"),
        ({"scales": "180,190"}, "1 uses 1 of the 2 scales"),
        ({"crops": "11"}, "no protocol '11'"),
        ({"crops": ""}, "no protocol ''"),
        ({"crops": "native", "scales": "180"}, "native has a scale of its own: leave out --scales"),
        ({"crops": "native", "interpolation": "bilinear"}, "native has an interpolation of its own"),
        ({"crops": "native", "model": "mini-v3", "weights": None}, "native is the crop of weights of timm"),
        (
            {"crops": "10,native", "model": "mini-v3", "weights": None},
            "these are from elsewhere: write 1",
        ),
        ({"label_order": "alphabetical"}, "no label order 'alphabetical'"),
        ({"device": "meta"}, "cannot be used here"),
        ({"shuffle_seed": 1}, "pass both"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"device": "privateuseone"}, "device 'privateuseone' cannot be used here"),
        ({"device": "hpu"}, "device 'hpu' cannot be used here"),
        ({"precision": "fp8"}, "no precision 'fp8'"),
        ({"batch": 0}, "--batch 0: write a number from 1"),
        ({"limit": 0}, "--limit 0: write a number from 1"),
        ({"workers": -1}, "--workers -1: write a number from 1"),
    ],
)
def test_meaningless_options_are_refused(evaluate, monkeypatch, options, message):
    monkeypatch.setattr(evaluate_module, "open_data", None)
    with pytest.raises((UsageError, ProtocolError), match=message):
        evaluate(**options)


def test_scales_below_the_input_of_a_network_of_the_table_are_refused(evaluate, monkeypatch):
    monkeypatch.setattr(evaluate_module, "open_data", None)
    with pytest.raises(ProtocolError, match="scale 256 is smaller than the network's input of 299 pixels"):
        evaluate(model="v3", weights=None, scales="256")


@pytest.mark.parametrize("crops", ["1", "dense"])
def test_triton_is_refused_where_it_cannot_render(evaluate, crops):
    with pytest.raises(UsageError, match="--renderer triton needs a GPU of CUDA"):
        evaluate(renderer="triton", device="cpu", crops=crops)


def test_renderer_is_the_fastest_that_works(prepared, monkeypatch):
    assert prepared("10").renderer == "tensor"
    monkeypatch.setattr("bench.evaluation.prepare.can_render", lambda plan, device: True)
    assert prepared("10").renderer == "triton"
    assert prepared("10").sees.renders_chunks


@pytest.fixture
def plan_for(tiny_weights, photos):
    """The protocols that options lead to, for a network whose weights have this tag."""
    network = load(TINY, str(tiny_weights))

    def plan(tag="in1k", **options):
        loaded = replace(network, weights=replace(network.weights, tag=tag))
        options = Options(model=TINY, device="cpu", **options)
        return prepare_loaded(options, open_images(str(photos)), None, loaded, Silent()).plan.names

    return plan


@pytest.mark.parametrize(
    ("crops", "protocols"),
    [
        ("auto", ("native",)),
        ("native", ("native",)),
        ("1", ("1",)),
        ("1,native", ("native", "1")),
        ("1x1x2x2", ("1", "1x1x2x2")),
        ("10", ("native", "1", "10")),
        ("12", ("native", "1", "10", "12")),
        ("144", ("native", "1", "10", "12", "144")),
        ("dense", ("native", "dense")),
        ("native,10", ("native", "1", "10")),
    ],
)
def test_native_crop_of_public_weights_comes_along_where_it_costs_a_tenth(plan_for, crops, protocols):
    assert plan_for(crops=crops) == protocols


@pytest.mark.parametrize("options", [{"scales": "200"}, {"interpolation": "bilinear"}, {"pool": "logits"}])
def test_default_is_crop_1_where_an_option_of_it_is_set(plan_for, options):
    assert plan_for(**options) == ("1",)


@pytest.mark.parametrize(
    ("crops", "protocols"), [("auto", ("1",)), ("10", ("1", "10")), ("native,10", ("native", "1", "10"))]
)
def test_native_crop_of_a_file_is_taken_if_asked_for(plan_for, crops, protocols):
    assert plan_for(tag="", crops=crops) == protocols


@pytest.mark.parametrize(
    ("crops", "renderer"), [("native", "pillow"), ("1", "tensor"), ("native,1", "tensor"), ("10", "tensor")]
)
def test_native_crop_alone_has_pillows_pixels_without_a_gpu(prepared, crops, renderer):
    assert prepared(crops).renderer == renderer
