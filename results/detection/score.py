"""The score of detections: average precision per class, their mean, and intervals over images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.detection.average_precision import (
    DRAWS_AT_ONCE,
    Matches,
    average_precisions,
    draw_images,
    mean_over_classes,
)
from results.detection.boxes import Annotations, Detections
from results.detection.coco_rule import match_coco, require_pycocotools
from results.detection.matching import HIT, LEFT_OUT, Located, match_ilsvrc, match_pascal
from results.errors import RunError, RunUsageError
from results.metrics import Z

RULES = ("ilsvrc", "pascal", "coco")
DRAWS = 1000
"""Draws of the images for an interval."""

SEED = 0
"""Of the draws. Two files on the same images have the same draws, which their difference needs."""


@dataclass(frozen=True)
class Score:
    """How well objects were detected. Precisions are in percent."""

    rule: str
    images: int
    classes: tuple[str, ...]
    objects: NDArray[np.int64]
    """[classes] Objects that can be found."""
    detections: NDArray[np.int64]
    """[classes] Detections that count, by COCO's rule at the overlap 0.5."""
    left_out: int
    """Detections of other images or classes than those of the annotations."""
    precisions: dict[str, NDArray[np.float64]]
    """[classes] Average precision, NaN without objects: `ap`, and by COCO's rule also `ap50` and `ap75`."""
    intervals: dict[str, NDArray[np.float64]]
    """[classes x 2] Their intervals at 95 %."""
    means: dict[str, NDArray[np.float64]]
    """[1 + draws] The mean over the classes, as it is and in each draw of the images."""


def score_detections(
    detections: Detections,
    classes: Sequence[str],
    annotations: Annotations,
    rule: str = "ilsvrc",
    note: Callable[[str], None] = print,
    file: object = "the file",
) -> Score:
    """Score detections by a rule of `RULES`. `classes` are the names of their classes.

    Calls `note` with each thing that does not count; messages call the detections `file`. Raises
    `RunUsageError` for what the rule does not know, and `RunError` where no detection or no object counts.
    """
    check_rule(rule, blacklist=bool(annotations.blacklist))
    images = {image: i for i, image in enumerate(annotations.images)}
    objects = Located(_numbers(annotations.image, images), annotations.category, annotations.box)
    found, scores = _locate(detections, classes, annotations, images, note, file)
    difficult = annotations.difficult
    countable = ~difficult
    if rule == "ilsvrc":
        countable = ~_are_on_blacklist(objects, annotations, images)
        counts = match_ilsvrc(found, objects, _are_on_blacklist(found, annotations, images))[None]
        if difficult.any():
            n = np.count_nonzero(difficult)
            note(
                f"{n:,} objects are marked as difficult or as a crowd; ILSVRC's rule counts them like others"
            )
    elif rule == "pascal":
        counts = match_pascal(found, objects, difficult)[None]
    else:
        counts = match_coco(found, scores, objects, difficult, len(images))
    per_class = np.bincount(objects.category[countable], minlength=len(annotations.classes))
    if not per_class.any():
        raise RunError("the annotations have no object that counts: name others")
    matches = [
        Matches(
            images=len(images),
            classes=len(annotations.classes),
            hit=(each == HIT)[each != LEFT_OUT],
            image=found.image[each != LEFT_OUT],
            category=found.category[each != LEFT_OUT],
            object_image=objects.image[countable],
            object_category=objects.category[countable],
        )
        for each in counts
    ]
    left_out = len(detections.image) - len(found.image)
    return _summarise(rule, matches, annotations.classes, per_class, left_out)


def check_rule(rule: str, *, blacklist: bool = False) -> None:
    """Raise `RunUsageError` for a rule that is unknown, has no blacklist, or cannot be computed here."""
    if rule not in RULES:
        raise RunUsageError(f"no rule {rule!r}: write {', '.join(RULES[:-1])} or {RULES[-1]}")
    if rule != "ilsvrc" and blacklist:
        raise RunUsageError(f"a blacklist is of the rule ilsvrc alone: leave it out with {rule}")
    if rule == "coco":
        require_pycocotools()


def difference(a: Score, b: Score) -> tuple[float, float, float]:
    """Points by which the mean of `b` is above that of `a`, and the paired interval at 95 %: low, high.

    Both must be of the same images.
    """
    apart = b.means["ap"] - a.means["ap"]
    low, high = _interval(apart[None])[0]
    return float(apart[0]), float(low), float(high)


