"""Each dialect against the tool it speaks for, or, where that tool is not in Python, against scipy's interpolation."""

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
from crops import dialect
from crops.dialects import CAFFE, HALF, IMAGENET
from tests.conftest import SHARED, drawn

SIZES = [(500, 375), (375, 500), (300, 300), (437, 371), (90, 61), (223, 640)]


REAL = sorted((SHARED / "data" / "imagenet-sample").glob("*/*.JPEG"))[::5]
PICTURES = [pytest.param(picture, id=getattr(picture, "stem", str(picture))) for picture in (*REAL, *SIZES)]
"""20 real images where they are at hand, and drawn ones of all shapes."""


TORCHVISION = [
    GoogLeNet_Weights.IMAGENET1K_V1,
    Inception_V3_Weights.IMAGENET1K_V1,
    ResNet50_Weights.IMAGENET1K_V2,
    EfficientNet_B0_Weights.IMAGENET1K_V1,
]


def opened(picture):
    return Image.open(picture).convert("RGB") if isinstance(picture, Path) else drawn(*picture)


def network_input(pixels, normalisation):
    return normalise(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None], normalisation)[0]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize(
    ("size", "crop_pct", "mode"), [(299, 0.875, "center"), (299, 0.8975, "center"), (224, 0.95, "squash")]
)
def test_timms_tensor_is_identical(picture, size, crop_pct, mode):
    image = opened(picture)
    theirs = create_transform(
        (3, size, size),
        is_training=False,
        interpolation="bicubic",
        mean=HALF.mean,
        std=HALF.std,
        crop_pct=crop_pct,
        crop_mode=mode,
    )(image)
    ours = dialect("timm", size, "bicubic", crop_pct, squash=mode == "squash")
    assert torch.equal(network_input(ours(image), HALF), theirs)


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize(
    "weights",
    [
        GoogLeNet_Weights.IMAGENET1K_V1,
        Inception_V3_Weights.IMAGENET1K_V1,
        ResNet50_Weights.IMAGENET1K_V2,
        EfficientNet_B0_Weights.IMAGENET1K_V1,
    ],
)
def test_torchvisions_tensor_is_identical(picture, weights):
    image = opened(picture)
    transforms = weights.transforms()
    (size,), (resized,) = transforms.crop_size, transforms.resize_size
    ours = dialect("torchvision", size, transforms.interpolation.value, size / resized, own=True)
    assert ours.resized == resized
    assert torch.equal(network_input(ours(image), IMAGENET), transforms(image))


def scipys(image, rows, columns):
    """Bilinear samples at rows x columns, each colour by itself, the border repeated."""
    at = np.meshgrid(rows, columns, indexing="ij")
    return np.stack(
        [
            map_coordinates(image[..., colour].astype(float), at, order=1, mode="nearest")
            for colour in range(3)
        ],
        axis=-1,
    )


@pytest.mark.parametrize("dimensions", SIZES)
def test_tf_slim_is_tensorflow_ones_bilinear_of_the_central_part(dimensions):
    image = np.asarray(drawn(*dimensions))
    height, width = image.shape[:2]
    part = image[height // 16 : height - height // 16, width // 16 : width - width // 16]
    expected = scipys(part, np.arange(299) * part.shape[0] / 299, np.arange(299) * part.shape[1] / 299)
    ours = dialect("tf-slim", 299, "bicubic")
    pixels = ours(Image.fromarray(image))
    assert pixels.dtype == np.float32
    assert pixels == pytest.approx(expected, abs=1e-3)
    assert ours.normalisation == HALF


@pytest.mark.parametrize("dimensions", SIZES)
def test_caffe_is_opencvs_bilinear_and_the_centre(dimensions):
    image = np.asarray(drawn(*dimensions))
    height, width = image.shape[:2]
    rows, columns = ((np.arange(256) + 0.5) * length / 256 - 0.5 for length in (height, width))
    expected = scipys(image, rows, columns)[16:240, 16:240]
    pixels = dialect("caffe", 224, "bicubic")(Image.fromarray(image))
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-6
    assert pixels.dtype == np.uint8


def test_caffes_normalisation_is_bgr_minus_a_mean_in_levels():
    red, green, blue = 200.0, 100.0, 50.0
    pixels = torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    assert normalise(pixels, CAFFE).flatten().tolist() == pytest.approx(
        [blue - 104, green - 117, red - 123], abs=1e-4
    )


def test_a_dialect_says_what_it_does():
    assert dialect("timm", 299, "bicubic", 0.8975).describe()["protocols"] == {
        "1/timm": {"crops": 1, "dialect": "timm", "resized": 333, "interpolation": "bicubic", "squash": False}
    }
    assert dialect("torchvision", 299, "bicubic").resized == 342
    assert dialect("torchvision", 224, "bicubic").interpolation == "bilinear"
