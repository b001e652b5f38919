"""What weights expect of their input: as a configuration says it, or as the user states it."""

import re

import pytest
from timm.data.config import resolve_data_config
from timm.models import get_pretrained_cfg

from bench.errors import UsageError
from bench.zoo.preprocessing import NOTHING_STATED, Preprocessing, StatedInput, parse_stated, read_config
from crops.normalisation import CAFFE, HALF, Normalisation


@pytest.mark.parametrize(
    "name",
    [
        "tf_efficientnet_lite0.in1k",
        "resnet50.a1_in1k",
        "vit_base_patch16_clip_224.openai_ft_in1k",
        "test_vit",
    ],
)
def test_configuration_is_read_as_timm_reads_it(name):
    config = get_pretrained_cfg(name).to_dict()
    expected = resolve_data_config(pretrained_cfg=config, use_test_size=True)
    read = read_config(config, NOTHING_STATED, name)
    assert (3, read.size, read.size) == expected["input_size"]
    assert (read.normalisation.mean, read.normalisation.std) == (expected["mean"], expected["std"])
    assert (read.interpolation, read.crop_pct) == (expected["interpolation"], expected["crop_pct"])
    assert (read.fit == "both") == (expected["crop_mode"] == "squash")


@pytest.mark.parametrize(
    ("config", "stated", "missing"),
    [
        ({}, NOTHING_STATED, "--input-size, --mean, --std"),
        ({"input_size": (3, 64, 64)}, StatedInput(mean=(0, 0, 0)), "--std"),
        ({"mean": (0, 0, 0), "std": (1, 1, 1)}, NOTHING_STATED, "--input-size"),
    ],
)
def test_what_nobody_says_is_named(config, stated, missing):
    with pytest.raises(UsageError, match=f"^net does not say all of its input: pass {missing}$"):
        read_config(config, stated, "net")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"input_size": (1, 28, 28)}, "the input (1, 28, 28): a network here takes (3, side, side)"),
        ({"input_size": (3, 224, 192)}, "the input (3, 224, 192)"),
        ({"input_size": 224}, "the input 224"),
        ({"mean": (0.5, 0.5)}, "the mean (0.5, 0.5): write three numbers"),
        ({"std": (1, 0, 1)}, "the std (1, 0, 1): levels are divided by it"),
    ],
)
def test_configuration_that_makes_no_sense_is_refused(config, message):
    whole = {"input_size": (3, 224, 224), "mean": (0, 0, 0), "std": (1, 1, 1)} | config
    with pytest.raises(UsageError, match=re.escape(f"net has {message}")):
        read_config(whole, NOTHING_STATED, "net")


def test_what_is_stated_goes_before_the_rest():
    own = Preprocessing(224, CAFFE, "bilinear", 0.9, fit="both")
    assert own.restated(NOTHING_STATED) == own
    stated = StatedInput(size=96, std=HALF.std)
    expected = Preprocessing(96, Normalisation(CAFFE.mean, HALF.std, bgr=True), "bilinear", 0.9, fit="both")
    assert own.restated(stated) == expected


@pytest.mark.parametrize(
    ("size", "mean", "std", "message"),
    [
        (15, None, None, "--input-size 15: write a number of pixels from 16 to 4,096"),
        (4097, None, None, "--input-size 4097: write a number of pixels from 16"),
        (None, "0.5,0.5", None, "--mean 0.5,0.5: write one number, or three with commas"),
        (None, "nan", None, "--mean nan: write one number"),
        (None, "", None, "--mean : write one number"),
        (None, None, "0.2,0.2,x", "--std 0.2,0.2,x: write one number"),
        (None, None, "0.2,0,0.2", "--std 0.2,0,0.2: levels are divided by it"),
        (None, None, "-1", "--std -1: levels are divided by it"),
    ],
)
def test_values_that_mean_nothing_are_refused(size, mean, std, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        parse_stated(size, mean, std)
