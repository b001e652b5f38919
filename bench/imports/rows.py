"""Which row of a file of scores is which image's."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench.data import Images
from bench.data.file_names import IMAGE_ENDINGS, first_of, image_id, shown, without_ending, without_folders
from bench.errors import DataError

Key = Callable[[str], str]


def rows_of_images(names: Sequence[str], images: Images, place: str) -> NDArray[np.int64]:
    """[n] the row of each image, whose names the rows have. Each row is of one image, and each image has one.

    A name is an image's path, from any folder on, or where that is unique its name without folders; either
    with or without the ending. Messages call the file `place`. Raises `DataError`.
    """
    find = image_finder(images.ids)
    found = [find(name) for name in names]
    if unknown := [name for name, image in zip(names, found, strict=True) if image is None]:
        raise DataError(
            f"{place}: {first_of(unknown)} not among the {len(images):,} images of {images.path}: "
            "leave such rows out, or name the --data that has them"
        )
    rows = np.full(len(images), -1, dtype=np.int64)
    for row, image in enumerate(found):
        assert image is not None
        if rows[image] >= 0:
            raise DataError(
                f"{place} has the image {shown(images.ids[image])} twice, "
                f"in the rows {rows[image] + 1:,} and {row + 1:,}: keep one"
            )
        rows[image] = row
    if missing := [images.ids[image] for image in np.flatnonzero(rows < 0).tolist()]:
        raise DataError(
            f"{place}: {first_of(missing)} without a row: add what is missing, or take the images away"
        )
    return rows


def image_finder(ids: Sequence[str]) -> Callable[[str], int | None]:
    """A function from a name, as `rows_of_images` reads them, to the number of the image that it means, or
    None.
    """
    of_path, of_path_without_ending = _index(ids, str), _index(ids, _drop_ending)
    of_name, of_short_name = _index(ids, without_folders), _index(ids, without_ending)

    def lookups(name: str) -> Iterator[int | None]:
        ends = _ends(image_id(name))
        yield from (of_path.get(end) for end in ends)
        yield from (of_path_without_ending.get(_drop_ending(end)) for end in ends)
        yield of_name.get(without_folders(name))
        yield of_short_name.get(without_ending(name))

    return lambda name: next((image for image in lookups(name) if image is not None), None)


def _index(ids: Sequence[str], key: Key) -> Mapping[str, int]:
    """The image with each key, where it is the only one."""
    keys = list(map(key, ids))
    count = Counter(keys)
    return {each: number for number, each in enumerate(keys) if count[each] == 1}


def _ends(name: str) -> list[str]:
    """A path, and what is left of it without its first folder, its first two, and so on.

    >>> _ends("val/cats/1.jpg")
    ['val/cats/1.jpg', 'cats/1.jpg', '1.jpg']
    """
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _drop_ending(name: str) -> str:
    """The path without an image's ending.

    >>> _drop_ending("cats/1.jpg"), _drop_ending("cats/1.5")
    ('cats/1', 'cats/1.5')
    """
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in IMAGE_ENDINGS else name
