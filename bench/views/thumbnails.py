"""The images and the class names of a run, for pictures and pages."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from bench.data.classes import read_timm_imagenet_file, wordnet_ids
from bench.data.decode import open_image, without_red_border
from bench.data.file_names import image_id, shown
from bench.data.open import find_images
from bench.errors import DataError, UsageError
from results.run import Run
from results.storage import URL

Note = Callable[[str], None]
"""Prints a line worth knowing."""


def thumbnail_reader(run: Run, side: int, data: str | None, note: Note) -> Callable[[str], Image.Image]:
    """A function from an image's id to the image, its longer side at most `side` pixels.

    The images are read from `data`, named as for `eval`. Without it they are read where the run saw them, and
    `note` is called with a line that says so: the manifest of a run from elsewhere could name any place. For
    that reason a URL in it is not opened, and raises `UsageError`. This function, and the one that it
    returns, raise `DataError` where the images are not there.
    """
    seen = run.manifest.data.path
    if data is None:
        if URL.match(seen) or "\0" in seen:
            raise UsageError(f"{run.path} is on images at {seen}, which is opened with --data {seen} alone")
        note(f"pictures are read from {seen}, where {run.path} saw its images: --data names another place")
        data = seen
    files = find_images(data)
    index = {image_id(name): number for number, name in enumerate(files.names)}

    def read(wanted: str) -> Image.Image:
        if wanted not in index:
            raise DataError(
                f"{shown(wanted)} is not in {data}: name the folder that has the run's images, --data"
            )
        image = open_image(files.read(index[wanted]))
        if run.manifest.data.objectnet:
            image = Image.fromarray(without_red_border(np.asarray(image)))
        image.thumbnail((side, side))
        return image

    return read


def class_names(run: Run) -> Sequence[str]:
    """The names of a run's classes by class index, in words where they are ImageNet's."""
    if own := run.manifest.data.classes:
        return list(own)
    lines = read_timm_imagenet_file("imagenet_synset_to_lemma.txt").splitlines()
    lemmas = dict(line.split("\t", 1) for line in lines)
    return [lemmas[wordnet_id] for wordnet_id in wordnet_ids()]


def class_labels(run: Run) -> Sequence[tuple[str, str]]:
    """The WordNet id and the name of each of a run's classes by class index.

    Where they are not ImageNet's, it is the name twice.
    """
    names = class_names(run)
    return list(zip(run.manifest.data.classes or wordnet_ids(), names, strict=True))


def class_titles(run: Run) -> Sequence[str]:
    """The names of a run's classes by class index, each once: ImageNet's after their WordNet id."""
    if run.manifest.data.classes:
        return class_names(run)
    return [f"{wordnet_id} {name}" for wordnet_id, name in class_labels(run)]
