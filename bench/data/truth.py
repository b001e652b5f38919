"""Labels other than a run's own: ReaL, labels with several right classes, and cleaned ones."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.data.classes import index_by_name, read_timm_imagenet_file, wordnet_ids
from bench.data.devkit import VALIDATION_IMAGES
from bench.data.file_names import image_id, shown, without_ending, without_folders
from bench.data.label_file import split_line
from bench.errors import DataError, UsageError
from results.run import Run
from results.scoring import Truth
from results.storage import refuse_device

REAL = "real"

Classes = tuple[int, ...]
"""The class indices that are right for an image."""

Index = Mapping[str, int]
"""The class index of each class's name."""


def read_truth(name: str, runs: Sequence[Run], note: Callable[[str], None]) -> Truth:
    """The labels that `--truth` names, for the images of these runs.

    They are `real`, the ReaL labels of ImageNet's validation images (Beyer et al., 2006.07159), which timm
    has; or a file, of a form that `_read_file` lists. Images are named there as in a label file: by path, or,
    where that is unique, by file name, with or without the ending. Classes are indices or names.

    `note` is called with a line where the file has names that no run has. Raises `UsageError` where there is
    no such file, or where the runs have different classes, and `DataError` for one that cannot be used.
    """
    index = index_by_name(_common_classes(runs))
    if name == REAL:
        lists = json.loads(read_timm_imagenet_file("imagenet_real_labels.json"))
        return Truth(REAL, dict(_in_validation_order(lists, Path(REAL), index_by_name(wordnet_ids()))))
    path = Path(name)
    if not path.exists():
        raise UsageError(f"--truth {name}: write {REAL}, or the name of a .json, .csv or .txt file of labels")
    named = _read_file(path, index)
    ids = list(dict.fromkeys(image for run in runs for shard in run.shards() for image in shard.ids))
    right, unknown = _match(named, ids)
    if not right:
        raise DataError(
            f"{path} names no image of {runs[0].path}, such as {shown(ids[0])}: name them by path"
        )
    if unknown:
        example = f"such as {shown(unknown[0])}"
        note(f"{len(unknown):,} of the {len(named):,} names in {path} are of no image here, {example}")
    return Truth(path.name, right)


def _common_classes(runs: Sequence[Run]) -> Sequence[str]:
    """The names of the classes of all runs, by class index."""
    names = {run.manifest.data.classes for run in runs}
    if len(names) > 1:
        raise UsageError("the runs have different classes, so --truth would mean different things: part them")
    return names.pop() or wordnet_ids()


