"""Protocols, which are sets of views with names, and how they are written.

The usual protocols are nested subsets of the lattice, so that one pass over the largest has the views of all.
`DEFINITIONS` says what the views of each are. 1, 10 and 12 crops use the first scale only. `dense` is not on
the lattice.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crops.lattice import (
    DENSE_SCALES,
    GOOGLENET_SCALES,
    MIRRORS,
    POSITIONS,
    SQUARES,
    DenseView,
    Position,
    SingleView,
    View,
    lattice,
    scale_set,
)


class ProtocolError(ValueError):
    """A protocol that cannot be read, or does not fit the scales or the network. Exit code 2."""

    exit_code = 2


@dataclass(frozen=True)
class Protocol:
    """A set of views with a name. Their scores are pooled with equal weight."""

    name: str
    """`native`, `1`, `10`, `12`, `144`, `dense`, or the counts of another lattice, such as `2x1x5x2`; that of
    a dialect is `1/timm`.
    """

    views: tuple[View | DenseView | SingleView, ...]
    """At least one view, and all of one kind."""

    @property
    def crops(self) -> int:
        """Number of views. A dense view counts as one."""
        return len(self.views)

    @property
    def dense(self) -> bool:
        """Whether its views are dense ones."""
        return isinstance(self.views[0], DenseView)

    @property
    def single(self) -> SingleView | None:
        """The view of a single crop as a tool takes it; None for other protocols."""
        return self.views[0] if isinstance(self.views[0], SingleView) else None

    @property
    def scales(self) -> list[int]:
        """Shorter sides of the resized image in pixels; none for a single crop as a tool takes it."""
        return sorted({view.scale for view in self.views if not isinstance(view, SingleView)})


@dataclass(frozen=True)
class _Counts:
    """How many values of each axis a protocol uses. `2x1x5x2` writes them in this order."""

    scales: int
    """The first so many of the scales."""

    squares: int
    """1: the central square. 3: all of them."""

    positions: int
    """A key of `_POSITION_SETS`."""

    mirrors: int
    """1: as is. 2: also mirrored."""


_POSITION_SETS: dict[int, tuple[Position, ...]] = {
    1: ("centre",),
    2: ("centre", "whole"),
    5: POSITIONS[:5],
    6: POSITIONS,
}
"""Positions by their number: 5 are the centre and the four corners, 6 are these and the whole square."""

_USUAL_PROTOCOLS = {
    "1": _Counts(1, 1, 1, 1),
    "10": _Counts(1, 1, 5, 2),
    "12": _Counts(1, 1, 6, 2),
    "144": _Counts(4, 3, 6, 2),
}
_USUAL_NAMES = {counts: name for name, counts in _USUAL_PROTOCOLS.items()}


@dataclass(frozen=True)
class Definition:
    """A protocol in words."""

    views: str
    """What its views are."""

    source: str
    """Whose definition it is."""


NATIVE = "native"
"""The name of the protocol that takes the single crop as the provider of the weights does."""

DEFINITIONS = {
    NATIVE: Definition(
        "the single crop as the provider of the weights takes it, whose figure is published for them",
        "timm's, torchvision's or pytorchcv's own evaluation",
    ),
    "1": Definition(
        "the centre of the central square",
        "usual; the papers give no more than the number",
    ),
    "10": Definition(
        "the four corners and the centre of the central square, and their mirror images",
        "Krizhevsky et al. 2012, whose images are central squares already",
    ),
    "12": Definition(
        "the 10, and the whole central square resized to the input, and its mirror image",
        "no paper's: Inception-v4 refers to GoogLeNet, which has no 12 crops; public code reads it so",
    ),
    "144": Definition(
        "4 scales x 3 squares x 6 positions x 2 mirrors; the positions are the four corners, the centre, and "
        "the whole square resized to the input",
        "GoogLeNet, section 7, for an input of 224; for other inputs the scales are ours, in the same ratio",
    ),
    "dense": Definition(
        "the network at every position of the whole resized image, at 5 scales",
        "ResNet (He et al., 1512.03385), section 3.4, for an input of 224; other inputs as for 144",
    ),
}
"""The usual protocols in words, by their name."""


def parse(
    text: str, size: int, scales: Sequence[int] | None = None, native: SingleView | None = None
) -> tuple[Protocol, ...]:
    """Read protocols, for a network with an input of `size` pixels.

    `text` lists them with commas: `native`, `1`, `10`, `12`, `144`, `dense`, or other crops of the lattice,
    written as scales x squares x positions x mirrors. `2x1x5x2` is two scales, the central square, its centre
    and corners, with mirrors.

    If a protocol has all views of 1, 10, 12 or 144 crops, these come back too. The protocol with the fewest
    crops comes first, and `dense` last. Before all of them is `native`, whose view is `native`.

    `scales` are lengths of the shorter side in pixels. They replace the usual four, or the five of `dense`.

    Raises `ProtocolError` if `text` cannot be read, if `scales` are too few, too many, too small or repeated,
    or if `text` has `native` and the weights have no such crop.

    >>> [protocol.name for protocol in parse("2x1x5x2,dense", 224)]
    ['1', '10', '2x1x5x2', 'dense']
    """
    words = dict.fromkeys(word.strip() for word in text.split(","))
    counts_by_word = {word: _read_counts(word) for word in words if word != NATIVE}
    if scales:
        _refuse_unused_scales(scales, text, counts_by_word.values())

    protocols: dict[str, Protocol] = {}
    for word, counts in counts_by_word.items():
        if counts is None:
            protocols[word] = _dense_protocol(size, scales)
            continue
        protocol = _lattice_protocol(word, counts, size, scales)
        for smaller in _usual_subsets(protocol, size, scales):
            protocols[smaller.name] = smaller
        protocols[protocol.name] = protocol
    ordered = sorted(protocols.values(), key=lambda protocol: (protocol.dense, protocol.crops))
    return (native_protocol(native), *ordered) if NATIVE in words else tuple(ordered)


def native_protocol(view: SingleView | None) -> Protocol:
    """The protocol `native` with this view. Raises `ProtocolError` without one."""
    if view is None:
        raise ProtocolError(
            "native is the crop of weights of timm, torchvision and pytorchcv, and these are from elsewhere: "
            "write 1"
        )
    return Protocol(NATIVE, (view,))


def parse_scales(text: str | None) -> list[int] | None:
    """Lengths of the shorter side in pixels. None if `text` is None or empty. Raises `ProtocolError`.

    >>> parse_scales("342,384")
    [342, 384]
    """
    if not text:
        return None
    try:
        return [int(scale) for scale in text.split(",")]
    except ValueError:
        raise ProtocolError(
            f"scales {text!r}: write shorter sides in pixels, such as 342,384,427,470"
        ) from None


def _read_counts(word: str) -> _Counts | None:
    """The counts of a protocol of the lattice, None for `dense`."""
    if word == "dense":
        return None
    if word in _USUAL_PROTOCOLS:
        return _USUAL_PROTOCOLS[word]
    match = re.fullmatch(r"([1-9]\d?)x([13])x([1256])x([12])", word)
    if not match:
        raise ProtocolError(
            f"no protocol {word!r}: write native, 1, 10, 12, 144, dense, or scales x squares x positions x "
            "mirrors with squares 1 or 3, positions 1, 2, 5 or 6 and mirrors 1 or 2, such as 2x1x5x2"
        )
    return _Counts(*map(int, match.groups()))


def _refuse_unused_scales(scales: Sequence[int], text: str, all_counts: Iterable[_Counts | None]) -> None:
    """Raise `ProtocolError` if no protocol in `text` uses all scales. `dense` does."""
    used = max((len(scales) if counts is None else counts.scales for counts in all_counts), default=0)
    if not used:
        raise ProtocolError(f"{text} has a scale of its own: leave out --scales")
    if used < len(scales):
        raise ProtocolError(
            f"{text} uses {used} of the {len(scales)} scales: "
            f"name {used}, or write {len(scales)}x1x5x2 to use all of them"
        )


def _dense_protocol(size: int, scales: Sequence[int] | None) -> Protocol:
    chosen = scales or scale_set(size, DENSE_SCALES)
    _check_scales(chosen)
    return Protocol("dense", tuple(DenseView(scale) for scale in chosen))


def _lattice_protocol(word: str, counts: _Counts, size: int, scales: Sequence[int] | None) -> Protocol:
    """The protocol with these counts. Its name is `word`, or the shorter one of a usual protocol."""
    chosen = tuple(scales or scale_set(size))
    _check_scales(chosen)
    if min(chosen) < size:
        raise ProtocolError(
            f"scale {min(chosen)} is smaller than the network's input of {size} pixels, "
            f"so a crop does not fit: name scales of at least {size}"
        )
    if len(chosen) < counts.scales:
        raise ProtocolError(
            f"{word} crops need {counts.scales} scales, not {len(chosen)}: name {counts.scales} with --scales"
        )
    views = lattice(
        chosen[: counts.scales],
        SQUARES[: counts.squares],
        _POSITION_SETS[counts.positions],
        MIRRORS[: counts.mirrors],
    )
    return Protocol(_USUAL_NAMES.get(counts, word), views)


def _usual_subsets(protocol: Protocol, size: int, scales: Sequence[int] | None) -> list[Protocol]:
    """Those of 1, 10, 12 and 144 crops whose views are all in `protocol`."""
    number_of_scales = len(scales or GOOGLENET_SCALES)
    usual = [
        _lattice_protocol(name, counts, size, scales)
        for name, counts in _USUAL_PROTOCOLS.items()
        if counts.scales <= number_of_scales
    ]
    return [smaller for smaller in usual if set(smaller.views) <= set(protocol.views)]


def _check_scales(scales: Sequence[int]) -> None:
    if len(set(scales)) != len(scales) or min(scales) < 1:
        raise ProtocolError(f"scales {','.join(map(str, scales))}: write different positive numbers")
