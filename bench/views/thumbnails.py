"""The images and the class names of a run, for pictures and pages."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from bench.data.classes import wordnet_ids
from bench.data.decode import open_image
from bench.data.file_names import image_id, shown
from bench.data.files import find_images
from bench.errors import DataError
from results.run import Run


def thumbnail_reader(run: Run, side: int) -> Callable[[str], Image.Image]:
    """A function from an image's id to the image, its longer side at most `side` pixels.

    This function, and the one that it returns, raise `DataError` where the images are gone from where the run
    saw them.
    """
    files = find_images(run.manifest.data.path)
    index = {image_id(name): number for number, name in enumerate(files.names)}

    def read(wanted: str) -> Image.Image:
        if wanted not in index:
            raise DataError(
                f"{shown(wanted)} is no longer in {files.path}: "
                "bring the images back to where the run saw them"
            )
        image = open_image(files.read(index[wanted]))
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


def read_timm_imagenet_file(name: str) -> str:
    """The text of one of the files about ImageNet that timm has. Importing timm for it would take seconds."""
    spec = find_spec("timm")
    assert spec
    assert spec.origin
    return (Path(spec.origin).parent / "data" / "_info" / name).read_text("utf-8")