def mean_interval(mean: NDArray[np.float64]) -> tuple[float, float]:
    """The interval at 95 % of a mean of `Score.means`: low, high."""
    low, high = np.clip(_interval(mean[None])[0], 0, 100)
    return float(low), float(high)


def _numbers(names: Sequence[str], number: dict[str, int]) -> NDArray[np.int64]:
    """[n] The numbers of the names; -1 for one that has none."""
    return np.fromiter((number.get(name, -1) for name in names), dtype=np.int64, count=len(names))


def _locate(
    detections: Detections,
    classes: Sequence[str],
    annotations: Annotations,
    images: dict[str, int],
    note: Callable[[str], None],
    file: object,
) -> tuple[Located, NDArray[np.floating]]:
    """The detections of annotated images and classes, the best first, and their scores.

    Of equal scores the earlier image is first, and in an image the earlier detection, as in the devkit.
    """
    image = _numbers(detections.image, images)
    category = _numbers(classes, {name: i for i, name in enumerate(annotations.classes)})
    category = category[detections.category] if len(classes) else detections.category
    kept = np.flatnonzero((image >= 0) & (category >= 0))
    lacking = [
        f"detections of {what} that the annotations do not have ({len(names):,}), such as {names[0]!r}"
        for what, names in (
            ("images", [detections.image[i] for i in np.flatnonzero(image < 0)]),
            (
                "classes",
                [classes[detections.category[i]] for i in np.flatnonzero((image >= 0) & (category < 0))],
            ),
        )
        if names
    ]
    if lacking and not len(kept):
        others = ", and ".join(lacking)
        raise RunError(f"{file} has only {others}: name the annotations that belong to it")
    for others in lacking:
        note(f"left out of {file}: {others}")
    score = detections.score[kept]
    order = np.lexsort((image[kept], -score))
    kept = kept[order]
    return Located(image[kept], category[kept], detections.box[kept]), score[order]


def _are_on_blacklist(
    located: Located, annotations: Annotations, images: dict[str, int]
) -> NDArray[np.bool_]:
    """[n] Whether each box is of a class on the blacklist of its image."""
    classes = len(annotations.classes)
    pairs = [
        images[image] * classes + category for image, category in annotations.blacklist if image in images
    ]
    return np.isin(located.image * classes + located.category, np.array(pairs, dtype=np.int64))


def _summarise(
    rule: str,
    matches: Sequence[Matches],
    classes: tuple[str, ...],
    objects: NDArray[np.int64],
    left_out: int,
) -> Score:
    """The score of matches by ten overlaps, or by one."""
    images = matches[0].images
    draws = np.concatenate([np.ones((images, 1)), draw_images(images, DRAWS, SEED)], axis=1)
    blocks = np.array_split(draws, range(DRAWS_AT_ONCE, draws.shape[1], DRAWS_AT_ONCE), axis=1)
    points = rule == "coco"
    each = [
        100
        * np.concatenate(
            [average_precisions(match, np.ascontiguousarray(block), points=points) for block in blocks],
            axis=1,
        )
        for match in matches
    ]
    of_all = {"ap": np.mean(each, axis=0), "ap50": each[0], "ap75": each[len(each) // 2]}
    known = {name: of_all[name] for name in (("ap", "ap50", "ap75") if points else ("ap",))}
    return Score(
        rule=rule,
        images=images,
        classes=classes,
        objects=objects,
        detections=np.bincount(matches[0].category, minlength=len(classes)),
        left_out=left_out,
        precisions={name: values[:, 0] for name, values in known.items()},
        intervals={name: np.clip(_interval(values), 0, 100) for name, values in known.items()},
        means={name: mean_over_classes(values) for name, values in known.items()},
    )


def _interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n x 2] 1.96 standard deviations of the draws around the figure in the first column of each row.

    Draws without objects do not count. The draws themselves are no interval: images that are drawn twice make
    precision higher, so that their middle is above the figure.
    """
    spread = np.full(len(values), np.nan)
    known = np.isfinite(values[:, 1:]).any(axis=1)
    spread[known] = np.nanstd(values[known, 1:], axis=1)
    return np.stack([values[:, 0] - Z * spread, values[:, 0] + Z * spread], axis=1)
