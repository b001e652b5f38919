"""The images of a run as pictures again, and the names of its classes: for reports and for what two runs disagree on."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from bench.data.classes import wordnet_ids
from bench.data.decode import open_image
from bench.data.file_names import image_id, shown
from bench.data.images import find_images
from bench.errors import DataError
from results.run import Run


def thumbnails(run: Run, side: int) -> Callable[[str], Image.Image]:
    """A function from an image's id to the image, `side` pixels at most. Raises `DataError` where the images are gone."""
    files = find_images(run.manifest["data"]["path"])
    index = {image_id(name): number for number, name in enumerate(files.names)}

    def picture(wanted: str) -> Image.Image:
        if wanted not in index:
            raise DataError(
                f"{shown(wanted)} is no longer in {files.path}: bring the images back to where the run saw them"
            )
        image = open_image(files.read(index[wanted]))
        image.thumbnail((side, side))
        return image

    return picture


def names_of(run: Run) -> Sequence[str]:
    """The names of a run's classes, as people read them, by class index."""
    if own := run.manifest["data"].get("classes"):
        return list(own)
    lemmas = dict(line.split("\t", 1) for line in timm_info("imagenet_synset_to_lemma.txt").splitlines())
    return [lemmas[wordnet_id] for wordnet_id in wordnet_ids()]


def timm_info(name: str) -> str:
    """A file of what timm knows of ImageNet, without importing timm, which takes seconds."""
    spec = find_spec("timm")
    assert spec
    assert spec.origin
    return (Path(spec.origin).parent / "data" / "_info" / name).read_text("utf-8")
