"""The single crop of public weights, beside the transform of the library that provides them."""

from math import ceil

import numpy as np
import pytest
from timm import get_pretrained_cfg
from timm.data import create_transform, resolve_data_config
from torchvision.models import get_model_weights
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from bench.errors import WeightsError
from bench.zoo import find
from bench.zoo.providers import provider_of
from crops import Plan, native_protocol
from crops.pillow import render_levels
from tests.conftest import drawn

IMAGES = [drawn(500, 375), drawn(311, 475), drawn(90, 61)]
"""The last one grows, and is cut to less than half of an input."""


def preprocessing_of(name):
    network = find(name)
    return provider_of(network).preprocessing(network.architecture, network.tags[0])


def native_crops(name):
    """The levels of the crop of each image."""
    preprocessing = preprocessing_of(name)
    plan = Plan((native_protocol(preprocessing.native(find(name).provider)),), preprocessing.size)
    return [render_levels(np.asarray(image), plan.patches(*image.size)[0])[0] for image in IMAGES]


def assert_same(crops, transform):
    for crop, image in zip(crops, IMAGES, strict=True):
        assert np.array_equal(crop, np.asarray(transform(image)))


@pytest.mark.parametrize(
    "name",
    [
        "inception_v3.tf_in1k",
        "tf_efficientnet_lite0.in1k",  # bicubic
        "resnet50.a1_in1k",
        "resnet18.tv_in1k",  # bilinear
        "dm_nfnet_f0.dm_in1k",  # squash
        "volo_d4_448.sail_in1k",  # a crop of more than the shorter side
        "deepseek_vit_412m.deepseek_v4_flash_vision_exp",  # border
    ],
)
def test_native_crop_has_the_pixels_of_timms_transform(name):
    config = get_pretrained_cfg(name).to_dict()
    resolved = resolve_data_config(pretrained_cfg=config, use_test_size=True)
    transform = create_transform(**resolved, is_training=False, normalize=False)
    assert_same(native_crops(f"timm/{name}"), lambda image: transform(image).permute(1, 2, 0))


@pytest.mark.parametrize(
    "name", ["googlenet.IMAGENET1K_V1", "resnet50.IMAGENET1K_V2", "vit_b_16.IMAGENET1K_V1"]
)
def test_native_crop_has_the_pixels_of_torchvisions_transform(name):
    architecture, _, tag = name.partition(".")
    transform = get_model_weights(architecture)[tag].transforms()
    transform.mean, transform.std = [0.0] * 3, [1 / 255] * 3
    assert_same(native_crops(f"torchvision/{name}"), lambda image: transform(image).round().permute(1, 2, 0))


@pytest.mark.parametrize(
    ("name", "size", "share"),
    [("inceptionv3", 299, 0.875), ("efficientnet_b1", 240, 0.882), ("resneta10", 224, 0.875)],
)
def test_native_crop_has_the_pixels_of_osmrs_transform(name, size, share):
    """osmr's list of weights has size and share; for `resneta10` it has neither, so its program's default."""
    transform = Compose([Resize(ceil(size / share), InterpolationMode.BILINEAR), CenterCrop(size)])
    assert_same(native_crops(f"pytorchcv/{name}.osmr"), transform)


def test_input_that_is_no_square_is_refused():
    message = r"^the input of timm/vit_base_patch16_sapiens2\.fb is 1024 x 768: choose another network"
    with pytest.raises(WeightsError, match=message):
        preprocessing_of("timm/vit_base_patch16_sapiens2.fb")


def test_weights_of_this_project_have_no_native_crop():
    network = find("mini-v3")
    assert provider_of(network).preprocessing(network.architecture, "mini").native(network.provider) is None
