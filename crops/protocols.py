"""Protocols, how they are written, and the plan that evaluates several of them in one pass."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crops.geometry import Patch, place
from crops.lattice import (
    DENSE_SCALES,
    GOOGLENET_SCALES,
    MIRRORS,
    POSITIONS,
    SQUARES,
    DenseView,
    Position,
    View,
    lattice,
    scale_set,
)

Pool = Literal["mean", "logits", "max"]
"""How crops become one prediction. `mean`: softmax probabilities averaged (GoogLeNet, section 7). `logits`: logits
averaged (Torch7's code). `max`: the highest probability of a class over the crops, which GoogLeNet found worse."""

POOLS: tuple[Pool, ...] = ("mean", "logits", "max")
NAMED = {"1": (1, 1, 1, 1), "10": (1, 1, 5, 2), "12": (1, 1, 6, 2), "144": (4, 3, 6, 2)}
"""Scales, squares, positions and mirrors of the usual protocols. GoogLeNet defines 144; Krizhevsky et al. (2012) the
10; Inception-v4 speaks of 12 without a definition, and public codes read it as the 10 and the whole square."""

_POSITION_SETS: dict[int, tuple[Position, ...]] = {
    1: ("centre",), 2: ("centre", "whole"), 5: POSITIONS[:5], 6: POSITIONS,
}  # fmt: skip


class ProtocolError(ValueError):
    """A protocol that cannot be read or made; the message says what to write instead."""


@dataclass(frozen=True)
class Protocol:
    """A named set of views whose scores are pooled with equal weight."""

    name: str
    views: tuple[View | DenseView, ...]

    @property
    def crops(self) -> int:
        """Number of views; a dense view counts as one."""
        return len(self.views)

    @property
    def dense(self) -> bool:
        return isinstance(self.views[0], DenseView)


@dataclass(frozen=True)
class Plan:
    """Several protocols for one network, whose views are each rendered and classified once.

    `size` is the network's input in pixels.
    """

    protocols: tuple[Protocol, ...]
    size: int
    pool: Pool = "mean"

    @cached_property
    def views(self) -> tuple[View | DenseView, ...]:
        """The union of the protocols' views, each once."""
        return tuple(dict.fromkeys(view for protocol in self.protocols for view in protocol.views))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The protocols' names, in the order of the rows of the pooling weights."""
        return tuple(protocol.name for protocol in self.protocols)

    def patches(self, width: int, height: int) -> tuple[tuple[Patch, ...], NDArray[np.float64]]:
        """What to cut from an image of `width` x `height`, and the weights [protocols x patches] that pool it.

        Views that are the same pixels (a square image has three equal squares) become one patch, their weights added.
        Each row of the weights sums to 1.
        """
        return _patches(self, width, height)

    def describe(self) -> dict[str, Any]:
        """The exact protocols as plain values, for a manifest."""
        return {
            "size": self.size,
            "pool": self.pool,
            "protocols": {
                protocol.name: {
                    "crops": protocol.crops,
                    "scales": sorted({view.scale for view in protocol.views}),
                    "views": "dense" if protocol.dense else _axes(protocol.views),
                }
                for protocol in self.protocols
            },
        }


def _axes(views: Sequence[View | DenseView]) -> dict[str, list[Any]]:
    return {
        axis: list(dict.fromkeys(getattr(view, axis) for view in views))
        for axis in ("scale", "square", "position", "mirror")
    }


@lru_cache(maxsize=4096)
def _patches(plan: Plan, width: int, height: int) -> tuple[tuple[Patch, ...], NDArray[np.float64]]:
    columns: dict[Patch, int] = {}
    column_of = {
        view: columns.setdefault(place(view, width, height, plan.size), len(columns)) for view in plan.views
    }
    weights = np.zeros((len(plan.protocols), len(columns)))
    for row, protocol in enumerate(plan.protocols):
        for view in protocol.views:
            weights[row, column_of[view]] += 1 / protocol.crops
    return tuple(columns), weights


def pool_scores(scores: NDArray[Any], weights: NDArray[np.float64], pool: Pool) -> NDArray[np.float32]:
    """Pool the scores of one image's patches: [patches x classes] -> probabilities [protocols x classes].

    `scores` are probabilities for `mean` and `max` and logits for `logits`. Sums are taken in double precision.
    """
    scores = scores.astype(np.float64)
    if pool == "max":
        highest = np.stack([scores[row > 0].max(axis=0) for row in weights])
        pooled = highest / highest.sum(axis=1, keepdims=True)
    else:
        pooled = weights @ scores
        if pool == "logits":
            pooled = np.exp(pooled - pooled.max(axis=1, keepdims=True))
            pooled /= pooled.sum(axis=1, keepdims=True)
    return np.asarray(pooled, dtype=np.float32)


def parse(text: str, size: int, scales: Sequence[int] | None = None) -> tuple[Protocol, ...]:
    """The protocols that `text` asks for, with the named ones among their subsets, the smallest first.

    `text` is a list of `1`, `10`, `12`, `144`, `dense` or a lattice of your own, written as the paper counts it:
    `2x1x5x2` is two scales, the centre square, centre and corners, both mirrors. `scales` are shorter sides in
    pixels that take the place of the usual four (or of the five of `dense`). Raises `ProtocolError`.
    """
    wanted: dict[str, Protocol] = {}
    words = [word.strip() for word in text.split(",")]
    used = max(_scales_used(word, len(scales or ())) for word in words)
    if scales and used < len(scales):
        raise ProtocolError(
            f"{text} uses {used} of the {len(scales)} scales: name {used}, or ask for {len(scales)}x1x5x2"
        )
    for word in words:
        asked = _protocol(word, size, scales)
        for protocol in (*_contained(asked, size, scales), asked):
            wanted.setdefault(protocol.name, protocol)
    return tuple(sorted(wanted.values(), key=lambda protocol: (protocol.dense, protocol.crops)))


def _contained(asked: Protocol, size: int, scales: Sequence[int] | None) -> list[Protocol]:
    """The named protocols whose views `asked` has."""
    if asked.dense:
        return []
    named = [
        _protocol(name, size, scales)
        for name, counts in NAMED.items()
        if counts[0] <= len(scales or GOOGLENET_SCALES)
    ]
    return [protocol for protocol in named if set(protocol.views) <= set(asked.views)]


def _protocol(word: str, size: int, scales: Sequence[int] | None) -> Protocol:
    if word == "dense":
        return Protocol(
            word, tuple(DenseView(scale) for scale in _different(scales or scale_set(size, DENSE_SCALES)))
        )
    counts = NAMED.get(word) or _counts(word)
    chosen = _different(scales or scale_set(size))
    if min(chosen) < size:
        raise ProtocolError(
            f"scale {min(chosen)} is smaller than the network's input of {size} pixels: a crop does not fit into it"
        )
    if len(chosen) < counts[0]:
        raise ProtocolError(
            f"{word} crops need {counts[0]} scales, and there are {len(chosen)}: name the others with --scales"
        )
    number, squares, positions, mirrors = counts
    name = next((name for name, named in NAMED.items() if named == counts), word)
    return Protocol(
        name, lattice(chosen[:number], SQUARES[:squares], _POSITION_SETS[positions], MIRRORS[:mirrors])
    )


def _scales_used(word: str, given: int) -> int:
    return given if word == "dense" else (NAMED.get(word) or _counts(word))[0]


def parse_scales(text: str | None) -> list[int] | None:
    """Shorter sides in pixels from `342,384`. Raises `ProtocolError`."""
    try:
        return [int(scale) for scale in text.split(",")] if text else None
    except ValueError:
        raise ProtocolError(
            f"scales {text!r}: write shorter sides in pixels, such as 342,384,427,470"
        ) from None


def _counts(word: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"([1-9]\d?)x([13])x([1256])x([12])", word)
    if not match:
        raise ProtocolError(
            f"no protocol {word!r}: write 1, 10, 12, 144, dense, or scales x squares x positions x mirrors "
            "with squares 1 or 3, positions 1, 2, 5 or 6 and mirrors 1 or 2, such as 2x1x5x2"
        )
    scales, squares, positions, mirrors = map(int, match.groups())
    return scales, squares, positions, mirrors


def _different(scales: Sequence[int]) -> tuple[int, ...]:
    if len(set(scales)) != len(scales) or min(scales) < 1:
        raise ProtocolError(f"scales {','.join(map(str, scales))}: write different positive numbers")
    return tuple(scales)