def _read_file(path: Path, index: Index) -> Mapping[str, Classes]:
    """The right classes by image's name in a file of labels.

    .json: an object from names to lists of classes; a list of 50,000 lists, of the validation images in their
    order, as ReaL's; or the multi-label annotations of Shankar et al. (2020, "Evaluating Machine Accuracy on
    ImageNet", human_accuracy_v3.0.0.json). Of these the classes that are marked as correct or unclear are
    right, as its authors recommend, and the images that they call problematic are left out.
    .csv, .txt: a line 'NAME,CLASS' or 'NAME CLASS' for each image.

    Raises `DataError`.
    """
    if path.suffix not in (".json", ".csv", ".txt"):
        raise DataError(f"{path} is no file of labels: write a .json, .csv or .txt, which name their images")
    try:
        refuse_device(path)
        text = path.read_text("utf-8-sig")
        pairs = _from_json(text, path, index) if path.suffix == ".json" else _lines(text, path, index)
        return _each_once(pairs, path)
    except OSError as error:
        raise DataError(f"cannot read the labels {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"cannot read the labels {path}: {str(error).splitlines()[0]}") from None


def _from_json(text: str, path: Path, index: Index) -> Iterator[tuple[str, Classes]]:
    """Names with their classes; one that stands twice comes twice."""
    content = json.loads(text, object_pairs_hook=_Object)
    if isinstance(content, list):
        yield from _in_validation_order(content, path, index)
        return
    if not isinstance(content, _Object):
        raise DataError(f"{path} should be an object from images' names to lists of classes")
    members = dict(content.pairs)
    if "initial_annots" in members:
        yield from _multilabel(members, path, index)
        return
    for name, value in content.pairs:
        yield name, _parse_classes(value, path, name, index)


class _Object:
    """An object of JSON, of which a name may stand twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _in_validation_order(lists: Sequence[Any], path: Path, index: Index) -> Iterator[tuple[str, Classes]]:
    if len(lists) != VALIDATION_IMAGES:
        raise DataError(
            f"{path} is a list of {len(lists):,}, and there are {VALIDATION_IMAGES:,} validation images: "
            "write an object from images' names to lists of classes"
        )
    for number, value in enumerate(lists, start=1):
        name = f"ILSVRC2012_val_{number:08d}"
        yield name, _parse_classes(value, path, name, index)


def _multilabel(members: Mapping[str, Any], path: Path, index: Index) -> Iterator[tuple[str, Classes]]:
    annotated, problematic = members["initial_annots"], members.get("problematic_images")
    if not isinstance(annotated, _Object) or not isinstance(problematic, _Object):
        raise DataError(f"{path} lacks the objects initial_annots and problematic_images: take another copy")
    left_out = {name for name, _ in problematic.pairs}
    for name, marked in annotated.pairs:
        if not isinstance(marked, _Object):
            raise DataError(f"{path}, {shown(name)}: expected an object with correct, wrong and unclear")
        by_mark = dict(marked.pairs)
        lists = [by_mark.get(mark, []) for mark in ("correct", "unclear")]
        found = [right for each in lists for right in _parse_classes(each, path, name, index)]
        yield name, () if name in left_out else tuple(found)


def _lines(text: str, path: Path, index: Index) -> Iterator[tuple[str, Classes]]:
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        name, word = split_line(line)
        if number == 0 and word not in index and not word.isdecimal():
            continue  # a heading
        value = int(word) if word.isdecimal() and len(word) < 10 else word
        yield name, _parse_classes([value], path, name, index)


def _parse_classes(value: Any, path: Path, name: str, index: Index) -> Classes:
    """The class indices in a list of indices and names. Raises `DataError`."""
    if not isinstance(value, list):
        raise DataError(f"{path}, {shown(name)}: expected a list of classes, such as [0, 7]")
    return tuple(_parse_class(each, path, name, index) for each in value)


def _parse_class(value: Any, path: Path, name: str, index: Index) -> int:
    if isinstance(value, str) and value in index:
        return index[value]
    if type(value) is int and 0 <= value < len(index):
        return value
    raise DataError(
        f"{path}, {shown(name)}: {shown(str(value)[:40])} is no class: "
        f"write an index from 0 to {len(index) - 1}, or a name such as {next(iter(index))}"
    )


def _each_once(pairs: Iterable[tuple[str, Classes]], path: Path) -> Mapping[str, Classes]:
    named: dict[str, Classes] = {}
    for name, right in pairs:
        if named.setdefault(name, right) != right:
            raise DataError(f"{path} labels {shown(name)} twice, in different ways: keep one")
    if not named:
        raise DataError(f"{path} has no labels")
    return named


def _match(named: Mapping[str, Classes], ids: Sequence[str]) -> tuple[dict[str, Classes], list[str]]:
    """The right classes by image's id, and the names that are no image's.

    Whole names first, then file names, then those without their ending, each where only one image and one
    label have it.
    """
    right: dict[str, Classes] = {}
    used: set[str] = set()
    for shorten in (image_id, without_folders, without_ending):
        names_of: defaultdict[str, list[str]] = defaultdict(list)
        for name in named:
            names_of[shorten(name)].append(name)
        images = Counter(map(shorten, ids))
        for image in ids:
            short = shorten(image)
            names = names_of.get(short, [])
            if images[short] == 1 and len({named[name] for name in names}) == 1:
                right.setdefault(image, named[names[0]])
                used.update(names)
    return right, [name for name in named if name not in used]
