"""Whether what was measured agrees with what was published for the same weights.

A publisher's images are the same as ours, so there is no sampling noise between the two. What is left are the
digits that were not printed, and rounding: another processor or batch size turns images that are near a tie.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from results.published.rows import Figure

Kind = Literal["top-1", "top-5"]

IMAGES = {
    ("validation", "", ""): 50_000,
    ("validation", "", "real"): 46_837,
    ("validation", "imagenet-a", ""): 10_000,
    ("validation", "imagenet-r", ""): 10_000,
    ("v2-mf", "", ""): 10_000,
    ("sketch", "", ""): 50_889,
    ("a", "imagenet-a", ""): 7_500,
    ("r", "imagenet-r", ""): 30_000,
    ("objectnet", "objectnet", ""): 18_574,
}
"""How many images those of a published figure are: by images, classes and labels, as in `measured.SETS`."""

NON_BLACKLISTED = 48_238
"""Of the validation images."""

NATIVE_CROP = re.compile(r"(?P<interpolation>\w+) (?P<squash>warped \d+x)?(?P<resized>\d+)->(?P<size>\d+)$")
"""How the native crop of a library is written, such as `bicubic 341->299`."""


def image_number(image_set: str, *, data: str, class_set: str, truth: str) -> int | None:
    """How many images a figure is of; None where none is known. The words are as `of_weights` has them."""
    if image_set != "all":
        return NON_BLACKLISTED if (data, class_set, truth) == ("validation", "", "") else None
    return IMAGES.get((data, class_set, truth))


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The single crop of a run, None where that is not known."""

    protocol: str
    """`native`, or `1/timm` and so on."""
    size: int | None = None
    """Side of the network's input in pixels."""
    resized: int | None = None
    """Side in pixels that the image is resized to."""
    interpolation: str | None = None
    squash: bool | None = None
    """Whether the image is warped to a square."""


@dataclass(frozen=True)
class Hits:
    """How many images of a row are right, and by how many rounding may change that."""

    n: int
    """Images."""
    hits: int
    explained: int
    """Images by which rounding may change the number of hits, as `rounding_explains` has them."""


@dataclass(frozen=True)
class Verdict:
    """What to say of a row that has a published figure."""

    words: str
    """Empty where there is nothing to say."""
    top1_gap: float | None = None
    """Points by which the error is above what was published, or below it with a minus. 0 where it agrees,
    give or take the digits that were not printed; None where the two cannot be compared.
    """
    top5_gap: float | None = None


NOTHING = Verdict("")


def verdict(figures: Sequence[Figure], crop: Crop, images: int, top1: Hits, top5: Hits) -> Verdict:
    """What to say of a row beside the `figures` of its weights, images and protocol.

    `images` is how many there are in the whole set. Where figures disagree, any in their range will do. The
    words are one of

    - `agrees`: some number of hits that rounds to a published error was measured.
    - `agrees within rounding: 3 images differ, and rounding explains 7`.
    - `differs by 25 images, of which rounding explains 7`; with top-5 before it where top-1 differs less.
    - `not comparable: ` and why: another crop, another input size, too few images.

    Empty where no figure is of a native crop or of the tool's that the row is in.
    """
    figures = [figure for figure in figures if _is_of_tool(figure, crop.protocol)]
    if not figures:
        return NOTHING
    reasons = [_why_other_crop(figure.how, crop) for figure in figures]
    figures = [figure for figure, reason in zip(figures, reasons, strict=True) if not reason]
    if not figures:
        return Verdict(f"not comparable: {reasons[0]}")
    if top1.n != images:
        few, other = (
            f"too few images, {top1.n:,} of {images:,}",
            f"other images, {top1.n:,} and not {images:,}",
        )
        return Verdict(f"not comparable: {few if top1.n < images else other}")
    differing: dict[Kind, int | None] = {
        "top-1": _images(top1, [(each.top1_error, each.half_digit) for each in figures]),
        "top-5": _images(top5, [(each.top5_error, each.half_digit) for each in figures]),
    }
    gaps = (None if number is None else 100 * number / images for number in differing.values())
    return Verdict(_words(differing, {"top-1": top1, "top-5": top5}), *gaps)


def _is_of_tool(figure: Figure, protocol: str) -> bool:
    """Whether a figure that stands beside a protocol is of exactly its crop, as far as its tool goes."""
    _, _, dialect = protocol.partition("/")
    return protocol == "native" or (dialect != "" and figure.source.startswith(f"{dialect}, "))


def _why_other_crop(how: str, crop: Crop) -> str:
    """Why a crop is not the one that was published; empty where it is, as far as is known.

    >>> _why_other_crop("bicubic 341->299", Crop(protocol="native", size=320))
    'another input size, 320 and not 299'
    """
    size = re.search(r"(\d+)$", how)
    if size and crop.size and int(size[1]) != crop.size:
        return f"another input size, {crop.size} and not {size[1]}"
    native = NATIVE_CROP.match(how)
    if crop.protocol != "native" or not native or crop.resized is None:
        return ""
    published = (native["interpolation"], int(native["resized"]), bool(native["squash"]))
    if published == (crop.interpolation, crop.resized, bool(crop.squash)):
        return ""
    image = f"warped {crop.resized}x{crop.resized}" if crop.squash else f"{crop.resized}"
    return f"another crop, {crop.interpolation} {image}->{crop.size} and not {how}"


def _images(measured: Hits, published: Sequence[tuple[float | None, float]]) -> int | None:
    """How many images more are wrong than were published, less than 0 where fewer are; None without figures.

    `published` has errors in percent, each with half of the last digit that is printed.
    """
    known = [(error, half) for error, half in published if error is not None]
    if not known:
        return None
    image = 100 / measured.n  # in points; half of one at least, so that some number of hits agrees
    lowest = min(error - max(half, image / 2) for error, half in known)
    highest = max(error + max(half, image / 2) for error, half in known)
    wrong = measured.n - measured.hits
    fewest, most = math.ceil(lowest / image - 1e-6), math.floor(highest / image + 1e-6)
    return min(wrong - fewest, 0) or max(wrong - most, 0)


def _words(differing: dict[Kind, int | None], measured: dict[Kind, Hits]) -> str:
    """The verdict on the error of which rounding leaves most images unexplained, on top-1 if it is both."""
    left: dict[Kind, tuple[int, int]] = {}
    for kind, number in differing.items():
        if number is not None:
            left[kind] = (max(abs(number) - measured[kind].explained, 0), abs(number))
    kind = max(left, key=lambda each: left[each])
    unexplained, number = left[kind]
    explained = measured[kind].explained
    if not number:
        return "agrees"
    images = f"{number:,} image{'s' * (number > 1)}"
    if not unexplained:
        verb = "differ" if number > 1 else "differs"
        within = "agrees within rounding" if kind == "top-1" else "agrees within rounding, top-5"
        return f"{within}: {images} {verb}, and rounding explains {explained:,}"
    start = "" if kind == "top-1" else "top-5 "
    return f"{start}differs by {images}, of which rounding explains {explained:,}"
