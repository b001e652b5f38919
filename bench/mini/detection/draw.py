"""Draw the mini set of detection: scenes of objects, with the objects' boxes and proposals.

    python -m bench.mini.detection.draw bench/mini/detection/mini_detection.tar --scenes 200 --seed 2014

writes the archive, and beside it `annotations.json` in COCO's form, `proposals.csv` and `classes.txt`. Scene
i depends only on (seed, i) and on the versions of numpy and Pillow.

A scene has one to four objects of the mini set's classes. They are smaller than there, do not hide each
other, and some are cut off at the image's edge.
"""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.mini import draw as mini
from results.detection.boxes import Boxes
from results.detection.names import BACKGROUND

MOST_OBJECTS = 4
RADII = (0.13, 0.28)
"""Of the objects, in units of the image's shorter side."""

PLACES = 20
"""Places that are tried for an object, until one is free."""

NEAR = np.linspace(0.05, 0.65, 8)
"""For each proposal near an object, how far from its box it may be: the largest shift of the centre, in units
of the sides, and the largest logarithm of their factor."""

ANYWHERE = 12
"""Proposals that know nothing of the objects."""


@dataclass(frozen=True)
class Scene:
    """A picture, its objects, and what a program that looks for objects might propose."""

    image: Image.Image
    category: NDArray[np.int64]
    """[objects] Class indices."""
    box: Boxes
    """[objects x 4] xmin, ymin, xmax, ymax of the pixels that are covered by half or more, both inside."""
    proposals: Boxes
    """[n x 4] In no order."""


def scene(seed: int, number: int) -> Scene:
    """Scene `number` of the set of `seed`. An object for which no place is free is left out."""
    random = np.random.default_rng((seed, number))
    canvas = mini.empty_canvas(random)
    taken = np.zeros(canvas.shape[:2], dtype=bool)
    category, box = [], []
    for label in random.choice(len(mini.CLASSES), random.integers(1, MOST_OBJECTS + 1), replace=False):
        for _ in range(PLACES):
            with_object = canvas.copy()
            coverage = mini.draw_object(random, with_object, label, RADII)
            if not taken[coverage > 0].any():
                canvas, taken = with_object, taken | (coverage > 0)
                category.append(label)
                box.append(box_of(coverage))
                break
    boxes = np.array(box)
    image = mini.finished(random, canvas)
    return Scene(image, np.array(category), boxes, propose(random, boxes, *image.size))


def box_of(coverage: mini.Field) -> tuple[int, int, int, int]:
    """The pixels that are covered by half or more, of [height x width].

    >>> box_of(np.array([[0, 0.2, 0], [0, 0.7, 1]]))
    (1, 1, 2, 1)
    """
    y, x = np.nonzero(coverage >= 0.5)
    return int(x.min()), int(y.min()), int(x.max()), int(y.max())


def propose(random: np.random.Generator, box: Boxes, width: int, height: int) -> Boxes:
    """[n x 4] proposals for an image with objects in these boxes: some near each object, some anywhere.

    All are in whole pixels and within the image.
    """
    near = np.repeat(box, len(NEAR), axis=0)
    sides = near[:, 2:] - near[:, :2] + 1
    reach = np.tile(NEAR, len(box))[:, None]
    centre = near[:, :2] + sides / 2 + random.uniform(-reach, reach, sides.shape) * sides
    sides = sides * np.exp(random.uniform(-reach, reach, sides.shape))
    size = np.array([width, height])
    sides_anywhere = 16 * (size / 16) ** random.uniform(0, 1, (ANYWHERE, 2))
    starts_anywhere = random.uniform(0, 1, (ANYWHERE, 2)) * (size - sides_anywhere)
    starts = np.concatenate([centre - sides / 2, starts_anywhere])
    ends = starts + np.concatenate([sides, sides_anywhere])
    starts = starts.round().clip(0, size - 1)
    ends = np.maximum(ends.round().clip(1, size) - 1, starts)
    return random.permutation(np.concatenate([starts, ends], axis=1)).astype(np.int64)


def draw(out: Path, scenes: int, seed: int) -> None:
    """Write the scenes of `seed` to the archive `out`; and objects, proposals and classes beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, object]] = []
    objects: list[dict[str, object]] = []
    regions = ["image,xmin,ymin,xmax,ymax"]
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(1, scenes + 1):
            drawn = scene(seed, number)
            name = f"{out.stem}_{number:08d}"
            mini.add_file(archive, f"{name}.JPEG", mini.jpeg(drawn.image))
            width, height = drawn.image.size
            images.append({"id": number, "file_name": f"{name}.JPEG", "width": width, "height": height})
            for label, corners in zip(drawn.category.tolist(), drawn.box.tolist(), strict=True):
                objects.append(_coco_object(len(objects) + 1, number, label, corners))
            regions += [",".join(map(str, (name, *corners))) for corners in drawn.proposals.tolist()]
    content = {
        "images": images,
        "categories": [{"id": label, "name": name} for label, name in enumerate(mini.CLASSES, 1)],
        "annotations": objects,
    }
    mini.write_lines(out.parent / "annotations.json", [json.dumps(content)])
    mini.write_lines(out.parent / "proposals.csv", regions)
    mini.write_lines(out.parent / "classes.txt", [*mini.CLASSES, BACKGROUND])


def _coco_object(identity: int, image: int, label: int, corners: list[int]) -> dict[str, object]:
    xmin, ymin, xmax, ymax = corners
    width, height = xmax - xmin + 1, ymax - ymin + 1
    return {
        "id": identity,
        "image_id": image,
        "category_id": label + 1,
        "bbox": [xmin, ymin, width, height],
        "area": width * height,
        "iscrowd": 0,
    }


if __name__ == "__main__":
    mini.call_from_command_line(draw, __doc__, scenes=200, seed=2014)
