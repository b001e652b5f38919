"""What there is to say of data, labels, blacklist and weights before a run: `doctor` says all of it,
`eval` the notes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.data import Images
from bench.data.devkit import VALIDATION_IMAGES, Blacklist, find_blacklist, read_blacklist
from bench.data.file_names import is_imagenet, validation_number
from bench.data.labels import IMAGENETV2
from bench.options import Options
from bench.progress import Reporter
from bench.zoo.loading import LoadedNetwork
from crops import Normalisation
from crops.dialects import NORMALISATIONS
from results.class_sets import ClassSet

MOST_EXAMPLES = 5
"""How many examples a finding lists."""


@dataclass(frozen=True)
class Finding:
    """What was found about one thing."""

    subject: str
    state: Literal["ok", "note", "wrong"]
    """`wrong` where a run could not be trusted, or would fail."""
    text: str


def report_notes(findings: Iterable[Finding], reporter: Reporter) -> None:
    """Report those findings that are notes."""
    for finding in findings:
        if finding.state == "note":
            reporter.note(finding.text)


def examine_images(images: Images, options: Options) -> Iterator[Finding]:
    """Findings about the images, all that are in the data, and about the labels of those that will be
    evaluated.
    """
    size = format_bytes(float(images.sizes.sum()))
    yield Finding("data", "ok", f"{len(images):,} images, {size}, in {images.path}")
    if images.ignored:
        text = f"{images.ignored:,} files in {images.path} are left out: their names do not end like images"
        yield Finding("data", "note", text)
    if images.left_out:
        text = f"{images.left_out:,} images in {images.path} are left out: ImageNet lacks their classes"
        yield Finding("data", "note", text)
    if images.objectnet:
        text = "a red border of one or two pixels is cut off each image that has one, before anything else"
        yield Finding("data", "note", text)
    validation = sum(map(is_imagenet, images.ids))
    if 0 < validation != VALIDATION_IMAGES:
        text = f"{validation:,} of the {VALIDATION_IMAGES:,} validation images: not the papers' figures"
        yield Finding("data", "note", text)
    if images.label_source == IMAGENETV2:
        text = f"labels are from {IMAGENETV2}: the check of the label order confirms them after 200 images"
        yield Finding("labels", "note", text)
    else:
        yield Finding("labels", "ok", f"from {images.label_source}")
    images = images.sample(options.limit, options.shuffle_seed)
    if images.class_set:
        yield _examine_class_set(images, images.class_set, recognised=options.classes is None)
    yield _examine_classes(images)


def _examine_class_set(images: Images, class_set: ClassSet, *, recognised: bool) -> Finding:
    """Among which classes predictions are scored, and of how many images."""
    counted = len(images.scored())
    text = f"{counted:,} of {len(images):,} images have a label in {class_set.name}"
    if counted < len(images):
        text += ", and errors count these"
    text += f": they are scored among its {len(class_set.groups):,} classes"
    if recognised:
        text += ", by which the data set was recognised; --classes all scores them among all 1,000"
    return Finding("classes", "note", text)


def _examine_classes(images: Images) -> Finding:
    """Which of the classes that count have no images, or fewer than most have."""
    names = images.classes
    counts = np.bincount(images.labels, minlength=len(names))
    if images.class_set:
        groups = images.class_set.groups
        names = tuple(" or ".join(names[index] for index in group) for group in groups)
        counts = np.array([counts[list(group)].sum() for group in groups])
    if empty := [names[number] for number in np.flatnonzero(counts == 0)]:
        text = f"{len(empty):,} of {len(names):,} classes have no image: {first_few(empty)}"
        return Finding("classes", "note", text)
    usual, classes_with_usual = Counter(counts.tolist()).most_common(1)[0]
    short = [f"{names[number]} ({counts[number]})" for number in np.flatnonzero(counts < usual)]
    if short and classes_with_usual > len(names) / 2:
        text = (
            f"{len(short):,} of {len(names):,} classes have fewer than {usual:,} images: {first_few(short)}"
        )
        return Finding("classes", "note", text)
    each = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
    return Finding("classes", "ok", f"{len(names):,} classes, each with {each} images")


def open_blacklist(images: Images, options: Options) -> Blacklist | None:
    """The blacklist; an empty one where no image can be on it; None where there is no list. Raises
    `DataError`.
    """
    found: Blacklist | None
    if options.blacklist:
        found = read_blacklist(options.blacklist)
    else:
        found = find_blacklist(images.location, options.devkit)
    return found if _has_numbers(images) else Blacklist(frozenset(), "no image of the validation set", "")


def examine_blacklist(blacklist: Blacklist | None, images: Images) -> Iterator[Finding]:
    """What the blacklist makes of these images."""
    if blacklist and blacklist.numbers and not blacklist.official and any(map(is_imagenet, images.ids)):
        text = f"{blacklist.source} has {len(blacklist.numbers):,} images, the challenge's list has 1,762"
        yield Finding("blacklist", "note", text)
    elif not _has_numbers(images):
        text = "no image is named ILSVRC2012_val_..., so none is on the blacklist: there is one image set"
        yield Finding("blacklist", "note", text)
    elif blacklist is None:
        text = (
            "no blacklist in or beside the data: pass --blacklist, a devkit of 2014 or later, for the 48,238"
        )
        yield Finding("blacklist", "note", text)
    else:
        yield Finding("blacklist", "ok", f"{len(blacklist.numbers):,} images, from {blacklist.source}")


def _has_numbers(images: Images) -> bool:
    """Whether any image is one of a validation set, by its name."""
    return any(validation_number(name) for name in images.ids)


def examine_weights(network: LoadedNetwork, options: Options) -> Iterator[Finding]:
    """Where the weights came from, which of a file's they are, whether their preprocessing is a guess, and
    whether it is another than the dialect's.
    """
    weights = network.weights
    digest = f"sha256 {weights.sha256[:12]}..."
    text = f"{network.network.name}, {weights.source}, {digest}, {network.outputs:,} outputs"
    yield Finding("weights", "ok", text)
    provider, bare_name = network.network.provider, options.model.partition(".")[0]
    if network.network.name == f"{provider}/{bare_name}":
        text = f"{options.model} is {provider}'s: {network.network.name} names it in full"
        yield Finding("weights", "note", text)
    if weights.note:
        yield Finding("weights", "note", weights.note)
    if network.restated and weights.tag:
        text = f"figures published for {network.network.name}.{weights.tag} are of another input than stated"
        yield Finding("weights", "note", text)
    if network.prepared_otherwise:
        others = ", ".join(f"--model {name}" for name in network.prepared_otherwise)
        text = (
            f"assuming the preprocessing of {network.prepared_like.rstrip('.')} for {options.weights}; "
            f"other weights of this network need another: {others}"
        )
        yield Finding("weights", "note", text)
    expected = network.preprocessing.normalisation
    applied = NORMALISATIONS.get(options.dialect, expected)
    if applied != expected:
        name = network.prepared_like.rstrip(".") or network.network.name
        text = (
            f"--dialect {options.dialect} normalises with {_values(applied)}, "
            f"but {name} expects {_values(expected)}, which raises the errors: "
            "take --dialect timm or torchvision, which normalise as the weights expect"
        )
        yield Finding("weights", "note", text)


def _values(normalisation: Normalisation) -> str:
    """Mean and standard deviation in words.

    >>> _values(Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    'mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225'
    """
    mean, std = (
        ", ".join(f"{value:.3f}" for value in values) for values in (normalisation.mean, normalisation.std)
    )
    return f"mean {mean} and std {std}" + (", in blue, green, red" if normalisation.bgr else "")


def first_few(words: Sequence[str]) -> str:
    """Some of `words`, and how many more there are.

    >>> first_few(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    rest = f" and {len(words) - MOST_EXAMPLES:,} more" if len(words) > MOST_EXAMPLES else ""
    return ", ".join(words[:MOST_EXAMPLES]) + rest


def format_bytes(number: float) -> str:
    """A size in megabytes or gigabytes.

    >>> format_bytes(3.1e6)
    '3.1 MB'
    """
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"
