"""The native crop of all public weights of timm, torchvision and pytorchcv, beside the provider's own.

    python benchmarks/native_crops.py IMAGE [IMAGE ...]

Every image is taken by each provider's code and by this project, for each distinct preprocessing. It prints
how many names have the same levels, bit for bit, on all images, and names the others. Many names share a
preprocessing, so that the 2,300 names take less than a minute on four photographs. No weights are fetched.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torchvision.models
from numpy.typing import NDArray
from PIL import Image
from pytorchcv.models.common.model_store import get_model_metainfos_file_path, load_csv
from timm.data import create_transform, resolve_data_config
from torchvision.models import get_model_weights, list_models
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from bench.data.decode import open_image
from bench.errors import BenchError
from bench.zoo.networks import Network
from bench.zoo.preprocessing import Preprocessing
from bench.zoo.providers import provider_of
from crops import Plan, native_protocol
from crops.pillow import render_levels

Levels = NDArray[np.uint8]
"""[height x width x 3]"""

Transform = Callable[[Image.Image], Levels]

Name = tuple[str, str]
"""Architecture and tag."""


def of_timm() -> Iterator[tuple[Name, dict[str, Any], Callable[..., Transform]]]:
    """Names, what their transforms are made of, and what makes them of that."""
    for name in timm.list_pretrained():
        architecture, _, tag = name.partition(".")
        config = timm.get_pretrained_cfg(name).to_dict()
        yield (architecture, tag), resolve_data_config(pretrained_cfg=config, use_test_size=True), by_timm


def by_timm(**resolved: Any) -> Transform:
    transform = create_transform(**resolved, is_training=False, normalize=False)
    return lambda image: np.asarray(transform(image).permute(1, 2, 0))


def of_torchvision() -> Iterator[tuple[Name, dict[str, Any], Callable[..., Transform]]]:
    """As `of_timm`."""
    for architecture in list_models(torchvision.models):
        for weights in get_model_weights(architecture):
            yield (architecture, weights.name), {"transforms": weights.transforms()}, by_torchvision


def by_torchvision(transforms: Any) -> Transform:
    """The transforms end with mean and standard deviation, which are left out."""
    transforms.mean, transforms.std = [0.0] * 3, [1 / 255] * 3
    return lambda image: np.asarray(transforms(image).round().byte().permute(1, 2, 0))


def of_pytorchcv() -> Iterator[tuple[Name, dict[str, Any], Callable[..., Transform]]]:
    """As `of_timm`. Nine networks of the list have no size; its program's default is 224 and 0.875."""
    header, *rows = load_csv(get_model_metainfos_file_path())
    for row in (dict(zip(header, row, strict=True)) for row in rows):
        if row["test_dataset"] == "in1k":
            size, share = (row["img_size"], row["img_scale"]) if row["img_size"] != "NA" else ("224", "0.875")
            yield (row["model_name"], "osmr"), {"size": int(size), "share": float(share)}, by_osmr


def by_osmr(size: int, share: float) -> Transform:
    """As the program that measured pytorchcv's list does (osmr/imgclsmob: `imagenet_val_transform`)."""
    transform = Compose([Resize(ceil(size / share), InterpolationMode.BILINEAR), CenterCrop(size)])
    return lambda image: np.asarray(transform(image))


def native_crop(preprocessing: Preprocessing, provider: str, image: Image.Image) -> Levels:
    """The native crop by this project's reference renderer."""
    view = preprocessing.native(provider)
    (patch,), _ = Plan((native_protocol(view),), preprocessing.size).patches(*image.size)
    (levels,) = render_levels(np.asarray(image), [patch])
    return levels.astype(np.uint8)


def difference(theirs: Levels, ours: Levels) -> str:
    """What differs; empty where nothing does."""
    if theirs.shape != ours.shape:
        return f"shape {theirs.shape} against {ours.shape}"
    most = np.abs(theirs.astype(int) - ours).max()
    return f"up to {most} levels" if most else ""


def main(paths: Sequence[str]) -> None:
    images = [open_image(Path(path).read_bytes()) for path in paths]
    print("images of", ", ".join(f"{width} x {height}" for width, height in (image.size for image in images)))
    for provider, weights in (
        ("timm", of_timm()),
        ("torchvision", of_torchvision()),
        ("pytorchcv", of_pytorchcv()),
    ):
        module = provider_of(Network("", provider, ""))
        found: dict[str, str] = {}
        names, differing = 0, []
        for (architecture, tag), settings, make in weights:
            names += 1
            try:
                preprocessing = module.preprocessing(architecture, tag)
            except BenchError as error:
                differing.append(str(error))
                continue
            key = f"{settings} {preprocessing}"
            if key not in found:
                transform = make(**settings)
                each = (
                    difference(transform(image), native_crop(preprocessing, provider, image))
                    for image in images
                )
                found[key] = "; ".join(filter(None, each))
            if found[key]:
                differing.append(f"{provider}/{architecture}.{tag}: {found[key]}")
        print(f"{provider}: {names - len(differing):,} of {names:,} names equal, in {len(found)} ways")
        print("".join(f"  {line}\n" for line in differing), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
