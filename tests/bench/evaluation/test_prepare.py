"""Whatever is wrong with the options is found before the data is opened."""

import pytest

from bench.errors import UsageError
from bench.evaluation import evaluate as evaluate_module
from crops import ProtocolError


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
