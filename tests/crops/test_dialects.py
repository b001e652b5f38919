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
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from bench.evaluation.classify import normalise
from crops import (
    CAFFE,
    DIALECTS,
    HALF,
    IMAGENET,
    Plan,
    dialect_plan,
    dialect_view,
    native_protocol,
    native_view,
)
from crops.dialects import caffe
from crops.pillow import render_levels
from tests.conftest import SHARED, drawn

SIZES = [(500, 375), (375, 500), (300, 300), (437, 371), (90, 61), (223, 640)]
REAL_IMAGES = sorted((SHARED / "data" / "imagenet-sample").glob("*/*.JPEG"))[::5]
IMAGES = [pytest.param(source, id=getattr(source, "stem", str(source))) for source in (*REAL_IMAGES, *SIZES)]
"""20 real images if this machine has them, and drawn ones of all shapes."""


def image_of(source):
    return Image.open(source).convert("RGB") if isinstance(source, Path) else drawn(*source)


def dialect(name, size, interpolation="bicubic", crop_pct=0.875, fit="shorter"):
    """The plan of a dialect for weights that are not the tool's own."""
    timms = native_view("timm", size, interpolation, crop_pct, fit)
    return dialect_plan(name, size, dialect_view(name, size, timms))


def crop(plan, image):
    """The levels of its only crop."""
    patches, weights = plan.patches(*image.size)
    assert weights.tolist() == [[1.0]]
    return render_levels(np.asarray(image), patches)[0]


def network_input(pixels, normalisation):
    return normalise(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None], normalisation)[0]


@pytest.mark.parametrize("source", IMAGES)
@pytest.mark.parametrize(
    ("size", "crop_pct", "mode", "fit"),
    [
        (299, 0.875, "center", "shorter"),
        (299, 0.8975, "center", "shorter"),
        (224, 0.95, "squash", "both"),
        (160, 1.0, "border", "longer"),
        (160, 0.9, "border", "longer"),
        (161, 1.15, "center", "shorter"),
        (161, 1.15, "border", "longer"),
    ],
)
def test_timm_gives_the_same_tensor(source, size, crop_pct, mode, fit):
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
    fill = (128, 128, 128) if fit == "longer" else (0, 0, 0)  # the mean of HALF, or black
    view = native_view("timm", size, "bicubic", crop_pct, fit, fill)
    assert torch.equal(network_input(crop(dialect_plan("timm", size, view), image), HALF), expected)


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
    view = native_view("torchvision", size, transforms.interpolation.value, size / resized)
    assert view.resized == resized
    pixels = crop(dialect_plan("torchvision", size, view), image)
    assert torch.equal(network_input(pixels, IMAGENET), transforms(image))


@pytest.mark.parametrize("source", IMAGES)
@pytest.mark.parametrize(("size", "crop_pct", "resized"), [(299, 0.875, 342), (240, 0.882, 273)])
def test_pytorchcv_gives_the_same_pixels(source, size, crop_pct, resized):
    """Its program for evaluation resizes by torchvision, to the size divided by the share, rounded up."""
    image = image_of(source)
    expected = Compose([Resize(resized, InterpolationMode.BILINEAR), CenterCrop(size)])(image)
    view = native_view("pytorchcv", size, "bilinear", crop_pct)
    (patch,), _ = Plan((native_protocol(view),), size).patches(*image.size)
    assert np.array_equal(render_levels(np.asarray(image), [patch])[0], np.asarray(expected))


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
    pixels = crop(dialect("tf-slim", 299), Image.fromarray(image))
    assert pixels.dtype == np.float32
    assert np.abs(pixels - sampled_by_scipy(part, rows, columns)).max() < 1e-3


def warped_by_opencv(image):
    """256 x 256, before levels are rounded."""
    rows, columns = ((np.arange(256) + 0.5) * length / 256 - 0.5 for length in image.shape[:2])
    return sampled_by_scipy(image, rows, columns)


@pytest.mark.parametrize("dimensions", SIZES)
def test_caffe_warps_as_opencv_does_and_cuts_the_centre(dimensions):
    image = np.asarray(drawn(*dimensions))
    pixels = crop(dialect("caffe", 224), Image.fromarray(image))
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
    plan = dialect(name, size, "bicubic", 0.9, "both")
    assert plan.size == size
    (protocol,) = plan.describe()["protocols"].values()
    assert (protocol["resized"], protocol["interpolation"], protocol["squash"]) == (
        resized,
        interpolation,
        squash,
    )


def test_torchvision_resizes_to_the_pixel_that_its_own_weights_say():
    """However floats round: 224 / (224 / 354) is 353.99999999999994."""
    for resized in range(224, 600):
        assert native_view("torchvision", 224, "bicubic", 224 / resized).resized == resized


@pytest.mark.parametrize(
    ("name", "normalisation"), [("timm", None), ("torchvision", None), ("tf-slim", HALF), ("caffe", CAFFE)]
)
def test_tf_slim_and_caffe_have_their_own_normalisation(name, normalisation):
    assert dialect(name, 299).normalisation == normalisation


def test_describe_gives_exactly_these_plain_values():
    """A stored run is found again by a hash of this dictionary, so a change to it loses all stored runs."""
    assert dialect("timm", 299, "bicubic", 0.8975).describe() == {
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
    plan = dialect(name, 299)
    assert plan.crops == 1
    assert plan.names == (f"1/{name}",)
    assert plan.single_crop() is plan
