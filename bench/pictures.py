"""The images of a run as pictures again, where they still lie: for reports, and for what two runs disagree on."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw

from bench.data.classes import wordnet_ids
from bench.data.decode import open_image
from bench.data.images import find_images
from bench.data.names import image_id, shown
from bench.errors import BenchError, DataError
from results.comparison import Comparison
from results.run import Run

SIDE, TEXT, GAP, COLUMNS, MOST = 160, 44, 8, 6, 300


def thumbnails(run: Run, side: int) -> Callable[[str], Image.Image]:
    """A function from an image's id to the image, `side` pixels at most. Raises `DataError` where the images are gone."""
    files = find_images(run.manifest["data"]["path"])
    index = {image_id(name): number for number, name in enumerate(files.names)}

    def picture(wanted: str) -> Image.Image:
        if wanted not in index:
            raise DataError(f"{shown(wanted)} is no longer in {files.path}: bring the images back to where the run saw them")
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


def draw_flips(found: Comparison, runs: Sequence[Run], output: Path) -> str:
    """Write the images that one run alone has right, with their label and what each run says; a line that tells of it."""
    picture, names = thumbnails(runs[0], SIDE), names_of(runs[0])
    rows = found.flipped.to_dict("records")[:MOST]
    columns = max(1, min(COLUMNS, len(rows)))
    cell = (SIDE + GAP, SIDE + TEXT + GAP)
    sheet = Image.new("RGB", (columns * cell[0] + GAP, max(1, ceil(len(rows) / columns)) * cell[1] + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        left, top = GAP + number % columns * cell[0], GAP + number // columns * cell[1]
        sheet.paste(picture(str(row["image"])), (left, top))
        for line, (who, key) in enumerate((("is", "label"), ("a", "a"), ("b", "b"))):
            colour = "black" if key == "label" else "#1a7f37" if row[key] == row["label"] else "#b42318"
            text = f"{who}: {names[row[key]]}"
            pen.text((left, top + SIDE + 14 * line), text if len(text) <= 27 else text[:26] + "...", fill=colour)
    try:
        sheet.save(output)
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot write {output}: {getattr(error, 'strerror', None) or error}; name a .png") from None
    return f"wrote {output}: {len(rows):,} of {len(found.flipped):,} images that flipped"
