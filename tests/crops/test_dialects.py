"""Each dialect against the tool it imitates, or against scipy where that tool is not in Python."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import map_coordinates
from timm.data.transforms_factory import create_transform
from torchvision.models import (
    EfficientNet_B0_Weights,
    GoogLeNet_Weights,
    Inception_V3_Weights,
    ResNet50_Weights,
)

from bench.evaluation.classify import normalise
from crops import CAFFE, DIALECTS, HALF, IMAGENET, make_dialect
from crops.dialects import caffe
from tests.conftest import SHARED, drawn

SIZES = [(500, 375), (375, 500), (300, 300), (437, 371), (90, 61), (223, 640)]
REAL_IMAGES = sorted((SHARED / "data" / "imagenet-sample").glob("*/*.JPEG"))[::5]
IMAGES = [pytest.param(source, id=getattr(source, "stem", str(source))) for source in (*REAL_IMAGES, *SIZES)]
"""20 real images if this machine has them, and drawn ones of all shapes."""


def image_of(source):
    return Image.open(source).convert("RGB") if isinstance(source, Path) else drawn(*source)


def network_input(pixels, normalisation):
    return normalise(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None], normalisation)[0]


@pytest.mark.parametrize("source", IMAGES)
@pytest.mark.parametrize(
    ("size", "crop_pct", "mode"), [(299, 0.875, "center"), (299, 0.8975, "center"), (224, 0.95, "squash")]
)
def test_timm_gives_the_same_tensor(source, size, crop_pct, mode):
    image = image_of(source)
    expected = create_transform(
        (3, size, size),
        is_training=False,
        interpolation="bicubic",
        mean=HALF.mean,
        std=HALF.std,
        crop_pct=crop_pct,
        crop_mode=mode,
    )(image)
    timm = make_dialect("timm", size, "bicubic", crop_pct, squash=mode == "squash")
    assert torch.equal(network_input(timm(image), HALF), expected)


@pytest.mark.parametrize("source", IMAGES)
@pytest.mark.parametrize(
    "weights",
    [
        GoogLeNet_Weights.IMAGENET1K_V1,
        Inception_V3_Weights.IMAGENET1K_V1,
        ResNet50_Weights.IMAGENET1K_V2,
        EfficientNet_B0_Weights.IMAGENET1K_V1,
    ],
)
def test_torchvision_gives_the_same_tensor_for_its_own_weights(source, weights):
    image = image_of(source)
    transforms = weights.transforms()
    (size,), (resized,) = transforms.crop_size, transforms.resize_size
    torchvision = make_dialect("torchvision", size, transforms.interpolation.value, size / resized, own=True)
    assert torchvision.resized == resized
    assert torch.equal(network_input(torchvision(image), IMAGENET), transforms(image))


def sampled_by_scipy(image, rows, columns):
    """Bilinear samples at each row and column. Outside, the border repeats."""
    grid = np.meshgrid(rows, columns, indexing="ij")
    channels = np.moveaxis(image.astype(float), -1, 0)
    samples = [map_coordinates(channel, grid, order=1, mode="nearest") for channel in channels]
    return np.stack(samples, axis=-1)


@pytest.mark.parametrize("dimensions", SIZES)
def test_tf_slim_samples_the_central_part_as_tensorflow_1_did(dimensions):
    image = np.asarray(drawn(*dimensions))
    height, width = image.shape[:2]
    part = image[height // 16 : height - height // 16, width // 16 : width - width // 16]
    rows, columns = (np.arange(299) * length / 299 for length in part.shape[:2])
    pixels = make_dialect("tf-slim", 299, "bicubic")(Image.fromarray(image))
    assert pixels.dtype == np.float32
    assert np.abs(pixels - sampled_by_scipy(part, rows, columns)).max() < 1e-3


def warped_by_opencv(image):
    """256 x 256, before levels are rounded."""
    rows, columns = ((np.arange(256) + 0.5) * length / 256 - 0.5 for length in image.shape[:2])
    return sampled_by_scipy(image, rows, columns)


@pytest.mark.parametrize("dimensions", SIZES)
def test_caffe_warps_as_opencv_does_and_cuts_the_centre(dimensions):
    image = np.asarray(drawn(*dimensions))
    pixels = make_dialect("caffe", 224, "bicubic")(Image.fromarray(image))
    assert np.abs(pixels - warped_by_opencv(image)[16:240, 16:240]).max() <= 0.5 + 1e-6
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("dimensions", SIZES)
def test_caffe_repeats_the_border_where_the_crop_is_the_whole_square(dimensions):
    image = np.asarray(drawn(*dimensions))
    assert np.abs(caffe(image, 256, 256) - warped_by_opencv(image)).max() <= 0.5 + 1e-6


def test_caffe_cuts_the_centre_of_an_odd_margin_at_the_pixel_before():
    image = np.asarray(drawn(90, 61))
    assert np.array_equal(caffe(image, 223, 256), caffe(image, 256, 256)[16:239, 16:239])


@pytest.mark.parametrize(
    ("name", "size", "resized", "interpolation", "squash"),
    [
        ("timm", 299, 332, "bicubic", True),  # 299 / 0.9 is 332.2
        ("timm", 224, 248, "bicubic", True),  # 224 / 0.9 is 248.9
        ("torchvision", 299, 342, "bilinear", False),
        ("torchvision", 224, 256, "bilinear", False),
        ("tf-slim", 299, 299, "bilinear", False),
        ("caffe", 299, 342, "bilinear", False),
        ("caffe", 224, 256, "bilinear", False),
    ],
)
def test_only_timm_uses_the_interpolation_and_the_share_of_any_weights(
    name, size, resized, interpolation, squash
):
    dialect = make_dialect(name, size, "bicubic", 0.9, squash=True)
    assert dialect.size == size
    assert (dialect.resized, dialect.interpolation, dialect.squash) == (resized, interpolation, squash)
    if name != "torchvision":
        assert make_dialect(name, size, "bicubic", 0.9, squash=True, own=True) == dialect


def test_torchvision_resizes_to_the_pixel_that_its_own_weights_say():
    """However floats round: 224 / (224 / 354) is 353.99999999999994."""
    for resized in range(224, 600):
        assert make_dialect("torchvision", 224, "bicubic", 224 / resized, own=True).resized == resized


@pytest.mark.parametrize(
    ("name", "normalisation"), [("timm", None), ("torchvision", None), ("tf-slim", HALF), ("caffe", CAFFE)]
)
def test_tf_slim_and_caffe_have_their_own_normalisation(name, normalisation):
    assert make_dialect(name, 299, "bicubic").normalisation == normalisation


def test_describe_gives_exactly_these_plain_values():
    """A stored run is found again by a hash of this dictionary, so a change to it loses all stored runs."""
    assert make_dialect("timm", 299, "bicubic", 0.8975).describe() == {
        "size": 299,
        "pool": "mean",
        "protocols": {
            "1/timm": {
                "crops": 1,
                "dialect": "timm",
                "resized": 333,
                "interpolation": "bicubic",
                "squash": False,
            }
        },
        "interpolation": "bicubic",
    }


def test_dialects_are_these_four():
    assert DIALECTS == ("timm", "torchvision", "tf-slim", "caffe")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_has_one_crop_and_is_its_own_single_crop(name):
    dialect = make_dialect(name, 299, "bicubic")
    assert dialect.crops == 1
    assert dialect.names == (f"1/{name}",)
    assert dialect.single_crop() is dialect
