"""Whatever is wrong with the options is found before anything is evaluated."""

import pytest

from bench.errors import UsageError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "median"}, "no pool 'median': try"),
        ({"dialect": "keras"}, "no dialect 'keras'"),
        ({"interpolation": "lanczos"}, "no interpolation 'lanczos'"),
        ({"renderer": "opencv"}, "no renderer 'opencv'"),
        ({"dialect": "timm", "crops": "10"}, "decides crop and resampling"),
        ({"dialect": "timm", "renderer": "tensor"}, "Pillow renders --dialect timm"),
        ({"dialect": "caffe", "pool": "max"}, "decides crop and resampling"),
        ({"shuffle_seed": -1, "limit": 2}, "a number from 0"),
        ({"scales": "100000"}, "too many"),
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
def test_meaningless_options_are_refused(evaluate, options, message):
    with pytest.raises(UsageError, match=message):
        evaluate(**options)
