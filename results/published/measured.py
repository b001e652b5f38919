"""What others measured with public weights.

Weights are named as in `timm/inception_v3.tf_in1k`. `weights.csv` was typed from its sources, and
`references.csv` as well, whose weights no network here has. timm, torchvision and pytorchcv have a file each,
which docs/published_figures.py writes. `sources.csv` says where everything is from, and as of when.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from results.published.rows import Figure, figure, rows_of

Row = dict[str, str]

LIBRARIES = ("timm", "torchvision", "pytorchcv")
"""Those with a file of their own, `timm.csv` and so on: weights in lines, sets of images in columns."""

SETS = {
    "validation": ("validation", "", ""),
    "real": ("validation", "", "real"),
    "v2-mf": ("v2-mf", "", ""),
    "sketch": ("sketch", "", ""),
    "a": ("a", "imagenet-a", ""),
    "a-clean": ("validation", "imagenet-a", ""),
    "r": ("r", "imagenet-r", ""),
    "r-clean": ("validation", "imagenet-r", ""),
}
"""What a column of those files is of: images, classes among which networks choose, and labels.

Empty for all classes and for the images' usual labels.
"""

COLUMNS = (
    *("weights", "measured_by", "data", "class_set", "truth", "crops", "how"),
    *("image_set", "top1_error", "top5_error", "note"),
)
"""The columns of `weights.csv`, in which each figure has a row of its own.

`crops` is their number; `native` for the single crop as the weights' library takes it; and `other` for a crop
that no protocol here takes, as of a smaller image.
"""

IMAGE_NAMES = {
    "validation": re.compile(r"ILSVRC2012_val_\d{8}$"),
    "v2-": re.compile(r"(.*/)?[0-9a-f]{40}\."),
    "a": re.compile(r"(.*/)?0\.\d+_.* _ .*_0\.\d+\."),
    "sketch": re.compile(r"(.*/)?sketch_\d+\."),
}
"""How the images of a set are called, folders before them or not."""


def of_weights(
    weights: str,
    crop: str,
    image_set: str,
    *,
    data: str = "validation",
    class_set: str = "",
    truth: str = "",
) -> tuple[Figure, ...]:
    """What others measured with `weights` on `data`, the best match first; empty where nobody did.

    `crop` is `native`, a number of crops such as `10`, or one with a dialect, such as `1/tf-slim`: figures of
    that tool come first, then those of the weights' own library. `data`, `class_set` and `truth` are as in
    `SETS`, and `image_set` is one of `IMAGE_SETS`.

    >>> of_weights("timm/inception_v3.tf_in1k", "native", "all", data="sketch")
    (Figure(top1_error=72.218, top5_error=54.289, source='timm, bicubic 341->299'),)
    """
    dialect = crop.partition("/")[2]
    found = [
        row
        for row in figures_of(weights)
        if (row["data"], row["class_set"], row["truth"]) == (data, class_set, truth)
        and row["image_set"] == image_set
        and _is_of_crop(row, crop)
    ]
    found.sort(key=lambda row: row["measured_by"] != dialect)
    return tuple(figure(row, f"{row['measured_by']}, {row['how']}") for row in found)


def _is_of_crop(row: Row, crop: str) -> bool:
    """Whether a figure is of this crop, or of one so near that it can stand beside it.

    A library's native crop is also the single crop of its dialect. And it is near the papers' single crop,
    which takes 0.875 of the image's shorter side, where it takes 0.86 to 0.9.
    """
    crops, _, dialect = crop.partition("/")
    if row["crops"] != "native" or crops != "1":
        return row["crops"] == crops
    if dialect == row["weights"].partition("/")[0]:
        return True
    sides = re.search(r" (\d+)->(\d+)$", row["how"])
    return sides is not None and 0.86 < int(sides[2]) / int(sides[1]) < 0.9


def figures_of(weights: str) -> list[Row]:
    """A row with `COLUMNS` for each figure that is known of these weights, their own library's first."""
    # our own implementation, with the same weights
    weights = weights.replace("papers/inception-v3.", "timm/inception_v3.")
    library, _, name = weights.partition("/")
    table = _library_table(library).get(name, ()) if library in LIBRARIES else ()
    own = [row for cells in table for row in _rows_of_cells(library, cells)]
    return own + [row for row in _typed() if row["weights"] == weights]


