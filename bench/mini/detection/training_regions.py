"""Draw what the networks of the mini detection learn from: labelled regions of scenes.

    python -m bench.mini.detection.training_regions WORK/regions.tar --scenes 400 --seed 2013

writes the archive, and beside it `labels.txt` and `classes.txt`. Its scenes are of another seed than those
of the set. Their proposals are warped as `inception-bench detect` does it, with the same code. As in R-CNN's
fine-tuning (1311.2524, section 2.3), a region has the class of the object that it overlaps most, if by half
or more; else it is background.
"""

import io
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.detection.regions import mean_colour
from bench.mini import draw as mini
from bench.mini.detection import MODEL
from bench.mini.detection.draw import Scene, scene
from bench.zoo import find
from bench.zoo.providers import provider_of
from crops.pillow import render
from crops.warp import warp
from results.detection.boxes import Boxes, overlaps
from results.detection.names import BACKGROUND

LEAST_OVERLAP = 0.5
"""Of a region with an object whose class it has."""

OF_A_SCENE = 8
"""Regions that are taken of a scene: different scenes teach more than all regions of one."""


def labels_of(box: Boxes, of: Scene) -> NDArray[np.int64]:
    """[n] the class index of each region [n x 4] of a scene. The background comes after all classes."""
    regions, objects = len(box), len(of.box)
    overlap = overlaps(np.repeat(box, objects, axis=0), np.tile(of.box, (regions, 1)))
    overlap = overlap.reshape(regions, objects)
    return np.where(
        overlap.max(axis=1) >= LEAST_OVERLAP, of.category[overlap.argmax(axis=1)], len(mini.CLASSES)
    )


def warped(image: Image.Image, box: Boxes) -> list[Image.Image]:
    """The regions of an image as the network sees them."""
    network = find(MODEL)
    expected = provider_of(network).preprocessing(network.architecture, network.assumed_tag)
    size, interpolation, fill = expected.size, expected.resampling(), mean_colour(expected.normalisation)
    return render(image, [warp(each, *image.size, size, interpolation, fill) for each in box.tolist()])


def draw_regions(out: Path, scenes: int, seed: int) -> None:
    """Write regions of the scenes of `seed` to the archive `out`; and their labels and classes beside it.

    The scenes are compressed first, like those to detect in.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    labels: list[str] = []
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(1, scenes + 1):
            drawn = scene(seed, number)
            box = drawn.proposals[:OF_A_SCENE]  # they are in no order
            image = Image.open(io.BytesIO(mini.jpeg(drawn.image)))
            for region, label in zip(warped(image, box), labels_of(box, drawn).tolist(), strict=True):
                name = f"{out.stem}_{len(labels) + 1:08d}.png"
                mini.add_file(archive, name, _png(region))
                labels.append(f"{name} {label}")
    mini.write_lines(out.parent / "classes.txt", [*mini.CLASSES, BACKGROUND])
    mini.write_lines(out.parent / "labels.txt", labels)


def _png(image: Image.Image) -> bytes:
    """The file of an image, with all its pixels as they are."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    mini.call_from_command_line(draw_regions, __doc__, scenes=400, seed=2013)
