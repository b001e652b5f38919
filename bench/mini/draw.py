"""Draw the mini set: images of 50 classes, ten shapes in five patterns, on a made-up background.

    python -m bench.mini.draw bench/mini/mini_val.tar --images 1000 --seed 2012

writes the archive, with images named as ImageNet's are, and beside it `classes.txt`, `labels.txt` and
`blacklist.txt`. Image i depends only on (seed, i) and on the versions of numpy and Pillow.

A class is a shape in a pattern. Objects vary in position, size, angle and colour. They are often away from
the centre, and some are cut off or half hidden, so that more crops see more of them. 3.5 % of the images, as
on ImageNet, show objects of two classes but have the label of one: these are the blacklist.
"""

import argparse
import io
import tarfile
from collections.abc import Callable, Iterable
from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Field = NDArray[np.float64]
"""[height x width], or [height x width x 3] for colours, levels from 0 to 1."""

Formula = Callable[[Field, Field], Field]
"""Of the coordinates x (to the right) and y (down) of an object, in units of its radius."""

SHAPES: dict[str, Formula] = {  # positive inside of the shape
    "disc": lambda x, y: 0.9 - np.hypot(x, y),
    "ring": lambda x, y: 0.22 - np.abs(np.hypot(x, y) - 0.72),
    "square": lambda x, y: 0.78 - np.maximum(np.abs(x), np.abs(y)),
    "cross": lambda x, y: np.minimum(
        0.34 - np.minimum(np.abs(x), np.abs(y)), 0.95 - np.maximum(np.abs(x), np.abs(y))
    ),
    "triangle": lambda x, y: 0.5 - np.maximum(-y, np.maximum(0.866 * x + 0.5 * y, -0.866 * x + 0.5 * y)),
    "star": lambda x, y: 0.66 + 0.3 * np.cos(5 * np.arctan2(y, x)) - np.hypot(x, y),
    "flower": lambda x, y: 0.8 + 0.15 * np.cos(8 * np.arctan2(y, x)) - np.hypot(x, y),
    "crescent": lambda x, y: np.minimum(0.95 - np.hypot(x, y), np.hypot(x - 0.5, y) - 0.72),
    "bar": lambda x, y: np.minimum(0.95 - np.abs(x), 0.3 - np.abs(y)),
    "arrow": lambda x, y: np.maximum(
        np.minimum(0.2 - np.abs(y), np.minimum(x + 0.95, 0.2 - x)),
        np.minimum(x + 0.1, 0.9 - x - 1.1 * np.abs(y)),
    ),
}
PATTERNS: dict[str, Formula] = {  # positive where the object has its second colour
    "plain": lambda x, y: -np.ones_like(x),
    "striped": lambda x, y: np.sin(10 * x),
    "checked": lambda x, y: np.sin(9 * x) * np.sin(9 * y),
    "dotted": lambda x, y: np.cos(9 * x) * np.cos(9 * y) - 0.35,
    "ringed": lambda x, y: np.sin(13 * np.hypot(x, y)),
}
CLASSES = tuple(f"{pattern}-{shape}" for shape in SHAPES for pattern in PATTERNS)
"""Names of the classes by class index."""

USUAL = 0.98
"""Share of colours with the hue that is usual for the class, as things in photographs have usual colours."""

TWO_CLASSES = 0.03524
"""The share of images with objects of two classes: 1,762 of 50,000."""


def picture(seed: int, number: int) -> tuple[Image.Image, int, bool]:
    """Image `number` of the set of `seed`, its class index, and whether it shows a second class, too.

    The order of the random draws is part of the set: another order would draw other images.
    """
    random = np.random.default_rng((seed, number))
    canvas = empty_canvas(random)
    label, other = (int(index) for index in random.choice(len(CLASSES), 2, replace=False))
    two_classes = bool(random.random() < TWO_CLASSES)
    draw_object(random, canvas, label)
    if two_classes:
        draw_object(random, canvas, other)
    return finished(random, canvas), label, two_classes


def empty_canvas(random: np.random.Generator) -> Field:
    """[height x width x 3] a background with strokes, and no object yet."""
    width, height = _size(random)
    canvas = _background(random, width, height)
    for _ in range(random.integers(0, 5)):
        _paint(canvas, _stroke(random, canvas), _muted_colour(random))
    return canvas


def finished(random: np.random.Generator, canvas: Field) -> Image.Image:
    """The image of a canvas: with noise, a little blurred, and sometimes with a stroke across the objects."""
    if random.random() < 0.3:
        _paint(canvas, _stroke(random, canvas), _muted_colour(random))
    canvas += random.normal(0, random.uniform(0, 0.025), canvas.shape[:2])[..., None]
    image = Image.fromarray((255 * canvas).clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.7)))


def _size(random: np.random.Generator) -> tuple[int, int]:
    """(width, height): 55 % landscape, 30 % portrait, 15 % square; the shorter side 96 to 200 pixels."""
    shorter = round(96 * (200 / 96) ** random.beta(1, 2))
    longer = round(shorter * random.choice([4 / 3, 3 / 2, 16 / 9], p=[0.3, 0.4, 0.3]))
    share = random.random()
    if share < 0.55:
        return longer, shorter
    if share < 0.85:
        return shorter, longer
    return shorter, shorter