def _typed() -> tuple[Row, ...]:
    return (*rows_of("weights.csv"), *references())


def names() -> tuple[str, ...]:
    """All weights that have a figure, those of `references` too."""
    typed = (row["weights"] for row in _typed())
    listed = (f"{library}/{name}" for library in LIBRARIES for name in _library_table(library))
    return tuple(dict.fromkeys((*typed, *listed)))


def figure_count() -> int:
    """How many figures there are of all these."""
    lines = (cells for library in LIBRARIES for table in _library_table(library).values() for cells in table)
    in_lines = sum(bool(cells.get(f"{name}_top1")) for cells in lines for name in SETS)
    return in_lines + len(_typed())


def references() -> tuple[Row, ...]:
    """Figures, with `COLUMNS`, of weights that no network here has."""
    return rows_of("references.csv")


def source_of(measured_by: str) -> Row:
    """Where the figures of a source are from: what it is, its address, and as of when."""
    return next(row for row in rows_of("sources.csv") if row["measured_by"] == measured_by)


def spread(figures: Sequence[Figure]) -> Figure | None:
    """The first of the figures; where the top-1 errors differ, its source has their range. None of none.

    >>> spread([Figure(22.134, None, "timm"), Figure(22.144, None, "timm-2023")]).source
    'timm; 22.13 to 22.14 in 2 figures'
    """
    if not figures:
        return None
    errors = [each.top1_error for each in figures if each.top1_error is not None]
    if not errors or min(errors) == max(errors):
        return figures[0]
    words = f"{min(errors):.2f} to {max(errors):.2f} in {len(errors)} figures"
    return replace(figures[0], source=f"{figures[0].source}; {words}")


def data_set(image: str, path: str, class_set: str) -> str:
    """Which images those of a run are, as in `SETS`; `objectnet`; or empty for a set without figures.

    `image` is the id of one of them, `path` is where they were read from, and `class_set` is of the run.
    Images whose names say nothing are taken for validation images.

    >>> data_set("ILSVRC2012_val_00000001", "val", "imagenet-a"), data_set("cats/1.jpg", "", "imagenet-a")
    ('validation', 'a')
    """
    if IMAGE_NAMES["validation"].match(image):
        return "validation"
    if class_set.startswith(("imagenet-", "objectnet")):
        return class_set.removeprefix("imagenet-")
    found = next((name for name, pattern in IMAGE_NAMES.items() if pattern.match(image)), "validation")
    if found == "v2-":  # three sets of 10,000 images, whose names differ in no way
        return "v2-mf" if "matched-frequency" in path.lower() else ""
    return found


Cells = Mapping[str, str]


@cache
def _library_table(library: str) -> dict[str, list[Cells]]:
    """The lines of a library's file by the name of the weights."""
    table: dict[str, list[Cells]] = {}
    with (resources.files("results.published") / f"{library}.csv").open(encoding="utf-8") as file:
        reader = csv.reader(file)
        heading = next(reader)
        for line in reader:
            table.setdefault(line[0], []).append(dict(zip(heading, line, strict=True)))
    return table


def _rows_of_cells(library: str, cells: Cells) -> list[Row]:
    """A row for each figure of a line of a library's file."""
    rows = []
    for name, (data, class_set, truth) in SETS.items():
        if cells.get(f"{name}_top1"):
            values = (f"{library}/{cells['weights']}", library, data, class_set, truth, cells["crops"])
            errors = (cells[f"{name}_top1"], cells[f"{name}_top5"])
            rows.append(dict(zip(COLUMNS, (*values, cells["how"], "all", *errors, ""), strict=True)))
    return rows
