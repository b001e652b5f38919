"""From the options `--data`, `--labels` and `--devkit` to labelled images."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench import mini
from bench.data.archive import archive_files, list_archive
from bench.data.class_sets import are_objectnet, open_objectnet, score_among
from bench.data.classes import find_classes, wordnet_ids
from bench.data.file_names import IMAGE_ENDINGS, image_id, is_image
from bench.data.files import ImageFiles, data_errors
from bench.data.folder import folder_files, list_folder
from bench.data.huggingface import find_split
from bench.data.images import Images
from bench.data.labels import find_labels, stored_labels
from bench.data.parquet import parquet_files
from bench.data.patterns import check_one_series, find_by_pattern, is_pattern
from bench.data.webdataset import shard_files
from bench.errors import DataError
from results import storage


def open_images(
    data: str, labels: Path | None = None, devkit: Path | None = None, class_set: str | None = None
) -> Images:
    """The labelled images at `data`, which is as `find_images` has it.

    `labels` is a label file and `devkit` an ILSVRC devkit. Without them labels are those that are stored with
    the images, or else `find_labels` looks in and beside the data. `class_set` names the classes that count,
    as `--classes` does; without it they are recognised. Raises `DataError` and `UsageError`.
    """
    return score_among(_open(data, labels, devkit, class_set), class_set)


def open_unlabelled(data: str) -> Images:
    """The images at `data`, which is as `find_images` has it, where labels do not count: each is 0.

    Labels beside the images are not read. Raises `DataError` and `UsageError`.
    """
    files = find_images(data)
    ids = [image_id(name) for name in files.names]
    _refuse_repeated(ids, data)
    labels, sizes = np.zeros(len(ids), dtype=np.int64), np.array(files.sizes, dtype=np.int64)
    return Images(files.path, ids, labels, sizes, files.read, "none", files.ignored, _classes_of(files))


def _open(data: str, labels: Path | None, devkit: Path | None, class_set: str | None) -> Images:
    """As `open_images`, before the classes are chosen."""
    files = find_images(data)
    for what, path in (("labels", labels), ("devkit", devkit)):
        if path and not path.exists():
            raise DataError(f"no {what} at {path}: there is no such folder or file")
    place = Path() if data.startswith("hf://") else storage.parse_path(files.path)
    classes = _classes_of(files)
    with data_errors(place):
        if files.labels and not (labels or devkit):
            class_indices, source = stored_labels(files.labels, files.names, files.path, classes)
        elif not (labels or devkit) and are_objectnet(files.names, classes, class_set):
            return open_objectnet(files)
        else:
            class_indices, source = find_labels(files.names, place, classes, labels, devkit)
    ids = [image_id(name) for name in files.names]
    _refuse_repeated(ids, data)
    sizes = np.array(files.sizes, dtype=np.int64)
    return Images(files.path, ids, class_indices, sizes, files.read, source, files.ignored, classes)


def _classes_of(files: ImageFiles) -> tuple[str, ...]:
    """The names of the classes by class index. Raises `DataError`."""
    if files.path.startswith("hf://"):
        return wordnet_ids()
    place = storage.parse_path(files.path)
    with data_errors(place):
        return find_classes(place)


def find_images(data: str) -> ImageFiles:
    """The image files at `data`.

    It is a folder of images, of parquet files or of WebDataset shards; one such file, or a pattern of them; a
    .tar; `mini` for the mini set of this package; or `hf://NAME:SPLIT` for a data set of the Hugging Face
    hub. Nothing is unpacked. Raises `DataError` where there is no image, or where something cannot be listed,
    and `UsageError` where a package is missing.
    """
    if data.startswith("hf://"):
        files = _find_on_hub(data)
    else:
        path = mini.IMAGES if data == "mini" else storage.parse_path(data).resolve()
        with data_errors(path):
            files = _find_at(path, data)
    if not files.names:
        raise DataError(f"no images at {data}: it holds none")
    return files


def packed_files(where: str, paths: Sequence[Path]) -> ImageFiles:
    """The images of parquet files or of WebDataset shards, or of one .tar. Raises `DataError`."""
    parquet = [path for path in paths if path.suffix.lower() == ".parquet"]
    if len(parquet) == len(paths):
        return parquet_files(where, paths)
    if parquet:
        raise DataError(f"{where} names .parquet files and others: name files of one kind")
    with ThreadPoolExecutor() as pool:  # a store answers several requests at once
        archives = list(pool.map(list_archive, paths))
    if any(archive.labels for archive in archives):
        return shard_files(where, archives)
    if len(archives) > 1:
        raise DataError(
            f"{where} names {len(archives):,} .tar files without labels: WebDataset shards have a KEY.cls "
            "for each KEY.jpg, and of other .tar files name one"
        )
    return archive_files(archives[0])


def _find_on_hub(data: str) -> ImageFiles:
    split = find_split(data)
    files = packed_files(data, split.paths)
    if files.labels and not files.labels.names:
        return replace(files, labels=replace(files.labels, names=split.classes))
    return files


def _find_at(path: Path, data: str) -> ImageFiles:
    if path.is_dir():
        return _find_in_folder(path, data)
    if path.is_file():
        return packed_files(str(path), [path])
    if is_pattern(data):
        return packed_files(str(path), find_by_pattern(path))
    raise DataError(f"no images at {data}: there is no such folder or file")


def _find_in_folder(folder: Path, data: str) -> ImageFiles:
    listed = list_folder(folder)
    if any(map(is_image, listed)):
        return folder_files(folder, listed)
    for ending in (".parquet", ".tar"):
        if names := [name for name in listed if name.lower().endswith(ending)]:
            check_one_series(names, folder)
            return packed_files(str(folder), [folder / name for name in names])
    why = f"no file in it ends in one of {' '.join(sorted(IMAGE_ENDINGS))}"
    if not any(folder.iterdir()):
        why = "the folder is empty"
    raise DataError(f"no images at {data}: {why}")


def _refuse_repeated(ids: Sequence[str], data: str) -> None:
    """Raise `DataError` where two images have one id, as when a validation image is in two folders."""
    for image, following in pairwise(sorted(ids)):
        if image == following:
            raise DataError(
                f"{data} has {image!r} more than once: keep one of them, so that it is not counted twice"
            )
