"""What to do with each image: cut the views of several protocols in one pass, and pool their scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crops.geometry import Patch, patch_of
from crops.lattice import DenseView, SingleView, View
from crops.normalisation import Normalisation
from crops.protocols import Protocol, parse

Pool = Literal["mean", "logits", "max"]
"""How the scores of several crops become one prediction.

`mean` averages softmax probabilities (GoogLeNet, section 7). `logits` averages logits (Torch7's code).
`max` takes each class's highest probability over the crops, which GoogLeNet found to be worse.
"""

POOLS: tuple[Pool, ...] = ("mean", "logits", "max")

IMAGE_SIZE = (500, 375)
"""(width, height) in pixels of a usual image of ImageNet, which costs are of."""


@dataclass(frozen=True)
class Plan:
    """Several protocols for one network. A view that they share is rendered and classified once."""

    protocols: tuple[Protocol, ...]
    """The order is that of the rows of the pooling weights."""

    size: int
    """Side of the network's input in pixels."""

    pool: Pool = "mean"
    """How the scores of an image's crops become one prediction."""

    interpolation: str = "bicubic"
    """A key of `crops.pillow.RESAMPLING`, for all views but a `SingleView`, which has its own."""

    normalisation: Normalisation | None = None
    """None where it is that of the weights."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The protocols' names, in the order of the rows of the pooling weights."""
        return tuple(protocol.name for protocol in self.protocols)

    @cached_property
    def views(self) -> tuple[View | DenseView | SingleView, ...]:
        """The views of all protocols, each once."""
        return tuple(dict.fromkeys(view for protocol in self.protocols for view in protocol.views))

    @property
    def crops(self) -> int:
        """Number of crops of an image. Where some have the same pixels, there are fewer patches."""
        return len(self.views)

    def without(self, name: str) -> "Plan":
        """The same without the protocol of that name, which has to be one of several."""
        return replace(self, protocols=tuple(each for each in self.protocols if each.name != name))

    def single_crop(self) -> "Plan":
        """The plan of one crop alone, with the same size and interpolation.

        It is crop 1 at the default scale, with the pool `mean`; or the plan itself where that has nothing but
        a single crop as a tool takes it.

        >>> plan = Plan(parse("144", 299), 299, "max", interpolation="bilinear").single_crop()
        >>> plan.names, plan.crops, plan.pool, plan.interpolation
        (('1',), 1, 'mean', 'bilinear')
        """
        if all(protocol.single for protocol in self.protocols):
            return self
        return Plan(parse("1", self.size), self.size, interpolation=self.interpolation)

    def patches(self, width: int, height: int) -> tuple[tuple[Patch, ...], NDArray[np.float64]]:
        """What to cut from an image of `width` x `height`, and the weights [protocols x patches] to pool it.

        Views with the same pixels become one patch, and their weights are added. For example, the three
        squares of a square image are the same. Each row of the weights sums to 1. The array is cached, and
        cannot be written to.

        >>> plan = Plan(parse("10", 224), 224)
        >>> patches, weights = plan.patches(500, 375)
        >>> patches[0].box
        (58, 16, 282, 240)
        >>> weights
        array([[1. , 0. , 0. , 0. , 0. , 0. , 0. , 0. , 0. , 0. ],
               [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]])
        """
        return self._patches_of_size(width, height)

    @cached_property
    def _patches_of_size(self) -> Callable[[int, int], tuple[tuple[Patch, ...], NDArray[np.float64]]]:
        """`patches`, with what it returned before: many images of a data set have the same size."""
        return lru_cache(maxsize=4096)(partial(_patches_and_weights, self))

    def cost(self, width: int, height: int) -> float:
        """How many crops of the network's input cost as much as those of an image of `width` x `height`.

        Views with the same pixels count once, and a dense one in proportion to its area.

        >>> Plan(parse("10", 224), 224).cost(500, 375), Plan(parse("12", 224), 224).cost(256, 256)
        (10.0, 12.0)
        """
        patches, _ = self.patches(width, height)
        return sum(patch.output[0] * patch.output[1] for patch in patches) / self.size**2

    def describe(self) -> dict[str, Any]:
        """The exact protocols as plain values, for a manifest.

        >>> Plan(parse("1", 224), 224).describe()["protocols"]["1"]["views"]
        {'scale': [256], 'square': ['centre'], 'position': ['centre'], 'mirror': [False]}
        """
        protocols = {
            protocol.name: {
                "crops": protocol.crops,
                **(_rule(protocol.single) if protocol.single else _lattice_of(protocol)),
            }
            for protocol in self.protocols
        }
        return {
            "size": self.size,
            "pool": self.pool,
            "protocols": protocols,
            "interpolation": self.interpolation,
        }


def _rule(view: SingleView) -> dict[str, Any]:
    """A single crop as plain values. They decide the identity of stored runs."""
    return {
        "dialect": view.tool,
        "resized": view.resized,
        "interpolation": view.filter,
        "squash": view.fit == "both" and view.tool != "caffe",  # which has no other mode
        **({"border": True} if view.fit == "longer" else {}),
    }


def _lattice_of(protocol: Protocol) -> dict[str, Any]:
    views = "dense" if protocol.dense else _values_by_axis(protocol.views)
    return {"scales": protocol.scales, "views": views}


def _values_by_axis(views: Sequence[View | DenseView | SingleView]) -> dict[str, list[Any]]:
    """The different values that the views have on each axis of the lattice."""
    return {
        axis: list(dict.fromkeys(getattr(view, axis) for view in views))
        for axis in ("scale", "square", "position", "mirror")
    }


def _patches_and_weights(
    plan: Plan, width: int, height: int
) -> tuple[tuple[Patch, ...], NDArray[np.float64]]:
    patch_of_view = {
        view: patch_of(view, width, height, plan.size, plan.interpolation) for view in plan.views
    }
    patches = tuple(dict.fromkeys(patch_of_view.values()))
    column_of_patch = {patch: column for column, patch in enumerate(patches)}
    weights = np.zeros((len(plan.protocols), len(patches)))
    for row, protocol in enumerate(plan.protocols):
        share = 1 / protocol.crops
        for view in protocol.views:
            weights[row, column_of_patch[patch_of_view[view]]] += share
    return patches, _only_copy(weights.shape, weights.tobytes())


@lru_cache(maxsize=4096)
def _only_copy(shape: tuple[int, int], weights: bytes) -> NDArray[np.float64]:
    """The array, the same one at every call: images of different sizes mostly have the same weights."""
    return np.frombuffer(weights).reshape(shape)


def pool_scores(scores: NDArray[Any], weights: NDArray[np.float64], pool: Pool) -> NDArray[np.float32]:
    """Pool the scores of one image's patches: [patches x classes] -> probabilities [protocols x classes].

    Images with the same weights can be pooled together: [images x patches x classes]. `scores` are logits for
    the pool `logits`, and probabilities for the other two. `weights` are those of `Plan.patches`,
    [protocols x patches]. Sums are taken in double precision.

    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> pool_scores(scores, np.array([[1, 0], [0.5, 0.5]]), "mean")
    array([[0.9 , 0.1 ],
           [0.75, 0.25]], dtype=float32)
    """
    scores = scores.astype(np.float64)
    if pool == "max":
        highest = np.stack([scores[..., row > 0, :].max(axis=-2) for row in weights], axis=-2)
        pooled = highest / highest.sum(axis=-1, keepdims=True)
    else:
        pooled = weights @ scores
        if pool == "logits":
            pooled = np.exp(pooled - pooled.max(axis=-1, keepdims=True))
            pooled /= pooled.sum(axis=-1, keepdims=True)
    return np.asarray(pooled, dtype=np.float32)
