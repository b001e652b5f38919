"""Detections: a run's folder, `detections.csv`, the result text of ILSVRC's devkit, or COCO's results."""

import csv
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from results.detection.boxes import Detections, are_near
from results.detection.coco_files import read_coco_results
from results.detection.manifest import read_manifest
from results.detection.names import Numbering, ilsvrc_classes, image_id
from results.errors import IncompleteRun, RunError
from results.run import MANIFEST
from results.storage import read, refuse_device, sha256

HEADER = ["image", "class", "score", "xmin", "ymin", "xmax", "ymax"]
TABLE = "detections.csv"
"""In the folder of a complete run of detections. Its boxes are counted from 0."""
FORMS = "a run's folder, a .csv, a .json in COCO's form, or a .txt in the devkit's"


def read_detections(
    path: Path, numbering: Numbering, classes: Sequence[str], note: Callable[[str], None] = print
) -> tuple[Detections, tuple[str, ...]]:
    """The detections in a file or in a run's folder, and the names of their classes.

    `classes` are those of the annotations: where these are WordNet ids, a .csv may have the names of ILSVRC's
    200 classes as well. Calls `note` where a run left images out. Raises `RunError`, with the file and the
    line, and `IncompleteRun` for a run that is not complete.
    """
    if path.is_dir():
        path = _table_of_run(path, note)
    ending = path.suffix.lower()
    if ending == ".json":
        return read_coco_results(path, numbering)
    if ending not in (".csv", ".txt"):
        raise RunError(f"{path} ends in neither .csv, .json nor .txt: name {FORMS}")
    try:
        refuse_device(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            if ending == ".csv":
                return _read_csv(file, path, classes)
            return _read_text(file, path, numbering)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} is no text of detections ({error}): name {FORMS}") from None
    except OSError as error:
        raise RunError(f"cannot read the detections {path}: {error.strerror or error}") from None


def _table_of_run(folder: Path, note: Callable[[str], None]) -> Path:
    """The table of the complete run of detections in a folder. Raises `RunError` and `IncompleteRun`."""
    if not (folder / MANIFEST).is_file():
        raise RunError(f"{folder} is no run of detect: name {FORMS}")
    table = folder / TABLE
    try:
        manifest = read_manifest(folder)
        stored = read(table) if table.exists() else b""
    except OSError as error:
        raise RunError(f"cannot read the run {folder}: {error.strerror or error}") from None
    if not manifest.complete:
        raise IncompleteRun(f"{folder} is incomplete: the same detect command continues it")
    if sha256(stored) != manifest.detections_sha256:
        raise IncompleteRun(f"{table} is missing or damaged: the same detect command writes it again")
    if manifest.skipped:
        n = len(manifest.skipped)
        note(f"{folder} lacks {n:,} images that could not be read: their objects are missed")
    return table


def _read_csv(file: Iterable[str], path: Path, classes: Sequence[str]) -> tuple[Detections, tuple[str, ...]]:
    reader = csv.reader(file)
    if next(reader, None) != HEADER:
        raise RunError(f"{path}, line 1: expected the columns {','.join(HEADER)}")
    ids = {name: number for number, name in ilsvrc_classes().items() if number in classes}
    rows = ((reader.line_num, row) for row in reader)
    return _read_rows(rows, path, image_id, lambda name: ids.get(name, name))


def _read_text(file: Iterable[str], path: Path, numbering: Numbering) -> tuple[Detections, tuple[str, ...]]:
    """The devkit's lines, whose boxes are counted from 1."""
    images, classes = numbering.images, numbering.classes
    if images is None:
        raise RunError(f"{path} has numbers for images: pass --images with the list that has them")
    if classes is None:
        raise RunError(
            f"{path} has numbers for classes: write the names in their order into classes.txt "
            "beside the annotations"
        )
    rows = ((number, line.split()) for number, line in enumerate(file, start=1))
    found, names = _read_rows(
        rows,
        path,
        lambda number: images.get(int(number), f"number {int(number)}"),
        lambda number: classes.get(int(number), f"number {int(number)}"),
    )
    return replace(found, box=found.box - 1), names


def _read_rows(
    rows: Iterable[tuple[int, list[str]]],
    path: Path,
    image_of: Callable[[str], str],
    class_of: Callable[[str], str],
) -> tuple[Detections, tuple[str, ...]]:
    """The detections in rows with their line numbers. What says which image and class is the first two."""
    images: list[str] = []
    first_lines: tuple[dict[str, int], dict[str, int]] = ({}, {})
    category, lines, values = array("q"), array("q"), array("d")
    places: dict[str, int] = {}
    for line, row in rows:
        if not row:
            continue
        try:
            image, name, *numbers = row
            score, xmin, ymin, xmax, ymax = map(float, numbers)
        except ValueError:
            what = "an image, a class, a score and xmin, ymin, xmax, ymax"
            raise RunError(f"{path}, line {line}: expected {what}, not {' '.join(row)[:80]!r}") from None
        images.append(image)
        first_lines[0].setdefault(image, line)
        first_lines[1].setdefault(name, line)
        category.append(places.setdefault(name, len(places)))
        lines.append(line)
        values.extend((score, xmin, ymin, xmax, ymax))
    table = np.array(values, dtype=np.float64).reshape(-1, 5)
    scores, box = table[:, 0], table[:, 1:]
    good = np.isfinite(scores) & are_near(box) & (box[:, 2:] > box[:, :2] - 1).all(axis=1)
    if not good.all():
        wrong = int(np.flatnonzero(~good)[0])
        shown = " ".join(f"{value:g}" for value in table[wrong])
        raise RunError(
            f"{path}, line {lines[wrong]}: {shown} is no score and a box with xmin <= xmax and ymin <= ymax: "
            "correct it"
        )
    ids = {image: _translate(image_of, image, path, line) for image, line in first_lines[0].items()}
    names: dict[str, str] = {}
    for image, line in first_lines[0].items():
        if (other := names.setdefault(ids[image], image)) != image:
            raise RunError(
                f"{path}, line {line}: {image} is the same image as {other}, since folders and endings do "
                "not count: give each image a name of its own"
            )
    classes = [_translate(class_of, name, path, line) for name, line in first_lines[1].items()]
    return Detections(
        image=[ids[image] for image in images],
        category=np.array(category, dtype=np.int64),
        score=scores,
        box=box,
    ), tuple(classes)


def _translate(translate: Callable[[str], str], word: str, path: Path, line: int) -> str:
    try:
        return translate(word)
    except ValueError:
        raise RunError(f"{path}, line {line}: {word[:80]!r} is no number of an image or a class") from None