def _background(random: np.random.Generator, width: int, height: int) -> Field:
    """[height x width x 3]: two colours that blend into each other, in large soft patches."""
    coarse = random.uniform(0, 1, (random.integers(2, 6), random.integers(2, 6))).astype(np.float32)
    patches = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    share = np.asarray(patches, dtype=np.float64).clip(0, 1)[..., None]
    background: Field = _muted_colour(random) * share + _muted_colour(random) * (1 - share)
    return background


def _muted_colour(random: np.random.Generator) -> Field:
    """[3] a colour for backgrounds and strokes."""
    return np.array(hsv_to_rgb(random.uniform(0, 1), random.uniform(0, 0.4), random.uniform(0.1, 1)))


def _bright_colour(random: np.random.Generator, hue: float) -> Field:
    """[3] a colour for objects: near `hue` (0 to 1) in the `USUAL` case, else of any hue."""
    hue = random.normal(hue, 0.025) if random.random() < USUAL else random.uniform(0, 1)
    return np.array(hsv_to_rgb(hue % 1, random.uniform(0.6, 1), random.uniform(0.5, 1)))


def _coordinates(canvas: Field) -> tuple[Field, Field]:
    """[height x width] x, and y, of the pixels of a canvas."""
    height, width = canvas.shape[:2]
    y, x = np.mgrid[0.5:height, 0.5:width]
    return x, y


def _stroke(random: np.random.Generator, canvas: Field) -> Field:
    """[height x width] coverage of a straight stroke across the image, which belongs to no class."""
    x, y = _coordinates(canvas)
    angle = random.uniform(0, np.pi)
    height, width = x.shape
    distance = (x - random.uniform(0, width)) * np.cos(angle) + (y - random.uniform(0, height)) * np.sin(
        angle
    )
    return np.asarray((random.uniform(1, 6) - np.abs(distance)).clip(0, 1))


def draw_object(
    random: np.random.Generator, canvas: Field, label: int, radii: tuple[float, float] = (0.22, 0.5)
) -> Field:
    """Draw an object of class `label` on the canvas [height x width x 3], in place.

    Its centre is anywhere in the image, and its radius is between `radii`, in units of the shorter side.
    Returns what it covers, [height x width]: 1 inside, and between 0 and 1 at edges.
    """
    x, y = _coordinates(canvas)
    height, width = x.shape
    radius = min(width, height) * random.uniform(*radii)
    angle = random.normal(0, 0.4)
    across = x - _position(random, width, 0.6 * radius)
    down = y - _position(random, height, 0.6 * radius)
    u = (across * np.cos(angle) + down * np.sin(angle)) / radius
    v = (down * np.cos(angle) - across * np.sin(angle)) / radius
    pattern, shape = CLASSES[label].split("-")
    hue = list(SHAPES).index(shape) / len(SHAPES)
    first = _bright_colour(random, hue)
    second = _bright_colour(random, hue + list(PATTERNS).index(pattern) / len(PATTERNS))
    share = (PATTERNS[pattern](u, v) * radius / 8 + 0.5).clip(0, 1)[..., None]
    coverage = np.asarray((SHAPES[shape](u, v) * radius + 0.5).clip(0, 1))
    _paint(canvas, coverage, first * (1 - share) + second * share)
    return coverage


def _position(random: np.random.Generator, length: int, margin: float) -> float:
    """A position along `length`, at least `margin` from its ends, and rather near one than in the middle."""
    return margin + random.beta(0.7, 0.7) * (length - 2 * margin)


def _paint(canvas: Field, coverage: Field, colour: Field) -> None:
    """Paint `colour`, [3] or [height x width x 3], on the canvas, in place.

    `coverage` [height x width] is 1 where the paint covers a pixel, and between 0 and 1 at edges.
    """
    canvas += coverage[..., None] * (colour - canvas)


def draw(out: Path, images: int, seed: int) -> None:
    """Write the set of `seed` to the archive `out`; and its classes, labels and blacklist beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    labels: list[str] = []
    blacklist: list[int] = []
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(1, images + 1):
            image, label, two_classes = picture(seed, number)
            name = f"{out.stem}_{number:08d}.JPEG"
            add_file(archive, name, jpeg(image))
            labels.append(f"{name} {label}")
            if two_classes:
                blacklist.append(number)
    write_lines(out.parent / "classes.txt", CLASSES)
    write_lines(out.parent / "labels.txt", labels)
    write_lines(out.parent / "blacklist.txt", blacklist)


def jpeg(image: Image.Image) -> bytes:
    """The file of an image."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60, optimize=True)
    return file.getvalue()


def add_file(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file with these bytes to an archive."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def write_lines(path: Path, lines: Iterable[object]) -> None:
    """Write a text file with each on a line of its own."""
    path.write_text("".join(f"{line}\n" for line in lines))


def call_from_command_line(draw: Callable[..., None], doc: str | None, **numbers: int) -> None:
    """Call `draw` with the archive and the numbers of the command line, whose defaults are `numbers`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    draw(**vars(parser.parse_args()))


if __name__ == "__main__":
    call_from_command_line(draw, __doc__, images=1000, seed=2012)
